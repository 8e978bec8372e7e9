"""How every run begins: its inputs and what they are worth, where it goes on, and its first stages."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from segcore import engine, errors, expressions, ingest, logs, storage
from segcore.job import Job, Transform
from segcore.pipeline import (
    budget,
    customers,
    extras,
    frozen,
    jobs,
    lines,
    outputs,
    previous,
    publication,
    reading,
    steps,
)
from segcore.pipeline.customers import Customers
from segcore.pipeline.previous import Previous
from segcore.progress import Progress, Stage
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

    @property
    def stages(self) -> storage.Place:
        """Where the stages of all runs in `out` lie."""
        return storage.stages_of(self.out, self.scratch)


def plan(inputs: str | Path | Sequence[str | Path], settings: Job, memory: int | None, **how: Any) -> Plan:
    """Find the inputs and lay out the run.

    Raises
    ------
    segcore.errors.SegcoreError
        If an input is not there, or is of no known kind.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    sources = ingest.discover(given)
    return Plan(
        sources=sources,
        extra=extras.discover(settings),
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
    if given is None and (left := previous.untidied(places.out, places.stages)) is not None:
        again = made.following(None, left["mark"])
        if again.mark == left["fingerprint"]:
            return again
    before = previous.of(places.out, given, open_, warn=progress.warn)
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
        clock = jobs.with_clock(plans[-1].settings, work.begun)
        yield work, replace(plans[-1], settings=clock), run_id, progress


def through_lines(work: storage.Workspace, made: Plan, progress: Progress) -> Customers:
    """Make the first stages: every line accounted for, and the features of every customer."""

    def look(folder: Path, stage: Stage) -> None:
        stage.rows = reading.prepare(
            folder, made.sources, made.settings, memory=made.budget, progress=progress
        )

    read = reading.load(steps.step(work, progress, "input", look), made.settings)
    extra = _extra(work, made, progress) if made.settings.extra else None

    n_lines = sum(file.n_records for file in read.files)
    budget.check_lines(n_lines, made.budget)
    columns = len(expressions.all_columns(made.settings.features.own))
    parting = budget.plan(n_lines, made.budget, columns=columns)
    progress.say(budget.said(n_lines, made.budget, parting, made.settings))

    def shuffle(folder: Path, stage: Stage) -> None:
        stage.rows = n_lines
        latest = made.settings.input.latest_second
        lines.make(
            folder,
            work.shared(folder),
            read,
            made.settings,
            latest=latest,
            plan=parting,
            progress=progress,
        )

    brought = steps.step(work, progress, "lines", shuffle)
    buckets = lines.load(brought, work.shared(brought))

    def aggregate(folder: Path, stage: Stage) -> None:
        customers.make(
            folder,
            buckets,
            read,
            made.settings,
            extra=extra,
            at_once=parting.at_once,
            progress=progress,
            stage=stage,
        )

    found = customers.load(steps.step(work, progress, "customers", aggregate))
    if extra is not None:
        _cover(work, extra, found, made, progress)
    return found


def _extra(work: storage.Workspace, made: Plan, progress: Progress) -> Path:
    def prepare(folder: Path, stage: Stage) -> None:
        extras.prepare(folder, made.extra, made.settings, memory=made.budget, progress=progress, stage=stage)

    return steps.step(work, progress, "extra", prepare)


def _cover(work: storage.Workspace, extra: Path, found: Customers, made: Plan, progress: Progress) -> None:
    def cover(folder: Path, stage: Stage) -> None:
        stage.rows = found.customers
        extras.cover(folder, extra, found.features, made.settings, progress)

    steps.step(work, progress, "coverage", cover)


def fitting(made: Plan, found: Customers, progress: Progress) -> Plan:
    """Return the plan with the features of other tables in the matrix, and without those that no input says anything about.

    Raises
    ------
    segcore.errors.DataError
        If none is left.
    """
    there = pl.read_parquet_schema(found.features[0])
    wanted = {**made.settings.matrix.columns, **_from_extra(made.settings, there)}
    columns = {name: transform for name, transform in wanted.items() if name in there}
    if not columns:
        raise errors.DataError(
            f"the input says nothing about {errors.listing(wanted)}: name other features in the job's [matrix]"
        )
    if len(columns) < len(wanted):
        progress.warn(f"the models do without {errors.listing(set(wanted) - set(columns))}")
    matrix = made.settings.matrix.model_copy(update={"columns": columns})
    return replace(made, settings=made.settings.model_copy(update={"matrix": matrix}))


def _from_extra(settings: Job, there: Mapping[str, pl.DataType]) -> dict[str, Transform]:
    """Return the features of other tables that the matrix does not name, and that models see by what they are."""
    names = [name for table in settings.extra if table.in_matrix for name in table.features]
    return {
        name: "yeo-johnson" if there[name].is_numeric() else "one-hot"
        for name in names
        if name not in settings.matrix.columns
    }


def by_previous(work: storage.Workspace, found: Customers, made: Plan, progress: Progress) -> Path:
    """Stage ``previous``: every customer's segment by the previous run's model, and how far they have drifted."""
    before = made.previous
    if before is None:
        raise ValueError("there is no previous run")
    changed = previous.changes(before.settings, made.settings, before.manifest["versions"], engine.versions())

    def label(folder: Path) -> None:
        frozen.label(found.features, before.model, folder)
        fit = frozen.drifted(found.features, folder, before.model, made.settings.drift)
        frozen.write_drift(folder, fit, against=before.fitted, added=changed)

    return steps.step(work, progress, "previous", lambda folder, _: label(folder))


def finish(
    folder: Path,
    work: storage.Workspace,
    run_id: str,
    made: Plan,
    facts: Mapping[str, Any],
    progress: Progress,
    *,
    with_report: bool = True,
) -> None:
    """Write the report, where it is wanted, and the manifest."""
    about = {
        "run_id": run_id,
        "created_at": work.begun.isoformat(timespec="seconds"),
        "fingerprint": made.mark,
        "versions": engine.versions(),
        "command": _command(),
        **facts,
    }
    if made.settings.extra:
        about["extra"] = extras.coverage(work.path("coverage"))
    about["input"] |= {"files": len(made.sources), "bytes": sum(source.size for source in made.sources)}
    if with_report:
        with progress.stage("report") as stage:
            outputs.finish(folder, about | _measured(progress))
            stage.bytes = (folder / "report.html").stat().st_size
    # With what the report took.
    storage.write_json(folder / "manifest.json", about | _measured(progress))


def publish(work: storage.Workspace, run_id: str, progress: Progress, *, keep: int | None = None) -> Run:
    """Move the stage ``run`` to its place and let latest.json name it.

    Raises
    ------
    segcore.errors.GateError
        If a bound of the job's gate is broken.
    """
    return Run(place=publication.publish(work, "run", run_id, keep=keep, say=progress.say))


def _measured(progress: Progress) -> dict[str, Any]:
    return {"warnings": progress.warnings, "stages": [asdict(stage) for stage in progress.stages]}


def _command() -> str:
    program, *arguments = sys.argv
    return shlex.join([os.path.basename(program), *arguments])
