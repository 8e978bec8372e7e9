from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from segcore.outlook import fitting
from segcore.outlook.trees import Trees


def customers(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 12, n), rng.lognormal(size=n), rng.normal(size=n)]).astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan  # of those two features tell something
    score = np.nan_to_num(X[:, 0], nan=9.0) / 4 - np.nan_to_num(X[:, 1], nan=-1.0)
    return X, score + rng.normal(size=n)


def test_the_sums_are_those_of_scikit_learn_to_the_last_bit() -> None:
    X, y = customers(800)
    unseen, _ = customers(300, seed=1)
    unseen[0] = np.nan
    classifier = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=9).fit(X, y > 0)
    regressor = HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=9).fit(X, y)
    # More nodes than a byte counts.
    large = HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=300, min_samples_leaf=1).fit(X, y)
    assert fitting.as_trees(large).nodes.filter(pl.col("left") > 255).height
    assert (fitting.as_trees(large).sums(unseen) == large.predict(unseen)).all()
    assert (fitting.as_trees(classifier).sums(unseen) == classifier.decision_function(unseen)).all()
    assert (fitting.as_trees(regressor).sums(unseen) == regressor.predict(unseen)).all()


def test_a_fit_does_not_depend_on_the_number_of_threads() -> None:
    X, y = customers(3_000)
    fits = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            fits.append(fitting.fit_chance(X, y > 0))
    assert all(one.baseline == fits[0].baseline and one.nodes.equals(fits[0].nodes) for one in fits)


def test_a_feature_that_nobody_has_a_value_of_tells_nothing() -> None:
    X, y = customers(800)
    rest = np.delete(X, 2, axis=1)
    X[:, 2] = np.nan
    unseen, _ = customers(300, seed=1)
    fits = [
        (fitting.fit_chance(X, y > 0), fitting.fit_chance(rest, y > 0)),
        (fitting.fit_log_spend(X, np.exp(y)), fitting.fit_log_spend(rest, np.exp(y))),
    ]
    for trees, without in fits:
        assert not (trees.nodes.filter(~pl.col("is_leaf"))["feature"] == 2).any()
        assert (trees.sums(unseen) == without.sums(np.delete(unseen, 2, axis=1))).all()


def _tree(number: int, *, missing_left: bool, left: float, right: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "tree": [number] * 3,
            "is_leaf": [False, True, True],
            "value": [0.0, left, right],
            "feature": [0, 0, 0],
            "threshold": [2.5, 0.0, 0.0],
            "missing_left": [missing_left, False, False],
            "left": [1, 0, 0],
            "right": [2, 0, 0],
        }
    )


def test_a_value_at_the_threshold_goes_left_and_a_missing_one_where_it_is_sent() -> None:
    trees = Trees(
        baseline=0.5,
        nodes=pl.concat(
            [
                _tree(0, missing_left=True, left=1.0, right=10.0),
                _tree(1, missing_left=False, left=100.0, right=1000.0),
            ]
        ),
    )
    X = np.array([[2.5], [2.6], [np.nan], [np.inf]])
    assert trees.sums(X).tolist() == [101.5, 1010.5, 1001.5, 1010.5]


def test_the_correction_is_the_mean_of_the_exponential_of_the_residuals() -> None:
    none = _tree(0, missing_left=True, left=0.0, right=0.0).clear()
    trees = Trees(baseline=np.log(10.0), nodes=none)
    # 20, 5 and 2 over 10, and one who sent back more than they bought.
    assert fitting.smearing(trees, np.zeros((4, 1)), np.array([20.0, 5.0, 2.0, -7.0])) == pytest.approx(
        2.7 / 4
    )
