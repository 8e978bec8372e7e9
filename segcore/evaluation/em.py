"""Expectation maximisation of Gaussian mixtures for hundreds of refits of a few thousand rows.

The same algorithm and stopping rule as scikit-learn's, which fits the candidates themselves; at this size
its time goes into calls on narrow arrays, and stability would take most of a run. Held against it by a test.

A Gaussian's log-density is linear in 1, x and the products of x's entries. So the expectation step is one product
of matrices, parameters times these statistics, and the maximisation step another, responsibilities times statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segcore.arrays import Floats, Labels, Mask
from segcore.models.assignment import Posterior

TOL = 1e-3  # gain of the mean log-likelihood in one iteration below which a fit has converged
MAX_ITER = 100

# Weights, means and covariances from each start, of shapes (n_starts, k), (n_starts, k, d) and (n_starts, k, d, d)
# whatever the covariances have in common.
_Parameters = tuple[Floats, Floats, Floats]


def fit(
    X: Floats, partitions: Sequence[Labels], n_clusters: int, covariance_type: str, reg_covar: float
) -> tuple[Posterior, float] | None:
    """Fit a mixture from each of several partitions, all at once, and return the most likely one.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        Standardised: products of values that are much larger than their spread would lose it.
    partitions : sequence of ndarray of shape (n_rows,)
        The partitions to start from, 0..n_clusters-1; at least one.
    n_clusters : int
    covariance_type : {"spherical", "diag", "tied", "full"}
    reg_covar : float
        Added to every variance.

    Returns
    -------
    (Posterior, mean log-likelihood) or None
        None where a covariance collapses from every start.

    References
    ----------
    Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm.
    """
    statistics = _statistics(X)
    # A row belongs wholly to its cluster of the partition at first.
    responsibility = np.equal(np.stack(partitions)[:, None], np.arange(n_clusters)[:, None]).astype(
        np.float64
    )
    parameters = _maximise(statistics, responsibility, X.shape[1], covariance_type, reg_covar)
    likelihood, best, highest_likelihood = np.full(len(partitions), -np.inf), None, -np.inf
    for iteration in range(MAX_ITER):
        # A start whose covariance collapsed is given up; the others go on as if it had never been.
        regular = _regular(parameters[2])
        parameters, previous = _select(parameters, regular), likelihood[regular]
        if not len(previous):
            break
        coefficients = _coefficients(*parameters)
        joint = (coefficients.reshape(-1, len(statistics)) @ statistics).reshape(
            len(previous), n_clusters, -1
        )
        # Without its largest term the sum of exponentials would underflow far from all components.
        highest = joint.max(axis=1, keepdims=True)
        density = np.exp(joint - highest)
        total = density.sum(axis=1, keepdims=True)
        parameters = _maximise(statistics, density / total, X.shape[1], covariance_type, reg_covar)
        likelihood = (np.log(total) + highest).mean(axis=(1, 2))
        unfinished = (np.abs(likelihood - previous) >= TOL) & (iteration < MAX_ITER - 1)
        for start in np.flatnonzero(~unfinished):
            if likelihood[start] > highest_likelihood:
                best, highest_likelihood = _select(parameters, start), float(likelihood[start])
        parameters, likelihood = _select(parameters, unfinished), likelihood[unfinished]
    return None if best is None else (_posterior(*best, covariance_type), highest_likelihood)


def _select(parameters: _Parameters, which: Any) -> _Parameters:
    weights, means, covariances = parameters
    return weights[which], means[which], covariances[which]


def _regular(covariances: Floats) -> Mask:
    """Return from which starts no covariance has collapsed."""
    try:
        np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        if len(covariances) == 1:
            return np.array([False])
        return np.concatenate([_regular(each[None]) for each in covariances])
    return np.ones(len(covariances), dtype=np.bool_)


def _statistics(X: Floats) -> Floats:
    """Return 1, x and all products of two entries of x, one row each: of shape (1 + d + d^2, n_rows)."""
    rows = np.ascontiguousarray(X.T)
    products = rows[:, None, :] * rows
    return np.concatenate([np.ones((1, len(X))), rows, products.reshape(-1, len(X))])


def _maximise(
    statistics: Floats, responsibility: Floats, d: int, covariance_type: str, reg_covar: float
) -> _Parameters:
    n_starts, k, n = responsibility.shape
    sums = (responsibility.reshape(-1, n) @ statistics.T).reshape(n_starts, k, -1)
    sizes = sums[:, :, 0] + 10 * np.finfo(np.float64).eps
    weights = sizes / sizes.sum(axis=1, keepdims=True)
    moments = sums / sizes[:, :, None]
    means = moments[:, :, 1 : d + 1]
    covariances = moments[:, :, d + 1 :].reshape(n_starts, k, d, d) - means[..., None] * means[..., None, :]
    identity = np.eye(d)
    if covariance_type == "tied":
        shared = (weights[..., None, None] * covariances).sum(axis=1, keepdims=True)
        covariances = np.broadcast_to(shared, covariances.shape)
    elif covariance_type == "diag":
        covariances = covariances * identity
    elif covariance_type == "spherical":
        covariances = np.trace(covariances, axis1=2, axis2=3)[..., None, None] / d * identity
    return weights, means, covariances + reg_covar * identity


def _coefficients(weights: Floats, means: Floats, covariances: Floats) -> Floats:
    """Return by what the statistics are multiplied in log(weight x density): (n_starts, n_clusters, 1 + d + d^2)."""
    n_starts, k, d = means.shape
    precisions = np.linalg.inv(covariances)
    linear = (precisions @ means[..., None])[..., 0]
    log_root = np.linalg.slogdet(covariances)[1] / 2
    constant = np.log(weights) - log_root - d / 2 * np.log(2 * np.pi) - (linear * means).sum(axis=2) / 2
    return np.concatenate([constant[..., None], linear, precisions.reshape(n_starts, k, -1) / -2], axis=2)


def _posterior(weights: Floats, means: Floats, covariances: Floats, covariance_type: str) -> Posterior:
    shaped = {
        "full": covariances,
        "tied": covariances[0],
        "diag": np.diagonal(covariances, axis1=1, axis2=2),
        "spherical": covariances[:, 0, 0],
    }
    return Posterior(
        weights=weights,
        means=np.ascontiguousarray(means),
        covariances=np.ascontiguousarray(shaped[covariance_type]),
        covariance_type=covariance_type,
    )
