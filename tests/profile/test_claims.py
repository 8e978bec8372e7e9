"""Of how many customers the words of a name are true, by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import profile
from segcore.profile.claims import Counted, count
from segcore.profile.statistics import Limits, limits
from segcore.profile.wording import templates
from tests.profile.customers import customers

SHARES = templates()["levels"]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_limits_are_the_first_values_at_a_level(numbers: list[int]) -> None:
    values = np.array(numbers, dtype=float)

    def position(value: float) -> float:
        if value == np.median(values):
            return 0.5
        return float((values < value).mean() + (values == value).mean() / 2)

    found = limits(pl.LazyFrame({"x": numbers}), "x", SHARES)
    assert found is not None
    for value in set(numbers):
        at = position(value)
        # A half of a customer is not told from none by floats.
        assert (value >= found.top) == (at >= SHARES["top"] - 1e-12)
        assert (value >= found.high) == (at >= SHARES["high"] - 1e-12)
        assert (value <= found.low) == (at <= SHARES["low"] + 1e-12)
        assert (value <= found.bottom) == (at <= SHARES["bottom"] + 1e-12)


def test_nobody_has_no_limits() -> None:
    nobody = pl.LazyFrame({"x": pl.Series([None, None], dtype=pl.Float64)})
    assert limits(nobody, "x", SHARES) is None
    assert limits(pl.LazyFrame({"x": [5, 5]}), "x", SHARES) == Limits(
        top=math.inf, high=math.inf, low=-math.inf, bottom=-math.inf
    )


def counted(usual_gap: float | None = 60.0, **columns: list[float | None]) -> Counted:
    df = pl.DataFrame({"segment": [1] * len(next(iter(columns.values()))), **columns})
    at = {
        name: Limits(top=8, high=6, low=4, bottom=2) for name in columns if name != "mean_days_between_orders"
    }
    return count(df.lazy(), at, usual_gap)


def test_a_claim_is_true_of_a_customer_at_the_level_or_beyond() -> None:
    spend = counted(total_spend=[1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 9.0, None])
    expected = {"bottom": 2, "low": 3, "high": 3, "top": 2}
    assert {at: 8 * spend.share(1, [("total_spend", at)]) for at in expected} == expected
    assert spend.share(2, [("total_spend", "top")]) == 0
    assert spend.share(1, [("order_count", "high")]) == 0  # of what is not there, nothing is claimed


def test_all_claims_have_to_be_true_of_the_same_customer() -> None:
    both = counted(total_spend=[9.0, 9.0, 1.0, 1.0], average_order_value=[9.0, 1.0, 9.0, 1.0])
    assert both.share(1, [("total_spend", "top"), ("average_order_value", "high")]) == 0.25
    assert both.share(1, []) == 1


@pytest.mark.parametrize(
    ("orders", "recency", "tenure", "gap", "frequent"),
    [
        (6, 10, 300, 60.0, True),  # within a year
        (6, 1_000, 800, 160.0, False),  # six in five years
        (6, 1_000, 500, 100.0, True),  # six in four years, and close together
        (15, 1_000, 825, 160.0, True),  # three a year
        (14, 1_000, 825, 160.0, False),
    ],
)
def test_who_is_frequent_is_so_in_absolute_terms(
    orders: int, recency: int, tenure: int, gap: float, frequent: bool
) -> None:
    own = counted(
        order_count=[orders],
        days_since_last_order=[recency],
        tenure_days=[tenure],
        mean_days_between_orders=[gap],
    )
    assert own.share(1, [("order_count", "high")]) == frequent


def test_two_orders_are_not_frequent_however_rare_they_are() -> None:
    df = pl.DataFrame({"segment": [1], "order_count": [2], "mean_days_between_orders": [5.0]})
    at = {"order_count": Limits(top=2, high=2, low=0, bottom=0)}
    assert count(df.lazy(), at, None).share(1, [("order_count", "high")]) == 0


@pytest.mark.parametrize(
    ("days", "usual_gap", "level", "true"),
    [
        (4, 4.0, "low", True),  # active: within the usual gap
        (4, 3.0, "low", False),  # earlier than most, and still later than usual
        (4, None, "low", True),
        (6, 6.0, "high", False),  # nobody has lapsed within the usual gap
        (6, 5.0, "high", True),
    ],
)
def test_active_and_lapsed_go_by_the_shop_s_usual_gap(
    days: int, usual_gap: float | None, level: str, true: bool
) -> None:
    own = counted(usual_gap, days_since_last_order=[days])
    assert own.share(1, [("days_since_last_order", level)]) == true


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_every_name_is_true_of_two_thirds_and_the_table_says_of_how_many(k: int, seed: int) -> None:
    df = customers(60 * k, k, seed)
    gap = df["mean_days_between_orders"].median()
    assert isinstance(gap, float)
    table = profile.build(df.lazy(), transforms={})
    treatments = table["treatment"].to_list()[1:]
    assert len(set(treatments)) == k
    for row in table.filter(pl.col("segment") > 0).to_dicts():
        own = df.filter(pl.col("segment") == row["segment"])
        held = row["name_holds"]
        words = [claim for claim in row["name_claims"] if not claim.endswith(("=more", "=less"))]
        assert (held is None) == (words == [])
        assert held is None or held >= SHARES["holds"]
        if "ne-time" in row["segment_name"]:
            once = own.filter(pl.col("order_count") == 1).height / own.height
            assert once >= 2 / 3
            assert row["segment_name"].startswith("Mostly") == (once < 0.9) or "mostly" in row["segment_name"]
        days, money = own["days_since_last_order"], own["total_spend"]
        assert row["now_customers"] == int((days <= gap).sum())
        assert row["long_gone_customers"] == int((days > 3 * gap).sum())
        assert row["overdue_revenue"] == pytest.approx(money.filter((days > gap) & (days <= 3 * gap)).sum())
    parts = table.select(pl.sum_horizontal("now_customers", "overdue_customers", "long_gone_customers"))
    assert parts.to_series().to_list() == table["customers"].to_list()


def test_where_nobody_came_back_there_is_no_usual_gap_to_go_by() -> None:
    df = customers(60, 2, 0).with_columns(mean_days_between_orders=pl.lit(None, dtype=pl.Float64))
    table = profile.build(df.lazy(), transforms={})
    assert table["now_customers"].null_count() == table.height
