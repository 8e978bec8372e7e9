from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score

from segcore.evaluation import silhouette


def data(seed: int, n: int = 300, d: int = 3, k: int = 4, apart: float = 1.5) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    return rng.normal(size=(n, d)) + apart * labels[:, None], labels


def one(X: Any, labels: Any) -> tuple[float, float]:
    value, error = silhouette.silhouettes(X, [np.asarray(labels)])[0]
    assert value is not None
    assert error is not None
    return value, error


def test_four_points_by_hand() -> None:
    # {0, 1} and {4, 6} on a line: within 1, 1, 2, 2 and between 5, 4, 3.5, 5.5.
    value, _ = one(np.array([[0.0], [1.0], [4.0], [6.0]]), [0, 0, 1, 1])
    assert value == pytest.approx(((1 - 1 / 5) + (1 - 1 / 4) + (1 - 2 / 3.5) + (1 - 2 / 5.5)) / 4)


@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=20, deadline=None)
def test_equal_to_scikit_learn(seed: int, k: int, dtype: Any) -> None:
    X, labels = data(seed, k=k)
    X = X.astype(dtype).astype(np.float64)
    assert one(X, labels)[0] == pytest.approx(silhouette_score(X, labels), abs=1e-9)


def test_equal_to_scikit_learn_over_several_chunks_and_labelings() -> None:
    X, labels = data(1, n=2 * silhouette.CHUNK_ROWS + 17)
    labelings = [labels, labels % 2, np.where(labels == 3, 9, labels)]
    for (value, _), own in zip(silhouette.silhouettes(X, labelings), labelings, strict=True):
        assert value == pytest.approx(silhouette_score(X, own), abs=1e-9)


def test_ties_and_segments_of_one_score_as_in_scikit_learn() -> None:
    X = np.repeat(np.arange(12.0).reshape(4, 3), 20, axis=0)
    labels = np.arange(80) // 20
    labels[0], labels[1] = 4, 0
    expected = silhouette_score(cdist(X, X), labels, metric="precomputed")
    assert one(X, labels)[0] == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_neither_names_nor_row_order_nor_threads_matter(seed: int) -> None:
    X, labels = data(seed)
    value, error = one(X, labels)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    assert one(X, rng.permutation(9)[labels]) == pytest.approx((value, error), abs=1e-12)
    assert one(X[order], labels[order]) == pytest.approx((value, error), abs=1e-12)
    assert silhouette.silhouettes(X, [labels], n_jobs=1) == silhouette.silhouettes(X, [labels], n_jobs=3)


def test_noise_is_left_out() -> None:
    X, labels = data(3)
    noise = np.arange(len(X)) % 7 == 0
    assert one(X, np.where(noise, -1, labels)) == pytest.approx(one(X[~noise], labels[~noise]), abs=1e-12)


def test_the_error_is_the_derivative_by_the_rows_weights() -> None:
    # A row of weight 1 + h, by hand: its distances count 1 + h times, its own score 1 + h times.
    X, labels = data(4, n=40)
    D, same = cdist(X, X), labels[:, None] == labels

    def weighted(w: Any) -> float:
        scores = []
        for i in range(len(X)):
            others = np.arange(len(X)) != i
            mean = [
                np.average(D[i][pick], weights=w[pick])
                for pick in [same[i] & others, *[labels == c for c in range(4) if c != labels[i]]]
            ]
            a, b = mean[0], min(mean[1:])
            scores.append((b - a) / max(a, b))
        return float(np.average(scores, weights=w))

    h = 1e-5
    gradient = [weighted(1 + h * row) - weighted(1 - h * row) for row in np.eye(len(X))]
    assert one(X, labels)[1] == pytest.approx(np.linalg.norm(gradient) / (2 * h), rel=1e-6)


@pytest.mark.slow
def test_the_interval_covers() -> None:
    """95% intervals over repeated samples, where the naive error misses one time in five."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])

    def sample(n: int) -> tuple[Any, Any]:
        X = rng.normal(size=(n, 2)) + centres[rng.integers(3, size=n)]
        return X, cdist(X, centres).argmin(axis=1)

    truth, _ = one(*sample(8_000))
    found = np.array([one(*sample(250)) for _ in range(400)])
    covered = np.abs(found[:, 0] - truth) <= 1.96 * found[:, 1]
    assert 0.90 <= covered.mean() <= 0.99
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


@pytest.mark.parametrize(
    ("X", "labels"),
    [
        (np.zeros((6, 2)), [0, 0, 0, 1, 1, 1]),
        (np.arange(8.0).reshape(4, 2), [0, 1, 2, 3]),
        (np.arange(8.0).reshape(4, 2), [0, 0, 0, 1]),
        (np.arange(4.0).reshape(2, 2), [0, 1]),
    ],
)
def test_hostile_shapes_end_in_numbers(X: Any, labels: list[int]) -> None:
    value, error = one(X, labels)
    assert -1 <= value <= 1
    assert np.isfinite(error)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [-1, -1, -1, -1], [-1, 2, 2, -1]])
def test_one_segment_has_no_silhouette(labels: list[int]) -> None:
    assert silhouette.silhouettes(np.arange(8.0).reshape(4, 2), [np.array(labels)]) == [(None, None)]
    assert silhouette.silhouettes(np.zeros((0, 2)), [np.zeros(0, dtype=np.int32)]) == [(None, None)]
