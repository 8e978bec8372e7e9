from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from segcore.evaluation import em
from segcore.evaluation.agreement import adjusted_rand
from segcore.evaluation.refit import ModelSpec, refit
from tests.evaluation.conftest import blobs

MODELS = [
    ModelSpec(family="kmeans"),
    *[ModelSpec(family="mixture", variant=variant) for variant in ("spherical", "diag", "tied", "full")],
    *[ModelSpec(family="hierarchical", variant=variant) for variant in ("ward", "complete", "average")],
    ModelSpec(family="spectral"),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_family_finds_what_is_there_and_labels_others(model: ModelSpec) -> None:
    X, labels = blobs()
    more, others = blobs(seed=1)
    fits = refit(model, X, [2, 3], 0)
    assert sorted(fits) == [2, 3]
    assert adjusted_rand(fits[3].labels, labels) == 1
    assert adjusted_rand(fits[3].assigner.assign(X)[0], labels) == 1
    assert adjusted_rand(fits[3].assigner.assign(more)[0], others) == 1


@pytest.mark.parametrize("variant", ["spherical", "diag", "tied", "full"])
def test_a_mixture_is_as_likely_as_scikit_learns_best_of_five(variant: str) -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(300, 2)) * [1, 3], rng.normal(size=(200, 2)) * [2, 0.7] + [4, 1]])
    expected = GaussianMixture(2, covariance_type=variant, n_init=5, reg_covar=1e-3, random_state=0).fit(X)
    found: Any = refit(ModelSpec(family="mixture", variant=variant), X, [2], 0)[2].assigner
    likelihood = np.logaddexp.reduce(found._log_joint(X), axis=0).mean()
    assert likelihood > expected.score(X) - em.TOL


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize(
    "X",
    [np.zeros((8, 2)), np.arange(2.0)[:, None], np.ones((1, 1)), np.repeat(np.eye(2), 5, axis=0)],
    ids=repr,
)
def test_hostile_rows_are_fitted_or_left_out(model: ModelSpec, X: Any) -> None:
    for k, fit in refit(model, X, [2, 3, 9], 0).items():
        assert k <= len(X)
        assert fit.labels.shape == (len(X),)
        assert fit.labels.max() < k


def test_a_family_that_finds_k_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="family 'dbscan' has no number of segments to set"):
        refit(ModelSpec(family="dbscan"), np.zeros((5, 1)), [2], 0)
