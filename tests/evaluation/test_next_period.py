from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from segcore.evaluation import next_period
from segcore.evaluation.next_period import GroupSums, group_sums


def of_counts(customers: list[int], buyers: list[int]) -> GroupSums:
    """Sums of groups of which only the buyers are of interest: everybody spent 1."""
    n, n1 = np.array(customers, dtype=float), np.array(buyers, dtype=float)
    logs = np.log(2.0)
    return GroupSums(
        customers=n, buyers=n1, revenue=n1, squares=n1, log_revenue=n1 * logs, log_squares=n1 * logs**2
    )


def test_rates_and_auc_of_four_groups_by_hand() -> None:
    sums = of_counts([10, 20], [8, 5])
    rate, error = next_period.rates(sums)
    assert rate == pytest.approx([0.8, 0.25])
    assert error == pytest.approx([np.sqrt(0.8 * 0.2 / 10), np.sqrt(0.25 * 0.75 / 20)])
    # 8 buyers stand above 15 others and level with 2; 5 are level with 15 and below 2.
    assert next_period.auc(sums).value == pytest.approx((8 * (15 + 1) + 5 * 7.5) / (13 * 17))


def test_auc_of_published_counts() -> None:
    # Counts and figures of an independent analysis of a year of an online shop.
    area, error = next_period.auc(of_counts([620, 943, 941, 870], [553, 647, 391, 325]))
    assert area == pytest.approx(0.7164, abs=5e-5)
    assert error == pytest.approx(0.0084, abs=5e-5)


def test_groups_are_ranked_by_a_given_score_and_equal_scores_are_ties() -> None:
    sums = of_counts([10, 20, 30], [8, 5, 15])
    upside_down = next_period.auc(sums, np.array([0.1, 0.9, 0.5]))
    assert upside_down.value < 0.5 < next_period.auc(sums).value
    tied = next_period.auc(sums, np.array([1.0, 1.0, 1.0]))
    assert tied == pytest.approx((0.5, 0.0))


def test_no_area_where_everybody_or_nobody_bought() -> None:
    assert np.isnan(next_period.auc(of_counts([3, 4], [3, 4])).value)
    assert np.isnan(next_period.auc(of_counts([3, 4], [0, 0])).value)


def test_revenue_shares_by_hand() -> None:
    # 4 + 2 against 0 + 2: shares of 3/4 and 1/4.
    sums = group_sums(
        np.array([0, 0, 1, 1], dtype=np.int32),
        np.array([True, True, False, True]),
        np.array([4.0, 2.0, 0.0, 2.0]),
        2,
    )
    share, error = next_period.revenue_shares(sums)
    assert share == pytest.approx([0.75, 0.25])
    assert error == pytest.approx([np.sqrt(0.25**2 * 20 + 0.75**2 * 4) / 8] * 2)


def test_a_customer_who_sent_back_more_than_was_bought_counts_as_none_in_logs_and_whole_in_money() -> None:
    sums = group_sums(np.array([0, 0], dtype=np.int32), np.array([True, True]), np.array([-5.0, 9.0]), 1)
    assert sums.revenue[0] == 4
    assert sums.log_revenue[0] == pytest.approx(np.log(10))


customers = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.floats(-50, 1000)), min_size=12, max_size=60
)


@given(customers)
def test_sums_add_up_and_figures_equal_those_of_single_customers(rows: list[tuple[int, bool, float]]) -> None:
    groups = np.array([g for g, _, _ in rows], dtype=np.int32)
    bought = np.array([b for _, b, _ in rows])
    revenue = np.array([r for _, _, r in rows])
    half = len(rows) // 2
    whole = group_sums(groups, bought, revenue, 5)
    parts = group_sums(groups[:half], bought[:half], revenue[:half], 5) + group_sums(
        groups[half:], bought[half:], revenue[half:], 5
    )
    assert np.allclose(whole.revenue, parts.revenue)
    assert np.array_equal(whole.buyers, parts.buyers)
    if bought.any() and not bought.all():
        score = next_period.rates(whole)[0][groups]
        assert next_period.auc(whole).value == pytest.approx(roc_auc_score(bought, score))
    logs = np.log1p(np.maximum(revenue, 0))
    there = [logs[groups == g] for g in np.unique(groups)]
    if np.ptp(logs) > 0 and 1 < len(there) < len(rows):
        within = sum(((part - part.mean()) ** 2).sum() for part in there)
        eta = 1 - within / ((logs - logs.mean()) ** 2).sum()
        n, k = len(rows), len(there)
        expected = 1 - (n - 1) / (n - k) * (1 - eta)
        assert next_period.log_revenue_explained(whole) == pytest.approx(expected, abs=1e-9)


def test_the_error_of_the_area_covers_what_new_customers_give() -> None:
    rng = np.random.default_rng(5)
    probability = np.array([0.8, 0.5, 0.2])
    hits = 0
    for _ in range(300):
        drawn = of_counts([60, 80, 100], list(rng.binomial([60, 80, 100], probability)))
        area, error = next_period.auc(drawn, probability)
        hits += abs(area - weighted(probability, [60, 80, 100])) < 1.96 * error
    assert 0.91 <= hits / 300 <= 0.985


def weighted(probability: np.ndarray, customers: list[int]) -> float:
    scale = 10**5
    return next_period.auc(
        of_counts(
            [n * scale for n in customers],
            [int(n * scale * p) for n, p in zip(customers, probability, strict=True)],
        )
    ).value
