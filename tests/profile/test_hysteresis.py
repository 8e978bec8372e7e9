"""Names hold while a segment stays where the naming rule saw it: by hand at the margin."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from segcore import profile
from segcore.profile.claims import Claim
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


def named(text: str, *claims: Claim) -> Named:
    return Named(name=Name(name=text, treatment=f"{text}.", claims=claims), seen=position())


FREQUENT, SPENDERS = ("order_count", "high"), ("total_spend", "top")


@pytest.mark.parametrize(("share", "stays"), [(0.5, True), (0.499, False)])
def test_a_name_stays_while_its_words_are_true_of_half(share: float, stays: bool) -> None:
    before = {2: named("Frequent buyers", FREQUENT)}
    # The segment was another one by Jaccard, or is none any more: nothing to say of 3.
    stay = kept(before | {3: named("Gone", FREQUENT)}, {2: position()}, lambda *_: share, 0.05)
    assert stay == ({2: before[2].name} if stays else {})


def test_of_all_claims_at_once() -> None:
    asked = []

    def holds(segment: int, claims: Sequence[Claim]) -> float:
        asked.append((segment, tuple(claims)))
        return 1.0

    kept({2: named("Big and frequent", FREQUENT, SPENDERS)}, {2: position()}, holds, 0.05)
    assert asked == [(2, (FREQUENT, SPENDERS))]


@pytest.mark.parametrize(("once", "stays"), [(0.85, True), (0.849, False)])
def test_one_time_buyers_are_so_by_the_bar_of_that_word(once: float, stays: bool) -> None:
    before = {
        1: named("One-time buyers", ("one_order", "yes")),
        2: named("Mostly one-time buyers", ("mostly_one_order", "yes")),
    }
    stay = kept(before, {1: position(), 2: position()}, lambda *_: once, 0.05)
    assert set(stay) == ({1, 2} if stays else {2})


@pytest.mark.parametrize(("spend", "stay"), [(0.6, {1, 2}), (0.4, set()), (0.39, set())])
def test_a_comparison_stays_until_it_has_turned_round(spend: float, stay: set[int]) -> None:
    before = {
        1: named("Frequent buyers, higher spend", FREQUENT, ("total_spend", "more")),
        2: named("Frequent buyers, lower spend", FREQUENT, ("total_spend", "less")),
        # It is less than another one, of other words.
        3: named("Active repeat buyers, lower spend", ("repeat", "yes"), ("total_spend", "less")),
    }
    now = {1: position(total_spend=spend), 2: position(total_spend=0.4), 3: position(total_spend=0.9)}
    assert set(kept(before, now, lambda *_: 1.0, 0.05)) == stay | {3}


def test_what_says_nothing_of_a_customer_does_not_stay() -> None:
    before = {
        1: named("Frequent buyers (2nd by revenue)", FREQUENT),
        2: named("Typical customers"),
        3: named("Typical customers, higher spend", ("total_spend", "more")),
    }
    assert kept(before, {s: position() for s in before}, lambda *_: 1.0, 0.05) == {}


def test_a_segment_that_was_not_there_is_seen_as_it_is() -> None:
    assert with_hysteresis(position(total_spend=0.6), None, 1.0) == position(total_spend=0.6)


@pytest.mark.parametrize(("margin", "holds"), [(1.0, True), (0.0, False)])
def test_a_table_sees_segments_within_the_margin_where_they_were(margin: float, holds: bool) -> None:
    df, before = two_kinds()
    swapped = df.with_columns(segment=3 - pl.col("segment"))
    after = profile.build(swapped.lazy(), transforms={}, previous=named_before(before), margin=margin)
    assert (seen_in(after) == seen_in(before)) == holds
    # Whatever the rule sees, a name that is true of nobody any more goes.
    names, others = before["segment_name"].to_list()[1:], after["segment_name"].to_list()[1:]
    assert all(name != other for name, other in zip(names, others, strict=True))


def test_a_table_keeps_a_name_that_is_true_whatever_the_rule_would_say_now() -> None:
    df, before = two_kinds()
    plain = before.with_columns(
        segment_name=pl.when(segment=1).then(pl.lit("High spenders")).otherwise("segment_name"),
        name_claims=pl.when(segment=1).then(["total_spend=high"]).otherwise("name_claims"),
    )
    after = profile.build(df.lazy(), transforms={}, previous=named_before(plain), margin=0.05)
    first, then = after.row(1, named=True), before.row(1, named=True)
    assert first["segment_name"] == "High spenders" != then["segment_name"]
    assert (first["name_claims"], first["name_holds"]) == (["total_spend=high"], 1.0)


def two_kinds() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Customers in two segments, of whom the first spends far more, and their profile."""
    spend = pl.col("total_spend") * pl.when(segment=1).then(1_000).otherwise(0.001)
    df = customers(200, 2, 0).with_columns(total_spend=spend)
    return df, profile.build(df.lazy(), transforms={})


def seen_in(table: pl.DataFrame) -> dict[int, Position]:
    return {segment: named.seen for segment, named in named_before(table).items()}
