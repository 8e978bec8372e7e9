"""Drift: the index by hand, then laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, betabinom

from segcore import job
from segcore.changes import drift
from segcore.changes.drift import Bins, Snapshot
from segcore.records import DriftReport

RULE = job.Drift()


def snapshot(values: np.ndarray, bins: Bins, *, outside: int = 0) -> Snapshot:
    return Snapshot(
        customers=len(values),
        features={"total_spend": bins.count(values)},
        segments={1: len(values)},
        outside=outside,
    )


def compared(then: Snapshot, now: Snapshot, *, in_model: list[str], rule: job.Drift) -> DriftReport:
    return drift.measure(then, now, in_model=in_model, rule=rule, names={1: "Everybody"})


def measured(then: np.ndarray, now: np.ndarray, *, outside: int = 0) -> DriftReport:
    bins = drift.cut(then)
    before = snapshot(then, bins, outside=len(then) // 100)
    after = snapshot(now, bins, outside=outside)
    return compared(before, after, in_model=["total_spend"], rule=RULE)


def test_the_index_by_hand() -> None:
    # With half a customer more in each bin: shares 30.5 / 101 and 70.5 / 101 then, the other way round now. Two
    # samples of 100 without drift give 1 / 100 + 1 / 100 on average, with one degree of freedom.
    e, a = 30.5 / 101, 70.5 / 101
    expected = (a - e) * math.log(a / e) + (e - a) * math.log(e / a)
    assert drift.psi(np.array([30, 70]), np.array([70, 30])) == pytest.approx(expected - 0.02)


@pytest.mark.parametrize("n", [300, 3_000, 100_000])
def test_one_shift_has_one_index_whatever_the_number_of_customers(n: int) -> None:
    rng = np.random.default_rng(n)
    found = []
    for _ in range(100):
        then = rng.normal(size=n)
        bins = drift.cut(then)
        found.append(drift.psi(bins.count(then), bins.count(rng.normal(0.5, size=n))))
    # The index of a shift by half a standard deviation in tenths is .24.
    assert np.mean(found) == pytest.approx(0.24, abs=0.015)


def test_bins_are_unique_and_a_shared_value_has_its_own() -> None:
    column = np.array([1.0] * 50 + [2.0] * 12 + list(np.linspace(3, 9, 30)) + [np.nan] * 8)
    bins = drift.cut(column)
    assert bins.values == (1.0, 2.0)
    assert list(bins.edges) == sorted(set(bins.edges))
    counted = bins.count(column)
    assert counted[:2].tolist() == [50, 12]
    assert counted[-1] == 8
    assert counted.sum() == len(column)


def test_a_column_of_one_value_or_none_can_be_counted() -> None:
    for column in (np.full(20, 3.0), np.full(20, np.nan), np.array([])):
        bins = drift.cut(column)
        assert bins.count(column).sum() == len(column)
        assert drift.psi(bins.count(column), bins.count(column)) == 0


@given(st.integers(0, 2**32 - 1), st.integers(400, 3_000), st.integers(400, 3_000))
def test_two_samples_of_one_population_are_no_drift(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    then, now = rng.lognormal(size=n), rng.lognormal(size=m)
    found = measured(then, now)
    assert found.verdict == "score"
    assert found.features[0].verdict != "drifted"


def test_a_feature_is_blamed_for_what_chance_does_once_in_a_thousand_times() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(200, 3_000, size=(1_000, 2))
    found = [measured(rng.lognormal(size=n), rng.lognormal(size=m)).features[0].verdict for n, m in sizes]
    assert found.count("stable") >= 995


def test_chance_is_rarely_exceeded_without_drift_and_small_samples_prove_nothing() -> None:
    rng = np.random.default_rng(0)
    bins = drift.cut(rng.normal(size=2_000))
    pairs = [(bins.count(rng.normal(size=400)), bins.count(rng.normal(size=300))) for _ in range(500)]
    assert sum(drift.psi(*pair) > drift.chance(*pair) for pair in pairs) <= 4
    few = compared(
        snapshot(rng.normal(size=20), bins),
        snapshot(rng.normal(size=20), bins),
        in_model=["total_spend"],
        rule=RULE,
    )
    assert few.features[0].chance > RULE.max_psi > few.features[0].psi
    assert few.verdict == "score"


def test_a_population_that_moved_is_drift_with_its_reason() -> None:
    rng = np.random.default_rng(1)
    found = measured(rng.normal(size=2_000), rng.normal(1.0, size=2_000))
    assert found.verdict == "refit"
    assert found.reasons[0].startswith("Total spend has drifted: PSI")


def test_only_what_the_model_sees_asks_for_a_new_fit() -> None:
    rng = np.random.default_rng(1)
    then, now = rng.normal(size=2_000), rng.normal(1.0, size=2_000)
    bins = drift.cut(then)
    found = compared(snapshot(then, bins), snapshot(now, bins), in_model=["order_count"], rule=RULE)
    assert found.features[0].verdict == "drifted"
    assert found.verdict == "score"


def test_too_many_customers_out_of_range_ask_for_a_new_fit() -> None:
    values = np.random.default_rng(2).normal(size=2_000)
    assert measured(values, values, outside=20).verdict == "score"
    found = measured(values, values, outside=200)
    assert found.verdict == "refit"
    assert "10.0% of the customers are beyond the fitted radius" in found.reasons[0]


def test_a_value_on_an_edge_belongs_to_the_bin_below() -> None:
    bins = Bins(values=(), edges=(1.0, 2.0))
    assert bins.count(np.array([1.0, 1.5, 2.0, 2.5, 3.0, np.nan])).tolist() == [1, 2, 2, 1]


def test_chance_has_one_degree_of_freedom_less_than_there_are_bins() -> None:
    # Quantiles 0.999 of chi-squared, from the tables: 10.828 with one degree, 13.816 with two; less their means.
    spread = 1 / 100 + 1 / 50
    assert drift.chance(np.array([60, 40]), np.array([30, 20])) == pytest.approx(9.828 * spread, abs=1e-4)
    three = np.array([50, 30, 20, 0]), np.array([20, 20, 10, 0])  # nobody is in the fourth
    assert drift.chance(*three) == pytest.approx(11.816 * spread, abs=1e-4)


@pytest.mark.parametrize(
    ("outside_now", "verdict"), [(10, "score"), (12, "score"), (21, "score"), (22, "refit")]
)
def test_more_out_of_range_than_the_bound_has_to_be_more_than_chance(outside_now: int, verdict: str) -> None:
    # 45 of 1,000 then. Of 200 now, 21 or more have a chance of .0013 and 22 of .0006 by the beta-binomial distribution.
    bins = drift.cut(np.zeros(1_000))
    then = snapshot(np.zeros(1_000), bins, outside=45)
    now = snapshot(np.zeros(200), bins, outside=outside_now)
    assert compared(then, now, in_model=["total_spend"], rule=RULE).verdict == verdict


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 50), st.integers(0, 400))
def test_chance_is_that_of_the_beta_binomial_distribution(m: int, x: int, a: int, b: int) -> None:
    then = Snapshot(customers=0, features={}, segments={}, outside=0, beyond=(a, b + 1))
    x = min(x, m)
    assert drift.by_chance(x, m, then) == pytest.approx(float(betabinom.sf(x - 1, m, a, b + 1)), abs=1e-9)


def test_many_customers_are_counted_in_proportion() -> None:
    then = Snapshot(customers=0, features={}, segments={}, outside=0, beyond=(11, 990))
    many = drift.by_chance(17_000_000, 1_000_000_000, then)
    assert many == pytest.approx(drift.by_chance(17_000, 1_000_000, then))
    assert many == pytest.approx(float(beta.sf(0.017, 11, 990)), rel=0.01)


def test_an_index_that_is_just_at_its_bound_is_drift() -> None:
    bins = Bins(values=(), edges=(0.0,))

    def of(below: int, above: int) -> Snapshot:
        counts = {"total_spend": np.array([below, above, 0])}
        return Snapshot(customers=below + above, features=counts, segments={1: below, 2: above}, outside=0)

    then, now = of(5_000, 5_000), of(3_000, 7_000)
    index = drift.psi(then.features["total_spend"], now.features["total_spend"])
    assert bins.count(np.array([-1.0, 1.0])).tolist() == [1, 1, 0]
    at, above = (
        compared(then, now, in_model=["total_spend"], rule=job.Drift(max_psi=bound))
        for bound in (index, np.nextafter(index, 1))
    )
    assert (at.features[0].verdict, len(at.reasons), at.verdict) == ("drifted", 2, "refit")
    assert (above.features[0].verdict, above.verdict) == ("shifted", "score")


@given(st.lists(st.integers(0, 500), min_size=2, max_size=12), st.integers(1, 5))
def test_the_index_of_equal_shares_is_small_and_never_negative(counts: list[int], factor: int) -> None:
    then = np.array(counts, dtype=np.int64)
    index = drift.psi(then, then * factor)
    assert index >= 0
    assert drift.psi(then, then) == 0
    assert index <= drift.chance(then, then * factor) or then.sum() == 0
