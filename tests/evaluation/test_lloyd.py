from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from segcore.evaluation import lloyd


def table(seed: int, n: int, d: int) -> Any:
    """Return rows without ties, of which a few are far out."""
    return np.random.default_rng(seed).standard_t(4, size=(n, d))


def sum_of_squares(X: Any, centres: Any) -> float:
    return float(((X[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum())


rows = st.builds(table, st.integers(0, 2**31), st.integers(20, 400), st.integers(1, 6))


@given(X=rows, k=st.integers(1, 10), tol=st.sampled_from([0.0, lloyd.TOL]))
@settings(deadline=None)
def test_equal_to_scikit_learn_from_the_same_starts(X: Any, k: int, tol: float) -> None:
    starts = lloyd.starts(X, k, n_init=5, random_state=0)
    centres, labels = lloyd.iterate(X, starts, tol=tol)
    for start, own, label in zip(starts, centres, labels, strict=True):
        expected = KMeans(k, init=start, n_init=1, tol=tol).fit(X)
        assert sum_of_squares(X, own) == pytest.approx(expected.inertia_, rel=1e-6, abs=1e-9)
        assert own == pytest.approx(np.stack([X[label == c].mean(axis=0) for c in range(k)]), abs=1e-9)


@given(X=rows, k=st.integers(1, 10), seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_the_best_restart_is_returned_and_is_the_same_again(X: Any, k: int, seed: int) -> None:
    found = lloyd.fit(X, k, n_init=5, random_state=seed)
    each = lloyd.iterate(X, lloyd.starts(X, k, n_init=5, random_state=seed))[0]
    assert sum_of_squares(X, found) == pytest.approx(min(sum_of_squares(X, own) for own in each), rel=1e-3)
    assert np.array_equal(found, lloyd.fit(X, k, n_init=5, random_state=seed))


@given(X=rows, k=st.integers(1, 10), seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_restarts_do_not_depend_on_each_other(X: Any, k: int, seed: int) -> None:
    starts = lloyd.starts(X, k, n_init=3, random_state=seed)
    together = lloyd.iterate(X, starts)[0]
    assert together == pytest.approx(np.concatenate([lloyd.iterate(X, each[None])[0] for each in starts]))


@given(X=rows, k=st.integers(2, 10), seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_starts_are_distinct_rows(X: Any, k: int, seed: int) -> None:
    for start in lloyd.starts(X, k, n_init=5, random_state=seed):
        assert len(np.unique(start, axis=0)) == k
        assert all((row == X).all(axis=1).any() for row in start)


@given(
    X=st.lists(st.integers(-3, 3), min_size=4, max_size=40).map(
        lambda values: np.array(values, float)[:, None]
    ),
    starts=st.lists(st.integers(-9, 9), min_size=4, max_size=4).map(
        lambda values: np.array(values, float).reshape(1, 4, 1)
    ),
)
def test_equal_rows_and_starts_that_attract_none_come_to_an_end(X: Any, starts: Any) -> None:
    centres, labels = lloyd.iterate(X, starts, tol=0)
    for c in np.unique(labels):
        assert centres[0, c] == pytest.approx(X[labels[0] == c].mean(axis=0))
    assert ((X - centres[0, labels[0]]) ** 2).sum() <= ((X - X.mean(axis=0)) ** 2).sum() + 1e-9
