"""The rule that picks a winner from the candidates table: a pure function, with a reason for every row.

A candidate is admissible when it converged, its smallest segment is large enough, its prediction
strength (Tibshirani and Walther, 2005) and the bootstrap Jaccard of its least stable segment (Hennig,
2007) reach their bars. Where there are groups the winner is the largest admissible k; between candidates at that k, the
highest silhouette. Where customers are a continuum their number is a matter of use and not of truth: of what misses no bar
clearly, the winner is the k nearest the usual one, K-Means before others.

A run that follows another keeps its model until the evidence is clear, or a figure that hovers at its bar would
move everybody from night to night: of that model the bars ask a little less (the leeway), of one that
replaces it two standard errors more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import polars as pl

from segcore import job
from segcore.evaluation.stability import CLEAR
from segcore.models import CandidateKey
from segcore.records.fit_figures import CandidateFigures, ChosenModel, PinnedCost
from segcore.selection import pins, verdicts
from segcore.selection.criteria import (
    USUAL_K,
    Judged,
    Row,
    best_first,
    cheap_criteria,
    figure,
    judge,
    key,
    number,
    partition,
    usual_first,
    with_leeway,
)

T = TypeVar("T", ChosenModel, CandidateFigures)

COLUMNS = (
    "family",
    "variant",
    "k",
    "n_clusters",
    "selectable",
    "converged",
    "noise_share",
    "smallest_share",
    "smallest_share_se",
    "silhouette",
    "silhouette_se",
    "prediction_strength",
    "prediction_strength_se",
    "jaccard_min",
    "jaccard_se",
)
"""What `select` reads of a candidate."""

_DECIDED = {
    "admissible": pl.Boolean,
    "close_call": pl.Boolean,
    "verdict": pl.String,
    "reason": pl.String,
    "chosen": pl.Boolean,
}


def worth_measuring(candidates: pl.DataFrame, rule: job.Selection) -> list[CandidateKey]:
    """Return the (family, variant, k) that pass the cheap conditions or miss them within the leeway: they are refitted.

    Parameters
    ----------
    candidates : DataFrame
        With family, variant, k, selectable, converged, smallest_share and its error.
    rule : job.Selection
    """
    return [
        key(row)
        for row in candidates.iter_rows(named=True)
        if row["selectable"] and all(criterion.passed for criterion in cheap_criteria(row, with_leeway(rule)))
    ]


def leading(candidates: pl.DataFrame, rule: job.Selection) -> CandidateKey | None:
    """Return the candidate whose segments decide whether there are groups; None where nothing is admissible.

    It is the largest admissible k, whatever is pinned and whatever the run before had.
    """
    judged = best_first([judge(row, rule) for row in candidates.iter_rows(named=True)])
    return next((candidate.key for candidate in judged if candidate.admissible), None)


def select(
    candidates: pl.DataFrame,
    rule: job.Selection,
    previous: CandidateKey | None = None,
    *,
    continuum: bool = False,
) -> pl.DataFrame:
    """Give every candidate a verdict and a reason, and choose one.

    Parameters
    ----------
    candidates : DataFrame
        One row per (family, variant, k) with at least `COLUMNS`; null (or NaN) where something was not
        measured. A bar of 0 is passed without a measurement, any other is not.
    rule : job.Selection
        The bars, and `k` or `family` where they are pinned by hand.
    previous : (family, variant, k), optional
        The model of the previous run. Where it may be chosen, it is admissible within the rule's leeway below the bars
        of prediction strength, Jaccard and smallest share as well, and stays unless another one passes them by more than two
        standard errors, and has more segments, or as many and a silhouette higher by more than two standard errors.
    continuum : bool
        Whether the segments of the `leading` candidate do not stand apart. Then the winner is, of all that may be chosen and miss no
        bar by more than two standard errors, the k nearest `USUAL_K`, K-Means before others. The model of the previous run
        stays as long as it misses none by the leeway and two standard errors more, unless one with more segments, though no
        more than `USUAL_K`, passes them by more than two standard errors.

    Returns
    -------
    DataFrame
        The same rows in the same order with admissible, close_call (a change by one standard error would
        turn the verdict), verdict ("chosen", "admissible", "ruled out" or "shown only"), reason (a
        sentence) and chosen added. Exactly one row is chosen, and admissible where it misses a bar, but not clearly, as well.
        When nothing is admissible that is K-Means with `USUAL_K` segments, or the nearest number there is.

    Raises
    ------
    segcore.errors.DataError
        If there is nothing to choose from, or not at the pinned k.
    segcore.errors.JobError
        If the pinned family is not among the candidates, or finds its number of segments itself.
    """
    continuum = continuum and rule.k is None  # a number that is pinned is no question
    judged = [judge(row, rule, lenient=key(row) == previous) for row in candidates.iter_rows(named=True)]
    pool = pins.pool(judged, rule)
    best, reason = _choose(judged, pool, rule, previous, continuum)
    reasons = [
        ("chosen", reason) if candidate is best else _why_not(candidate, best, rule, continuum)
        for candidate in judged
    ]
    decided: dict[str, list[Any]] = {
        "admissible": [
            candidate.admissible or (continuum and candidate is best and best.tenable) for candidate in judged
        ],
        "close_call": [candidate.row["selectable"] and candidate.close_call for candidate in judged],
        "verdict": [verdict for verdict, _ in reasons],
        "reason": [reason for _, reason in reasons],
        "chosen": [candidate is best for candidate in judged],
    }
    return candidates.with_columns(pl.Series(c, decided[c], dtype=dtype) for c, dtype in _DECIDED.items())


def _choose(
    judged: Sequence[Judged],
    pool: Sequence[Judged],
    rule: job.Selection,
    previous: CandidateKey | None,
    continuum: bool,
) -> tuple[Judged, str]:
    """Return the winner and why it won."""
    incumbent = next((candidate for candidate in pool if candidate.key == previous), None)
    if continuum:
        left = usual_first([candidate for candidate in pool if candidate.tenable])
    else:
        left = best_first([candidate for candidate in pool if candidate.admissible])
    first = left[0] if left else partition(pool)
    best = first
    if incumbent is not None and incumbent in left:
        best = next((c for c in left if _clearly_better(c, incumbent.row, continuum)), incumbent)
        if best is not first or best.failures:
            return best, verdicts.chosen_after(best, incumbent, first, rule)
    reason = verdicts.chosen(best, left, rule, continuum=continuum)
    if incumbent is not None and incumbent is not best:
        reason += verdicts.succeeded(incumbent)
    return best, reason


def chosen(decided: pl.DataFrame) -> Row:
    """Return the chosen row of a table that `select` decided."""
    return decided.row(decided["chosen"].to_list().index(True), named=True)


def chosen_model(decided: pl.DataFrame) -> ChosenModel:
    """Return what the manifest has of the chosen row."""
    return _in_part(ChosenModel, chosen(decided))


def pinned_cost(
    decided: pl.DataFrame,
    rule: job.Selection,
    previous: CandidateKey | None = None,
    *,
    continuum: bool = False,
) -> PinnedCost | None:
    """Return what a pin cost: the chosen candidate beside the one that the rule would have chosen.

    Parameters
    ----------
    decided : DataFrame
        From `select` under `rule`.
    rule : job.Selection
    previous : (family, variant, k), optional
        The model of the previous run.
    continuum : bool
        As `select` was told.

    Returns
    -------
    PinnedCost or None
        None without a pin.
    """
    if not pins.in_words(rule):
        return None
    unpinned = rule.model_copy(update={"k": None, "family": None})
    free = chosen(select(decided, unpinned, previous, continuum=continuum))
    pinned = chosen(decided)
    what = f"{verdicts.called(free)} (silhouette {figure(free['silhouette'])})"
    if key(free) == key(pinned):
        sentence = f"The pin costs nothing: the rule would have chosen {what} as well."
    else:
        sentence = (
            f"Without the pin the rule would have chosen {what}; {verdicts.called(pinned)} (silhouette"
            f" {figure(pinned['silhouette'])}) is {'' if pinned['admissible'] else 'not '}admissible."
        )
    return PinnedCost(
        pinned=_in_part(CandidateFigures, pinned), by_rule=_in_part(CandidateFigures, free), sentence=sentence
    )


def _in_part(kind: type[T], row: Row) -> T:
    """Return what a record has of a candidate's row."""
    return kind(**{field.name: row[field.name] for field in fields(kind)})


def _clearly_better(candidate: Judged, incumbent: Row, continuum: bool) -> bool:
    """Whether a candidate is clearly better than the model of the previous run."""
    row = candidate.row
    if any(criterion.within(CLEAR) for criterion in candidate.criteria) or row["k"] < incumbent["k"]:
        return False
    if continuum:
        return bool(incumbent["k"] < row["k"] <= USUAL_K)
    if row["k"] > incumbent["k"]:
        return True
    own, other, error = (
        number(x) for x in (row["silhouette"], incumbent["silhouette"], row["silhouette_se"])
    )
    return own is not None and other is not None and error is not None and own - other > CLEAR * error


def _why_not(candidate: Judged, best: Judged, rule: job.Selection, continuum: bool) -> tuple[str, str]:
    row = candidate.row
    if not row["selectable"]:
        return "shown only", verdicts.shown_only(row)
    if not candidate.admissible:
        return "ruled out", verdicts.ruled_out(candidate)
    if not pins.allow(row, rule):
        why = f"Admissible, but {pins.in_words(rule)}."
    elif (usual_first if continuum else best_first)([candidate, best])[0] is candidate:
        why = "Admissible, but not clearly better than the model of the run before."
    else:
        why = verdicts.beaten(row, best.row, continuum=continuum)
    return "admissible", why + verdicts.remarks(candidate, rule)
