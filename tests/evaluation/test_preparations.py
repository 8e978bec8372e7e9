from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from segcore.evaluation.preparations import compare, others
from segcore.evaluation.refit import ModelSpec

THREE = ModelSpec(family="kmeans"), 3


def columns(n: int = 120) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    groups = np.arange(n) % 3
    return {
        "x": np.exp(groups + 0.1 * rng.normal(size=n)),
        "y": 5.0 * (groups == 1) + rng.random(n),
        "x=1": (groups == 2) * 1.0,
    }


KINDS = {"x": "yeo-johnson", "y": "yeo-johnson", "x=1": "one-hot"}


def test_a_dozen_stated_preparations() -> None:
    raw = columns()
    made = dict(others(raw, KINDS, {"z": raw["x"] + raw["y"]}))
    assert [*made] == [
        "log1p of every feature",
        "rank-normal scores",
        "clipped at 1% and 99%, not transformed",
        "not transformed",
        "without x",
        "without y",
        "without x=1",
        "with z",
    ]
    assert [X.shape[1] for X in made.values()] == [3, 3, 3, 3, 2, 2, 2, 4]
    for X in made.values():
        assert np.allclose(X.mean(axis=0), 0)
    logs = np.log1p(raw["x"])
    assert np.allclose(made["log1p of every feature"][:, 0], (logs - logs.mean()) / logs.std())
    plain = made["not transformed"][:, 0]
    assert np.allclose(plain, (raw["x"] - raw["x"].mean()) / raw["x"].std())
    # Columns of 0 and 1 stay as they are.
    assert np.array_equal(made["rank-normal scores"][:, 2], made["not transformed"][:, 2])


def test_rank_normal_scores_by_hand() -> None:
    made = dict(others({"x": np.array([10.0, 30.0, 30.0, 70.0])}, {"x": "none"}, {}))
    # Ranks 1, 2.5, 2.5 and 4: quantiles at 1/8, 1/2, 1/2 and 7/8.
    scores = norm.ppf([0.125, 0.5, 0.5, 0.875])
    assert np.allclose(made["rank-normal scores"][:, 0], scores / scores.std())


def test_what_is_kept_adds_up() -> None:
    groups = np.arange(90, dtype=np.int32) % 3
    apart = np.eye(3)[groups] * 9 + np.random.default_rng(1).normal(size=(90, 3))
    # The second one cannot tell the last two groups apart: it divides others.
    found = compare(THREE, groups, iter([("same", apart), ("blind", apart[:, :1])]), seed=0)
    assert found.each["preparation"].to_list() == ["same", "blind"]
    assert found.each["columns"].to_list() == [3, 1]
    assert found.each.row(0)[2:] == (1.0, 1.0)
    assert found.each["kept_share"][1] < 0.9
    assert found.kept["customers"].sum() == 90
    kept = (found.kept["kept"] * found.kept["customers"]).sum()
    assert kept == pytest.approx(90 * found.each["kept_share"].sum())


def test_what_cannot_be_fitted_is_left_out() -> None:
    found = compare(THREE, np.zeros(2, dtype=np.int32), iter([("few", np.eye(2))]), seed=0)
    assert found.each.height == 0
    assert found.kept.rows() == [(0, 2)]
