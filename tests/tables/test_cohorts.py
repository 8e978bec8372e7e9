"""Cohorts, newcomers and concentration."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segcore import tables
from segcore.arrays import Floats


def bought(rows: list[tuple[int, str, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["row", "month", "amount", "orders"], orient="row").with_columns(
        pl.col("month").str.to_date()
    )


BUCKETS = [
    bought(
        [
            (0, "2010-12-01", 100, 1),
            (0, "2011-02-01", 50, 2),
            (1, "2011-02-01", 10, 1),
            (2, "2010-12-01", 5, 1),
        ]
    ),
    bought([(3, "2010-12-01", 1_000, 4), (3, "2011-02-01", 1, 1), (4, "2011-02-01", 40, 1)]),
]


def test_cohorts_by_hand() -> None:
    december, february = date(2010, 12, 1), date(2011, 2, 1)
    found = tables.cohorts(BUCKETS, money_decimals=1)
    assert found.columns == ["cohort", "month", "months_since", "customers", "share", "orders", "revenue"]
    assert found.rows() == [
        (december, december, 0, 3, 1.0, 6, 110.5),
        (december, february, 2, 2, 2 / 3, 3, 5.1),
        (february, february, 0, 2, 1.0, 2, 5.0),
    ]


def test_newcomers_are_who_never_bought_before() -> None:
    found = tables.newcomers(tables.cohorts(BUCKETS, money_decimals=1))
    assert found.rows() == [
        (date(2010, 12, 1), 3, 3, 110.5, 110.5, 1.0),
        (date(2011, 2, 1), 4, 2, 10.1, 5.0, 5.0 / 10.1),
    ]


def test_cohorts_do_not_tell_in_which_buckets_customers_were() -> None:
    together = tables.cohorts([pl.concat(BUCKETS)])
    assert tables.cohorts(BUCKETS).equals(together)
    assert tables.cohorts(reversed(BUCKETS)).equals(together)


def test_concentration_by_hand() -> None:
    spend: list[Floats] = [np.array([1.5, 60.0, 10.0, 0.1]), np.array([10.0, 10.0, 5.0, 2.0, 1.0, 0.4])]
    found = tables.concentration(lambda: spend, 10)
    assert found["customers"].to_list() == [1, 1, 1, 2]
    assert found["revenue"].to_list() == [60.0, 60.0, 60.0, 70.0]
    assert found["revenue_share"].to_list() == [0.6, 0.6, 0.6, 0.7]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 4))
def test_concentration_is_what_sorting_gives(minor: list[int], parts: int) -> None:
    spend = np.array_split(np.array(minor, dtype=np.float64) / 100, parts)
    found = tables.concentration(lambda: spend, len(minor), money_decimals=2)
    ranked = sorted(minor, reverse=True)
    for row in found.to_dicts():
        assert round(row["revenue"] * 100) == sum(ranked[: row["customers"]])
        assert row["customers"] - 1 < row["top"] * len(minor) + 1e-9 <= row["customers"] + 1e-9
