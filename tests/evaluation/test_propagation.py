from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcore import job
from segcore.evaluation import propagation
from segcore.evaluation.agreement import adjusted_rand
from segcore.evaluation.refit import ModelSpec, refit
from segcore.models.assignment import NearestCentre, NearestNeighbours
from segcore.models.candidate import Candidate
from tests.evaluation.conftest import blobs

SETTINGS = job.Models()
NAMES = [
    ("kmeans", ""),
    ("mixture", "full"),
    ("hierarchical", "ward"),
    ("spectral", ""),
    ("dbscan", ""),
    ("hdbscan", ""),
]


def candidate(family: str, variant: str, X: Any, labels: Any, k: int = 3) -> Candidate:
    if family in ("kmeans", "mixture"):
        assigner = refit(ModelSpec(family=family, variant=variant), X, [k], 0)[k].assigner
    else:
        assigner = NearestNeighbours(points=X, labels=labels, n_neighbors=15)
    return Candidate(family=family, variant=variant, k=k, assigner=assigner, seconds=0.0)


@pytest.mark.parametrize(("family", "variant"), NAMES)
def test_clusters_far_apart_are_carried_and_do_not_move(family: str, variant: str) -> None:
    X, labels = blobs(n=450)
    found = propagation.quality([candidate(family, variant, X, labels)], X, SETTINGS, seed=0)[0]
    assert (found.sample_stability_ari, found.sample_stability_se) == (1, 0)
    assert found.sample_stability_rows == 150
    assert found.propagation_ari == (None if family in ("kmeans", "mixture") else 1)


def test_carry_by_hand() -> None:
    # With one neighbour, each point of a pair gets its partner's label: 20 pairs, half of them mixed.
    points = np.repeat(np.arange(20.0), 2)[:, None] * 10 + np.tile([0.0, 1.0], 20)[:, None]
    labels = np.where(np.arange(40) < 20, np.arange(40) % 2, np.arange(40) // 2 % 2).astype(np.int32)
    assigner = NearestNeighbours(points=points, labels=labels, n_neighbors=1)
    found = propagation.propagation_ari(assigner, seed=0)
    folds = np.random.default_rng(0).permutation(40) % 5
    expected = []
    for i in range(40):
        others = np.flatnonzero(folds != folds[i])
        expected.append(labels[others[np.abs(points[others, 0] - points[i, 0]).argmin()]])
    assert found == pytest.approx(adjusted_rand(labels, np.array(expected)))
    assert found is not None
    assert found < 0.5


def test_labels_at_random_are_not_carried() -> None:
    rng = np.random.default_rng(0)
    assigner = NearestNeighbours(
        points=rng.normal(size=(600, 3)), labels=rng.integers(3, size=600, dtype=np.int32), n_neighbors=15
    )
    assert propagation.propagation_ari(assigner, seed=0) == pytest.approx(0, abs=0.03)


def test_an_unstable_model_moves() -> None:
    X = np.random.default_rng(0).normal(size=(600, 3))
    found = propagation.sample_stability_ari(candidate("kmeans", "", X, None, k=6), X, SETTINGS, seed=0)
    assert found is not None
    assert 0 < found < 0.9


def test_the_figure_is_the_mean_of_five_splits_with_its_error() -> None:
    X = np.random.default_rng(0).normal(size=(600, 3))
    asked = candidate("kmeans", "", X, None, k=6)
    splits = [propagation.sample_stability_ari(asked, X, SETTINGS, seed=4, number=n) for n in range(5)]
    (found,) = propagation.quality([asked], X, SETTINGS, seed=4)
    known = np.array(splits, dtype=float)
    assert len(set(splits)) == 5
    assert found.sample_stability_ari == pytest.approx(known.mean())
    assert found.sample_stability_se == pytest.approx(known.std(ddof=1) / np.sqrt(5))


@pytest.mark.parametrize(("in_one", "trivial"), [(98, False), (99, True), (100, True)])
def test_a_partition_with_nearly_all_in_one_segment_has_no_figure(in_one: int, trivial: bool) -> None:
    X = np.zeros((300, 1))
    X[::3] = 5  # the third set has both kinds, a hundred rows
    labels = np.repeat([0, 1], [in_one, 100 - in_one]).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NearestCentre, "assign", lambda self, rows: (labels, None))
        found = propagation.sample_stability_ari(candidate("kmeans", "", X, None, k=2), X, SETTINGS, seed=0)
    assert found == (None if trivial else 1)


def test_the_samples_are_limited_and_company_does_not_matter() -> None:
    X, labels = blobs(n=900, apart=2.0)
    settings = SETTINGS.model_copy(update={"tree_sample": 100})
    models = [candidate(family, variant, X[:100], labels[:100]) for family, variant in NAMES]
    together = propagation.quality(models, X, settings, seed=3)
    assert together == [propagation.quality([m], X, settings, seed=3)[0] for m in models]
    assert {found.sample_stability_rows for found in together} == {100}


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_two_fits_have_seeds_and_samples_of_their_own(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.arange(90.0)[:, None]
    seen: list[tuple[set[float], int]] = []

    def fit(model: ModelSpec, sample: Any, ks: list[int], random_state: int) -> Any:
        seen.append((set(sample[:, 0]), random_state))
        return refit(model, sample, ks, random_state)

    monkeypatch.setattr(propagation, "refit", fit)
    propagation.sample_stability_ari(candidate("kmeans", "", X, None), X, SETTINGS, seed=seed)
    (first, one), (second, other) = seen
    assert one != other
    assert 0 <= other < 2**32
    assert not first & second
    assert len(first) == len(second) == 30


@pytest.mark.parametrize(
    "X", [np.zeros((30, 2)), np.zeros((4, 2)), np.zeros((1, 2)), np.repeat(np.eye(2), 9, axis=0)]
)
@pytest.mark.parametrize(("family", "variant"), NAMES[2:])
def test_hostile_rows_end_in_numbers_or_none(X: Any, family: str, variant: str) -> None:
    labels = np.zeros(len(X), dtype=np.int32)
    found = propagation.quality([candidate(family, variant, X, labels, k=2)], X, SETTINGS, seed=0)[0]
    assert found.propagation_ari is None or np.isfinite(found.propagation_ari)
    assert found.sample_stability_ari is None or np.isfinite(found.sample_stability_ari)


def test_centres_have_nothing_to_carry() -> None:
    assert propagation.propagation_ari(NearestCentre(centres=np.eye(2)), seed=0) is None
