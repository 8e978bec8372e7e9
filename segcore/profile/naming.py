"""From a segment's position among all customers to a name and a treatment.

The rule, whose words and thresholds are data (``naming.toml``): each segment's median has a position
among all customers on each feature, positions have five levels, and the first template whose conditions
hold names the segment, where they hold for two thirds of its customers as well. Equal names are told apart by the
unused axis on which the segments differ most: by level against all customers where the levels differ and are true of two
thirds, by comparison with each other where only the medians do, and by rank of revenue where nothing does. Names depend on
medians, on those shares and on the rank by revenue alone, so relabelling or reordering customers changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from segcore.profile.claims import LEVELS, Claim
from segcore.profile.wording import templates

Holds = Callable[[int, Sequence[Claim]], float]
"""A segment's number and claims to the share of its customers of whom they are all true."""


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
    """A segment's name and what to do about it, one sentence.

    Attributes
    ----------
    name, treatment : str
    claims : tuple of (str, str)
        What its words say of a customer, and how it compares with other segments.
    """

    name: str
    treatment: str
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """An unfinished name, the claims in it, the axes that it speaks of, and its treatment."""

    text: str
    claims: tuple[Claim, ...]
    used: frozenset[str]
    treatment: str

    def qualified(self, axis: str, label: str, claim: Claim) -> _Draft:
        """Add an axis's word for a level or a comparison; the middle needs none, as its neighbours' words tell."""
        words = templates()["axes"][axis]
        used = self.used | {axis}
        if label not in words:
            return _Draft(self.text, self.claims, used, self.treatment)
        word: str = words[label]
        inner = self.text if word.startswith("{}") else self.text[0].lower() + self.text[1:]
        text = word.format(inner)
        side = words["upward"] if label in ("top", "high", "more") else words["downward"]
        treatment = f"{self.treatment[:-1]}, {side}."
        return _Draft(text[0].upper() + text[1:], (*self.claims, claim), used, treatment)


def _everybody(_: int, __: Sequence[Claim]) -> float:
    return 1.0


def name_segments(
    positions: Sequence[Position], *, holds: Holds = _everybody, given: Mapping[int, Name] | None = None
) -> dict[int, Name]:
    """Return a name and a treatment for every segment; no two names are equal, and no two treatments.

    Parameters
    ----------
    positions : sequence of Position
        One per segment, in any order.
    holds : callable
        Of how many customers claims are true; of all by default.
    given : mapping of int to Name, optional
        Names that stay: the others are told apart from them.
    """
    stay = given or {}
    by_segment = {p.segment: p for p in sorted(positions, key=lambda p: p.segment)}
    drafts = {
        segment: _as_draft(stay[segment]) if segment in stay else _draft(position, holds)
        for segment, position in by_segment.items()
    }
    while True:
        refined = [_refine(drafts, [by_segment[s] for s in group], holds, stay) for group in _equal(drafts)]
        if not any(refined):
            break
        for change in refined:
            drafts |= change
    names = {s: Name(name=d.text, treatment=d.treatment, claims=d.claims) for s, d in drafts.items()}
    names |= {s: name for s, name in stay.items() if s in names}
    return _ranked(names, stay)


def _as_draft(name: Name) -> _Draft:
    return _Draft(name.name, name.claims, frozenset(_axis_of(key) for key, _ in name.claims), name.treatment)


def _draft(position: Position, holds: Holds) -> _Draft:
    """Return the first template whose conditions hold, for two thirds of the customers too; the last one has none."""
    limits = templates()["levels"]
    every: list[dict[str, Any]] = templates()["templates"]
    for template in every:
        claims = tuple((key, "yes" if wanted is True else wanted) for key, wanted in template["when"].items())
        if all(_holds(position, *claim) for claim in claims) and (
            not claims or holds(position.segment, claims) >= limits["holds"]
        ):
            break
    text: str = template["name"]
    if "mostly_one_order" in template["when"]:
        if position.one_order_share < limits["one_order"]:
            text = f"Mostly {text[0].lower()}{text[1:]}"
        else:
            claims = tuple(
                ("one_order" if key == "mostly_one_order" else key, level) for key, level in claims
            )
    return _Draft(text, claims, frozenset(_axis_of(key) for key, _ in claims), template["treatment"])


def _ranked(names: Mapping[int, Name], stay: Mapping[int, Name]) -> dict[int, Name]:
    """Tell what is still equal apart by the rank of revenue: names, and sentences to act on."""
    texts = Counter(name.name for name in names.values())
    sentences = Counter(name.treatment for name in names.values())
    ranked = {}
    for segment, own in names.items():
        rank = f"({_ordinal(segment)} by revenue)"
        ranked[segment] = own
        if segment not in stay:
            text = f"{own.name} {rank}" if texts[own.name] > 1 else own.name
            sentence = f"{own.treatment[:-1]} {rank}." if sentences[own.treatment] > 1 else own.treatment
            ranked[segment] = Name(name=text, treatment=sentence, claims=own.claims)
    return ranked


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


def _holds(position: Position, key: str, wanted: str) -> bool:
    limits = templates()["levels"]
    if key == "mostly_one_order":
        return position.one_order_share >= limits[key] and position.medians.get("order_count") == 1
    if key == "repeat":
        return position.one_order_share <= limits[key] and position.medians.get("order_count", 1) > 1
    actual = level(position, key)
    return actual == wanted or (wanted, actual) in {("high", "top"), ("low", "bottom")}


def _axis_of(key: str) -> str:
    """Return the axis that a feature, or a condition on the number of orders, belongs to."""
    if key in ("mostly_one_order", "one_order", "repeat"):
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


def _refine(
    drafts: Mapping[int, _Draft], group: Sequence[Position], holds: Holds, stay: Mapping[int, Name]
) -> dict[int, _Draft]:
    """Tell segments of one name apart by one more axis; return nothing where no axis can."""
    used = frozenset[str]().union(*(drafts[p.segment].used for p in group))
    best: tuple[tuple[int, float], dict[int, _Draft]] | None = None
    for axis, words in templates()["axes"].items():
        feature = words["features"][0]
        places = [p.positions.get(feature, 0.5) for p in group]
        if axis in used or max(places) == min(places):
            continue
        by_level = {p.segment: _true_level(p, feature, drafts[p.segment], holds) for p in group}
        for levels, labels in ((1, by_level), (0, _compared(group, places))):
            attempt = {
                s: drafts[s] if s in stay else drafts[s].qualified(axis, label, (feature, label))
                for s, label in labels.items()
            }
            if len({draft.text for draft in attempt.values()}) > 1:
                rank = (levels, max(places) - min(places))
                if best is None or rank > best[0]:
                    best = (rank, attempt)
                break
    return {} if best is None else best[1]


def _true_level(position: Position, feature: str, draft: _Draft, holds: Holds) -> str:
    """Return the level of a segment's median, nearer to the middle where it is not that of two thirds of the customers."""
    place = LEVELS.index(level(position, feature))
    middle = LEVELS.index("middle")
    while place != middle:
        claims = (*draft.claims, (feature, LEVELS[place]))
        if holds(position.segment, claims) >= templates()["levels"]["holds"]:
            break
        place += 1 if place < middle else -1
    return LEVELS[place]


def _compared(group: Sequence[Position], places: Sequence[float]) -> dict[int, str]:
    """Cut a group of the same level in two at its widest gap."""
    ordered = sorted(places)
    gaps = [high - low for low, high in pairwise(ordered)]
    cut = ordered[gaps.index(max(gaps))]
    return {p.segment: "more" if x > cut else "less" for p, x in zip(group, places, strict=True)}


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
