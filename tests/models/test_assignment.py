from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.vq import vq
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier

from segcore.models import assignment
from segcore.models.assignment import (
    Assigner,
    NearestCentre,
    NearestNeighbours,
    Posterior,
    assign_each,
    labels_each,
)

KINDS = ("spherical", "diag", "tied", "full")


def blobs(n: int = 400, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)) + rng.integers(0, 3, size=(n, 1)) * 2.0


@cache
def mixture(kind: str, seed: int = 0) -> tuple[GaussianMixture, Posterior]:
    model = GaussianMixture(3, covariance_type=kind, random_state=seed, reg_covar=1e-3).fit(blobs(seed=seed))
    own = Posterior(
        weights=model.weights_, means=model.means_, covariances=model.covariances_, covariance_type=kind
    )
    return model, own


@cache
def one_of_each() -> tuple[Assigner, ...]:
    points = blobs(120, seed=3)
    labels = np.random.default_rng(3).integers(-1, 3, size=len(points)).astype(np.int32)
    return (
        NearestCentre(centres=blobs(4, seed=2)),
        *[mixture(kind)[1] for kind in KINDS],
        NearestNeighbours(points=points, labels=labels, n_neighbors=5),
    )


def test_nearest_centre_by_hand() -> None:
    model = NearestCentre(centres=np.array([[0.0, 0.0], [3.0, 4.0]]))
    labels, confidence = model.assign(np.array([[0.0, 0.0], [1.5, 2.0], [3.0, 3.0], [6.0, 8.0]]))
    assert labels.tolist() == [0, 0, 1, 1]  # the second row is on the border: the first centre has it
    assert confidence == pytest.approx([1.0, 0.0, 1 - 1 / np.sqrt(18), 0.5])
    assert labels.dtype == np.int32
    assert confidence.dtype == np.float32


def test_one_centre_is_certain() -> None:
    labels, confidence = NearestCentre(centres=np.zeros((1, 2))).assign(np.ones((3, 2)))
    assert labels.tolist() == [0, 0, 0]
    assert confidence.tolist() == [1.0, 1.0, 1.0]


def test_two_equal_centres_leave_no_confidence_and_no_nan() -> None:
    labels, confidence = NearestCentre(centres=np.zeros((2, 2))).assign(np.zeros((1, 2)))
    assert (labels.tolist(), confidence.tolist()) == ([0], [0.0])


def test_nearest_centre_is_scipys() -> None:
    centres = blobs(5, seed=9)
    labels, _ = NearestCentre(centres=centres).assign(blobs())
    assert (labels == vq(blobs(), centres)[0]).all()


def test_posterior_by_hand() -> None:
    # Two normals of variance 1 at 0 and 2 with weights 3/4 and 1/4: at 1 the densities are equal.
    model = Posterior(
        weights=np.array([0.75, 0.25]),
        means=np.array([[0.0], [2.0]]),
        covariances=np.array([1.0, 1.0]),
        covariance_type="spherical",
    )
    labels, confidence = model.assign(np.array([[1.0], [1.0 + np.log(3) / 2]]))
    assert labels[0] == 0
    assert confidence == pytest.approx([0.75, 0.5])


@pytest.mark.parametrize("kind", KINDS)
def test_posterior_is_scikit_learns(kind: str) -> None:
    theirs, own = mixture(kind)
    X = np.vstack([blobs(seed=7), [[1e4, -1e4, 0.0]]])  # and one far beyond every component
    labels, confidence = own.assign(X)
    probabilities = theirs.predict_proba(X)
    assert (labels == probabilities.argmax(axis=1)).all()
    assert confidence == pytest.approx(probabilities.max(axis=1), rel=1e-6)


def test_neighbours_by_hand() -> None:
    model = NearestNeighbours(
        points=np.array([[0.0], [1.0], [2.0], [10.0], [11.0]]),
        labels=np.array([0, 1, 1, 2, -1], dtype=np.int32),
        n_neighbors=3,
    )
    labels, confidence = model.assign(np.array([[0.4], [0.0], [30.0]]))
    # 0, 1 and 2 vote 0 1 1; the row that is a point keeps its own label; 30 has three votes, all different
    assert labels.tolist() == [1, 0, -1]
    assert confidence == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert model.n_clusters == 3


def test_fewer_points_than_neighbours() -> None:
    model = NearestNeighbours(points=np.zeros((2, 1)), labels=np.zeros(2, dtype=np.int32), n_neighbors=15)
    labels, confidence = model.assign(np.ones((2, 1)))
    assert (labels.tolist(), confidence.tolist()) == ([0, 0], [1.0, 1.0])


def test_neighbours_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    points, labels = blobs(300, seed=1), rng.integers(0, 3, size=300).astype(np.int32)
    own, share = NearestNeighbours(points=points, labels=labels, n_neighbors=15).assign(blobs())
    theirs = KNeighborsClassifier(15).fit(points, labels)
    assert (own == theirs.predict(blobs())).all()
    assert share == pytest.approx(theirs.predict_proba(blobs()).max(axis=1))


def test_labelled_rows_keep_their_labels() -> None:
    points = blobs(200, seed=5)
    labels = np.random.default_rng(5).integers(-1, 4, size=200).astype(np.int32)
    model = NearestNeighbours(points=points, labels=labels, n_neighbors=15)
    for rows in (points, points.astype(np.float32)):  # of higher precision, and as the matrix has them
        own, _ = model.assign(rows)
        assert (own == labels).all()


@given(cuts=st.lists(st.integers(0, 400), max_size=6), width=st.sampled_from([np.float32, np.float64]))
@pytest.mark.parametrize("which", range(6))
def test_a_row_is_labelled_the_same_in_every_block(
    which: int, cuts: list[int], width: type[np.floating[Any]]
) -> None:
    model = one_of_each()[which]
    X = np.asarray(blobs(seed=8), dtype=width)
    whole = model.assign(X)
    edges = [0, *sorted(cuts), len(X)]
    parts = [model.assign(X[a:b]) for a, b in pairwise(edges)]
    for place in (0, 1):
        assert np.concatenate([part[place] for part in parts]).tobytes() == whole[place].tobytes()


@pytest.mark.parametrize("which", range(6))
def test_chunks_do_not_show(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, X = one_of_each()[which], blobs()
    whole = model.assign(X)
    monkeypatch.setattr(assignment, "CHUNK_ROWS", 7)
    small = model.assign(X)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(whole, small, strict=True))


@pytest.mark.parametrize("which", range(6))
def test_confidence_is_a_share_and_labels_are_known(which: int) -> None:
    model = one_of_each()[which]
    labels, confidence = model.assign(blobs())
    assert labels.min() >= -1
    assert labels.max() < model.n_clusters
    assert confidence.min() >= 0
    assert confidence.max() <= 1


def test_no_rows_no_labels() -> None:
    for model in one_of_each():
        labels, confidence = model.assign(np.empty((0, 3)))
        assert (labels.shape, confidence.shape) == ((0,), (0,))


def test_together_is_one_by_one() -> None:
    voter = one_of_each()[-1]
    assert isinstance(voter, NearestNeighbours)
    models = [
        *one_of_each(),
        NearestNeighbours(points=voter.points, labels=(voter.labels + 2) % 3, n_neighbors=5),
        NearestNeighbours(points=voter.points, labels=voter.labels, n_neighbors=9),
    ]
    together = assign_each(models, blobs())
    alone = labels_each(models, blobs())
    for model, (labels, confidence), without in zip(models, together, alone, strict=True):
        assert (without == labels).all()
        own_labels, own_confidence = model.assign(blobs())
        assert (labels == own_labels).all()
        assert (confidence == own_confidence).all()
