from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import errors
from segcore.profile import Rules, fit_rules
from segcore.profile.rules import Bound, Rule, assign, conditions
from tests.profile.customers import customers
from tests.through_json import through_json

NAMES = {1: "Big", 2: "Small", 3: "Odd"}


def by_rule(n: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Draw customers whose segment is one order (2), else more than 200 spent (1) or not (3)."""
    df = customers(n, 1, seed)
    orders, spend = df["order_count"].to_numpy(), df["total_spend"].to_numpy()
    return df, np.where(orders == 1, 2, np.where(spend > 200, 1, 3)).astype(np.int32)


def test_a_rule_that_made_the_segments_is_found() -> None:
    df, truth = by_rule(2000, 0)
    rules = fit_rules(df, truth, ["order_count", "total_spend"])
    assert rules.accuracy > 0.99
    other, expected = by_rule(1000, 1)
    assert (rules.assign(other) == expected).mean() > 0.99
    lines = rules.text(NAMES, currency="£")
    assert [line.split(" (")[0] for line in lines] == [
        "Big: at least 2 orders and more than £200 spent in total",
        "Small: at most 1 order",
        "Odd: at least 2 orders and at most £200 spent in total",
    ]


def test_the_accuracy_is_cross_validated() -> None:
    df = customers(400, 1, 0)
    noise = np.random.default_rng(0).integers(1, 3, 400).astype(np.int32)
    rules = fit_rules(df, noise, ["total_spend", "unique_products"])
    assert rules.measured_on == "cross-validation"
    assert 0.4 < rules.accuracy < 0.6
    assert (rules.assign(df) == noise).mean() > rules.accuracy


def test_few_customers_are_measured_on_themselves() -> None:
    df, truth = by_rule(8, 0)
    assert fit_rules(df, truth, ["order_count", "total_spend"]).measured_on == "the fitted customers"


def test_one_segment_needs_no_condition() -> None:
    df = customers(20, 1, 0)
    rules = fit_rules(df, np.ones(20, dtype=np.int32), ["total_spend"])
    assert rules.accuracy == 1
    assert rules.text({1: "All"}) == ["All: every customer (covers all of customers, right for all of them)."]


def test_a_segment_without_a_rule_is_said() -> None:
    df = customers(300, 1, 0)
    rare = np.ones(300, dtype=np.int32)
    rare[17] = 2
    assert fit_rules(df, rare, ["total_spend"]).text(NAMES)[-2:] == [
        "Small: no short rule reaches it.",
        "Odd: no short rule reaches it.",
    ]


def test_features_with_gaps_are_not_used() -> None:
    df, truth = by_rule(500, 0)
    rules = fit_rules(df, truth, ["mean_days_between_orders", "order_count"])
    assert {b.feature for r in rules.rules for b in r.bounds} == {"order_count"}


def test_customers_without_a_segment_are_left_out() -> None:
    df, truth = by_rule(300, 0)
    rules = fit_rules(df, np.where(truth == 3, -1, truth).astype(np.int32), ["order_count", "total_spend"])
    assert {r.segment for r in rules.rules} == {1, 2}
    assert rules.accuracy == 1


def test_nobody_to_draw_rules_from_is_an_error() -> None:
    with pytest.raises(errors.DataError, match="none of the sampled customers has a segment"):
        fit_rules(customers(3, 1, 0), np.full(3, -1, dtype=np.int32), ["total_spend"])


@given(st.integers(1, 8), st.integers(20, 200), st.integers(0, 10_000))
def test_rules_cover_every_customer_exactly_once(k: int, n: int, seed: int) -> None:
    df = customers(n, k, seed)
    truth = df["segment"].to_numpy()
    rules = fit_rules(df, truth, ["order_count", "total_spend", "unique_products"])
    assert np.sum([rule.holds(df) for rule in rules.rules], axis=0).tolist() == [1] * n
    assert sum(rule.coverage for rule in rules.rules) == pytest.approx(1)
    assert len(rules.rules) <= 2 * k
    right = sum(rule.coverage * rule.precision for rule in rules.rules)
    # On others they are right for fewer than on these, or as many.
    assert right <= (rules.assign(df) == truth).mean() + 1e-9


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_rules_survive_a_json_file_and_repeat(k: int, seed: int) -> None:
    df = customers(100, k, seed)
    rules = fit_rules(df, df["segment"].to_numpy(), ["order_count", "total_spend"])
    assert through_json(rules) == rules
    assert fit_rules(df, df["segment"].to_numpy(), ["order_count", "total_spend"]) == rules


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Bound(feature="order_count", up_to=1), "at most 1 order"),
        (Bound(feature="order_count", above=2, up_to=5), "3 to 5 orders"),
        (Bound(feature="order_count", above=2, up_to=3), "3 orders"),
        (Bound(feature="order_count", above=0, up_to=1), "1 order"),
        (Bound(feature="order_count", above=12), "more than 12 orders"),
        (Bound(feature="order_count", above=10), "more than 10 orders"),
        (Bound(feature="order_count", above=9), "at least 10 orders"),
        (Bound(feature="order_count", above=0), "at least 1 order"),
        (Bound(feature="order_count", above=1, up_to=12), "2 to 12 orders"),
        (Bound(feature="order_count", above=10, up_to=12), "more than 10 and at most 12 orders"),
        (Bound(feature="total_spend", above=1.0), "more than £1 spent in total"),
        (Bound(feature="total_spend", up_to=2.5), "at most £2.50 spent in total"),
        (Bound(feature="days_since_last_order", above=60), "more than 60 days since the last order"),
        (
            Bound(feature="total_spend", above=230, up_to=1400),
            "more than £230 and at most £1,400 spent in total",
        ),
    ],
)
def test_conditions_in_words(bound: Bound, words: str) -> None:
    assert conditions(Rule(segment=1, bounds=(bound,)), currency="£") == words


def test_a_bound_leaves_out_its_lower_end_and_holds_its_upper_one() -> None:
    values = np.array([1.0, 1.5, 2.0, 2.5, np.nan])
    assert Bound(feature="x", above=1.0, up_to=2.0).holds(values).tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert Bound(feature="x", above=1.0).holds(values).tolist() == [False, True, True, True, False]
    assert Bound(feature="x", up_to=2.0).holds(values).tolist() == [True, True, True, False, False]


def test_rules_by_hand() -> None:
    rules = (
        Rule(
            segment=2,
            bounds=(Bound(feature="x", above=1.0), Bound(feature="y", up_to=5.0)),
            coverage=0.5,
            precision=0.876,
        ),
        Rule(segment=1, bounds=(Bound(feature="x", up_to=1.0),), coverage=0.25, precision=1.0),
    )
    df = pl.DataFrame({"x": [0.0, 2.0, 2.0, None], "y": [9, 5, 6, 1]})
    assert assign(rules, df).tolist() == [1, 2, 0, 0]
    found = Rules(rules=rules, accuracy=0.9, measured_on="held-out customers")
    assert found.assign(df).tolist() == [1, 2, 0, 0]
    assert found.text({1: "One", 2: "Two", 4: "Four", 3: "Three"}) == [
        "Two: more than 1 x and at most 5 y (covers 50% of customers, right for 88% of them).",
        "One: at most 1 x (covers 25% of customers, right for all of them).",
        "Three: no short rule reaches it.",
        "Four: no short rule reaches it.",
    ]


def test_categories_have_words_and_what_follows_from_one_is_not_said() -> None:
    bounds = (
        Bound(feature="channel=web", up_to=0.5),
        Bound(feature="channel=tv", above=0.5),
        Bound(feature="age=", up_to=0.5),
        Bound(feature="home=", above=0.5),
        Bound(feature="age", up_to=40.0),
    )
    words = "channel is tv and age is known and home is not known and at most 40 age"
    assert conditions(Rule(segment=1, bounds=bounds)) == words
    assert conditions(Rule(segment=1, bounds=bounds[:1])) == "channel is not web"
