"""How every run begins: its inputs and their fingerprint, where it goes, and what it follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segcore import engine, errors, ingest, logs, storage
from segcore.job import Job
from segcore.pipeline.core import job_file
from segcore.pipeline.customers import attributes
from segcore.pipeline.finished import previous_run
from segcore.pipeline.finished.previous_run import Previous
from segcore.progress import Progress
from segcore.stores import is_url, place


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a finished run lies.

    Attributes
    ----------
    place : Path or str
        Its folder, or its URL in an object store; the others are for a folder.
    folder : Path
    report : Path
        One HTML file.
    segments, features : Path
        Folders of Parquet files, one row per customer.
    """

    place: storage.Place

    @property
    def folder(self) -> Path:
        """The run's folder."""
        if is_url(self.place):
            raise ValueError(f"{self.place}: the run is in an object store; read it by its place")
        return Path(self.place)

    @property
    def report(self) -> Path:
        """The report."""
        return self.folder / "report.html"

    @property
    def segments(self) -> Path:
        """Every customer's segment."""
        return self.folder / "segments"

    @property
    def features(self) -> Path:
        """Every customer's features."""
        return self.folder / "features"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is made from.

    Attributes
    ----------
    sources : sequence
    extra : sequence
        The sources of every other table by customer.
    settings : Job
    budget : int
        Bytes of memory.
    how : dict
        What was asked for beside the job and changes the answer.
    previous : Previous or None
        The run that it follows.
    mark : str
        The fingerprint of all that.
    """

    sources: Sequence[ingest.Source]
    extra: Sequence[Sequence[ingest.Source]] = ()
    settings: Job
    budget: int
    how: Mapping[str, Any]
    previous: Previous | None = None
    mark: str = ""

    def following(self, before: Previous | None, mark: Sequence[str] | None) -> Plan:
        """Return the plan with the run that it follows, whose own mark is in its fingerprint."""
        parts = {
            "input": [(s.path, s.size, s.modified) for s in self.sources],
            "extra": [[(s.path, s.size, s.modified) for s in table] for table in self.extra],
            "job": self.settings.model_dump(),
            "how": self.how,
            "previous": mark,
            **engine.versions(),
        }
        return replace(self, previous=before, mark=storage.fingerprint(parts))

    def within(self, budget: int) -> Plan:
        """Return the plan with another budget: it changes no answer."""
        return replace(self, budget=budget)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run goes.

    Attributes
    ----------
    out : Path or str
    scratch : Path or str or None
        Where its stages are kept until it is published; in `out` without one.
    """

    out: storage.Place
    scratch: storage.Place | None = None

    @classmethod
    def given(cls, out: str | Path, scratch: str | Path | None = None) -> Places:
        """Read paths and URLs as they were given.

        Raises
        ------
        segcore.errors.UsageError
            If a URL holds credentials.
        """
        return cls(out=place(out), scratch=None if scratch is None else place(scratch))

    def hold(self, path: str) -> bool:
        """Whether a file is one of a run's own."""
        own = (storage.join(self.out, "runs"), storage.join(self.out, "work"), self.stages)
        return path.startswith(tuple(f"{one if is_url(one) else Path(one).absolute()}/" for one in own))

    @property
    def stages(self) -> storage.Place:
        """Where the stages of all runs in `out` lie."""
        return storage.stages_of(self.out, self.scratch)


def plan(
    inputs: str | Path | Sequence[str | Path],
    settings: Job,
    memory: int | None,
    places: Places,
    **how: Any,
) -> Plan:
    """Find the inputs and lay out the run; what runs have left in a folder of the inputs is none.

    Raises
    ------
    segcore.errors.SegcoreError
        If an input is not there, or is of no known kind.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    sources = [source for source in ingest.discover(given) if not places.hold(source.path)]
    if not sources:
        raise errors.InputNotFoundError(
            f"{errors.listing(map(str, given))}: holds nothing but earlier runs; name the transactions"
        )
    return Plan(
        sources=sources,
        extra=attributes.discover(settings),
        settings=settings,
        budget=memory or engine.default_budget(),
        how=how,
    )


def follow(
    made: Plan, places: Places, given: storage.Place | None, progress: Progress, open_: ExitStack
) -> Plan:
    """Let a run follow the given one, else the latest in its OUT; to be asked while alone there.

    A run that was killed when it was published already, and not yet tidied up, is gone on with.
    """
    if given is None and (left := previous_run.untidied(places.out, places.stages)) is not None:
        again = made.following(None, left["mark"])
        if again.mark == left["fingerprint"]:
            return again
    before = previous_run.of(places.out, given, open_, warn=progress.warn)
    return made.following(before, None if before is None else before.mark)


@contextmanager
def opened(
    made: Plan,
    places: Places,
    given: storage.Place | None,
    *,
    resume: bool,
    wait: bool,
    log_format: logs.Format,
    quiet: bool,
) -> Iterator[tuple[storage.Workspace, Plan, str, Progress]]:
    """Open the workspace of a run, alone on its OUT, and give it with the plan, the run's id and its progress."""
    progress = Progress(quiet=quiet or log_format == "json")
    plans: list[Plan] = []

    def mark() -> str:
        plans.append(follow(made, places, given, progress, open_))
        return plans[-1].mark

    with (
        logs.to_stderr(log_format, quiet=quiet),
        ExitStack() as open_,  # what the run follows, where it has to be fetched
        storage.workspace(
            places.out, mark, scratch=places.scratch, resume=resume, wait=wait, say=progress.say
        ) as work,
    ):
        run_id = logs.CONTEXT["run"] = f"{work.begun:%Y%m%dT%H%M%SZ}-{plans[-1].mark[:8]}"
        spill = work.folder / "spill.part"
        spill.mkdir(mode=0o700)
        engine.hold_polars(made.budget, spill=spill)
        # The clock is read once; the run's job.toml says what it was, the fingerprint does not.
        clock = job_file.with_clock(plans[-1].settings, work.begun)
        yield work, replace(plans[-1], settings=clock), run_id, progress
