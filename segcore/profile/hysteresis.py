"""Hysteresis of names: noise from run to run does not push a segment over a border of the naming rule.

A segment that a previous run named is shown to the rule where that run saw it, feature by feature, until it has
moved away by more than a margin. What the rule saw is stored with the profile (``named_by``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from segcore.profile.naming import Position
from segcore.profile.statistics import ALL

NAMED_BY = pl.List(pl.Struct({"feature": pl.String, "position": pl.Float64, "median": pl.Float64}))
_ONE_ORDER = "one_order_share"


def with_hysteresis(now: Position, then: Position | None, margin: float) -> Position:
    """Return what the naming rule sees of a segment: the earlier position of each feature that stayed within the margin.

    Parameters
    ----------
    now : Position
    then : Position or None
        What it saw in the previous run.
    margin : float
        In shares of all customers.
    """
    if then is None:
        return now
    stayed = [
        name
        for name, place in now.positions.items()
        if name in then.positions and abs(place - then.positions[name]) <= margin
    ]
    once = then.one_order_share
    return replace(
        now,
        positions={**now.positions, **{name: then.positions[name] for name in stayed}},
        medians={**now.medians, **{name: then.medians[name] for name in stayed if name in then.medians}},
        one_order_share=once if abs(now.one_order_share - once) <= margin else now.one_order_share,
    )


def to_rows(position: Position) -> list[dict[str, Any]]:
    """Return a position as the profile table's ``named_by``."""
    rows = [
        {"feature": name, "position": place, "median": position.medians.get(name)}
        for name, place in position.positions.items()
    ]
    return [*rows, {"feature": _ONE_ORDER, "position": position.one_order_share, "median": None}]


def positions_of(profile: pl.DataFrame) -> Mapping[int, Position]:
    """Return what the naming rule saw of each segment, from a profile table; nothing from one that does not say it."""
    if "named_by" not in profile.columns:
        return {}
    rows = profile.filter(pl.col("segment") != ALL).select("segment", "named_by").rows()
    return {segment: _position(segment, seen) for segment, seen in rows if seen}


def _position(segment: int, rows: list[dict[str, Any]]) -> Position:
    features = [row for row in rows if row["feature"] != _ONE_ORDER]
    return Position(
        segment=segment,
        positions={row["feature"]: row["position"] for row in features},
        medians={row["feature"]: row["median"] for row in features if row["median"] is not None},
        one_order_share=next(row["position"] for row in rows if row["feature"] == _ONE_ORDER),
    )
