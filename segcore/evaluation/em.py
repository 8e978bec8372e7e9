"""Expectation maximisation of Gaussian mixtures, made for hundreds of refits of a few thousand rows.

The same algorithm and stopping rule as scikit-learn's, which fits the candidates themselves; at this size
its time goes into calls on narrow arrays, and stability would take most of a run. Held against it by a test.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

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
    rows = np.ascontiguousarray(X.T)
    responsibility = np.equal(labels, np.arange(n_clusters)[:, None]).astype(np.float64)
    weights, means, covariances = _maximise(rows, responsibility, covariance_type, reg_covar)
    likelihood = -np.inf
    for _ in range(MAX_ITER):
        try:
            joint = _log_joint(rows, weights, means, covariances)
        except np.linalg.LinAlgError:
            return None
        total = logsumexp(joint, axis=0)
        weights, means, covariances = _maximise(rows, np.exp(joint - total), covariance_type, reg_covar)
        before, likelihood = likelihood, float(total.mean())
        if abs(likelihood - before) < TOL:
            break
    return _posterior(weights, means, covariances, covariance_type), likelihood


def _maximise(
    rows: Floats, responsibility: Floats, covariance_type: str, reg_covar: float
) -> tuple[Floats, Floats, Floats]:
    """Return weights, means and covariances, these of shape (n_clusters, n_features, n_features) throughout."""
    sizes = responsibility.sum(axis=1) + 10 * np.finfo(np.float64).eps
    means = responsibility @ rows.T / sizes[:, None]
    apart = rows - means[:, :, None]
    products = (responsibility[:, None, :] * apart) @ apart.transpose(0, 2, 1)
    if covariance_type == "tied":
        products = np.broadcast_to(products.sum(axis=0) * sizes[:, None, None] / sizes.sum(), products.shape)
    covariances = products / sizes[:, None, None]
    identity = np.eye(len(rows))
    if covariance_type == "diag":
        covariances = covariances * identity
    elif covariance_type == "spherical":
        covariances = np.trace(covariances, axis1=1, axis2=2)[:, None, None] / len(rows) * identity
    return sizes / sizes.sum(), means, covariances + reg_covar * identity


def _log_joint(rows: Floats, weights: Floats, means: Floats, covariances: Floats) -> Floats:
    """Return log(weight x density), of shape (n_clusters, n_rows)."""
    lower = np.linalg.cholesky(covariances)
    whitened = np.linalg.inv(lower) @ (rows - means[:, :, None])
    squares = np.einsum("cdn,cdn->cn", whitened, whitened)
    log_root = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    constant = np.log(weights) - log_root - len(rows) / 2 * np.log(2 * np.pi)
    return np.asarray(constant[:, None] - squares / 2)


def _posterior(weights: Floats, means: Floats, covariances: Floats, covariance_type: str) -> Posterior:
    shaped = {
        "full": covariances,
        "tied": covariances[0],
        "diag": np.diagonal(covariances, axis1=1, axis2=2),
        "spherical": covariances[:, 0, 0],
    }
    return Posterior(
        weights=weights,
        means=means,
        covariances=np.ascontiguousarray(shaped[covariance_type]),
        covariance_type=covariance_type,
    )
