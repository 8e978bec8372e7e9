from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from segcore.models import mixture

KINDS = ("spherical", "diag", "tied", "full")
fit_twice = partial(mixture.fit, n_init=2, reg_covar=1e-3, random_state=0)


def two_groups(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=n)
    return rng.normal(size=(n, 2)) + truth[:, None] * 8, truth


def test_one_component_by_hand() -> None:
    # Variance 1: log L = -1/2 log 2 pi - x^2 / 2 summed over -1 and 1; two parameters, log 2 each.
    fit = mixture.fit(np.array([[-1.0], [1.0]]), 1, "spherical", n_init=1, reg_covar=1e-12, random_state=0)
    log_likelihood = 2 * (-0.5 * np.log(2 * np.pi) - 0.5)
    assert fit.bic == pytest.approx(-2 * log_likelihood + 2 * np.log(2))
    assert fit.icl == pytest.approx(fit.bic)  # one component: every posterior is 1
    assert fit.converged


@pytest.mark.parametrize("kind", KINDS)
def test_planted_groups_are_found(kind: str) -> None:
    X, truth = two_groups()
    fit = fit_twice(X, 2, kind)
    labels, _ = fit.assigner.assign(X)
    assert adjusted_rand_score(truth, labels) == 1
    assert fit.converged


@pytest.mark.parametrize("kind", KINDS)
def test_bic_is_scikit_learns_and_icl_adds_the_doubt(kind: str) -> None:
    X = np.random.default_rng(1).normal(size=(200, 3))
    fit = fit_twice(X, 3, kind)
    theirs = GaussianMixture(
        3, covariance_type=kind, n_init=2, reg_covar=1e-3, random_state=0, max_iter=200
    ).fit(X)
    own = theirs.predict_proba(X).max(axis=1)
    assert fit.bic == pytest.approx(theirs.bic(X))
    assert fit.icl == pytest.approx(theirs.bic(X) - 2 * np.log(own).sum())
    assert fit.icl > fit.bic


def test_a_fit_that_does_not_converge_says_so_without_a_warning() -> None:
    X = np.random.default_rng(2).normal(size=(500, 3))
    assert not fit_twice(X, 5, "full", max_iter=2).converged


def test_a_covariance_that_cannot_be_inverted_is_named() -> None:
    X = np.random.default_rng(0).normal(size=(300, 4))
    X[7] = 1e9
    with pytest.raises(mixture.SingularCovarianceError, match=r"cannot be inverted with reg_covar = 0\.001"):
        fit_twice(X, 6, "tied")


def test_other_errors_are_scikit_learns() -> None:
    with pytest.raises(ValueError, match="contains NaN"):
        fit_twice(np.full((5, 2), np.nan), 2, "full")
