"""Hysteresis of names: noise from run to run changes no name.

A segment that a previous run named is shown to the rule where that run saw it, feature by feature, until it has
moved away by more than a margin, and by more than one step where the feature is counted. Where the rule would give another
name all the same, the old one stays until it has done so in three runs in a row, or is no longer true of half. What the rule saw is stored with the
profile (``named_by``), what the name claims (``name_claims``), and how often the rule has disagreed (``name_disagreed``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from segcore import schema
from segcore.profile.claims import Claim
from segcore.profile.naming import Name, Position
from segcore.profile.statistics import ALL

NAMED_BY = pl.List(pl.Struct({"feature": pl.String, "position": pl.Float64, "median": pl.Float64}))
_ONE_ORDER = "one_order_share"
_RUNS = 3  # in a row that have to disagree with a name
_PLAINLY_WRONG = 0.5  # share of a segment's customers below which a name does not wait for them


@dataclass(frozen=True, kw_only=True)
class Named:
    """A segment as a previous run named it: the name, and what the rule saw of it."""

    name: Name
    seen: Position


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
        if name in then.positions
        and (abs(place - then.positions[name]) <= margin or (margin > 0 and _one_step(name, now, then)))
    ]
    once = then.one_order_share
    return replace(
        now,
        positions={**now.positions, **{name: then.positions[name] for name in stayed}},
        medians={**now.medians, **{name: then.medians[name] for name in stayed if name in then.medians}},
        one_order_share=once if abs(now.one_order_share - once) <= margin else now.one_order_share,
    )


def _one_step(name: str, now: Position, then: Position) -> bool:
    """Whether a counted feature's medians are next to each other, however many customers stand between them."""
    counted = name in schema.FEATURE_BY_NAME and schema.FEATURE_BY_NAME[name].integer
    both = name in now.medians and name in then.medians
    return counted and both and abs(now.medians[name] - then.medians[name]) <= 1


def kept(
    by_rule: Mapping[int, Name], previous: Mapping[int, Named], holds: Callable[[int, Sequence[Claim]], float]
) -> dict[int, Name]:
    """Return the names that stay: those that the rule gives again, or has not disagreed with often enough.

    A name that tells a rank is a fact of one run, and does not stay.

    Parameters
    ----------
    by_rule : mapping of int to Name
        What the rule gives.
    previous : mapping of int to Named
    holds : callable
        Of how many of a segment's customers claims are true.
    """
    stay = {}
    for segment, old in previous.items():
        if segment not in by_rule or old.name.name.endswith("by revenue)"):
            continue
        if holds(segment, old.name.claims) < _PLAINLY_WRONG:
            continue
        agrees = by_rule[segment].name == old.name.name
        disagreed = 0 if agrees else old.name.disagreed + 1
        if disagreed < _RUNS:
            stay[segment] = replace(old.name, disagreed=disagreed)
    return stay


def to_rows(position: Position) -> list[dict[str, Any]]:
    """Return a position as the profile table's ``named_by``."""
    rows = [
        {"feature": name, "position": place, "median": position.medians.get(name)}
        for name, place in position.positions.items()
    ]
    return [*rows, {"feature": _ONE_ORDER, "position": position.one_order_share, "median": None}]


def named_before(profile: pl.DataFrame) -> dict[int, Named]:
    """Return how a profile table names its segments; nothing from one that does not say what the rule saw of them."""
    if not {"named_by", "name_claims", "name_disagreed"} <= set(profile.columns):
        return {}
    rows = profile.filter(pl.col("segment") != ALL).select("segment", "named_by").rows()
    names = names_of(profile)
    return {
        segment: Named(name=names[segment], seen=_position(segment, seen)) for segment, seen in rows if seen
    }


def names_of(profile: pl.DataFrame) -> dict[int, Name]:
    """Return the names and treatments that a profile table holds."""
    rows = profile.filter(pl.col("segment") != ALL).to_dicts()
    return {
        row["segment"]: Name(
            name=row["segment_name"],
            treatment=row["treatment"],
            claims=tuple(
                (key, level) for key, _, level in (c.partition("=") for c in row.get("name_claims") or [])
            ),
            disagreed=row.get("name_disagreed") or 0,
        )
        for row in rows
    }


def _position(segment: int, rows: list[dict[str, Any]]) -> Position:
    features = [row for row in rows if row["feature"] != _ONE_ORDER]
    return Position(
        segment=segment,
        positions={row["feature"]: row["position"] for row in features},
        medians={row["feature"]: row["median"] for row in features if row["median"] is not None},
        one_order_share=next(row["position"] for row in rows if row["feature"] == _ONE_ORDER),
    )
