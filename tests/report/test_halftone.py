from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.report.charts import halftone


def points(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "pc1": rng.normal(size=n),
            "pc2": rng.normal(size=n),
            "segment": rng.integers(1, 4, n),
            "order_count": rng.integers(1, 9, n),
        }
    )


@given(st.integers(1, 400), st.integers(0, 99), st.sampled_from([1, 5]))
def test_a_halftone_counts_everybody_once_and_nobody_alone(n: int, seed: int, least: int) -> None:
    df = points(n, seed)
    cells = halftone.halftone(df, ["order_count"], least=least)
    if n < least:
        assert cells.is_empty()
        return
    assert (cells["customers"] >= least).all()
    assert cells["customers"].sum() == n
    assert cells.height <= halftone.ROWS * (halftone.COLUMNS + 1)
    assert cells["purity"].is_between(1 / 3, 1).all()
    assert cells.equals(halftone.halftone(df.reverse(), ["order_count"], least=least))


def test_a_halftone_of_equal_customers_is_one_dot() -> None:
    df = pl.DataFrame({"pc1": [2.0] * 3, "pc2": [1.0] * 3, "segment": [2, 1, 2], "order_count": [1, 2, 9]})
    [cell] = halftone.halftone(df, ["order_count"]).to_dicts()
    assert (cell["customers"], cell["segment"], cell["order_count"]) == (3, 2, 2)
    assert cell["purity"] == pytest.approx(2 / 3)


def test_only_stragglers_are_left_out() -> None:
    df = points(2000, 0)
    far = df.head(1).with_columns(pc1=pl.lit(500.0))
    assert halftone.without_stragglers(pl.concat([df, far]))["pc1"].max() < 10  # type: ignore[operator]
    assert halftone.without_stragglers(df).height > 1950


def test_lone_customers_join_their_neighbours() -> None:
    far = [(10.0, 10.0)] * 2 + [(9.9, 9.9)] * 3  # five in neighbouring cells: one dot between them
    df = pl.DataFrame(
        [(0.0, 0.0)] * 7 + far + [(0.4, 0.0)], schema=["pc1", "pc2"], orient="row"
    ).with_columns(segment=1)
    dots = halftone.halftone(df, [], least=5).sort("x")
    assert dots["customers"].to_list() == [8, 5]
    assert dots["x"][1] > 9.5
