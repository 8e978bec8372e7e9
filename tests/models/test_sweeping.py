from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from segcore import errors, job
from segcore.models import sweeping
from segcore.models.assignment import assign_each
from segcore.models.candidate import Sweep

EVERY = ["kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"]


def models(**changes: object) -> job.Models:
    return job.Models.model_validate(
        {"families": EVERY, "k_max": 5, "restarts": 5, "mixture_restarts": 2} | changes
    )


def sweep(X: np.ndarray, settings: job.Models | None = None, **more: Any) -> Sweep:
    X = X.astype(np.float32)
    n_sample = (settings or models()).sample
    return sweeping.sweep(da.from_array(X, chunks=(200, -1)), X[:n_sample], settings or models(), 0, **more)


def standardised(X: np.ndarray) -> np.ndarray:
    scale = X.std(axis=0)
    return np.asarray((X - X.mean(axis=0)) / np.where(scale > 0, scale, 1))


def blobs(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    X, truth = make_blobs(n, centers=4, n_features=3, cluster_std=0.3, random_state=0)
    return standardised(X), truth


def test_every_family_finds_what_is_well_separated() -> None:
    X, truth = blobs()
    found = sweep(X).candidates
    assert {c.name for c in found} == {
        "kmeans",
        *(f"hierarchical-{name}" for name in ("ward", "complete", "average")),
        *(f"mixture-{name}" for name in ("spherical", "diag", "tied", "full")),
        "dbscan",
        "hdbscan",
        "spectral",
    }
    for each, (labels, _) in zip(found, assign_each([c.assigner for c in found], X), strict=True):
        if each.k == 4:
            held = labels >= 0
            assert held.mean() > 0.9, each.name
            assert adjusted_rand_score(truth[held], labels[held]) == 1, each.name
    assert sum(each.k == 4 for each in found) == 11


def test_candidates_come_in_the_jobs_order_and_once() -> None:
    found = sweep(blobs()[0]).candidates
    keys = [c.key for c in found]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys, key=lambda key: EVERY.index(key[0]))
    assert [c.k for c in found if c.family == "kmeans"] == [2, 3, 4, 5]
    assert [c.variant for c in found if c.family == "hierarchical"][::4] == ["ward", "complete", "average"]


def test_what_each_family_tells() -> None:
    result = sweep(blobs()[0])
    for each in result.candidates:
        assert each.selectable == (each.family not in ("dbscan", "hdbscan"))
        assert (each.bic is not None) == (each.icl is not None) == (each.family == "mixture")
        assert (each.inertia_start is not None) == (each.family == "kmeans")
        assert each.seconds > 0
        assert 0 <= each.noise_share < 1
    assert set(result.kmeans) == {2, 3, 4, 5}
    assert {name: Z.shape for name, Z in result.trees.items()} == dict.fromkeys(
        ("ward", "complete", "average"), (499, 4)
    )
    assert result.notes == []


def test_threads_do_not_show() -> None:
    X = np.random.default_rng(3).normal(size=(400, 4))
    one, two = (sweep(X, n_jobs=n).candidates for n in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert (a.key, a.bic, a.icl, a.inertia_start, a.n_iter, a.note) == (
            b.key,
            b.bic,
            b.icl,
            b.inertia_start,
            b.n_iter,
            b.note,
        )
    for (a_labels, a_share), (b_labels, b_share) in zip(
        assign_each([c.assigner for c in one], X), assign_each([c.assigner for c in two], X), strict=True
    ):
        assert (a_labels == b_labels).all()
        assert (a_share == b_share).all()


def test_progress_counts_every_fit() -> None:
    told: list[tuple[int, int]] = []
    sweep(blobs()[0], progress=lambda done, total, name: told.append((done, total)))
    total = 4 + 1 + 16 + 4 + 2  # K-Means, one task for the trees, mixtures, spectral, density
    assert told == [(done, total) for done in range(1, total + 1)]


def test_samples_are_the_first_rows() -> None:
    X = blobs()[0]
    result = sweep(X, models(sample=200, tree_sample=50))
    assert result.trees["ward"].shape == (49, 4)
    for each in result.candidates:
        if each.family == "hierarchical":
            assert (each.assigner.points == X[:50].astype(np.float32)).all()  # type: ignore[union-attr]
    assert result.kmeans[4].counts.sum() == 500  # K-Means goes on to everybody


def test_previous_centres_are_a_start_of_their_own_k() -> None:
    X = np.random.default_rng(5).normal(size=(500, 4))
    settings = models(families=["kmeans"], k_min=5, restarts=1)
    best = sweep(X, models(families=["kmeans"], k_min=5, restarts=40)).kmeans[5]
    again = sweep(X, settings, starts={5: [best.centres]}).kmeans[5]
    assert again.inertia == pytest.approx(best.inertia)
    assert sweep(X, settings).kmeans[5].inertia > best.inertia * (1 + 1e-6)


@pytest.mark.parametrize(("tolerance", "stays"), [(0.01, True), (0.005, False)])
def test_previous_centres_stay_within_the_tolerance(tolerance: float, stays: bool) -> None:
    # 50 at 1 go to 100 at 0, or to 102 at 2 with a sum of squares that is larger by 0.7%: both are optima.
    X = np.repeat([0.0, 1.0, 2.0], [100, 50, 102])[:, None]
    settings = models(families=["kmeans"], k_max=2, restarts=20)
    found = sweep(X, settings, starts={2: [np.array([[0.0], [1.7]])]}, tolerance=tolerance).kmeans[2]
    assert sorted(found.counts) == ([100, 152] if stays else [102, 150])


def test_all_customers_equal_is_one_clear_line() -> None:
    with pytest.raises(
        errors.DataError, match="50 customers have no more than 1 different rows of features, expected"
    ):
        sweep(np.zeros((50, 3)))


def test_two_distinct_customers_make_two_segments() -> None:
    result = sweep(np.repeat([[-1.0, 1.0], [1.0, -1.0]], 30, axis=0))
    assert {c.k for c in result.candidates} == {2}
    assert result.notes == ["k above 2 is left out: the sample has 2 different rows of features"]


def test_the_tree_sample_may_hold_fewer_distinct_rows() -> None:
    X = np.vstack([np.repeat([[0.0], [1.0]], 10, axis=0), np.arange(40.0).reshape(-1, 1)])
    result = sweep(X, models(families=["kmeans", "hierarchical"], tree_sample=20))
    assert max(c.k for c in result.candidates if c.family == "hierarchical") == 2
    assert result.notes == [
        "trees and spectral clustering leave out k above 2: their sample has 2 different rows of features"
    ]


def test_spectral_needs_more_rows_than_segments() -> None:
    result = sweep(np.arange(6.0).reshape(3, 2), models(families=["kmeans", "spectral"], k_max=3))
    assert [c.key for c in result.candidates] == [("kmeans", "", 2), ("kmeans", "", 3), ("spectral", "", 2)]
    assert result.notes == ["spectral with k = 3 is left out: it needs more rows than segments, not 3"]


def hostile() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(300, 4))
    outlier, constant = normal.copy(), normal.copy()
    outlier[7], constant[:, 1] = 1e9, 0
    return {
        "one enormous outlier": standardised(outlier),
        "an outlier on the raw scale": outlier,
        "a constant column": standardised(constant),
        "correlated columns": np.repeat(normal[:, :1], 4, axis=1),
        "thirty rows": normal[:30],
        "twelve rows": normal[:12],
        "heavy ties": standardised(rng.integers(0, 3, size=(500, 3)).astype(float)),
        "one column of ties": standardised(rng.integers(0, 12, size=(500, 1)).astype(float)),
        "most rows equal": np.vstack([np.zeros((400, 4)), rng.normal(size=(100, 4))]),
        "far groups": standardised(np.vstack([normal[:60] * 1e-3 + 50 * row for row in normal[:6]])),
    }


@pytest.mark.parametrize("shape", hostile())
def test_hostile_shapes_end_sensibly(shape: str) -> None:
    X = hostile()[shape]
    result = sweep(X)
    assert {c.family for c in result.candidates} == set(EVERY)
    found = result.candidates
    for each, (labels, confidence) in zip(found, assign_each([c.assigner for c in found], X), strict=True):
        assert labels.min() >= -1
        assert labels.max() < max(each.k, 1)
        assert np.isfinite(confidence).all()
        assert np.isfinite([each.bic or 0, each.icl or 0, each.inertia_start or 0]).all()
        if each.family in ("kmeans", "hierarchical"):
            assert len(set(labels)) == each.k
    assert all("left out: a component's covariance cannot be inverted" in note for note in result.notes)
