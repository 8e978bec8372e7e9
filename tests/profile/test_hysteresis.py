"""Names hold while a segment stays where the naming rule saw it: by hand at the margin."""

from __future__ import annotations

import polars as pl
import pytest

from segcore import profile
from segcore.profile.hysteresis import positions_of, with_hysteresis
from segcore.profile.naming import Position
from tests.profile.customers import customers


def position(one_order_share: float = 0.5, **places: float) -> Position:
    medians = {name: 100 * place for name, place in places.items()}
    return Position(segment=1, medians=medians, positions=places, one_order_share=one_order_share)


def test_each_feature_is_seen_where_it_was_until_it_has_moved_by_more_than_the_margin() -> None:
    then = position(total_spend=0.5, order_count=0.5, tenure_days=0.5, return_rate=0.5)
    now = position(total_spend=0.625, order_count=0.375, tenure_days=0.626, unique_products=0.9)
    seen = with_hysteresis(now, then, 0.125)
    assert seen.positions == {
        "total_spend": 0.5,  # as far as the margin, up
        "order_count": 0.5,  # and down
        "tenure_days": 0.626,
        "unique_products": 0.9,  # seen for the first time
    }
    assert seen.medians == {name: 100 * place for name, place in seen.positions.items()}


@pytest.mark.parametrize(("now", "seen"), [(0.625, 0.5), (0.375, 0.5), (0.626, 0.626), (0.374, 0.374)])
def test_so_is_the_share_with_one_order(now: float, seen: float) -> None:
    assert with_hysteresis(position(now), position(0.5), 0.125).one_order_share == seen


def test_a_segment_that_was_not_there_is_seen_as_it_is() -> None:
    assert with_hysteresis(position(total_spend=0.6), None, 1.0) == position(total_spend=0.6)


@pytest.mark.parametrize(("margin", "holds"), [(1.0, True), (0.0, False)])
def test_a_table_names_segments_by_what_was_seen_of_them(margin: float, holds: bool) -> None:
    # The two segments change places: within the margin each keeps the other's name.
    df = customers(200, 2, 0)
    spend = pl.col("total_spend") * pl.when(segment=1).then(10).otherwise(0.1)
    df = df.with_columns(total_spend=spend)
    before = profile.build(df.lazy(), transforms={})
    swapped = df.with_columns(segment=3 - pl.col("segment"))
    after = profile.build(swapped.lazy(), transforms={}, previous=positions_of(before), margin=margin)
    names, others = before["segment_name"].to_list()[1:], after["segment_name"].to_list()[1:]
    assert names[0] != names[1]
    assert others == (names if holds else names[::-1])
    assert (positions_of(after) == positions_of(before)) == holds
