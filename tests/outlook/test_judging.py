from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from segcore.evaluation.next_period import Estimate
from segcore.outlook import judging


def test_the_area_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    bought = rng.random(200) < 0.3
    score = np.round(bought + rng.normal(size=200), 1)
    assert judging.auc(score, bought).value == pytest.approx(roc_auc_score(bought, score), abs=1e-12)


def test_a_model_has_to_be_better_by_more_than_its_error() -> None:
    simple = Estimate(0.75, 0.5)
    assert judging.ranks_better(Estimate(0.8, 0.03125), simple)
    assert not judging.ranks_better(Estimate(0.78125, 0.03125), simple)


def test_the_season_is_a_ratio_of_odds() -> None:
    # 100 to 200 in the period a year before the last, 100 to 50 in the one after it.
    assert judging.season([{"known": 300, "again": 100}, {"known": 150, "again": 100}]) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "counts",
    [
        None,
        [{"known": 300, "again": 49}, {"known": 150, "again": 100}],
        [{"known": 300, "again": 100}, {"known": 149, "again": 100}],
    ],
)
def test_there_is_no_season_where_too_few_came_or_stayed_away(counts: list[dict[str, int]] | None) -> None:
    assert judging.season(counts) is None


def test_the_top_tenth_by_hand() -> None:
    expected = np.array([*range(19), 100.0])
    revenue = np.array([*[1.0] * 18, 30.0, 52.0])
    assert judging.top_tenth_share(expected, revenue) == pytest.approx(0.82)
    assert judging.top_tenth_share(expected, np.zeros(20)) is None


def test_tenths_by_hand() -> None:
    chance = np.arange(20)[::-1] / 20  # the last two customers are the least likely
    bought = np.array([True, False] * 10)
    revenue = np.where(bought, 3.0, 0.0)
    table = judging.calibration(chance, chance * 2, bought, revenue)
    assert table["customers"].to_list() == [2] * 10
    assert table["chance"].to_list()[0] == pytest.approx(0.025)
    assert table["rate"].to_list() == [0.5] * 10
    assert table["expected"].to_list()[9] == pytest.approx(2 * (0.95 + 0.9))
    assert table["revenue"].to_list() == [3.0] * 10


def test_what_is_not_published_is_said() -> None:
    model, simple = Estimate(0.7512, 0.01), Estimate(0.745, 0.01)
    said = judging.sentence(model, simple, days=90, published=False)
    assert said == (
        "no chance to buy is published: the model ranks customers with AUC 0.751 ± 0.010, their number of orders alone "
        "with 0.745, and it is not better by more than that error"
    )
