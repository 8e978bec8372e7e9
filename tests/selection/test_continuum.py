"""The choice where customers shade into one another: a number to work with that holds, not the number of groups."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.models import CandidateKey
from segcore.selection.rule import chosen, leading, pinned_cost, select
from tests.selection.candidates import row, table

RULE = job.Selection()
TWO, THREE, FOUR, FIVE, SIX = (("kmeans", "", k) for k in (2, 3, 4, 5, 6))
DIAGONAL, FULL = ("mixture", "diag", 3), ("mixture", "full", 4)
NO: dict[str, Any] = {"prediction_strength": 0.5}
MISSED: dict[str, Any] = {"prediction_strength": 0.781}  # by less than two standard errors
CLEARLY: dict[str, Any] = {"prediction_strength": 0.779}


def decided(
    *rows: dict[str, Any], rule: job.Selection = RULE, before: CandidateKey | None = None
) -> pl.DataFrame:
    return select(table(*rows), rule, before, continuum=True)


def winner(
    *rows: dict[str, Any], rule: job.Selection = RULE, before: CandidateKey | None = None
) -> CandidateKey:
    found = chosen(decided(*rows, rule=rule, before=before))
    return found["family"], found["variant"], found["k"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The number nearest to four, more segments or fewer,
        ([row(*TWO), row(*FOUR), row(*SIX)], FOUR),
        ([row(*TWO), row(*FIVE), row(*SIX)], FIVE),
        ([row(*TWO), row(*THREE)], THREE),
        # of what no bar rules out clearly,
        ([row(*TWO), row(*FOUR, **MISSED)], FOUR),
        ([row(*TWO), row(*FOUR, **CLEARLY)], TWO),
        ([row(*TWO), row(*FOUR, **MISSED, jaccard_min=None)], TWO),
        ([row(*TWO), row(*FOUR, **MISSED, converged=False)], TWO),
        # K-Means before others at it, whatever the silhouette, and the nearer number before K-Means;
        ([row(*FOUR), row(*FULL, silhouette=0.4)], FOUR),
        ([row(*FOUR, **CLEARLY), row(*FULL)], FULL),
        ([row(*TWO), row(*DIAGONAL)], DIAGONAL),
        # as near, K-Means again, and then fewer.
        ([row(*FIVE), row(*DIAGONAL)], FIVE),
        ([row(*FIVE, silhouette=0.4), row(*THREE)], THREE),
        ([row("hdbscan", "", 4, selectable=False), row(*THREE)], THREE),
    ],
)
def test_the_number_nearest_to_four_that_is_not_clearly_ruled_out_wins(
    rows: list[dict[str, Any]], expected: CandidateKey
) -> None:
    assert winner(*rows) == expected


def test_only_the_winner_is_admissible_although_it_misses_a_bar() -> None:
    found = decided(row(*THREE), row(*FOUR, **MISSED), row(*FULL, **MISSED))
    assert found["admissible"].to_list() == [True, True, False]
    assert found["verdict"].to_list() == ["admissible", "chosen", "ruled out"]


def test_why_is_told() -> None:
    found = decided(
        row(*THREE), row(*FOUR, **MISSED), row(*FULL), row(*FIVE), row(*SIX, **NO), row(*DIAGONAL)
    )
    assert found["reason"].to_list() == [
        "Admissible, but K-Means with 4 segments is nearer to 4, and customers shade into one another.",
        "Chosen: customers shade into one another, so that the number of segments is a matter of use: 4, which no check clearly"
        " rules out, and K-Means before other families."
        " Missed, but not clearly: prediction strength 0.781 ± 0.010 is below 0.80.",
        "Admissible, but K-Means with 4 segments is as near to 4 and comes before other families,"
        " and customers shade into one another.",
        "Admissible, but K-Means with 4 segments is nearer to 4, and customers shade into one another.",
        "Ruled out: prediction strength 0.500 ± 0.010 is below 0.80.",
        "Admissible, but K-Means with 4 segments is nearer to 4, and customers shade into one another.",
    ]
    near = decided(row(*THREE), row(*FIVE))
    assert near["reason"].to_list() == [
        "Chosen: customers shade into one another, so that the number of segments is a matter of use: the nearest to 4 that"
        " no check clearly rules out.",
        "Admissible, but K-Means with 3 segments is as near to 4 with fewer, and customers shade into one another.",
    ]
    higher = decided(row(*FULL), row("mixture", "diag", 4, silhouette=0.3))["reason"][0]
    assert (
        higher
        == "Admissible, but diagonal mixture has the higher silhouette at 4 segments (0.300 against 0.250)."
    )


@pytest.mark.parametrize(
    ("before", "rows", "expected"),
    [
        # It stays where it is not nearest to four,
        (SIX, [row(*FOUR), row(*SIX)], SIX),
        (THREE, [row(*THREE), row(*FOUR, prediction_strength=0.819)], THREE),
        (DIAGONAL, [row(*THREE), row(*DIAGONAL)], DIAGONAL),
        # until as many as four, or nearly, clearly hold;
        (THREE, [row(*THREE), row(*FOUR, prediction_strength=0.821)], FOUR),
        (TWO, [row(*TWO), row(*THREE)], THREE),
        # more than four are no reason, and neither is another family.
        (FOUR, [row(*FOUR), row(*FIVE)], FOUR),
        (THREE, [row(*THREE), row(*FIVE)], THREE),
        (FOUR, [row(*FOUR), row(*FULL, silhouette=0.4)], FOUR),
        (FULL, [row(*FOUR), row(*FULL)], FULL),
        # It goes when it is short of a bar by the leeway and two standard errors more.
        (FOUR, [row(*THREE), row(*FOUR, prediction_strength=0.731)], FOUR),
        (FOUR, [row(*THREE), row(*FOUR, prediction_strength=0.729)], THREE),
        (FOUR, [row(*THREE), row(*FOUR, jaccard_min=0.681)], FOUR),
        (FOUR, [row(*THREE), row(*FOUR, jaccard_min=0.679)], THREE),
    ],
)
def test_the_model_of_the_run_before_stays_until_the_evidence_is_clear(
    before: CandidateKey, rows: list[dict[str, Any]], expected: CandidateKey
) -> None:
    assert winner(*rows, before=before) == expected


def test_why_the_model_of_the_run_before_stays_is_told() -> None:
    assert decided(row(*FOUR), row(*SIX), before=SIX)["reason"].to_list() == [
        "Admissible, but not clearly better than the model of the run before.",
        "Chosen: the run before had it, and K-Means with 4 segments is not clearly better.",
    ]
    assert decided(row(*THREE), row(*FOUR, prediction_strength=0.731), before=FOUR)["reason"][1] == (
        "Chosen: the run before had it. Missed, but not clearly: prediction strength 0.731 ± 0.010 is below 0.80."
    )


def test_a_pinned_number_is_no_question_and_a_pinned_family_is() -> None:
    four = (row(*FOUR), row(*FULL, silhouette=0.4))
    assert winner(*four, rule=job.Selection(k=4)) == FULL
    assert chosen(decided(*four, rule=job.Selection(k=4)))["reason"] == (
        "Chosen because k = 4 was pinned: the highest silhouette of 2 admissible ones."
    )
    kmeans = job.Selection(family="kmeans")
    assert winner(row(*FOUR), row(*SIX), row(*FULL), rule=kmeans) == FOUR
    poor = decided(row(*TWO, **NO), row(*DIAGONAL), rule=kmeans)
    assert "although the rule rules it out" in chosen(poor)["reason"]
    assert not chosen(poor)["admissible"]


def test_what_a_pin_costs_is_told_against_the_same_question() -> None:
    six = job.Selection(k=6)
    rows = table(row(*FOUR), row(*SIX))
    cost = pinned_cost(select(rows, six, continuum=True), six, continuum=True)
    assert cost is not None
    assert cost.by_rule.k == 4
    groups = pinned_cost(select(rows, six), six)
    assert groups is not None
    assert groups.by_rule.k == 6


def test_the_largest_admissible_number_leads_whatever_is_pinned() -> None:
    rows = table(row(*THREE), row(*FIVE, **MISSED), row(*FOUR), row(*FULL, silhouette=0.4))
    assert leading(rows, RULE) == leading(rows, job.Selection(k=3)) == FULL
    assert leading(table(row(*FOUR, **NO)), RULE) is None


near_the_bars = st.builds(
    row,
    st.sampled_from(["kmeans", "mixture", "spectral"]),
    st.just(""),
    st.integers(2, 6),
    silhouette=st.floats(0.2, 0.3),
    prediction_strength=st.floats(0.7, 0.95),
    prediction_strength_se=st.just(0.025),
    jaccard_min=st.floats(0.65, 0.95),
    jaccard_se=st.just(0.025),
)
some = st.lists(near_the_bars, min_size=1, max_size=8, unique_by=lambda r: (r["family"], r["k"]))


@given(some)
def test_nothing_nearer_to_four_is_left_that_is_admissible(rows: list[dict[str, Any]]) -> None:
    found = decided(*rows)
    distances = (found.filter("admissible")["k"] - 4).abs()
    if found["admissible"].any():
        assert abs(chosen(found)["k"] - 4) == distances.min()


@given(some, st.data())
def test_figures_that_hover_move_nobody(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    candidates = table(*rows)
    found = chosen(select(candidates, RULE, continuum=True))
    last_night = found["family"], found["variant"], found["k"]
    off = st.lists(st.floats(-0.049, 0.049), min_size=candidates.height, max_size=candidates.height)
    tonight = candidates.with_columns(
        pl.col(figure) + pl.Series(data.draw(off)) for figure in ("prediction_strength", "jaccard_min")
    )
    again = chosen(select(tonight, RULE, last_night, continuum=True))
    if found["admissible"]:
        assert (again["family"], again["variant"], again["k"]) == last_night


@given(some, st.lists(st.booleans(), min_size=4, max_size=8))
def test_a_verdict_that_hovers_moves_nobody_there_and_back(
    rows: list[dict[str, Any]], nights: list[bool]
) -> None:
    candidates = table(row(*TWO), *[r for r in rows if (r["family"], r["k"]) != ("kmeans", 2)])
    before: CandidateKey | None = None
    seen: list[CandidateKey] = []
    for continuum in nights:
        found = chosen(select(candidates, RULE, before, continuum=continuum))
        before = found["family"], found["variant"], found["k"]
        if before not in seen[-1:]:
            seen.append(before)
    assert len(seen) == len(set(seen))
