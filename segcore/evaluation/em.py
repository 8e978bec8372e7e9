"""Expectation maximisation of Gaussian mixtures, made for hundreds of refits of a few thousand rows.

The same algorithm and stopping rule as scikit-learn's, which fits the candidates themselves; at this size
its time goes into calls on narrow arrays, and stability would take most of a run. Held against it by a test.

A Gaussian's log-density is linear in 1, x and the products of x's entries. So the expectation step is one product
of matrices, parameters times these statistics, and the maximisation step another, responsibilities times statistics.
"""

from __future__ import annotations

import numpy as np

from segcore.models.assignment import Floats, Labels, Posterior

TOL = 1e-3  # gain of the mean log-likelihood in one iteration below which a fit has converged
MAX_ITER = 100


def fit(
    X: Floats, labels: Labels, n_clusters: int, covariance_type: str, reg_covar: float
) -> tuple[Posterior, float] | None:
    """Fit a mixture from a partition.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        Standardised: products of values that are much larger than their spread would lose it.
    labels : ndarray of shape (n_rows,)
        The partition to start from, 0..n_clusters-1.
    n_clusters : int
    covariance_type : {"spherical", "diag", "tied", "full"}
    reg_covar : float
        Added to every variance.

    Returns
    -------
    (Posterior, mean log-likelihood) or None
        None where a covariance collapses.

    References
    ----------
    Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm.
    """
    d = X.shape[1]
    statistics = _statistics(X)
    responsibility = np.equal(labels, np.arange(n_clusters)[:, None]).astype(np.float64)
    weights, means, covariances = _maximise(statistics, responsibility, d, covariance_type, reg_covar)
    likelihood = -np.inf
    for _ in range(MAX_ITER):
        try:
            joint = _coefficients(weights, means, covariances) @ statistics
        except np.linalg.LinAlgError:
            return None
        highest = joint.max(axis=0)
        density = np.exp(joint - highest)
        total = density.sum(axis=0)
        weights, means, covariances = _maximise(statistics, density / total, d, covariance_type, reg_covar)
        before, likelihood = likelihood, float((np.log(total) + highest).mean())
        if abs(likelihood - before) < TOL:
            break
    return _posterior(weights, means, covariances, covariance_type), likelihood


def _statistics(X: Floats) -> Floats:
    """Return 1, x and all products of two entries of x, one row each: of shape (1 + d + d^2, n_rows)."""
    rows = np.ascontiguousarray(X.T)
    products = rows[:, None, :] * rows
    return np.concatenate([np.ones((1, len(X))), rows, products.reshape(-1, len(X))])


def _maximise(
    statistics: Floats, responsibility: Floats, d: int, covariance_type: str, reg_covar: float
) -> tuple[Floats, Floats, Floats]:
    """Return weights, means and covariances, these of shape (n_clusters, n_features, n_features) throughout."""
    sums = responsibility @ statistics.T
    sizes = sums[:, 0] + 10 * np.finfo(np.float64).eps
    moments = sums / sizes[:, None]
    means = moments[:, 1 : d + 1]
    covariances = moments[:, d + 1 :].reshape(-1, d, d) - means[:, :, None] * means[:, None, :]
    if covariance_type == "tied":
        shared = np.tensordot(sizes / sizes.sum(), covariances, axes=1)
        covariances = np.broadcast_to(shared, covariances.shape)
    identity = np.eye(d)
    if covariance_type == "diag":
        covariances = covariances * identity
    elif covariance_type == "spherical":
        covariances = np.trace(covariances, axis1=1, axis2=2)[:, None, None] / d * identity
    return sizes / sizes.sum(), means, covariances + reg_covar * identity


def _coefficients(weights: Floats, means: Floats, covariances: Floats) -> Floats:
    """Return by what the statistics are multiplied in log(weight x density): of shape (n_clusters, 1 + d + d^2)."""
    k, d = means.shape
    lower = np.linalg.cholesky(covariances)
    inverse = np.linalg.inv(lower)
    precisions = inverse.transpose(0, 2, 1) @ inverse
    linear = (precisions @ means[:, :, None])[:, :, 0]
    log_root = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    constant = np.log(weights) - log_root - d / 2 * np.log(2 * np.pi) - (linear * means).sum(axis=1) / 2
    return np.concatenate([constant[:, None], linear, precisions.reshape(k, -1) / -2], axis=1)


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
