from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from segcore.evaluation import em
from segcore.evaluation.agreement import adjusted_rand

VARIANTS = ["spherical", "diag", "tied", "full"]


def overlapping(seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(300, 2)) * [1, 3], rng.normal(size=(200, 2)) * [2, 0.7] + [4, 1]])
    return X, (X[:, 0] > 2).astype(np.int32)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_to_scikit_learn_from_the_same_start(variant: str) -> None:
    X, labels = overlapping()
    found = em.fit(X, [labels], 2, variant, 1e-3)
    assert found is not None
    posterior, likelihood = found
    covariances = np.stack([np.cov(X[labels == c].T, bias=True) for c in (0, 1)]) + 1e-3 * np.eye(2)
    tied = np.average(covariances, axis=0, weights=np.bincount(labels))
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    precisions = {
        "full": np.linalg.inv(covariances),
        "tied": np.linalg.inv(tied),
        "diag": 1 / variances,
        "spherical": 1 / variances.mean(axis=1),
    }
    expected = GaussianMixture(
        2,
        covariance_type=variant,
        reg_covar=1e-3,
        weights_init=np.bincount(labels) / len(X),
        means_init=np.stack([X[labels == c].mean(axis=0) for c in (0, 1)]),
        precisions_init=precisions[variant],
    ).fit(X)
    assert likelihood == pytest.approx(expected.lower_bound_, abs=1e-6)
    assert posterior.weights == pytest.approx(expected.weights_, abs=1e-6)
    assert posterior.means == pytest.approx(expected.means_, abs=1e-6)
    assert posterior.covariances == pytest.approx(expected.covariances_, abs=1e-6)
    assert adjusted_rand(posterior.assign(X)[0], expected.predict(X)) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_and_row_order_do_not_matter(variant: str) -> None:
    X, labels = overlapping(1)
    order = np.random.default_rng(0).permutation(len(X))
    one, other = (
        em.fit(X, [labels], 2, variant, 1e-3),
        em.fit(X[order], [1 - labels[order]], 2, variant, 1e-3),
    )
    assert one is not None
    assert other is not None
    assert one[1] == pytest.approx(other[1], abs=1e-9)
    assert one[0].means == pytest.approx(other[0].means[::-1], abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_best_of_several_starts_is_the_best_of_each_alone(variant: str) -> None:
    X, _ = overlapping(3)
    starts = [np.random.default_rng(seed).integers(2, size=len(X), dtype=np.int32) for seed in range(4)]
    starts += [(X[:, column] > 1).astype(np.int32) for column in (0, 1)]
    alone = [em.fit(X, [start], 2, variant, 1e-3) for start in starts]
    together = em.fit(X, starts, 2, variant, 1e-3)
    assert together is not None
    best = max((fit for fit in alone if fit is not None), key=lambda fit: fit[1])
    assert together[1] == pytest.approx(best[1], abs=1e-9)
    assert together[0].means == pytest.approx(best[0].means, abs=1e-6)


def test_one_component_is_mean_and_covariance() -> None:
    X, labels = overlapping(2)
    found = em.fit(X, [labels * 0], 1, "full", 0.0)
    assert found is not None
    assert found[0].means[0] == pytest.approx(X.mean(axis=0))
    assert found[0].covariances[0] == pytest.approx(np.cov(X.T, bias=True))
    assert found[0].weights == pytest.approx([1.0])


def test_a_covariance_that_collapses_is_none() -> None:
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 5, axis=0)
    assert em.fit(X, [np.arange(10, dtype=np.int32) // 5], 2, "full", 0.0) is None
    assert em.fit(X, [np.arange(10, dtype=np.int32) // 5], 2, "full", 1e-3) is not None


def test_a_start_that_collapses_leaves_the_others() -> None:
    X = np.concatenate([np.zeros((5, 2)), np.random.default_rng(0).normal(size=(40, 2))])
    starts = [(np.arange(45) < 5).astype(np.int32), (np.arange(45) % 2).astype(np.int32)]
    assert em.fit(X, starts[:1], 2, "full", 0.0) is None
    alone, both = em.fit(X, starts[1:], 2, "full", 0.0), em.fit(X, starts, 2, "full", 0.0)
    assert alone is not None
    assert both is not None
    assert both[1] == pytest.approx(alone[1], abs=1e-9)
