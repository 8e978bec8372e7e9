"""Which segment of a run is which segment of the run before.

Two pieces of evidence, both of them counts of shared customers:

``history``
    who was in which segment then, and is in which one now. A segment continues when its customers stayed
    together.
``same_data``
    where the old model puts today's customers, and where the new model puts them. A segment continues when it
    is the same kind of customer, even after most of its members changed their behaviour or were replaced.

An identity needs one of them, so its Jaccard index is the larger of the two; a split or a merger needs both,
so that neither customers who change their ways nor a new kind of customer beside an old one is taken for it.
A customer beyond the radius of the old model's segment counts for none of its segments in ``same_data``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore import job
from segcore.arrays import Counts, Floats
from segcore.records.changes import Identity, Verdict

SegmentCounts = Mapping[tuple[int | None, int | None], int]


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The identities of a run's segments.

    Attributes
    ----------
    identities : tuple of Identity
        New segments by their number, then the old ones that ended without a successor of their own; without names.
    ids : dict of int to int
        The new run's own number of each of its segments to its id.
    next_segment : int
        The next free id.
    """

    identities: tuple[Identity, ...]
    ids: dict[int, int]
    next_segment: int


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """Both pieces of evidence, each array of shape (n_old, n_new)."""

    shared: Counts
    history: Floats
    same_data: Floats
    given: Floats  # share of an old segment that went to a new one, by both
    taken: Floats  # share of a new segment that came from an old one, by both

    @property
    def jaccard(self) -> Floats:
        return np.maximum(self.history, self.same_data)


def match(
    history: SegmentCounts,
    same_data: SegmentCounts,
    *,
    old: Sequence[int],
    new: Sequence[int],
    next_segment: int,
    rule: job.Lineage,
    back: Mapping[int, tuple[int, float]] | None = None,
) -> Lineage:
    """Give every new segment an id: that of the old segment that it continues, its own of long ago, or the next free one.

    Parameters
    ----------
    history : mapping of (old, new) to int
        Customers by the segment that they were in and are in; None where they were or are in no run.
    same_data : mapping of (old, new) to int
        Customers of the new run by the segment that the old model puts them in, None beyond its radius, and
        the one that they are in.
    old : sequence of int
        Ids of the old segments.
    new : sequence of int
        Numbers of the new segments; new ids are given in their order.
    next_segment : int
        The next free id; above every id that was ever given.
    rule : segcore.job.Lineage
    back : mapping of int to (int, float), optional
        Numbers of new segments that are retired ones, should they continue none of the run before: id and Jaccard index.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2.
    Greene, Doyle and Cunningham (2010), Tracking the evolution of communities in dynamic social networks.
    """
    evidence = _evidence(history, same_data, old, new)
    rows, columns = linear_sum_assignment(evidence.jaccard, maximize=True)
    kept = {
        int(b): int(a)
        for a, b in zip(rows, columns, strict=True)
        if evidence.jaccard[a, b] >= rule.min_jaccard
    }
    identities: list[Identity] = []
    ids: dict[int, int] = {}
    for place, number in enumerate(new):
        if place not in kept and back is not None and number in back:
            segment, jaccard = back[number]
            ids[number] = segment
            identities.append(Identity(segment=segment, verdict="returned", jaccard=jaccard))
            continue
        verdict, source = _origin(place, kept, evidence, rule.min_share)
        segment = ids[number] = old[kept[place]] if place in kept else next_segment
        next_segment += place not in kept
        identity = (
            Identity(verdict=verdict) if source is None else _pair(verdict, source, place, evidence, old)
        )
        identities.append(replace(identity, segment=segment))
    continued = {identity.previous for identity in identities}
    for place in (p for p, segment in enumerate(old) if segment not in continued):
        identities.append(_ended(place, evidence, identities, old, rule.min_share))
    return Lineage(identities=tuple(identities), ids=ids, next_segment=next_segment)


def inherited(
    history: SegmentCounts,
    same_data: SegmentCounts,
    *,
    old: Sequence[int],
    new: Sequence[int],
    next_segment: int,
) -> Lineage:
    """Describe the identities of two runs of one line, whose ids say already which segment is which.

    Parameters
    ----------
    history, same_data
        As for `match`.
    old, new : sequence of int
        Ids.
    next_segment : int
        The next free id.
    """
    evidence = _evidence(history, same_data, old, new)
    identities = [
        replace(_pair("kept", old.index(segment), place, evidence, old), segment=segment)
        if segment in old
        else Identity(segment=segment, verdict="new")
        for place, segment in enumerate(new)
    ]
    retired = [Identity(previous=segment, verdict="retired") for segment in old if segment not in new]
    return Lineage(
        identities=(*identities, *retired),
        ids={segment: segment for segment in new},
        next_segment=next_segment,
    )


def _evidence(
    history: SegmentCounts, same_data: SegmentCounts, old: Sequence[int], new: Sequence[int]
) -> _Evidence:
    shared, seen = _table(history, old, new), _table(same_data, old, new)
    both = [
        np.minimum(_shares(shared, axis), _shares(seen, axis))
        for axis in (1, 0)  # of the old segment's customers, of the new one's
    ]
    return _Evidence(
        shared=shared,
        history=_jaccard(shared, history, old, new),
        same_data=_jaccard(seen, same_data, old, new),
        given=both[0],
        taken=both[1],
    )


def _table(counts: SegmentCounts, old: Sequence[int], new: Sequence[int]) -> Counts:
    return np.array([[counts.get((a, b), 0) for b in new] for a in old], dtype=np.int64).reshape(
        len(old), len(new)
    )


def _jaccard(table: Counts, counts: SegmentCounts, old: Sequence[int], new: Sequence[int]) -> Floats:
    before = np.array([sum(n for (a, _), n in counts.items() if a == own) for own in old], dtype=np.int64)
    after = np.array([sum(n for (_, b), n in counts.items() if b == own) for own in new], dtype=np.int64)
    union = before[:, None] + after[None, :] - table
    return np.asarray(np.divide(table, union, out=np.zeros(table.shape), where=union > 0))


def _shares(table: Counts, axis: int) -> Floats:
    """Return each count as a share of its row (1) or column (0); customers outside either run do not count."""
    total = np.broadcast_to(table.sum(axis=axis, keepdims=True), table.shape)
    return np.asarray(np.divide(table, total, out=np.zeros(table.shape), where=total > 0))


def _origin(
    place: int, kept: Mapping[int, int], evidence: _Evidence, min_share: float
) -> tuple[Verdict, int | None]:
    """Return where a new segment comes from: the verdict and the old segment's place."""
    if place in kept:
        return "kept", kept[place]
    sources = np.flatnonzero(evidence.taken[:, place] >= min_share)
    if len(sources) > 1:
        return "merged", int(sources[evidence.taken[sources, place].argmax()])
    split = (evidence.given >= min_share).sum(axis=1) > 1
    parents = np.flatnonzero(split & (evidence.given[:, place] >= min_share))
    if len(parents):
        return "split", int(parents[evidence.given[parents, place].argmax()])
    return "new", None


def _pair(verdict: Verdict, source: int, place: int, evidence: _Evidence, old: Sequence[int]) -> Identity:
    """Describe an old and a new segment that have to do with each other."""
    return Identity(
        previous=old[source],
        verdict=verdict,
        jaccard=float(evidence.jaccard[source, place]),
        jaccard_history=float(evidence.history[source, place]),
        jaccard_same_data=float(evidence.same_data[source, place]),
        shared_customers=int(evidence.shared[source, place]),
    )


def _ended(
    source: int, evidence: _Evidence, identities: Sequence[Identity], old: Sequence[int], min_share: float
) -> Identity:
    """Return what became of an old segment that no new one names as its origin."""
    shares = np.minimum(evidence.given[source], evidence.taken[source])
    heir = int(shares.argmax()) if len(shares) else 0
    if not len(shares) or shares[heir] < min_share:
        return Identity(previous=old[source], verdict="retired")
    return replace(_pair("merged", source, heir, evidence, old), segment=identities[heir].segment)
