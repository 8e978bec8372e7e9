from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import PowerTransformer, StandardScaler

from segcore import errors, job
from segcore.matrix import fit, preparation
from tests.through_json import through_json

NAMES = ["total_spend", "order_count", "mean_days_between_orders"]
SETTINGS = job.Matrix(
    columns={"total_spend": "yeo-johnson", "order_count": "log1p", "mean_days_between_orders": "none"}
)


def customers(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(2, 20, n)
    return pl.DataFrame(
        {
            "total_spend": rng.lognormal(5, 1.5, n) - 20,
            "order_count": rng.geometric(0.3, n),
            "mean_days_between_orders": pl.Series(gaps).set(pl.Series(gaps < 10), None),
        }
    )


def fitted(
    df: pl.DataFrame, settings: job.Matrix = SETTINGS, *, cut: int | None = None
) -> preparation.Preparation:
    def blocks() -> Iterator[pl.DataFrame]:
        return df.iter_slices(cut or df.height)

    return fit.fit(blocks, settings, warn=lambda text: None)


def test_is_what_scikit_learn_computes() -> None:
    df = customers(2_000)
    settings = job.Matrix(columns={"total_spend": "yeo-johnson", "order_count": "yeo-johnson"})
    ours = fitted(df, settings).standardised(preparation.raw_values(df, ["total_spend", "order_count"]))
    raw = df.select("total_spend", "order_count").to_numpy().astype(np.float64)
    theirs = StandardScaler().fit_transform(PowerTransformer(standardize=False).fit_transform(raw))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def lambdas(prepared: preparation.Preparation) -> list[float]:
    return [column.lmbda for column in prepared.prepared]


def test_by_hand() -> None:
    df = pl.DataFrame({"total_spend": [0.0, 1.0, 3.0], "order_count": [1, 2, None]})
    prepared = fitted(df, job.Matrix(columns={"total_spend": "log1p", "order_count": "none"}))
    assert [column.fill for column in prepared.prepared] == [1.0, 1.5]
    np.testing.assert_allclose(prepared.means, [np.log(2), 1.5])
    np.testing.assert_allclose(prepared.scales, [np.log(2) * np.sqrt(2 / 3), np.sqrt(1 / 6)])
    assert prepared.block(df).dtype == np.float32


@given(st.integers(1, 400), st.integers(0, 5))
def test_blocks_do_not_matter_beyond_rounding(cut: int, seed: int) -> None:
    df = customers(300, seed)
    whole, cut_up = fitted(df), fitted(df, cut=cut)
    assert lambdas(whole) == lambdas(cut_up)
    np.testing.assert_allclose(whole.means, cut_up.means, rtol=1e-12)
    np.testing.assert_allclose(whole.scales, cut_up.scales, rtol=1e-12)


@given(st.integers(0, 50))
def test_rows_have_mean_zero_variance_one_and_no_gaps(seed: int) -> None:
    df = customers(200, seed)
    X = fitted(df).standardised(preparation.raw_values(df, NAMES))
    assert np.isfinite(X).all()
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=1e-9)


def test_parameters_come_from_the_first_rows_and_moments_from_all() -> None:
    df = customers(1_000)
    few = fitted(df, SETTINGS.model_copy(update={"fit_rows": 200}), cut=90)
    head = fitted(df.head(200))
    assert lambdas(few) == lambdas(head)
    assert (few.means != head.means).all()


def test_constant_features_are_dropped_with_a_warning() -> None:
    df = customers(100).with_columns(order_count=pl.lit(3))
    said: list[str] = []
    prepared = fit.fit(lambda: iter([df]), SETTINGS, warn=said.append)
    assert prepared.columns == ("total_spend", "mean_days_between_orders")
    assert prepared.dropped == ("order_count",)
    assert said == ["feature order_count is the same for every customer and is left out"]


def test_what_nobody_has_is_called_empty() -> None:
    df = customers(100).with_columns(mean_days_between_orders=pl.lit(None, dtype=pl.Float64))
    said: list[str] = []
    prepared = fit.fit(lambda: df.iter_slices(30), SETTINGS, warn=said.append)
    assert prepared.dropped == ("mean_days_between_orders",)
    assert said == ["feature mean_days_between_orders is empty for every customer and is left out"]


@pytest.mark.parametrize("tiny", [1.0, 1e-15, 1e12])
def test_what_differs_is_kept_whatever_its_unit(tiny: float) -> None:
    df = pl.DataFrame({"total_spend": [tiny, *[2 * tiny] * 9]})
    prepared = fitted(df, job.Matrix(columns={"total_spend": "none"}))
    assert prepared.standardised(prepared.raw(df))[:, 0] == pytest.approx([-3, *[1 / 3] * 9])


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.03, 0.08, 0.2, 0.5])
def test_repeat_orders_are_seen_however_few_come_back(share: float) -> None:
    rng = np.random.default_rng(0)
    orders = np.where(np.arange(5_000) < 5_000 * share, rng.integers(2, 10, 5_000), 1)
    df = pl.DataFrame({"order_count": orders})
    said: list[str] = []
    settings = job.Matrix(columns={"order_count": "yeo-johnson"})
    prepared = fit.fit(lambda: iter([df]), settings, warn=said.append)
    (column,) = prepared.prepared
    assert (column.transform == "log1p") == (share < 0.5)
    assert bool(said) == (share < 0.5)
    assert all("order_count is nearly the same for most customers" in text for text in said)
    # From one to nine orders, and far beyond what was fitted.
    counts = pl.DataFrame({"order_count": [*range(1, 10), 50, 1_000, 10**9]})
    X = prepared.block(counts)[:, 0]
    assert np.isfinite(X).all()
    assert (np.diff(X[:10].astype(np.float64)) > 1e-3).all()


def test_the_parameter_stops_at_its_upper_bound() -> None:
    # Most have been away for a year, and likelihood asks for more than ten.
    df = pl.DataFrame({"days_since_last_order": [1, *range(340, 400)]})
    settings = job.Matrix(columns={"days_since_last_order": "yeo-johnson"})
    prepared = fit.fit(lambda: iter([df]), settings, warn=pytest.fail)
    assert (prepared.prepared[0].transform, prepared.prepared[0].lmbda) == ("yeo-johnson", 2)


occurring = st.one_of(
    st.integers(-1_000, 1_000).map(float),
    st.integers(0, 10**9).map(lambda pence: pence / 100),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
)


@given(
    st.lists(occurring, min_size=2, max_size=60, unique=True),
    st.integers(0, 2_000),
    st.sampled_from(["yeo-johnson", "log1p", "none"]),
)
def test_distinct_values_stay_distinct_and_in_order(values: list[float], again: int, kind: str) -> None:
    df = pl.DataFrame({"total_spend": [*values, *[values[0]] * again]})
    prepared = fitted(df, job.Matrix.model_validate({"columns": {"total_spend": kind}}))
    X = prepared.standardised(np.sort(np.array(values))[:, None])[:, 0]
    assert (np.diff(X) > 0).all()


@given(
    st.lists(st.floats(width=64), min_size=2, max_size=20),
    st.floats(width=64),
    st.sampled_from(["yeo-johnson", "log1p", "none"]),
)
def test_no_number_that_there_is_gives_one_that_is_not(values: list[float], later: float, kind: str) -> None:
    df = pl.DataFrame({"total_spend": values})
    try:
        prepared = fitted(df, job.Matrix.model_validate({"columns": {"total_spend": kind}}))
    except errors.DataError:
        return  # all the same
    X = prepared.block(pl.DataFrame({"total_spend": [*values, later, -1e308, 1e308]}))
    assert np.isfinite(X).all()
    assert np.isfinite(np.square(X).sum())


def test_nothing_that_differs_is_refused() -> None:
    df = pl.DataFrame(
        {"total_spend": [1.0] * 5, "order_count": [2] * 5, "mean_days_between_orders": [None] * 5}
    )
    with pytest.raises(
        errors.DataError,
        match="all customers are equal in mean_days_between_orders, order_count, total_spend",
    ):
        fitted(df)


def test_extreme_values_stay_finite() -> None:
    df = customers(50).with_columns(total_spend=pl.Series([1e15, *[0.01] * 49]))
    X = fitted(df).block(df)
    assert np.isfinite(X).all()


def test_survives_being_stored() -> None:
    prepared = fitted(customers(100))
    assert through_json(prepared) == prepared


def test_lazy_matrix_has_a_block_for_each_file_and_reads_nothing_before_it_is_asked() -> None:
    df = customers(100)
    prepared = fitted(df)
    asked: list[str] = []

    def read(path: str) -> pl.DataFrame:
        asked.append(path)
        return df.slice(int(path) * 40, 40)

    X = fit.lazy(["0", "1", "2"], [40, 40, 20], read, prepared)
    assert X.numblocks == (3, 1)
    assert asked == []
    np.testing.assert_array_equal(X.compute(scheduler="sync"), prepared.block(df))
