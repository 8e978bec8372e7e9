from __future__ import annotations

import numpy as np
import pytest

from segcore.models import density


def two_groups_and_a_stray() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.vstack([rng.normal(scale=0.2, size=(60, 2)), rng.normal(5, 0.2, size=(40, 2)), [[20.0, -20.0]]])


def test_knee_by_hand() -> None:
    # On 0..1 the curve is 0, .1, .2, 1 over a chord 0, 1/3, 2/3, 1: the third lies farthest below.
    assert density.knee(np.array([10.0, 0.0, 1.0, 2.0])) == 2.0


def test_knee_of_a_flat_curve() -> None:
    assert density.knee(np.full(5, 3.0)) == 3.0


@pytest.mark.parametrize("eps", [None, 0.5])
def test_dbscan_finds_groups_and_noise(eps: float | None) -> None:
    fit = density.dbscan(two_groups_and_a_stray(), eps, 5)
    assert fit.n_clusters == 2
    assert fit.labels[-1] == -1
    assert len(set(fit.labels[:40])) == 1
    assert fit.eps == (eps or fit.eps)
    assert "eps = " in fit.note
    assert "% noise" in fit.note


def test_hdbscan_finds_groups_and_noise() -> None:
    fit = density.hdbscan(two_groups_and_a_stray(), 10, 5)
    assert (fit.n_clusters, fit.labels[-1], fit.eps) == (2, -1, None)


def test_all_rows_equal_are_one_region() -> None:
    fit = density.dbscan(np.zeros((20, 2)), None, 10)
    assert fit.n_clusters == 1
    assert fit.eps is not None
    assert fit.eps > 0


def test_fewer_rows_than_neighbours_are_noise_or_one_region() -> None:
    X = np.arange(6.0).reshape(3, 2)
    assert density.dbscan(X, None, 10).n_clusters == 0
    assert density.hdbscan(X, 1, 10).n_clusters in (0, 1)
