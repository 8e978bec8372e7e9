from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segcore.models import spectral


def rings() -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.vstack([circle, 4 * circle]), np.repeat([0, 1], 200)


def test_rings_are_told_apart_although_their_graph_falls_apart() -> None:
    X, truth = rings()
    assert spectral.n_parts(X, n_neighbors=10) == 2
    labels = spectral.fit(X, 2, n_neighbors=10, random_state=0)
    assert adjusted_rand_score(truth, labels) == 1


def test_the_seed_decides() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    first, again = (spectral.fit(X, 4, n_neighbors=15, random_state=3) for _ in range(2))
    assert (first == again).all()
    assert first.dtype == np.int32
    assert spectral.n_parts(X, n_neighbors=15) == 1


@pytest.mark.parametrize("k", [2, 3])
def test_fewer_rows_than_neighbours(k: int) -> None:
    X = np.random.default_rng(0).normal(size=(8, 2))
    assert set(spectral.fit(X, k, n_neighbors=15, random_state=0)) == set(range(k))
