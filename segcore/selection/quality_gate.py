"""The quality gate: which bounds of the job a run breaks; a run that breaks one is not published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from segcore import job
from segcore.lines.cleaning import OUTSIDE_WINDOW
from segcore.lines.ledger import KEPT, NO_FAULT
from segcore.records import DriftReport
from segcore.records.fit_figures import ChosenModel


def broken_bounds(
    gate: job.Gate,
    *,
    rows: Mapping[str, int],
    profile: pl.DataFrame,
    chosen: ChosenModel,
    drift: Mapping[str, float] | None = None,
    moved_share: float | None = None,
    no_fault: Collection[str] = NO_FAULT,
) -> list[str]:
    """Return which bounds of the quality gate a run breaks, each with the figure and the bound.

    Parameters
    ----------
    gate : segcore.job.Gate
    rows : mapping of str to int
        Lines of each class of the ledger.
    profile : polars.DataFrame
        One row per segment, as in profile.parquet; the row of segment 0 is everybody.
    chosen : ChosenModel
    drift : mapping of str to float, optional
        Population stability index of each feature against the previous run; without one there is no drift.
    moved_share : float, optional
        Of the customers of both runs, who are in another segment now; None without a previous run.
    no_fault : collection of str
        Classes of rejects that are no sign of a bad input.
    """
    smallest = profile.filter(pl.col("segment") > 0)["customer_share"].min()
    texts = [
        _broken(gate, "max_reject_share", "share of rejected lines", reject_share(rows, no_fault)),
        _broken(gate, "min_segment_share", "share of customers in the smallest segment", smallest),
    ]
    if drift:
        worst = max(drift, key=lambda name: drift[name])
        texts.append(_broken(gate, "max_drift", f"drift (PSI) of {worst}", drift[worst]))
    if moved_share is not None:
        texts.append(_broken(gate, "max_moved_share", "share of customers who moved", moved_share))
    if gate.require_admissible and not chosen.admissible:
        texts.append("no candidate is admissible, and gate.require_admissible asks for one")
    return [
        text for text in (*texts, *unstable(gate, chosen.prediction_strength, chosen.jaccard_min)) if text
    ]


def unstable(gate: job.Gate, prediction_strength: float | None, jaccard_min: float | None) -> list[str]:
    """Return which bounds on the stability of a model it breaks."""
    texts = (
        _broken(
            gate, "min_prediction_strength", "prediction strength of the chosen model", prediction_strength
        ),
        _broken(gate, "min_jaccard", "Jaccard of the least stable segment", jaccard_min),
    )
    return [text for text in texts if text]


def drift_by_feature(drift: DriftReport | None) -> dict[str, float]:
    """Return the stability index of each feature that the model sees; of none where it was not measured."""
    return {own.feature: own.psi for own in (drift.features if drift else ()) if own.in_model}


def reject_share(rows: Mapping[str, int], no_fault: Collection[str] = NO_FAULT) -> float:
    """Return the share of the window's lines that were rejected for reasons that are a fault."""
    rejected = sum(n for name, n in rows.items() if name not in (*KEPT, *no_fault))
    looked_at = sum(rows.values()) - rows.get(OUTSIDE_WINDOW, 0)
    return float(rejected / max(looked_at, 1))


def _broken(gate: job.Gate, key: str, words: str, value: Any) -> str:
    """Return how a figure breaks a bound (``min_...`` or ``max_...``); an empty string where it does not."""
    bound: float | None = getattr(gate, key)
    if bound is None:
        return ""
    if value is None:
        return f"{words} was not measured, and gate.{key} = {bound:g} asks for it"
    highest = key.startswith("max_")
    if value <= bound if highest else value >= bound:
        return ""
    return f"{words} is {value:.3g}, expected at {'most' if highest else 'least'} gate.{key} = {bound:g}"
