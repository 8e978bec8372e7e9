from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from segcore.evaluation import copula


def table(n: int = 2_000, seed: int = 0) -> dict[str, Any]:
    """Correlated columns, one with heavy ties and one with a long tail."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    return {
        "orders": 1 + np.floor(np.exp(size + rng.normal(size=n) - 0.5)),
        "value": np.exp(size + 0.5 * rng.normal(size=n)),
        "recency": np.floor(300 / (1 + np.exp(size + rng.normal(size=n)))),
    }


def draw(columns: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    fitted = copula.fit(columns)
    places = fitted.draw(np.random.default_rng(seed))
    return {name: fitted.margins[name][place] for name, place in places.items()}


def correlations(columns: dict[str, Any]) -> Any:
    return spearmanr(np.stack(list(columns.values()), axis=1)).statistic


def test_a_copy_has_exactly_the_margins_in_another_order() -> None:
    columns = table()
    copy = draw(columns)
    for name, values in columns.items():
        assert sorted(copy[name]) == sorted(values)
    assert not np.array_equal(copy["value"], columns["value"])
    assert not np.array_equal(draw(columns, seed=2)["value"], copy["value"])


def test_copies_have_the_rank_correlations_in_spite_of_ties() -> None:
    columns = table()
    mean = np.mean([correlations(draw(columns, seed)) for seed in range(40)], axis=0)
    assert mean == pytest.approx(correlations(columns), abs=0.015)


def test_a_copy_of_clusters_has_none() -> None:
    rng = np.random.default_rng(0)
    group = rng.permutation(np.arange(900) % 3)
    ring = np.array([[0, 0], [8, 16], [16, 0]])[group] + rng.normal(size=(900, 2))
    copy = draw({"x": ring[:, 0], "y": ring[:, 1]})
    corners = {(round(x / 8), round(y / 16)) for x, y in zip(copy["x"], copy["y"], strict=True)}
    assert corners > {(0, 0), (1, 1), (2, 0)}


@given(st.integers(0, 1_000))
def test_hostile_columns_are_drawn_without_a_word(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=50)
    columns = {"x": x, "same": x, "against": -x, "constant": np.ones(50), "outlier": np.r_[np.zeros(49), 1e9]}
    copy = draw(columns, seed)
    assert all(np.isfinite(values).all() for values in copy.values())
    assert np.corrcoef(copy["x"], copy["same"])[0, 1] > 0.99


def test_what_follows_from_other_features_is_known() -> None:
    columns = {
        "order_count": np.array([2.0, 4.0]),
        "average_order_value": np.array([10.0, 5.0]),
        "total_spend": np.array([0.0, 0.0]),
        "returned_value": np.array([5.0, 2.0]),
        "returned_share": np.array([0.0, 0.0]),
    }
    found = copula.dependent_features(list(columns))
    assert list(found) == ["total_spend", "returned_share"]
    columns["total_spend"] = found["total_spend"](columns)
    assert columns["total_spend"].tolist() == [20, 20]
    assert found["returned_share"](columns).tolist() == [0.25, 0.1]
    assert copula.dependent_features(["total_spend", "order_count"]) == {}


def test_a_constant_column_is_correlated_with_nothing() -> None:
    columns = np.stack([np.arange(64.0), np.ones(64), np.arange(64.0)[::-1]], axis=1)
    junk = [np.full((64, 3), 7.0 + i) for i in range(8)]  # what memory that is not written to would hold
    del junk
    assert copula._rank_correlation(columns) == pytest.approx(np.array([[1, 0, -1], [0, 1, 0], [-1, 0, 1]]))
