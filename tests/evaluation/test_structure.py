from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import PowerTransformer

from segcore import job
from segcore.evaluation import copula, structure
from segcore.evaluation.refit import ModelSpec
from segcore.evaluation.structure import structure_test
from segcore.records.fit_figures import StructureTest

KMEANS = ("kmeans", "", 3)


def standardise(_: str, values: Any) -> Any:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1)


def groups(n: int = 150, apart: float = 8.0) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) + np.array([[0, 0], [1, 2], [2, 0]])[np.arange(n) % 3] * apart
    return {"x": X[:, 0], "y": X[:, 1]}


def run(
    raw: dict[str, Any], key: Any = KMEANS, copies: int = 19, n_jobs: int = 1, **more: Any
) -> StructureTest:
    found = structure_test(raw, standardise, key, job.Models(), copies=copies, seed=0, n_jobs=n_jobs, **more)
    assert found is not None
    return found


def test_groups_are_told_from_their_copies() -> None:
    found = run(groups())
    assert found.copies == 19
    assert found.silhouette > 0.7
    assert found.silhouette_p == pytest.approx(1 / 20)
    assert found.silhouette > found.silhouette_copies_max >= found.silhouette_copies_mean
    clear = run(groups(), copies=39)
    assert "groups are natural ones" in clear.sentence
    assert f"{clear.silhouette:.3f}" in clear.figures


def test_a_continuum_is_called_one() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=150)
    found = run({"x": x, "y": x + rng.normal(size=150), "z": rng.normal(size=150)})
    assert found.silhouette_p > 0.05
    assert found.sentence.startswith("Customers shade into one another. The ")


def test_p_by_hand() -> None:
    # Of four copies one has as high a silhouette: 2/5.
    copies = np.array([0.1, 0.5, 0.2, 0.4])
    found = structure._judged(0.5, copies, 3, 0, 0, "K-Means")
    assert found.silhouette_p == 0.4
    assert found.silhouette_copies_mean == pytest.approx(0.3)
    assert found.silhouette_copies_max == 0.5
    assert found.figures.endswith("the silhouette is 0.300 on average; here it is 0.500 (p = 0.40).")
    calibrated = structure._judged(0.5, copies, 3, 2, 4, "K-Means")
    assert calibrated.figures.endswith(
        "the same bars were tried with K-Means alone: 3 segments or more pass in 2."
    )


@pytest.mark.parametrize(
    ("p", "gap", "says"),
    [
        ([0.02, 0.5], 0.01, "slight clumps at most"),
        ([0.025, 0.5], 0.01, "slight clumps at most"),
        ([0.026, 0.5], 0.01, "into one another. The"),
        ([0.5, 0.025], 0.01, "slight clumps at most"),
        ([0.04, 0.05], 0.01, "slight clumps at most"),
        ([0.04, 0.06], 0.01, "into one another. The"),
        ([0.05], 0.01, "slight clumps at most"),
        ([0.06], 0.3, "into one another. The"),
        ([0.01, 0.01], 0.1, "natural ones"),
        ([0.01, 0.01], 0.0999, "slight clumps at most"),
    ],
)
def test_the_sentence_follows_the_figures(p: list[float], gap: float, says: str) -> None:
    assert says in structure._sentence(p, gap, 4)


@pytest.mark.parametrize(
    ("silhouette", "passing", "apart"), [(0.501, 19, True), (0.499, 19, False), (0.499, 0, False)]
)
def test_segments_stand_apart_where_the_sentence_calls_them_natural(
    silhouette: float, passing: int, apart: bool
) -> None:
    found = structure._judged(silhouette, np.full(99, 0.4), 4, passing, 19, "K-Means")
    assert structure.stand_apart(found) is apart
    assert ("natural ones" in found.sentence) is apart


def test_a_gap_that_chance_may_have_made_is_none() -> None:
    found = structure._judged(0.5, np.array([0.3] * 18 + [0.6]), 4, 19, 19, "K-Means")
    assert not structure.stand_apart(found)
    assert found.sentence.startswith("Customers shade into one another. ")


def test_the_sentence_has_no_figures() -> None:
    assert (
        structure._sentence([0.01, 0.3], 0.01, 4)
        == "Customers shade into one another, with slight clumps at most. The four groups are a sensible way to divide them,"
        " not four kinds of people."
    )
    assert "The 12 groups" in structure._sentence([0.3], 0.0, 12)


def test_a_copy_that_cannot_be_fitted_is_no_better_than_the_customers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = iter([(0.3, None), (None, None), (0.4, None), (None, None)])
    told: list[tuple[int, int, str]] = []
    monkeypatch.setattr(structure, "_figures", lambda task: next(figures))
    found = run(groups(n=30), copies=3, progress=lambda *step: told.append(step))
    assert found.silhouette_p == 2 / 4
    assert found.silhouette_copies_mean == pytest.approx((0.4 - 1 - 1) / 3)
    assert told == [(n, 3, "structure test") for n in (1, 2, 3)]


@pytest.mark.parametrize(("passing", "asked"), [(0, 19), (4, 19), (3, 19), (2, 59)])
def test_copies_are_put_to_the_rule_until_the_answer_is_clear(
    monkeypatch: pytest.MonkeyPatch, passing: int, asked: int
) -> None:
    # 3 of 19 are p = 0.2; 2 are 0.15, then 0.075 of 39: not clear before the third look.
    seen = iter(range(1_000))

    def figures(task: structure._Task) -> tuple[float, bool | None]:
        return 0.5, None if task.rivals is None else 0 < next(seen) + 1 <= passing

    monkeypatch.setattr(structure, "_figures", figures)
    found = run(groups(n=30), copies=99, rule=job.Selection())
    assert (found.copies, found.rule_reached, found.rule_copies) == (99, passing, asked)


def test_the_customers_and_their_copies_are_judged_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[structure._Task] = []

    def figures(task: structure._Task) -> tuple[float, None]:
        tasks.append(task)
        return 0.5, None

    monkeypatch.setattr(structure, "_figures", figures)
    raw = groups(n=40)
    models = job.Models(reg_covar=0.5)
    structure_test(raw, standardise, ("mixture", "full", 2), models, copies=3, seed=5, n_jobs=1)
    customers, *copies = tasks
    assert np.array_equal(customers.X, np.stack([standardise("", values) for values in raw.values()], axis=1))
    assert {
        (task.model.family, task.model.variant, task.model.reg_covar, task.k, task.seed) for task in tasks
    } == {("mixture", "full", 0.5, 2, 5)}
    for copy in copies:
        # The same values in each column, in another order and with another partner.
        assert np.allclose(np.sort(copy.X, axis=0), np.sort(customers.X, axis=0))
        assert not np.allclose(copy.X, customers.X)
    assert not np.allclose(copies[0].X, copies[1].X)


def test_figures_are_those_of_the_model_on_the_table() -> None:
    X = np.stack(list(groups(n=90).values()), axis=1)
    model = ModelSpec(family="kmeans")
    found = structure._figures(structure._Task(model=model, k=3, X=X, seed=0))
    assert found[0] == pytest.approx(silhouette_score(X, np.arange(90) % 3))
    assert found[1] is None
    assert structure._figures(structure._Task(model=model, k=3, X=X[:2], seed=0)) == (None, None)
    alike = structure._Task(model=model, k=2, X=np.zeros((10, 2)), seed=0)
    assert structure._figures(alike) == (None, None)


def test_an_identity_is_computed_and_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = groups(apart=3.0)
    raw |= {"product": np.exp(raw["x"] / 10) * np.exp(raw["y"] / 10)}
    seen: list[Any] = []

    def product(columns: Any) -> Any:
        seen.append(columns)
        return np.exp(columns["x"] / 10) * np.exp(columns["y"] / 10)

    monkeypatch.setattr(copula, "dependent_features", lambda names: {"product": product})
    run(raw, copies=3)
    assert len(seen) == 3
    assert all(sorted(columns["x"]) == sorted(raw["x"]) for columns in seen)


def test_neither_processes_nor_a_second_run_matter() -> None:
    raw = groups(n=90, apart=2.0)
    found = run(raw, copies=5)
    assert run(raw, copies=5) == found
    assert run(raw, copies=5, n_jobs=2) == found


@pytest.mark.parametrize(
    "key",
    [("hierarchical", "ward", 2), ("mixture", "full", 2), ("mixture", "spherical", 3), ("spectral", "", 2)],
)
def test_every_family_can_be_tested(key: Any) -> None:
    assert 0 < run(groups(n=90), key, copies=2).silhouette_p <= 1


def test_it_is_off_without_copies_or_anything_to_compare() -> None:
    raw = groups(n=30)
    assert structure_test(raw, standardise, KMEANS, job.Models(), copies=0, seed=0) is None
    assert structure_test({"x": raw["x"]}, standardise, KMEANS, job.Models(), copies=9, seed=0) is None
    same = {name: np.zeros(30) for name in "xy"}
    assert structure_test(same, standardise, KMEANS, job.Models(), copies=2, seed=0, n_jobs=1) is None


def test_k_means_and_the_winners_family_are_put_to_the_rule_with_as_many_segments_and_more() -> None:
    models = job.Models(k_max=5)
    rivals = structure._rivals(("mixture", "diag", 4), models)
    assert [(m.family, m.variant, k) for m, k in rivals] == [
        ("kmeans", "", 4),
        ("kmeans", "", 5),
        ("mixture", "diag", 4),
        ("mixture", "diag", 5),
    ]
    assert structure._tried(("mixture", "diag", 4), models) == "K-Means and diag"
    assert len(structure._rivals(("kmeans", "", 2), models)) == 4


@pytest.mark.slow
def test_the_real_customers_show_a_little_more_than_a_continuum(raw: dict[str, Any]) -> None:
    """The independent analysis: silhouette 0.243, p = 0.01 with 99 copies."""

    def prepare(_: str, values: Any) -> Any:
        return PowerTransformer().fit_transform(values[:, None])[:, 0]

    found = structure_test(
        raw, prepare, ("kmeans", "", 4), job.Models(), copies=19, seed=0, rule=job.Selection(), n_jobs=1
    )
    assert found is not None
    assert found.silhouette == pytest.approx(0.243, abs=0.001)
    assert found.silhouette_copies_mean == pytest.approx(0.232, abs=0.006)
    assert found.silhouette_p <= 0.15
    # The rule gets as far without clusters, and not seldom: four segments are no finding.
    assert found.rule_copies == 19
    assert 2 <= found.rule_reached <= 14
