from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from segcore.evaluation import criteria
from segcore.evaluation.criteria import Criteria


def data(seed: int, n: int = 200, d: int = 3, k: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    return rng.normal(size=(n, d)) + labels[:, None], labels


def one(X: Any, labels: Any, k: int) -> Criteria:
    return criteria.of_arrays(X, [labels], [k])[0]


def close(a: Criteria, b: Criteria) -> bool:
    return a.n_noise == b.n_noise and np.allclose(
        [a.inertia, a.calinski_harabasz or 0, a.davies_bouldin or 0],
        [b.inertia, b.calinski_harabasz or 0, b.davies_bouldin or 0],
        rtol=1e-9,
    )


def test_four_points_by_hand() -> None:
    # Two segments {0, 2} and {10, 12} on a line: means 1 and 11, within 4, between 2 * 2 * 25 = 100,
    # spread 1 each, distance 10.
    found = one(np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1]), 2)
    assert found.counts.tolist() == [2, 2]
    assert found.inertia == 4
    assert found.calinski_harabasz == pytest.approx(100 / 4 * (4 - 2) / (2 - 1))
    assert found.davies_bouldin == pytest.approx((1 + 1) / 10)
    assert found.smallest_share == 0.5


@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=30, deadline=None)
def test_equal_to_scikit_learn(seed: int, k: int, dtype: Any) -> None:
    X, labels = data(seed, k=k)
    X = X.astype(dtype)
    found = one(X, labels, k)
    assert found.calinski_harabasz == pytest.approx(
        calinski_harabasz_score(X.astype(float), labels), rel=1e-6
    )
    assert found.davies_bouldin == pytest.approx(davies_bouldin_score(X.astype(float), labels), rel=1e-6)
    within = sum(((X[labels == c] - X[labels == c].mean(axis=0)) ** 2).sum() for c in range(k))
    assert found.inertia == pytest.approx(float(within), rel=1e-5 if dtype == np.float32 else 1e-9)


def test_far_from_the_origin_nothing_is_lost() -> None:
    X, labels = data(1)
    assert one(X + 1e6, labels, 4).inertia == pytest.approx(one(X, labels, 4).inertia, rel=1e-6)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 200), max_size=6))
@settings(max_examples=30, deadline=None)
def test_neither_names_nor_row_order_nor_blocks_matter(seed: int, cuts: list[int]) -> None:
    X, labels = data(seed)
    expected = one(X, labels, 4)
    rng = np.random.default_rng(seed)
    assert close(one(X, rng.permutation(4)[labels], 4), expected)
    order = rng.permutation(len(X))
    assert close(one(X[order], labels[order], 4), expected)

    bounds = [0, *sorted(cuts), len(X)]
    parts = [slice(a, b) for a, b in itertools.pairwise(bounds)]

    def label(number: int, block: Any) -> Sequence[Any]:
        assert len(block) == len(labels[parts[number]])
        return [labels[parts[number]], 3 - labels[parts[number]]]

    both = criteria.partition_criteria(lambda: (X[part] for part in parts), label, [4, 4])
    assert close(both[0], expected)
    assert close(both[1], expected)


def test_noise_is_left_out() -> None:
    X, labels = data(2)
    noise = np.arange(len(X)) % 5 == 0
    found = one(X, np.where(noise, -1, labels), 4)
    bare = one(X[~noise], labels[~noise], 4)
    assert found.n_noise == noise.sum()
    assert found.calinski_harabasz == bare.calinski_harabasz
    assert found.davies_bouldin == bare.davies_bouldin
    assert found.inertia == bare.inertia
    assert found.smallest_share < bare.smallest_share


@pytest.mark.parametrize(
    ("X", "labels", "k"),
    [
        (np.zeros((5, 2)), [0, 0, 1, 1, 1], 2),
        (np.full((7, 2), 0.1), [0, 0, 0, 1, 1, 1, 1], 2),
        (np.zeros((5, 2)), [0] * 5, 1),
        (np.arange(6.0).reshape(3, 2), [0, 1, 2], 3),
        (np.arange(6.0).reshape(3, 2), [-1, -1, -1], 0),
        (np.arange(6.0).reshape(3, 2), [-1, -1, -1], 2),
        (np.zeros((0, 2)), [], 2),
        (np.full((4, 2), 1e200), [0, 1, 0, 1], 2),
    ],
)
def test_hostile_shapes_end_in_nulls(X: Any, labels: list[int], k: int) -> None:
    found = one(X, np.array(labels, dtype=np.int32), k)
    assert found.calinski_harabasz is None
    assert found.davies_bouldin is None or np.isfinite(found.davies_bouldin)
    assert np.isfinite(found.inertia)
    assert 0 <= found.smallest_share <= 1


def test_an_empty_segment_counts_as_none() -> None:
    X, labels = data(3)
    found = one(X, np.where(labels == 3, 2, labels), 4)
    assert found.smallest_share == 0
    assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(X, np.minimum(labels, 2)))
