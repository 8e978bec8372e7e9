"""What changed since the run before, in one sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from segcore.records.changes import Causes, MovementReport

_SIZES = 2  # segments whose sizes are named


@dataclass(frozen=True, kw_only=True)
class SizeChange:
    """How many customers a segment had then and has now."""

    segment: int
    segment_name: str
    then: int
    now: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What changed since the run before.

    Attributes
    ----------
    since : str
        The day that the run before counted as of; where that is not known, the day it was made.
    segments_then, segments_now : int
    customers : int
        In both runs.
    moved : int
        Of them, who are in another segment now.
    causes : Causes or None
        Why; where it is not known, nothing is said of it.
    came, gone : int
    sizes : tuple of SizeChange
        The segments that both runs have, the largest change first.
    """

    since: str
    segments_then: int
    segments_now: int
    customers: int
    moved: int
    causes: Causes | None
    came: int
    gone: int
    sizes: tuple[SizeChange, ...]

    @property
    def moved_share(self) -> float:
        """Share of the customers of both runs who are in another segment now."""
        return self.moved / max(self.customers, 1)

    @property
    def since_day(self) -> str:
        """The day in words."""
        day = datetime.fromisoformat(self.since)
        return f"{day.day} {day:%B %Y}"

    @property
    def parts(self) -> list[str]:
        """What changed, one phrase each: groups, who moved, who came and went, and whose size changed most."""
        groups = (
            f"still {_counted(self.segments_now, 'group')}"
            if self.segments_then == self.segments_now
            else f"{_counted(self.segments_then, 'group')} became {self.segments_now}"
        )
        sizes = [
            f"“{s.segment_name}” {s.then:,} to {s.now:,}" for s in self.sizes[:_SIZES] if s.then != s.now
        ]
        return [groups, self._moves(), f"{self.came:,} are new and {self.gone:,} gone", *sizes]

    def text(self) -> str:
        """Return the summary as a sentence."""
        return f"Since {self.since_day}: {'; '.join(self.parts)}."

    def _moves(self) -> str:
        if not self.moved:
            return f"none of {_counted(self.customers, 'customer')} moved"
        moved = f"{_counted(self.moved, 'customer')} moved"
        if self.causes is None:
            return moved
        causes = (
            (self.causes.time, "as time passed"),
            (self.causes.behaviour, "by what they bought or sent back"),
            (self.causes.model, "through the new model"),
            (self.causes.both, "through more than one of these"),
        )
        return f"{moved} ({', '.join(f'{n:,} {why}' for n, why in causes if n)})"


def summarise(movement: MovementReport) -> Summary:
    """Return what changed, from what movement.json holds."""
    both = [flow for flow in movement.flows if flow.old is not None and flow.new is not None]
    then, now = Counter[int](), Counter[int]()
    for flow in movement.flows:
        if flow.old is not None:
            then[flow.old] += flow.customers
        if flow.new is not None:
            now[flow.new] += flow.customers
    old = {own.segment for own in movement.old_segments}
    sizes = [
        SizeChange(
            segment=own.segment, segment_name=own.segment_name, then=then[own.segment], now=now[own.segment]
        )
        for own in movement.new_segments
        if own.segment in old
    ]
    return Summary(
        since=movement.previous.as_of or movement.previous.created_at,
        segments_then=len(movement.old_segments),
        segments_now=len(movement.new_segments),
        customers=sum(flow.customers for flow in both),
        moved=sum(flow.customers for flow in both if flow.old != flow.new),
        causes=movement.causes,
        came=sum(flow.customers for flow in movement.flows if flow.old is None),
        gone=sum(flow.customers for flow in movement.flows if flow.new is None),
        sizes=tuple(sorted(sizes, key=lambda s: (-abs(s.now - s.then), s.segment))),
    )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
