"""From a segment's position among all customers to a name and a treatment.

The rule, whose words and thresholds are data (``naming.toml``): each segment's median has a position
among all customers on each feature, positions have five levels, and the first template whose conditions
hold names the segment. Equal names are told apart by the unused axis on which the segments differ most:
by level against all customers where the levels differ, by comparison with each other where only the
medians do, and by rank of revenue where nothing does. Names depend on medians and on the rank by revenue
alone, so relabelling or reordering customers changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from segcore.profile.wording import templates


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a segment stands among all customers.

    Attributes
    ----------
    segment : int
        Its number, which is its rank by revenue.
    medians, positions : mapping of str to float
        By feature; a position is the share of all customers below the median (ties count half), 0.5
        where it equals the median of all. A feature that nobody in the segment has is left out.
    one_order_share : float
        Share of its customers with exactly one order.
    """

    segment: int
    medians: Mapping[str, float]
    positions: Mapping[str, float]
    one_order_share: float


@dataclass(frozen=True, kw_only=True)
class Name:
    """A segment's name and what to do about it, one sentence."""

    name: str
    treatment: str


@dataclass(frozen=True)
class _Draft:
    """An unfinished name, with the axes that it speaks of."""

    text: str
    used: frozenset[str]

    def qualified(self, qualifier: str, axis: str) -> _Draft:
        inner = self.text if qualifier.startswith("{}") else self.text[0].lower() + self.text[1:]
        text = qualifier.format(inner)
        return _Draft(text[0].upper() + text[1:], self.used | {axis})


def name_segments(positions: Sequence[Position]) -> dict[int, Name]:
    """Return a name and a treatment for every segment; no two names are equal.

    Parameters
    ----------
    positions : sequence of Position
        One per segment, in any order.
    """
    by_segment = {p.segment: p for p in sorted(positions, key=lambda p: p.segment)}
    chosen = {segment: _template(position) for segment, position in by_segment.items()}
    drafts = {
        segment: _Draft(template["name"], frozenset(map(_axis_of, template["when"])))
        for segment, template in chosen.items()
    }
    while True:
        refined = [_refine(drafts, [by_segment[s] for s in group]) for group in _equal(drafts)]
        if not any(refined):
            break
        for change in refined:
            drafts |= change
    for group in _equal(drafts):
        for segment in group:
            text = f"{drafts[segment].text} ({_ordinal(segment)} by revenue)"
            drafts[segment] = _Draft(text, drafts[segment].used)
    return {s: Name(name=drafts[s].text, treatment=chosen[s]["treatment"]) for s in by_segment}


def level(position: Position, feature: str) -> str:
    """Return the level of a segment's median: bottom, low, middle, high or top.

    A feature without a position is in the middle: nothing can be said of it.
    """
    limits = templates()["levels"]
    place = position.positions.get(feature, 0.5)
    at_least = templates()["axes"].get(_axis_of(feature), {}).get("at_least")
    if place >= limits["high"]:
        if at_least is not None and position.medians[feature] < at_least:
            return "middle"
        return "top" if place >= limits["top"] else "high"
    if place <= limits["low"]:
        return "bottom" if place <= limits["bottom"] else "low"
    return "middle"


def _template(position: Position) -> dict[str, Any]:
    """Return the first template whose conditions hold; the last one has none."""
    every: list[dict[str, Any]] = templates()["templates"]
    return next(t for t in every if all(_holds(position, *item) for item in t["when"].items()))


def _holds(position: Position, key: str, wanted: str | bool) -> bool:
    limits = templates()["levels"]
    if key == "mostly_one_order":
        return position.one_order_share >= limits[key] and position.medians.get("order_count") == 1
    if key == "repeat":
        return position.one_order_share <= limits[key] and position.medians.get("order_count", 1) > 1
    actual = level(position, key)
    return actual == wanted or (wanted, actual) in {("high", "top"), ("low", "bottom")}


def _axis_of(key: str) -> str:
    """Return the axis that a feature, or a condition on the number of orders, belongs to."""
    if key in ("mostly_one_order", "repeat"):
        return "frequency"
    axes = templates()["axes"]
    return next((name for name, axis in axes.items() if key in axis["features"]), key)


def _equal(drafts: Mapping[int, _Draft]) -> list[list[int]]:
    """Return the segments that share a name, group by group."""
    counts = Counter(draft.text for draft in drafts.values())
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for segment, draft in drafts.items():
        if counts[draft.text] > 1:
            groups[draft.text].append(segment)
    return list(groups.values())


def _refine(drafts: Mapping[int, _Draft], group: Sequence[Position]) -> dict[int, _Draft]:
    """Tell segments of one name apart by one more axis; return nothing where no axis can."""
    used = frozenset[str]().union(*(drafts[p.segment].used for p in group))
    best: tuple[tuple[int, float], str, dict[int, str]] | None = None
    for axis, words in templates()["axes"].items():
        feature = words["features"][0]
        places = [p.positions.get(feature, 0.5) for p in group]
        if axis in used or max(places) == min(places):
            continue
        by_level = {p.segment: level(p, feature) for p in group}
        differ = len(set(by_level.values()))
        labels = by_level if differ > 1 else _compared(group, places)
        rank = (int(differ > 1), max(places) - min(places))
        if best is None or rank > best[0]:
            best = (rank, axis, labels)
    if best is None:
        return {}
    _, axis, labels = best
    words = templates()["axes"][axis]
    # The middle of an axis needs no word: its neighbours' words tell the difference.
    return {s: drafts[s].qualified(words.get(label, "{}"), axis) for s, label in labels.items()}


def _compared(group: Sequence[Position], places: Sequence[float]) -> dict[int, str]:
    """Cut a group of the same level in two at its widest gap."""
    ordered = sorted(places)
    gaps = [high - low for low, high in pairwise(ordered)]
    cut = ordered[gaps.index(max(gaps))]
    return {p.segment: "more" if x > cut else "less" for p, x in zip(group, places, strict=True)}


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
