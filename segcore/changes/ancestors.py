"""model/retired.json: the segments of earlier runs that are none any more, so that one that comes back gets its id again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from segcore.matrix.preparation import Preparation
from segcore.records import RunFile
from segcore.records.files import Pairs

_MOST = 20


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """The last run in which some retired segments were.

    Attributes
    ----------
    run_id : str
    preparation : segcore.matrix.preparation.Preparation
        Of its model.
    centres : dict of int to tuple of float
        Of all segments that it had, by id, standardised units.
    customers : dict of int to int
        The sizes of those that have retired.
    """

    run_id: str
    preparation: Preparation
    centres: Pairs[int, tuple[float, ...]]
    customers: Pairs[int, int]


@dataclass(frozen=True, kw_only=True)
class Retired(RunFile):
    """The ancestors of a run, the latest last."""

    FILE = "model/retired.json"

    ancestors: tuple[Ancestor, ...] = ()


def after(before: Sequence[Ancestor], last: Ancestor, alive: Iterable[int]) -> tuple[Ancestor, ...]:
    """Return the ancestors of a run: those before it, and the run that it follows, without what is alive (again)."""
    there = set(alive)
    left = (
        replace(one, customers={s: n for s, n in one.customers.items() if s not in there})
        for one in (*before, last)
    )
    return tuple(one for one in left if one.customers)[-_MOST:]


def coming_back(
    counts: Iterable[tuple[Mapping[tuple[int, int], int], Iterable[int]]],
    new: Sequence[int],
    *,
    min_jaccard: float,
) -> dict[int, tuple[int, float]]:
    """Return which of a run's new segments are retired ones, with the Jaccard index.

    Parameters
    ----------
    counts : iterable of (mapping of (int, int) to int, iterable of int)
        For each ancestor: today's customers by the segment that its centres put them in and the run's own number of theirs, and
        the ids that have retired.
    new : sequence of int
        Numbers of the segments that continue none of the run before.
    min_jaccard : float
    """
    pairs = []
    for table, retired in counts:
        for segment in retired:
            for number in new:
                both = table.get((segment, number), 0)
                either = sum(n for (a, b), n in table.items() if segment == a or number == b)
                if both and both / either >= min_jaccard:
                    pairs.append((both / either, segment, number))
    back: dict[int, tuple[int, float]] = {}
    for jaccard, segment, number in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if number not in back and segment not in {known for known, _ in back.values()}:
            back[number] = (segment, jaccard)
    return back
