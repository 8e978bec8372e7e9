"""The quality gate: which bounds of the job a run breaks; a run that breaks one is not published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from segcore import job
from segcore.lines import cleaning
from segcore.lines.ledger import KEPT, NO_FAULT


def broken_bounds(
    gate: job.Gate,
    *,
    rows: Mapping[str, int],
    profile: pl.DataFrame,
    chosen: Mapping[str, Any],
    drift: Mapping[str, float] | None = None,
) -> list[str]:
    """Say which bounds of the quality gate a run breaks, each with the figure and the bound.

    Parameters
    ----------
    gate : segcore.job.Gate
    rows : mapping of str to int
        Lines of each class of the ledger.
    profile : polars.DataFrame
        One row per segment, as in profile.parquet; the row of segment 0 is everybody.
    chosen : mapping
        The winner's row of candidates.parquet.
    drift : mapping of str to float, optional
        Population stability index of each feature against the previous run; without one there is no drift.
    """
    found = [
        (gate.max_reject_share, "most", "share of rejected lines", reject_share(rows), "max_reject_share"),
        (
            gate.min_segment_share,
            "least",
            "share of customers in the smallest segment",
            profile.filter(pl.col("segment") > 0)["customer_share"].min(),
            "min_segment_share",
        ),
    ]
    if drift:
        worst = max(drift, key=lambda name: drift[name])
        found.append((gate.max_drift, "most", f"drift (PSI) of {worst}", drift[worst], "max_drift"))
    broken = [_broken(*entry) for entry in found]
    if gate.require_admissible and not chosen["admissible"]:
        broken.append("no candidate is admissible, and gate.require_admissible asks for one")
    return [text for text in (*broken, *unstable(gate, chosen)) if text]


def unstable(gate: job.Gate, chosen: Mapping[str, Any]) -> list[str]:
    """Say which bounds on the stability of a model it breaks: those of its row of candidates.parquet."""
    found = (
        ("prediction_strength", "prediction strength of the chosen model", "prediction_strength"),
        ("jaccard", "Jaccard of the least stable segment", "jaccard_min"),
    )
    bounds = [
        (getattr(gate, f"min_{name}"), words, chosen.get(figure), name) for name, words, figure in found
    ]
    broken = [_broken(bound, "least", words, value, f"min_{name}") for bound, words, value, name in bounds]
    return [text for text in broken if text]


def drift_by_feature(state: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the stability index of each feature that the model sees, from what drift.json holds."""
    rows = state["features"] if state else []
    return {row["feature"]: float(row["psi"]) for row in rows if row["in_model"]}


def reject_share(rows: Mapping[str, int]) -> float:
    """Return the share of the window's lines that were rejected for other reasons than a missing customer."""
    rejected = sum(n for name, n in rows.items() if name not in (*KEPT, *NO_FAULT))
    looked_at = sum(rows.values()) - rows.get(cleaning.OUTSIDE_WINDOW, 0)
    return float(rejected / max(looked_at, 1))


def _broken(bound: float | None, side: str, words: str, value: Any, key: str) -> str:
    if bound is None:
        return ""
    if value is None:
        return f"{words} was not measured, and gate.{key} = {bound:g} asks for it"
    inside = value <= bound if side == "most" else value >= bound
    return "" if inside else f"{words} is {value:.3g}, expected at {side} gate.{key} = {bound:g}"
