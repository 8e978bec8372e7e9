"""Gaussian mixtures, scikit-learn's, judged by what came out and not by their warnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from segcore.arrays import Matrix
from segcore.models import threads
from segcore.models.assignment import Posterior


class SingularCovarianceError(ValueError):
    """A component's covariance cannot be inverted, `reg_covar` added or not."""


@dataclass(frozen=True, kw_only=True)
class MixtureFit:
    """A fitted mixture.

    Attributes
    ----------
    assigner : Posterior
    converged : bool
        Whether the best restart's likelihood stood still before the last iteration.
    bic, icl : float
        Lower is better, both; comparable between fits on the same rows.
    n_iter : int
        Of the best restart.
    """

    assigner: Posterior
    converged: bool
    bic: float
    icl: float
    n_iter: int


def fit(
    X: Matrix,
    k: int,
    covariance_type: str,
    *,
    n_init: int,
    reg_covar: float,
    random_state: int,
    max_iter: int = 200,
) -> MixtureFit:
    """Fit a mixture of k Gaussians by expectation maximisation.

    Parameters
    ----------
    X : ndarray of shape (n_sample, n_features)
        Standardised.
    k : int
        Number of components.
    covariance_type : {"spherical", "diag", "tied", "full"}
    n_init : int
        Restarts; the one with the largest likelihood stays.
    reg_covar : float
        Added to every variance, so that no component shrinks onto tied rows.
    random_state : int
    max_iter : int
        Iterations of each restart at most.

    Raises
    ------
    SingularCovarianceError
        If a component's covariance cannot be inverted even so: rows of very unequal sizes, or all on a line.

    Notes
    -----
    BIC = -2 log L + p log n. ICL = BIC - 2 sum_i log t_i, with t_i the posterior of row i's own component: it
    asks besides that the components be apart (Biernacki, Celeux and Govaert 2000, here on the scale of -2 log L).

    References
    ----------
    Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6.
    Biernacki, Celeux and Govaert (2000), Assessing a mixture model for clustering with the integrated
    completed likelihood, IEEE TPAMI 22.
    """
    X = np.asarray(X, dtype=np.float64)
    with threadpool_limits(1), threads.ignoring_known_warnings():
        model = GaussianMixture(
            k,
            covariance_type=covariance_type,
            n_init=n_init,
            reg_covar=reg_covar,
            random_state=random_state,
            max_iter=max_iter,
        )
        try:
            bic = float(model.fit(X).bic(X))
        except ValueError as exc:
            if "ill-defined empirical covariance" not in str(exc):
                raise
            raise SingularCovarianceError(
                f"a component's covariance cannot be inverted with reg_covar = {reg_covar:g};"
                " raise models.reg_covar or lower k"
            ) from exc
    assigner = Posterior(
        weights=model.weights_,
        means=model.means_,
        covariances=model.covariances_,
        covariance_type=covariance_type,
    )
    _, log_posterior = assigner.most_probable(X)
    return MixtureFit(
        assigner=assigner,
        converged=bool(model.converged_),
        bic=bic,
        icl=bic - 2 * float(log_posterior.sum()),
        n_iter=int(model.n_iter_),
    )
