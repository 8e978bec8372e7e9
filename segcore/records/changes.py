"""What became of the customers since another run: drift.json, lineage.json and movement.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from segcore.records.files import RunFile


@dataclass(frozen=True, kw_only=True)
class FeatureDrift:
    """Drift of one feature.

    Attributes
    ----------
    psi : float
        Population stability index: 0 is no change.
    chance : float
        What the index stays below without drift.
    in_model : bool
        Whether the model sees the feature.
    verdict : {"stable", "shifted", "drifted"}
    """

    feature: str
    psi: float
    chance: float
    in_model: bool
    verdict: Literal["stable", "shifted", "drifted"]


@dataclass(frozen=True, kw_only=True)
class SegmentShare:
    """A segment's share of the customers at the fit and now, both by the fitted model."""

    segment: int
    segment_name: str
    share_then: float
    share_now: float


@dataclass(frozen=True, kw_only=True)
class DriftReport(RunFile):
    """How far the customers are from those of the fit.

    Attributes
    ----------
    verdict : {"score", "refit"}
        Whether the model still serves them.
    reasons : tuple of str
        Why, one sentence each.
    customers_then, customers_now : int
    out_of_range_share, out_of_range_then : float
        Customers beyond the fitted radius, now and at the fit.
    features : tuple of FeatureDrift
    segments_psi, segments_chance : float
        The index of the segments' sizes, and what it stays below without drift.
    segments : tuple of SegmentShare
    against : str
        The run whose fit it was measured against.
    """

    FILE = "drift.json"

    verdict: Literal["score", "refit"]
    reasons: tuple[str, ...]
    customers_then: int
    customers_now: int
    out_of_range_share: float
    out_of_range_then: float
    features: tuple[FeatureDrift, ...]
    segments_psi: float
    segments_chance: float
    segments: tuple[SegmentShare, ...]
    against: str = ""


Verdict = Literal["kept", "split", "merged", "new", "retired", "returned"]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What became of one segment.

    Attributes
    ----------
    segment : int or None
        Its id: the old one's where it was kept; None where the old segment has no successor.
    previous : int or None
        The old segment that it is, came from or went into; None for a new one and one that was in no run lately.
    segment_name, previous_name : str or None
    verdict : {"kept", "split", "merged", "new", "retired", "returned"}
    renamed : bool
        Whether a segment that was kept has another name now.
    jaccard : float
        The larger of the two below, 0 without a previous segment; of one that has returned, by whom the centres of its
        last run would put there now.
    jaccard_history, jaccard_same_data : float
        By who was in it then, and by whom the old model would put there now.
    shared_customers : int
        Customers who were in the one and are in the other.
    """

    segment: int | None = None
    segment_name: str | None = None
    previous: int | None = None
    previous_name: str | None = None
    verdict: Verdict
    renamed: bool = False
    jaccard: float = 0.0
    jaccard_history: float = 0.0
    jaccard_same_data: float = 0.0
    shared_customers: int = 0


@dataclass(frozen=True, kw_only=True)
class LineageReport(RunFile):
    """Which segment is which.

    Attributes
    ----------
    previous : str
        The other run.
    next_segment : int
        The next free id.
    segments : tuple of Identity
        New segments, then the old ones that ended without a successor of their own.
    """

    FILE = "lineage.json"

    previous: str
    next_segment: int
    segments: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True)
class NamedSegment:
    """A segment and its name."""

    segment: int
    segment_name: str


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Customers from one segment to another, and what they had spent then and have now.

    None is outside: who is new has no `old`, who is gone no `new`; 0 is unassigned.
    """

    old: int | None
    new: int | None
    customers: int
    money_before: float
    money: float


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Customers of both runs who are in another segment now, by what changed; together they are all who moved.

    Attributes
    ----------
    time : int
        Only time has passed: they would be there without having done anything. 0 where an earlier version compared, which
        counted it as behaviour.
    behaviour, model : int
        They bought or sent back; the model is another one.
    both : int
        More than one of the three.
    """

    time: int = 0
    behaviour: int
    model: int
    both: int


@dataclass(frozen=True, kw_only=True)
class PreviousRun:
    """The run that is compared with; `as_of` is empty where a run of an earlier version compared."""

    run_id: str
    created_at: str
    as_of: str = ""


@dataclass(frozen=True, kw_only=True)
class MovementReport(RunFile):
    """How customers moved between two runs.

    Attributes
    ----------
    previous : PreviousRun
    reasons : tuple of str
        What else than the customers has changed.
    words : tuple of str
        What moved, one sentence each.
    old_segments, new_segments : tuple of NamedSegment
    flows : tuple of Flow
        All customers of either run.
    time : tuple of Flow
        Those of both, from the old label to the old model's once time has passed.
    behaviour : tuple of Flow
        The same, from there to the old model's label on the new data.
    model : tuple of Flow
        The same, from the old model's label on the new data to the new model's.
    causes : Causes or None
        By the steps in this order: time, behaviour, model. None where a run of an earlier version compared.
    causes_behaviour_first : Causes or None
        By the steps in the order behaviour, time, model.
    """

    FILE = "movement.json"

    previous: PreviousRun
    reasons: tuple[str, ...]
    words: tuple[str, ...]
    old_segments: tuple[NamedSegment, ...]
    new_segments: tuple[NamedSegment, ...]
    flows: tuple[Flow, ...]
    behaviour: tuple[Flow, ...]
    model: tuple[Flow, ...]
    time: tuple[Flow, ...] = ()
    causes: Causes | None = None
    causes_behaviour_first: Causes | None = None
