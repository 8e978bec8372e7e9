"""Fitting the two models of the next period: who buys, and how much who buys spends.

Trees only, so that no feature needs a transform. They are kept small: the features are few and the noise is large.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from segcore.arrays import Floats, Mask
from segcore.outlook.trees import Trees

_TREES: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 50,
    "early_stopping": False,
    "random_state": 0,
}


def fit_chance(X: Floats, bought: Mask) -> Trees:
    """Fit the log odds of buying in the period.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
    bought : ndarray of shape (n_customers,), bool
        Some true and some false.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return as_trees(HistGradientBoostingClassifier(**_TREES).fit(_with_values(X), bought))


def fit_log_spend(X: Floats, spend: Floats) -> Trees:
    """Fit the log of what buyers spend in the period; who sent back as much as they bought is left out.

    Parameters
    ----------
    X : ndarray of shape (n_buyers, n_features)
    spend : ndarray of shape (n_buyers,)
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    some = spend > 0
    return as_trees(HistGradientBoostingRegressor(**_TREES).fit(_with_values(X[some]), np.log(spend[some])))


def _with_values(X: Floats) -> Floats:
    """Fill features that nobody has a value of, which tell nothing: scikit-learn fails on them."""
    return np.where(np.isnan(X).all(axis=0), 0.0, X)


def smearing(trees: Trees, X: Floats, spend: Floats) -> float:
    """Return what the exponential of a mean log has to be multiplied with to be a mean (Duan 1983).

    The mean of the exponential of the residuals; a buyer who sent back as much as they bought counts as 0 in it.

    References
    ----------
    Duan (1983), Journal of the American Statistical Association 78(383).
    """
    return float(np.mean(np.maximum(spend, 0.0) / np.exp(trees.sums(X))))


def as_trees(model: Any) -> Trees:
    """Take the numbers out of a fitted model of scikit-learn with one output and no categories."""
    # The only place that knows scikit-learn's private parts; a test compares the predictions.
    of_each = [predictor.nodes for (predictor,) in model._predictors]
    nodes = np.concatenate(of_each)
    table = pl.DataFrame(
        {
            "tree": np.repeat(np.arange(len(of_each), dtype=np.int32), [len(part) for part in of_each]),
            "is_leaf": nodes["is_leaf"].astype(bool),
            "value": nodes["value"],
            "feature": nodes["feature_idx"].astype(np.int32),
            "threshold": nodes["num_threshold"],
            "missing_left": nodes["missing_go_to_left"].astype(bool),
            "left": nodes["left"].astype(np.int32),
            "right": nodes["right"].astype(np.int32),
        }
    )
    return Trees(baseline=float(np.ravel(model._baseline_prediction)[0]), nodes=table)
