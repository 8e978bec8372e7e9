from __future__ import annotations

import numpy as np
import pytest

from segcore.evaluation import calibration
from segcore.evaluation.calibration import Bars, reaches
from segcore.evaluation.refit import ModelSpec
from tests.evaluation.conftest import blobs

BARS = Bars(min_share=0.05, min_prediction_strength=0.8, min_jaccard=0.75)
KMEANS = ModelSpec(family="kmeans")


def test_planted_clusters_pass_and_finer_cuts_do_not() -> None:
    X, _ = blobs(n=300, k=3)
    assert reaches([(KMEANS, 3)], X, BARS, seed=0)
    assert not reaches([(KMEANS, 4), (KMEANS, 5)], X, BARS, seed=0)
    # One of several is enough, in whatever place.
    assert reaches([(KMEANS, 4), (KMEANS, 3)], X, BARS, seed=0)


@pytest.mark.parametrize(
    "bars",
    [
        Bars(min_share=0.34, min_prediction_strength=0.8, min_jaccard=0.75),
        Bars(min_share=0.05, min_prediction_strength=1.01, min_jaccard=0.75),
        Bars(min_share=0.05, min_prediction_strength=0.8, min_jaccard=1.01),
    ],
)
def test_each_bar_rules_out(bars: Bars) -> None:
    X, _ = blobs(n=300, k=3)
    assert not reaches([(KMEANS, 3)], X, bars, seed=0)


def test_a_cloud_gets_no_further_with_few_rows() -> None:
    X = np.random.default_rng(3).normal(size=(200, 5))
    assert not reaches([(KMEANS, k) for k in (4, 5, 6)], X, BARS, seed=0)


def test_it_is_looked_after_19_copies_and_every_20_more() -> None:
    done, looks = 0, []
    while done < 99:
        done = calibration.next_look(done, 99)
        looks.append(done)
    assert looks == [19, 39, 59, 79, 99]
    assert calibration.next_look(0, 5) == 5


def test_clear_is_at_a_twentieth_and_at_a_fifth() -> None:
    assert calibration.p_value(0, 19) == 0.05
    assert calibration.clear(0, 19)
    assert not calibration.clear(1, 19)
    assert not calibration.clear(2, 19)
    assert calibration.clear(3, 19)
