"""The steps from a tree to a short list of rules, by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from segcore.profile import decision_list, fit_rules
from segcore.profile.decision_list import _Node
from segcore.profile.rules import Bound, Rule, assign
from tests.profile.customers import customers


@pytest.mark.parametrize(
    ("threshold", "integer", "candidates"),
    [
        (1234.5, False, [1000.0, 1200.0, 1230.0, 1234.5]),
        (1234.5, True, [1000.0, 1200.0, 1230.0, 1234.0]),
        (0.6789, False, [0.7, 0.68, 0.679, 0.6789]),
        (2.5, True, [2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_thresholds_are_tried_with_one_two_and_three_digits(
    threshold: float, integer: bool, candidates: list[float]
) -> None:
    assert decision_list._candidates(threshold, integer) == candidates


def test_a_range_only_narrows() -> None:
    bounds = (Bound(feature="a", above=1.0, up_to=5.0), Bound(feature="b", up_to=2.0))
    narrow = decision_list._bounded
    assert narrow(bounds, "a", above=2.0)[-1] == Bound(feature="a", above=2.0, up_to=5.0)
    assert narrow(bounds, "a", above=0.5)[-1] == bounds[0]
    assert narrow(bounds, "a", up_to=4.0)[-1] == Bound(feature="a", above=1.0, up_to=4.0)
    assert narrow(bounds, "a", up_to=9.0)[-1] == bounds[0]
    assert narrow(bounds, "a", up_to=4.0)[0] == bounds[1]
    assert narrow(bounds, "c", above=7.0) == (*bounds, Bound(feature="c", above=7.0))


# x <= 3: segment 1; else y <= 5: segment 2; else x <= 8: segment 3; else 4.
LEAVES = [_Node(segment) for segment in (1, 2, 3, 4)]
DEEP = _Node(3, 0, 8.0, (LEAVES[2], LEAVES[3]))
SECOND = _Node(2, 1, 5.0, (LEAVES[1], DEEP))
TREE = _Node(1, 0, 3.0, (LEAVES[0], SECOND))


def test_a_tree_says_one_segment_for_each_row() -> None:
    X = np.array([[3.0, 9.0], [3.1, 5.0], [8.0, 5.1], [8.1, 6.0]])
    assert TREE.predict(X).tolist() == [1, 2, 3, 4]
    assert decision_list._splits(TREE) == [TREE, SECOND, DEEP]


def test_each_leaf_is_a_rule_with_one_range_for_each_feature() -> None:
    assert decision_list._leaves(TREE, ["x", "y"], ()) == [
        Rule(segment=1, bounds=(Bound(feature="x", up_to=3.0),)),
        Rule(segment=2, bounds=(Bound(feature="x", above=3.0), Bound(feature="y", up_to=5.0))),
        Rule(segment=3, bounds=(Bound(feature="y", above=5.0), Bound(feature="x", above=3.0, up_to=8.0))),
        Rule(segment=4, bounds=(Bound(feature="y", above=5.0), Bound(feature="x", above=8.0))),
    ]


def test_a_threshold_is_rounded_where_that_costs_next_to_nothing() -> None:
    # 300 rows; one digit (200) costs 9 of them, two (230) one, which is a third of a per cent; exact costs none.
    x = np.concatenate(
        [np.linspace(1, 199, 146), np.linspace(201, 229, 8), [232.0], np.linspace(235, 999, 145)]
    )
    segments = np.where(x <= 233.9, 1, 2).astype(np.int32)
    root = _Node(1, 0, 233.9, (_Node(1), _Node(2)))

    def rounded(root: _Node) -> float:
        decision_list._round(root, x[:, None], segments, [False])
        return root.threshold

    assert rounded(root) == 230.0
    # Two splits may cost half as much each: two digits are one row too many for the one that needs it.
    two = _Node(1, 0, 233.9, (_Node(1), _Node(2, 0, 500.0, (_Node(2), _Node(2)))))
    assert rounded(two) == 234.0


def test_what_a_rule_covers_is_counted_and_rules_stand_by_segment_and_size() -> None:
    df = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, 5.0, None]})
    segments = np.array([1, 1, 2, 2, 1, 2], dtype=np.int32)
    rules = [
        Rule(segment=2, bounds=(Bound(feature="x", above=2.0),)),
        Rule(segment=1, bounds=(Bound(feature="x", above=9.0),)),
        Rule(segment=1, bounds=(Bound(feature="x", up_to=2.0),)),
    ]
    found = decision_list._counted(rules, df, segments)
    assert [(rule.segment, rule.coverage, rule.precision) for rule in found] == [
        (1, pytest.approx(2 / 6), 1.0),
        (1, 0.0, 0.0),
        (2, pytest.approx(3 / 6), pytest.approx(2 / 3)),
    ]


def test_a_list_is_not_longer_than_twice_the_segments_and_makes_no_rule_for_a_handful() -> None:
    rng = np.random.default_rng(0)
    x = np.arange(1000.0)
    noise = np.where(rng.random(1000) < 0.5, 1, 2).astype(np.int32)
    df = customers(1000, 1, 0).with_columns(total_spend=pl.Series(x))
    rules = fit_rules(df, noise, ["total_spend"]).rules
    assert 1 < len(rules) <= 4
    assert all(rule.coverage >= 0.01 for rule in rules)
    few = np.where(x < 9, 2, 1).astype(np.int32)  # nine of a thousand, where a rule needs ten
    assert min(rule.coverage for rule in fit_rules(df, few, ["total_spend"]).rules) >= 0.01


def test_each_rule_loses_what_its_segment_s_rules_lose_on_others() -> None:
    rules = [
        Rule(segment=1, bounds=(), coverage=0.25, precision=1.0),
        Rule(segment=1, bounds=(), coverage=0.25, precision=0.5),
        Rule(segment=2, bounds=(), coverage=0.5, precision=0.5),
    ]
    segments = np.array([1, 1, 1, 2, 2, 2, 2, 2], dtype=np.int32)
    predicted = np.array([1, 1, 1, 1, 1, 1, 2, 2], dtype=np.int32)
    found = decision_list._corrected(rules, segments, predicted)
    # Of the six that are said to be 1, three are, where it was three in four; of 2 all are, which raises nothing.
    assert [rule.precision for rule in found] == pytest.approx([1.0 * 2 / 3, 0.5 * 2 / 3, 0.5])


def test_rules_for_noise_are_right_for_as_many_as_guesses_are() -> None:
    said, right = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        df, others = customers(200, 1, seed), customers(2_000, 1, 1_000 + seed)
        own, other = (rng.integers(1, 3, d.height).astype(np.int32) for d in (df, others))
        rules = fit_rules(df, own, ["total_spend", "unique_products", "tenure_days"]).rules
        said.append(sum(rule.coverage * rule.precision for rule in rules))
        right.append(np.mean(assign(rules, others) == other))
    # In these 200 customers alone the rules are right for more than 60%.
    assert np.mean(right) == pytest.approx(0.5, abs=0.01)
    assert np.mean(said) == pytest.approx(0.5, abs=0.03)


def test_customers_without_a_segment_are_left_out() -> None:
    df = customers(40, 1, 0)
    truth = np.where(df["order_count"].to_numpy() == 1, 1, 2).astype(np.int32)
    more = pl.concat([df.head(7).with_columns(order_count=pl.lit(1, dtype=df["order_count"].dtype)), df])
    assert fit_rules(
        more, np.concatenate([np.zeros(7, dtype=np.int32), truth]), ["order_count"]
    ) == fit_rules(df, truth, ["order_count"])


def test_the_most_frequent_segment_is_the_rule_where_nothing_can_be_asked() -> None:
    df = customers(10, 1, 0)
    segments = np.array([3] * 6 + [1] * 4, dtype=np.int32)
    (rule,) = fit_rules(df, segments, []).rules
    # Of those without the first and the sixth, as many are 1 as 3, and 1 is said: of the eight others 3 is right for half.
    assert (rule.segment, rule.bounds, rule.coverage, rule.precision) == (3, (), 1.0, 0.5)


@pytest.mark.parametrize(("n", "measured_on"), [(9, "the fitted customers"), (10, "cross-validation")])
def test_ten_customers_can_be_cross_validated(n: int, measured_on: str) -> None:
    df = customers(n, 1, 0)
    assert fit_rules(df, np.ones(n, dtype=np.int32), ["order_count"]).measured_on == measured_on
