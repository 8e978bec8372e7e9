"""Names hold while a segment stays where the naming rule saw it: by hand at the margin."""

from __future__ import annotations

import polars as pl
import pytest

from segcore import profile
from segcore.profile.hysteresis import Named, kept, named_before, with_hysteresis
from segcore.profile.naming import Name, Position
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


@pytest.mark.parametrize(
    ("feature", "now", "seen"),
    [
        ("order_count", 5.0, 0.5),  # the next number of orders, however many customers have it
        ("order_count", 4.5, 0.5),
        ("order_count", 6.0, 0.9),
        ("total_spend", 5.0, 0.9),  # money has no steps
        ("visits", 5.0, 0.9),  # nor has what nobody has declared
    ],
)
def test_one_step_of_a_count_is_inside_the_margin(feature: str, now: float, seen: float) -> None:
    then = Position(segment=1, medians={feature: 4.0}, positions={feature: 0.5}, one_order_share=0)
    later = Position(segment=1, medians={feature: now}, positions={feature: 0.9}, one_order_share=0)
    assert with_hysteresis(later, then, 0.05).positions[feature] == seen
    # A margin of nothing looks at every step.
    assert with_hysteresis(later, then, 0.0).positions[feature] == 0.9


def name(text: str, disagreed: int = 0) -> Name:
    return Name(name=text, treatment=f"{text}.", disagreed=disagreed)


def test_a_name_stays_until_three_runs_in_a_row_would_give_another() -> None:
    calls = ["Old", "New", "New", "Old", "New", "Other", "New"]
    now, seen = name("Old"), []
    for called in calls:
        stay = kept({1: name(called)}, {1: Named(name=now, seen=position())}, lambda *_: 0.5)
        now = stay.get(1, name(called))
        seen.append((now.name, now.disagreed))
    # The fourth run agrees, so that the two before it do not count; the third of the last three has the word.
    assert seen == [("Old", 0), ("Old", 1), ("Old", 2), ("Old", 0), ("Old", 1), ("Old", 2), ("New", 0)]


def test_what_does_not_stay() -> None:
    before = {
        1: Named(name=name("Typical customers (2nd by revenue)"), seen=position()),
        2: Named(name=name("Gone"), seen=position()),
    }
    assert kept({1: name("Typical customers (2nd by revenue)"), 3: name("New")}, before, lambda *_: 1) == {}
    # What is true of less than half is plainly wrong, and stays for no run.
    assert kept({2: name("New")}, before, lambda *_: 0.49) == {}
    assert kept({2: name("New")}, before, lambda *_: 0.5) == {2: name("Gone", 1)}


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
    after = profile.build(swapped.lazy(), transforms={}, previous=named_before(before), margin=margin)
    names, others = before["segment_name"].to_list()[1:], after["segment_name"].to_list()[1:]
    assert names[0] != names[1]
    # Beyond it the names are true of nobody any more, and wait for no further run.
    assert others == (names if holds else names[::-1])
    assert after["name_disagreed"].to_list() == [0, 0, 0]
    assert (seen_in(after) == seen_in(before)) == holds


def seen_in(table: pl.DataFrame) -> dict[int, Position]:
    return {segment: named.seen for segment, named in named_before(table).items()}
