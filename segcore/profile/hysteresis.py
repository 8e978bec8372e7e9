"""Hysteresis of names: a segment that is kept has its name for as long as that is true.

A name is given where its words are true of two thirds of the customers, and given up where they no longer are of half,
whatever else the rule would call the segment now. What a name says of a customer is stored with the profile (``name_claims``).
Names that say nothing of one are given anew: the rule sees such a segment where the run before saw it, feature by feature
(``named_by``), until it has moved away by more than a margin, and by more than one step where the feature is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from segcore import schema
from segcore.profile.claims import Claim, of_a_customer
from segcore.profile.naming import Name, Position
from segcore.profile.statistics import ALL
from segcore.profile.wording import templates

NAMED_BY = pl.List(pl.Struct({"feature": pl.String, "position": pl.Float64, "median": pl.Float64}))
_ONE_ORDER = "one_order_share"
_STAYS = 0.5  # share of a segment's customers of whom a name has to be true to stay


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
    previous: Mapping[int, Named],
    now: Mapping[int, Position],
    holds: Callable[[int, Sequence[Claim]], float],
    margin: float,
) -> dict[int, Name]:
    """Return the names that stay: those that are still true of half of the customers.

    Who is called one-time buyers has to be so by the bar of that word, less the margin. A name without words for a
    customer, or with a rank in it, is a fact of one run, and so is a comparison that has turned round.

    Parameters
    ----------
    previous : mapping of int to Named
    now : mapping of int to Position
        The segments that there are.
    holds : callable
        Of how many of a segment's customers claims are true.
    margin : float
        In shares of a segment's customers.
    """
    once = ("one_order", "yes")
    names = {segment: old.name for segment, old in previous.items() if segment in now}
    return {
        segment: name
        for segment, name in names.items()
        if of_a_customer(name.claims)
        and not name.name.endswith("by revenue)")
        and holds(segment, name.claims) >= _STAYS
        and (once not in name.claims or holds(segment, [once]) >= templates()["levels"]["one_order"] - margin)
        and not _turned_round(segment, names, now)
    }


def _turned_round(segment: int, names: Mapping[int, Name], now: Mapping[int, Position]) -> bool:
    """Whether a segment that is called more, or less, than others of the same words is so no longer."""
    claims = names[segment].claims
    words = of_a_customer(claims)
    for feature, side in set(claims) - set(words):
        opposite = (feature, "less" if side == "more" else "more")
        place = now[segment].positions.get(feature, 0.5)
        for other, name in names.items():
            if opposite in name.claims and of_a_customer(name.claims) == words:
                above = place - now[other].positions.get(feature, 0.5)
                if (above if side == "more" else -above) <= 0:
                    return True
    return False


def to_rows(position: Position) -> list[dict[str, Any]]:
    """Return a position as the profile table's ``named_by``."""
    rows = [
        {"feature": name, "position": place, "median": position.medians.get(name)}
        for name, place in position.positions.items()
    ]
    return [*rows, {"feature": _ONE_ORDER, "position": position.one_order_share, "median": None}]


def named_before(profile: pl.DataFrame) -> dict[int, Named]:
    """Return how a profile table names its segments; nothing from one that does not say what the rule saw of them."""
    if not {"named_by", "name_claims"} <= set(profile.columns):
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
