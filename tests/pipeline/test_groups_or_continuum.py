"""What is asked of whether there are groups, before a model is chosen, and what it changes."""

from __future__ import annotations

from typing import Any

import pytest

from segcore import job
from segcore.models import CandidateKey
from segcore.pipeline.models import candidate_metrics, model_selection
from segcore.records.fit_figures import StructureTest
from segcore.selection import rule
from tests.selection.candidates import row, table

THREE, FOUR = ("kmeans", "", 3), ("kmeans", "", 4)
MISSED: dict[str, Any] = {"prediction_strength": 0.79}
NO: dict[str, Any] = {"prediction_strength": 0.5}


def of_gap(gap: float) -> StructureTest:
    """A test of segments whose silhouette is higher than the copies' by so much."""
    return StructureTest(
        copies=99,
        silhouette=0.3 + gap,
        silhouette_copies_mean=0.3,
        silhouette_copies_max=0.3,
        silhouette_p=0.01,
        sentence="",
    )


def choice(
    monkeypatch: pytest.MonkeyPatch,
    *rows: dict[str, Any],
    gap: float | None,
    before: CandidateKey | None = None,
    **pins: Any,
) -> tuple[CandidateKey, list[tuple[CandidateKey, bool]]]:
    """Return the model that is chosen, and what was tested: which candidates, and whether against the bars too."""
    asked: list[tuple[CandidateKey, bool]] = []

    def figures(model: CandidateKey, *_: Any, by_rule: bool, n_jobs: int | None) -> StructureTest | None:
        asked.append((model, by_rule))
        return None if gap is None else of_gap(gap)

    monkeypatch.setattr(candidate_metrics, "structure_figures", figures)
    settings = job.Job(selection=job.Selection(**pins))
    nothing: Any = None
    decided, _, test = model_selection._decided(table(*rows), nothing, settings, nothing, before, None)
    assert test == (None if gap is None else of_gap(gap))
    found = rule.chosen(decided)
    return (found["family"], found["variant"], found["k"]), asked


def test_segments_that_stand_apart_win_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row(*THREE), row(*FOUR, **MISSED)
    assert choice(monkeypatch, *rows, gap=0.1) == (THREE, [(THREE, True)])


def test_without_groups_the_usual_number_wins_and_is_tested_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row(*THREE), row(*FOUR, **MISSED)
    assert choice(monkeypatch, *rows, gap=0.099) == (FOUR, [(THREE, True), (FOUR, True)])
    assert choice(monkeypatch, row(*FOUR), gap=0.0) == (FOUR, [(FOUR, True)])


def test_without_a_test_the_largest_admissible_number_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choice(monkeypatch, row(*THREE), row(*FOUR, **MISSED), gap=None) == (THREE, [(THREE, True)])


def test_where_nothing_is_admissible_there_is_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row(*THREE, **NO), row(*FOUR, **MISSED)
    assert choice(monkeypatch, *rows, gap=0.0) == (FOUR, [(FOUR, False)])


def test_a_model_that_stays_either_way_is_tested_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = row("kmeans", "", 6, prediction_strength=0.81)
    assert choice(monkeypatch, row(*FOUR), narrow, gap=0.2, before=FOUR) == (FOUR, [(FOUR, True)])


def test_what_is_pinned_is_tested_beside_what_would_have_led(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = row(*THREE), row(*FOUR, **MISSED), row("kmeans", "", 7, **NO)
    seven = ("kmeans", "", 7)
    assert choice(monkeypatch, *rows, gap=0.0, k=7) == (seven, [(THREE, True), (seven, False)])
    assert choice(monkeypatch, row(*THREE), row(*FOUR), gap=0.2, k=3) == (THREE, [(THREE, False)])
