from __future__ import annotations

import os
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_info

from segcore.evaluation import em
from segcore.evaluation.agreement import adjusted_rand
from segcore.evaluation.processes import in_processes, starting_processes
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


def _double_and_where(x: int) -> tuple[int, int]:
    return 2 * x, os.getpid()


def test_processes_keep_the_order() -> None:
    here = list(in_processes(_double_and_where, [1, 2, 3], n_jobs=1))
    there = list(in_processes(_double_and_where, [1, 2, 3], n_jobs=2))
    assert [x for x, _ in here] == [x for x, _ in there] == [2, 4, 6]
    assert {pid for _, pid in here} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in there}
    assert list(in_processes(_double_and_where, [], n_jobs=2)) == []


def test_processes_that_were_started_do_the_work() -> None:
    with starting_processes(2):
        pass
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    assert {pid for _, pid in in_processes(_double_and_where, range(4), n_jobs=2)} <= children


def _most_threads(_: int) -> int:
    refit(
        ModelSpec(family="kmeans"), np.random.default_rng(0).normal(size=(20, 2)), [2], 0
    )  # loads the libraries
    return int(max(pool["num_threads"] for pool in threadpool_info()))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_work_has_one_thread(n_jobs: int) -> None:
    assert list(in_processes(_most_threads, [1, 2], n_jobs=n_jobs)) == [1, 1]
