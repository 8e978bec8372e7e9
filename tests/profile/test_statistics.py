"""Segments in numbers: a table of seven customers by hand."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest

from segcore import errors
from segcore.profile import statistics
from segcore.profile.statistics import ALL, Summary, Totals, medians, order_segments, summarise, totals

DF = pl.DataFrame(
    {
        "segment": pl.Series([1, 1, 1, 2, 2, None, 2], dtype=pl.Int32),
        "order_count": [1, 2, 3, 1, 1, 4, 2],
        "total_spend": [10.5, 20.25, None, 1.0, 2.0, 5.0, 0.125],
        "gap": [1.0, None, 5.0, None, None, 3.0, None],
    }
)


def test_totals_count_customers_without_a_segment_among_all_only() -> None:
    assert totals(DF.lazy()) == {
        ALL: Totals(customers=7, n_orders=14, one_order_customers=3, revenue=38.875),
        1: Totals(customers=3, n_orders=6, one_order_customers=1, revenue=30.75),
        2: Totals(customers=3, n_orders=4, one_order_customers=2, revenue=3.125),
    }
    assert list(totals(DF.lazy())) == [ALL, 1, 2]


def test_money_is_summed_in_minor_units_of_the_asked_for_decimals() -> None:
    cents = totals(DF.lazy(), money_decimals=1)
    assert (cents[1].revenue, cents[2].revenue) == (
        30.7,
        3.1,
    )  # 20.25 and 0.125 are rounded to tenths, half to even
    bare = totals(DF.lazy().drop("total_spend", "order_count"))
    assert bare[1] == Totals(customers=3, n_orders=0, one_order_customers=0, revenue=0.0)


def test_nobody_is_refused() -> None:
    with pytest.raises(
        errors.DataError, match="no customers to profile: expected at least one row with a segment"
    ):
        totals(DF.lazy().head(0))


def test_segments_are_ranked_by_revenue_then_size_then_first_member() -> None:
    labels = DF.with_columns(label=pl.Series([5, 5, -1, 0, 3, 3, 0]))
    # 5: 30.75; 3: 2 + 5; 0: 1.125; the negative label is nobody's.
    assert order_segments(labels.lazy(), "label") == {5: 1, 3: 2, 0: 3}
    tied = pl.LazyFrame({"label": [4, 2, 2, 9], "total_spend": [2.0, 1.0, 1.0, 2.0]})
    assert order_segments(tied, "label") == {2: 1, 4: 2, 9: 3}
    rounded = pl.LazyFrame({"label": [1, 0], "total_spend": [0.04, 0.0]})
    assert order_segments(rounded, "label", money_decimals=1) == {1: 1, 0: 2}
    assert order_segments(rounded.reverse(), "label", money_decimals=1) == {0: 1, 1: 2}


def test_a_summary_by_hand() -> None:
    found = summarise(DF.lazy(), "order_count", [1, 2], transform=lambda x: x)
    every, first, second = found[ALL], found[1], found[2]
    assert list(found) == [ALL, 1, 2]
    assert (every.median, every.p25, every.p75, every.mean) == (2, 1, 2.5, 2)
    assert (first.median, first.p25, first.p75, first.mean) == (2, 1.5, 2.5, 2)
    assert (second.median, second.p25, second.p75) == (1, 1, 1.5)
    assert second.mean == pytest.approx(4 / 3)
    assert (every.effect, first.effect) == (0, 0)
    assert second.effect == pytest.approx((4 / 3 - 2) / np.std([1, 2, 3, 1, 1, 4, 2]))
    # Of seven, three are at 1: half of them are below it.
    assert second.position == pytest.approx(1.5 / 7)
    assert (every.position, first.position) == (0.5, 0.5)


def test_effects_are_measured_where_the_matrix_is() -> None:
    spread = np.log1p([1, 2, 3, 1, 1, 4, 2])
    found = summarise(DF.lazy(), "order_count", [1], transform=np.log1p)[1]
    assert found.effect == pytest.approx((np.log1p([1, 2, 3]).mean() - spread.mean()) / spread.std())
    ranks = np.array([1.5, 4, 5.5 + 0.0, 1.5, 1.5, 6.5, 4]) / 7  # shares below, ties half
    ranks[2] = 5.5 / 7
    bare = summarise(DF.lazy(), "order_count", [1])[1]
    assert bare.effect == pytest.approx((ranks[:3].mean() - ranks.mean()) / ranks.std())


def test_empty_values_count_nowhere_and_a_segment_without_any_has_no_figures() -> None:
    found = summarise(DF.lazy(), "gap", [1, 2])
    assert (found[ALL].median, found[ALL].mean) == (3, 3)
    assert (found[1].median, found[1].p25, found[1].p75) == (3, 2, 4)
    assert found[2] == Summary()
    infinite = DF.with_columns(gap=pl.lit(math.inf))
    assert summarise(infinite.lazy(), "gap", [1]) == {ALL: Summary(), 1: Summary()}


def test_where_all_are_equal_there_is_no_effect() -> None:
    same = DF.with_columns(order_count=pl.lit(2))
    found = summarise(same.lazy(), "order_count", [1, 2], transform=lambda x: x)
    assert found[1] == Summary(median=2, p25=2, p75=2, mean=2, effect=0, position=0.5)


def test_medians_are_of_features_that_have_one() -> None:
    assert medians({"a": Summary(median=0.0), "b": Summary()}) == {"a": 0.0}


@pytest.mark.parametrize("transform", [None, np.log1p, np.array])
@pytest.mark.parametrize("distinct", [5, 10**6])
def test_blocks_do_not_show(
    monkeypatch: pytest.MonkeyPatch, transform: statistics.Transform | None, distinct: int
) -> None:
    draw = np.random.default_rng(3)
    df = pl.DataFrame(
        {"segment": draw.integers(1, 4, 1_000), "value": draw.integers(0, distinct, 1_000) * 0.5}
    )
    whole = summarise(df.lazy(), "value", [1, 2, 3], transform=transform)
    monkeypatch.setattr(statistics, "_BLOCK", 7)
    for segment, found in summarise(df.lazy(), "value", [1, 2, 3], transform=transform).items():
        assert asdict(found) == pytest.approx(asdict(whole[segment]), abs=1e-12)
        assert segment == ALL or found.effect != 0
