from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from segcore import job
from segcore.evaluation import halving, sequential, stability
from segcore.evaluation.refit import ModelSpec, Refit, refit, refit_each
from segcore.evaluation.stability import Stability
from segcore.models import CandidateKey
from segcore.models.assignment import NearestCentre
from tests.evaluation.conftest import blobs

BRIEF = job.Stability(splits=18, resamples=12)
RULE = job.Selection()
FAMILIES = [
    ("kmeans", ""),
    *[("mixture", variant) for variant in ("spherical", "diag", "tied", "full")],
    *[("hierarchical", variant) for variant in ("ward", "complete", "average")],
]


def measure(
    X: Any, keys: Sequence[CandidateKey], n_jobs: int = 1, rule: job.Selection = RULE, **changes: Any
) -> dict[Any, Stability]:
    labels = {}
    for family, variant, k in keys:
        fits = refit(ModelSpec(family=family, variant=variant), X, [k], 0)
        labels[family, variant, k] = fits[k].labels if k in fits else np.zeros(len(X), dtype=np.int32)
    settings = BRIEF.model_copy(update=changes)
    return stability.measure(X, labels, job.Models(), settings, rule, seed=0, n_jobs=n_jobs)


@pytest.mark.parametrize(("family", "variant"), FAMILIES)
def test_clusters_far_apart_are_perfectly_stable_and_settled_early(family: str, variant: str) -> None:
    found = measure(blobs()[0], [(family, variant, 3)])[family, variant, 3]
    assert found == Stability(
        prediction_strength=1.0,
        prediction_strength_se=0.0,
        prediction_strength_mc=0.0,
        n_splits=12,
        jaccard=(1.0, 1.0, 1.0),
        jaccard_min=1.0,
        jaccard_se=0.0,
        n_resamples=12,
    )


def test_more_segments_than_there_are_do_not_hold() -> None:
    found = measure(blobs()[0], [("kmeans", "", 3), ("kmeans", "", 5)])
    unstable = found["kmeans", "", 5]
    assert unstable.prediction_strength is not None
    assert unstable.prediction_strength < 0.8
    assert (unstable.jaccard, unstable.jaccard_min, unstable.n_resamples) == (None, None, 0)
    assert list(found) == [("kmeans", "", 3), ("kmeans", "", 5)]


def test_neither_the_number_of_processes_nor_the_company_matters() -> None:
    X, _ = blobs(apart=2.5)
    keys = [
        ("kmeans", "", 2),
        ("hierarchical", "ward", 2),
        ("hierarchical", "ward", 3),
        ("mixture", "diag", 3),
        ("mixture", "full", 3),
    ]
    together = measure(X, keys)
    assert measure(X, keys, n_jobs=2) == together
    for key in keys:  # trees and mixtures share work with others
        assert measure(X, [key]) == {key: together[key]}


def test_nothing_is_measured_when_it_is_off() -> None:
    X, _ = blobs()
    assert measure(X, [("kmeans", "", 3)], splits=0) == {("kmeans", "", 3): Stability()}
    half = measure(X, [("kmeans", "", 3)], resamples=0)["kmeans", "", 3]
    assert (half.prediction_strength, half.jaccard_min) == (1.0, None)


def test_progress_is_told() -> None:
    X, labels = blobs()
    told: list[tuple[int, int, str]] = []
    stability.measure(
        X,
        {("kmeans", "", 3): labels, ("hierarchical", "ward", 3): labels},
        job.Models(),
        BRIEF,
        job.Selection(),
        seed=0,
        n_jobs=1,
        progress=lambda *step: told.append(step),
    )
    assert told == [(1, 2, "hierarchical ward"), (2, 2, "kmeans k=3")]


def _least_kept_together(own: Any, other: Any) -> float:
    """Return the least share, over the clusters of `own`, of pairs of rows that `other` keeps together."""
    shares = []
    for cluster in np.unique(own):
        pairs = list(combinations(np.flatnonzero(own == cluster), 2))
        shares.append(sum(other[i] == other[j] for i, j in pairs) / len(pairs))
    return float(min(shares))


def test_each_half_is_judged_by_its_own_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    # The halves of 0..20 are cut in two at different places, so that each splits a cluster of the other.
    X, two, borders = np.arange(21.0)[:, None], (ModelSpec(family="kmeans"), 2), (5.5, 12.5)
    halves: list[Any] = []

    def fit(candidates: Sequence[Any], half: Any, random_state: int) -> dict[Any, Refit]:
        border = borders[len(halves)]
        halves.append(half[:, 0])
        assigner = NearestCentre(centres=np.array([[border - 1], [border + 1]]))
        return {two: Refit(labels=assigner.assign(half)[0], assigner=assigner)}

    monkeypatch.setattr(halving, "refit_each", fit)
    strength = halving.split_strength([two], X, seed=0, number=0)[two]
    assert sorted(np.concatenate(halves)) == list(range(21))
    (first, second_of_first), (first_of_second, second) = ([half > b for b in borders] for half in halves)
    own = _least_kept_together(first, second_of_first) + _least_kept_together(second, first_of_second)
    swapped = _least_kept_together(second_of_first, first) + _least_kept_together(first_of_second, second)
    assert strength == pytest.approx(own / 2)
    assert own != pytest.approx(swapped)


def test_a_row_that_is_drawn_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = blobs()
    seen: list[Any] = []

    def fit(candidates: Any, drawn: Any, random_state: int) -> dict[Any, Refit]:
        seen.append(drawn)
        return refit_each(candidates, drawn, random_state)

    monkeypatch.setattr(halving, "refit_each", fit)
    three = ModelSpec(family="kmeans"), 3
    assert halving.resample_jaccards({three: labels}, X, seed=0, number=0)[three].tolist() == [1, 1, 1]
    (drawn,) = seen
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    assert 0.55 * len(X) < len(drawn) < 0.7 * len(X)  # 1 - 1/e of them


@pytest.mark.parametrize(
    ("leeway", "errors_below", "is_measured"), [(0.01, 1.95, True), (0.0, 1.9, True), (0.0, 2.1, False)]
)
def test_the_jaccard_is_measured_unless_the_strength_is_clearly_below_the_bar_less_the_leeway(
    leeway: float, errors_below: float, is_measured: bool
) -> None:
    X, _ = blobs(apart=2.0)
    keys = [("kmeans", "", 4)]

    def found(bar: float, leeway: float) -> Any:
        rule = job.Selection(min_prediction_strength=bar, leeway=leeway)
        return measure(X, keys, rule=rule, splits=6, resamples=6, min_splits=6)[keys[0]]

    one = found(0.8, 0.0)
    near = found(one.prediction_strength + 0.05, 0.0)
    error = near.prediction_strength_se
    assert 0 < 2.1 * error < stability.NEAR
    own = found(near.prediction_strength + leeway + errors_below * error, leeway)
    assert (own.prediction_strength, own.prediction_strength_se) == (one.prediction_strength, error)
    assert (own.jaccard_min is not None) == is_measured


def test_a_strength_that_is_just_at_the_lenient_bar_is_within_the_leeway() -> None:
    found = measure(blobs()[0], [("kmeans", "", 3)], rule=job.Selection(min_prediction_strength=1, leeway=0))
    assert found["kmeans", "", 3].prediction_strength == 1
    assert found["kmeans", "", 3].n_resamples == 12


def _draws(values: Iterator[float]) -> sequential.Draw:
    return lambda number, ks: {k: np.array([next(values)]) for k in ks}


@pytest.mark.parametrize(("step", "expected"), [(0.05, 12), (0.013, 18), (0.0, 50)])
def test_drawing_stops_at_the_first_look_that_is_clear(step: float, expected: int) -> None:
    # Around 0.8 + step with a standard deviation of 0.05 / 3: the error after n draws is 0.0167 / sqrt(n).
    noise = np.tile([-0.05 / 3, 0.05 / 3], 30)
    error = 0.05 / 3 / np.sqrt(11)
    values = iter(0.8 + (step and 3.2 * error * np.sqrt(12 / expected)) + noise)
    four = ModelSpec(family="kmeans"), 4
    found = sequential.until_clear(_draws(values), [four], 0.8, 50, 12)
    assert len(found[four]) == expected


@pytest.mark.parametrize(
    ("X", "k"),
    [
        (np.zeros((40, 2)), 2),
        (np.zeros((1, 2)), 2),
        (np.zeros((3, 2)), 3),
        (np.repeat(np.eye(2), 10, axis=0), 3),
        (np.concatenate([np.zeros((39, 2)), [[1e6, 1e6]]]), 2),
    ],
)
@pytest.mark.parametrize(("family", "variant"), FAMILIES)
def test_hostile_rows_score_0_or_something_sensible(X: Any, k: int, family: str, variant: str) -> None:
    found = measure(X, [(family, variant, k)], splits=4, min_splits=2)[family, variant, k]
    assert found.prediction_strength is not None
    assert 0 <= found.prediction_strength <= 1
    assert found.jaccard_min is None or 0 <= found.jaccard_min <= 1


def test_the_real_customers_give_the_independent_figures(retail_matrix: Any, oracle: Path) -> None:
    """Within three standard errors; those of the cheap families, so that it takes seconds."""
    keys = [("kmeans", "", k) for k in (2, 3, 4, 5, 6)] + [
        ("mixture", "spherical", 2),
        ("mixture", "diag", 2),
    ]
    found = measure(retail_matrix, keys, splits=50, resamples=30)
    expected = pl.read_csv(oracle / "stability.csv")
    for (family, variant, k), result in found.items():
        name = f"gmm_{variant}" if family == "mixture" else family
        row = expected.row(by_predicate=(pl.col("family") == name) & (pl.col("k") == k), named=True)
        assert result.prediction_strength is not None
        # The spread of a split is known best from all 50 of the other analysis.
        spread = row["se"] * np.sqrt(50)
        error = np.hypot(row["se"], spread / np.sqrt(result.n_splits))
        assert abs(result.prediction_strength - row["ps"]) <= 3 * error, (family, variant, k)
        passes = result.prediction_strength >= 0.8 and (result.jaccard_min or 0) >= 0.75
        assert passes == row["adm"], (family, variant, k)
