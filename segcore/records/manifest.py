"""manifest.json: what a run is, how it was made and what came of it; written last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from segcore.records.extra import TableCoverage
from segcore.records.files import RunFile
from segcore.records.fit_figures import FitFacts, KMeansFigures


@dataclass(frozen=True, kw_only=True)
class InputFigures:
    """What was read, the first and last day with a line, and the files beside that were not read, by the reason."""

    lines: int
    first_day: str
    last_day: str
    files: int
    bytes: int
    unread: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ancestry:
    """A run's place in the line of runs.

    Attributes
    ----------
    previous : str or None
        The run that it follows.
    previous_mark : tuple of str or None
        What of that run is in this one's fingerprint.
    next_segment : int
        The next id that no segment of this run or of one before it has had.
    fitted : str
        The run whose fit the model is.
    ancestors : tuple of str
        The runs before it whose ids it carries on, the first one first.
    """

    previous: str | None
    previous_mark: tuple[str, ...] | None
    next_segment: int
    fitted: str
    ancestors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """Whether a model was fitted or scored with: what was asked for, what was done, and why.

    Attributes
    ----------
    asked, did : str
    reasons : tuple of str
    drift : {"score", "refit"} or None
        Of a run that scored: whether the model still fits, or a new one is asked for; None where that was not kept.
    """

    asked: Literal["fit", "score", "if-drifted"]
    did: Literal["fit", "score"]
    reasons: tuple[str, ...]
    drift: Literal["score", "refit"] | None = None


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """The bounds of the quality gate that the run breaks; with any, it is not published."""

    broken: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RuleFigures:
    """How well a rule tells the next period: area under the curve with its error, share of log revenue explained."""

    auc: float | None
    auc_se: float | None
    log_revenue_explained: float | None


@dataclass(frozen=True, kw_only=True)
class LookBackFigures:
    """The last period, as the customers before it would have told it.

    Attributes
    ----------
    days : int
        Of the period.
    customers, buyers : int
        Known before it, and of them who bought in it.
    revenue : float
        Of the buyers, in it.
    new_customers : int
        Who bought in it for the first time.
    new_revenue, new_revenue_share : float
        Theirs, and its share of all revenue in it.
    rules : dict of str to RuleFigures
        Of the segments and of simpler rules.
    top : int or None
        The segment with the largest revenue today: as many customers are picked by past spend, to compare with.
    """

    days: int
    customers: int
    buyers: int
    revenue: float
    new_customers: int
    new_revenue_share: float
    new_revenue: float
    rules: dict[str, RuleFigures]
    top: int | None = None


@dataclass(frozen=True, kw_only=True)
class RfmCutPoints:
    """Where the scores of RFM change, four values each in rising order; a customer at one is on the side below it.

    Attributes
    ----------
    recency : tuple of float
        Days since the last order: a score of 5 up to the first, of 1 beyond the last.
    frequency, monetary : tuple of float
        Orders, and money: a score of 1 up to the first, of 5 beyond the last.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class WorkerFigures:
    """What a worker of a cluster did in a stage, and the largest resident memory of the process so far."""

    address: str
    pid: int
    tasks: int
    peak_memory: int


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """A stage, measured: see :class:`segcore.progress.Stage`."""

    name: str
    seconds: float
    rows: int | None
    bytes: int | None
    peak_memory: int
    resumed: bool
    workers: tuple[WorkerFigures, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest(FitFacts, RunFile):
    """What a run is.

    Attributes
    ----------
    run_id, created_at, fingerprint, command : str
    versions : dict of str to str
        By package; that of segcore is the one that wrote all files of the run.
    kind : {"fit", "score"}
    as_of : str
        The time that recency counts from.
    customers, segments : int
    revenue : float
    input : InputFigures
    kmeans : tuple of KMeansFigures
        Empty where nothing was fitted.
    identity : Ancestry
    refresh : Refresh
    gate : GateVerdict
    look_back : LookBackFigures or None
        Where the history is long enough for it.
    rfm : RfmCutPoints or None
        Which the scores of features/ were given by; None in runs that have none.
    extra : tuple of TableCoverage
        Of each other table by customer.
    warnings : tuple of str
    stages : tuple of StageFigures
    digests : dict of str to str
        SHA-256 of the files that are read again, by name: who reads them can tell that they are as they were written.
    """

    FILE = "manifest.json"

    run_id: str
    created_at: str
    fingerprint: str
    versions: dict[str, str]
    command: str
    kind: Literal["fit", "score"]
    as_of: str
    customers: int
    segments: int
    revenue: float
    input: InputFigures
    kmeans: tuple[KMeansFigures, ...] = ()
    identity: Ancestry
    refresh: Refresh
    gate: GateVerdict
    look_back: LookBackFigures | None = None
    rfm: RfmCutPoints | None = None
    extra: tuple[TableCoverage, ...] = ()
    warnings: tuple[str, ...]
    stages: tuple[StageFigures, ...]
    digests: dict[str, str] = field(default_factory=dict)
