"""From raw features to standardised rows, value by value."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from segcore import job
from segcore.matrix import fit, preparation
from segcore.matrix.preparation import Preparation, PreparedColumn, transform
from tests.through_json import through_json


def prepared() -> Preparation:
    return Preparation(
        prepared=(
            PreparedColumn(
                name="total_spend", transform="yeo-johnson", lmbda=0.5, fill=3.0, mean=1.0, scale=2.0
            ),
            PreparedColumn(name="order_count", transform="log1p", fill=1.0, mean=2.0, scale=4.0),
            PreparedColumn(name="age=", transform="one-hot", mean=0.25),
            PreparedColumn(name="tenure_days", transform="none", fill=7.0, mean=3.0, scale=0.5),
        ),
        dropped=("unique_products",),
        encodings={"age": ("age=",)},
    )


DF = pl.DataFrame(
    {"total_spend": [8.0, None], "order_count": [0, None], "age": [30, None], "tenure_days": [4, None]}
)


def test_a_row_step_by_step() -> None:
    made = prepared()
    raw = made.raw(DF)
    assert raw[0].tolist() == [8.0, 0.0, 0.0, 4.0]
    assert np.isnan(raw[1]).tolist() == [True, True, False, True]
    assert made.filled(raw)[1].tolist() == [3.0, 1.0, 1.0, 7.0]
    # Of 8 with lambda 1/2: ((1 + 8) ** 0.5 - 1) / 0.5 = 4, of 3: 2; of order counts log(1 + x).
    assert made.transformed(raw)[0].tolist() == pytest.approx([4.0, 0.0, 0.0, 4.0])
    assert made.transformed(raw)[1].tolist() == pytest.approx([2.0, np.log(2), 1.0, 7.0])
    assert made.standardised(raw)[0].tolist() == pytest.approx([1.5, -0.5, -0.25, 2.0])
    assert made.block(DF).dtype == np.float32
    assert made.block(DF)[0].tolist() == [1.5, -0.5, -0.25, 2.0]
    assert made.features == ("total_spend", "order_count", "age", "tenure_days")


@pytest.mark.parametrize(
    ("kind", "lmbda", "values", "expected"),
    [
        # Yeo and Johnson (2000): below zero mirrored, with 2 - lambda.
        ("yeo-johnson", 0.5, [3.0, 0.0, -3.0], [2.0, 0.0, -(4**1.5 - 1) / 1.5]),
        ("yeo-johnson", 0.0, [np.e - 1, -1.0], [1.0, -1.5]),
        ("yeo-johnson", 2.0, [1.0, 1 - np.e], [1.5, -1.0]),
        ("yeo-johnson", 1.0, [5.0, -5.0], [5.0, -5.0]),
        ("log1p", 9.0, [np.e - 1, 0.0, 1 - np.e], [1.0, 0.0, -1.0]),
        ("none", 9.0, [5.0, -5.0], [5.0, -5.0]),
        ("one-hot", 9.0, [0.0, 1.0], [0.0, 1.0]),
    ],
)
def test_transforms(kind: str, lmbda: float, values: list[float], expected: list[float]) -> None:
    assert transform(np.array(values), kind, lmbda).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["none", "log1p", "one-hot", "yeo-johnson"])
def test_a_column_by_itself_is_what_the_table_makes_of_it(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, 50).astype(float) if kind == "one-hot" else rng.lognormal(size=50)
    alone = fit.standardised_column(values, kind)
    assert alone.mean() == pytest.approx(0, abs=1e-9)
    if kind == "one-hot":
        assert set(np.round(alone, 9)) == set(np.round(np.array([0, 1]) - values.mean(), 9))
        return
    df = pl.DataFrame({"total_spend": values})
    made = fit.fit(lambda: [df], job.Matrix(columns={"total_spend": kind}), warn=pytest.fail)
    assert alone == pytest.approx(made.standardised(made.raw(df))[:, 0])


@pytest.mark.parametrize("kind", ["none", "log1p", "one-hot", "yeo-johnson"])
def test_a_constant_column_is_0(kind: str) -> None:
    assert fit.standardised_column(np.ones(5), kind).tolist() == [0] * 5


def test_the_figures_of_a_fit_by_hand() -> None:
    # The median of what is known fills, over the rows of the fit; means and scales are of all, filled.
    df = pl.DataFrame({"total_spend": [1.0, None, 5.0, 2.0, 9.0, None], "order_count": [0, 1, 0, 1, 1, 1]})
    settings = job.Matrix(columns={"total_spend": "none", "order_count": "log1p"}, fit_rows=4)
    made = fit.fit(lambda: df.iter_slices(2), settings, warn=pytest.fail)
    spend, orders = made.prepared
    assert (spend.fill, orders.fill) == (2.0, 0.5)
    assert spend.mean == pytest.approx(21 / 6)
    assert spend.scale == pytest.approx(np.std([1, 2, 5, 2, 9, 2]))
    assert orders.mean == pytest.approx(np.log(2) * 4 / 6)
    assert (spend.lmbda, orders.lmbda) == (1.0, 1.0)
    assert (spend.transform, orders.transform, made.dropped) == ("none", "log1p", ())


def test_a_column_that_nobody_has_in_the_rows_of_the_fit_is_filled_with_0() -> None:
    df = pl.DataFrame(
        {"total_spend": [None, None, 4.0], "order_count": [1, 2, 3]},
        schema_overrides={"total_spend": pl.Float64},
    )
    settings = job.Matrix(columns={"total_spend": "yeo-johnson", "order_count": "none"}, fit_rows=2)
    told: list[str] = []
    made = fit.fit(lambda: df.iter_slices(1), settings, warn=told.append)
    assert [(column.fill, column.lmbda) for column in made.prepared] == [(0.0, 1.0), (1.5, 1.0)]
    # What no parameter can be fitted for gets the transform that needs none.
    assert [column.transform for column in made.prepared] == ["log1p", "none"]
    assert len(told) == 1


def test_blocks_are_for_files_that_have_customers() -> None:
    made = prepared()
    read: list[str] = []

    def rows(path: str) -> pl.DataFrame:
        read.append(path)
        return DF

    X = fit.lazy(["a", "b", "c"], [2, 0, 2], rows, made)
    assert (X.numblocks, X.shape, X.dtype) == ((2, 1), (4, 4), np.float32)
    assert X.chunks[0] == (2, 2)
    assert np.isfinite(np.asarray(X.compute(scheduler="sync"))).all()
    assert sorted(read) == ["a", "c"]


def test_what_is_stored_is_plain_and_comes_back() -> None:
    state = TypeAdapter(Preparation).dump_python(prepared(), mode="json", by_alias=True)
    assert state["features"][0] == {
        "name": "total_spend",
        "transform": "yeo-johnson",
        "lambda": 0.5,
        "fill": 3.0,
        "mean": 1.0,
        "scale": 2.0,
    }
    assert [feature["name"] for feature in state["features"]] == list(prepared().columns)
    assert (state["dropped"], state["encodings"]) == (["unique_products"], {"age": ["age="]})
    assert through_json(prepared()) == prepared()


def test_raw_values_are_rows_of_doubles() -> None:
    raw = preparation.raw_values(DF, ["tenure_days", "age"])
    assert raw.dtype == np.float64
    assert raw.flags.c_contiguous
    assert raw[0].tolist() == [4.0, 30.0]
    assert np.isnan(raw[1]).all()
