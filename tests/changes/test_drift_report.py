"""Drift in full: bins cut by hand, and every figure and reason of a report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from segcore import job
from segcore.changes import drift
from segcore.changes.drift import Bins, Snapshot
from segcore.records import DriftReport

RULE = job.Drift(max_psi=0.25, max_out_of_range=0.05)
SPEND, TENURE = np.array([500, 500]), np.array([900, 100])


def test_bins_hold_about_a_tenth_each_and_shared_values_are_on_their_own() -> None:
    # A tenth of twenty is two: 7.0 is shared by three, 5.0 by two, 1.0 by one; half of the rest is left for ranges.
    column = np.array([7.0] * 3 + [5.0] * 2 + [float("nan")] * 5 + [1.0, 2, 3, 4, 6, 8, 9, 10, 11, 12])
    bins = drift.cut(column)
    assert bins.values == (5.0, 7.0)
    # Ten others of twenty get five ranges: cut at the fifths of 1, 2, 3, 4, 6, 8, 9, 10, 11, 12.
    assert bins.edges == pytest.approx([2.8, 5.2, 8.4, 10.2])
    assert bins.count(column).tolist() == [2, 3, 2, 2, 2, 2, 2, 5]
    assert drift.cut(np.array([1.0, 2.0, 3.0])) == Bins(values=(1.0, 2.0, 3.0), edges=())
    assert drift.cut(np.arange(100.0)).edges == pytest.approx(np.arange(1, 10) * 9.9)
    assert drift.cut(np.arange(100.0)).values == ()
    # What is left beside a shared value is one range where it is less than two tenths.
    assert drift.cut(np.array([0.0] * 19 + [5.0])) == Bins(values=(0.0,), edges=())
    assert drift.cut(np.array([0.0] * 16 + [1.0, 2.0, 3.0, 4.0])) == Bins(values=(0.0,), edges=(2.5,))


def test_a_value_is_shared_from_a_tenth_of_all_customers_on() -> None:
    some = np.concatenate([np.arange(100.0, 181.0), np.zeros(10), np.ones(9)])
    assert drift.cut(some).values == (0.0,)
    # Those without a value are customers too.
    assert drift.cut(np.concatenate([some, np.full(2, np.nan)])).values == ()


def snapshot(
    spend: np.ndarray, tenure: np.ndarray, segments: Mapping[int, int], outside: int, customers: int = 1000
) -> Snapshot:
    features = {"total_spend": spend, "tenure_days": tenure}
    return Snapshot(customers=customers, features=features, segments=dict(segments), outside=outside)


def report(then: Snapshot, now: Snapshot, rule: job.Drift = RULE) -> DriftReport:
    return drift.measure(then, now, in_model=["total_spend"], rule=rule, names={1: "Big", 2: "Small"})


def test_nothing_has_drifted() -> None:
    then = snapshot(SPEND, TENURE, {1: 400, 2: 590, 0: 10}, 10)
    found = report(then, then)
    assert (found.verdict, found.reasons) == (
        "score",
        ("nothing that the model sees has drifted beyond the bounds",),
    )
    assert (found.customers_then, found.customers_now) == (1000, 1000)
    assert (found.out_of_range_share, found.out_of_range_then) == (0.01, 0.01)
    assert (found.segments_psi, [feature.psi for feature in found.features]) == (0, [0, 0])
    assert [(s.segment, s.segment_name, s.share_then, s.share_now) for s in found.segments] == [
        (0, "Unassigned", 0.01, 0.01),
        (1, "Big", 0.4, 0.4),
        (2, "Small", 0.59, 0.59),
    ]


def test_everything_has_drifted() -> None:
    then = snapshot(SPEND, TENURE, {1: 500, 2: 500}, 10)
    now = snapshot(np.array([200, 800]), np.array([100, 900]), {1: 400, 3: 1600}, 300, customers=2000)
    found = report(then, now)
    assert found.verdict == "refit"
    spend, sizes = (
        drift.psi(SPEND, np.array([200, 800])),
        drift.psi(np.array([500, 500, 0]), np.array([400, 0, 1600])),
    )
    assert found.reasons == (
        f"Total spend has drifted: PSI {spend:.2f}, the bound is 0.25",
        f"the segments' sizes have drifted: PSI {sizes:.2f}, the bound is 0.25",
        "15.0% of the customers are beyond the fitted radius, the bound is 5.0%",
    )
    assert (found.segments_psi, found.out_of_range_then, found.customers_now) == (sizes, 0.01, 2000)
    assert found.segments_chance == drift.chance(np.array([500, 500, 0]), np.array([400, 0, 1600]))
    assert [(f.feature, f.in_model, f.verdict) for f in found.features] == [
        ("total_spend", True, "drifted"),
        ("tenure_days", False, "drifted"),
    ]
    assert found.features[0].psi == spend
    assert found.features[0].chance == drift.chance(SPEND, np.array([200, 800]))
    assert [(s.segment, s.segment_name, s.share_then, s.share_now) for s in found.segments] == [
        (1, "Big", 0.5, 0.2),
        (2, "Small", 0.5, 0.0),
        (3, "Unassigned", 0.0, 0.8),
    ]


def test_a_feature_that_is_in_one_of_the_two_only_is_not_compared() -> None:
    then = snapshot(SPEND, TENURE, {1: 1000}, 0)
    now = Snapshot(customers=1000, features={"total_spend": SPEND}, segments={1: 1000}, outside=0)
    assert [f.feature for f in report(then, now).features] == ["total_spend"]
    assert [f.feature for f in report(now, then).features] == ["total_spend"]


def test_a_feature_has_shifted_from_a_tenth_on_or_from_a_lower_bound() -> None:
    then = snapshot(SPEND, TENURE, {1: 1000}, 0)

    def verdict(below: int, max_psi: float) -> str:
        now = snapshot(np.array([below, 1000 - below]), TENURE, {1: 1000}, 0)
        return report(then, now, job.Drift(max_psi=max_psi)).features[0].verdict

    # 0.09 and 0.12; both are far more than what chance does, 0.02.
    assert verdict(350, 0.25) == "stable"
    assert verdict(330, 0.25) == "shifted"
    assert verdict(350, 0.05) == "drifted"


def test_large_sizes_of_small_samples_are_chance() -> None:
    few = Snapshot(customers=8, features={}, segments={1: 2, 2: 6}, outside=0)
    other = Snapshot(customers=8, features={}, segments={1: 6, 2: 2}, outside=0)
    found = report(few, other)
    assert found.segments_psi > RULE.max_psi
    assert found.segments_psi < found.segments_chance
    assert found.verdict == "score"


def test_as_many_out_of_range_as_the_bound_are_not_too_many() -> None:
    then = snapshot(SPEND, TENURE, {1: 1000}, 10)
    assert report(then, snapshot(SPEND, TENURE, {1: 1000}, 50)).verdict == "score"
    assert report(then, snapshot(SPEND, TENURE, {1: 1000}, 51)).verdict == "refit"


def test_runs_without_customers_are_no_drift() -> None:
    nobody = Snapshot(customers=0, features={}, segments={}, outside=0)
    found = report(nobody, nobody)
    assert (found.verdict, found.out_of_range_share, found.segments_psi) == ("score", 0, 0)
    one = Snapshot(customers=1, features={}, segments={1: 1}, outside=1)
    found = report(nobody, one)
    assert (found.out_of_range_share, found.out_of_range_then) == (1, 0)
    assert [(s.share_then, s.share_now) for s in found.segments] == [(0, 1)]
    # Nothing is known of the share: one of one beyond is as likely as none.
    assert drift.by_chance(1, 1, nobody) == pytest.approx(0.5)
    assert drift.by_chance(0, 0, nobody) == pytest.approx(1)
