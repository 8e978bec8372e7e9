"""How every run ends: its report and manifest, and its publication."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from segcore import engine, errors, ingest, records, report, storage
from segcore.changes.summary import summarise
from segcore.lines import ledger
from segcore.pipeline.core.run import Run, RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished.finished_run import NOT_READ_AGAIN
from segcore.pipeline.outputs import closing, history_file, nights, run_files
from segcore.progress import Progress
from segcore.records import DriftReport, Manifest, MovementReport
from segcore.records.manifest import StageFigures, WorkerFigures
from segcore.selection import quality_gate
from segcore.storage import history
from segcore.stores import redacted


def finish(
    run: RunContext,
    folder: Path,
    customers: Customers,
    table: pl.DataFrame,
    facts: Mapping[str, Any],
    *,
    with_report: bool = True,
) -> None:
    """Write the report, where it is wanted, and the manifest.

    Parameters
    ----------
    run : RunContext
    folder : Path
        Of the run.
    customers : Customers
    table : polars.DataFrame
        Their profile.
    facts : mapping
        What the run says of itself.
    with_report : bool
    """
    sources = run.plan.sources
    moves = records.read_optional(MovementReport, folder)
    moved = None if moves is None else summarise(moves).moved_share
    broken = quality_gate.broken_bounds(
        run.settings.gate,
        rows=customers.ledger.rows,
        profile=table,
        chosen=facts["chosen"],
        drift=quality_gate.drift_by_feature(records.read_optional(DriftReport, folder)),
        moved_share=moved,
        no_fault=ledger.no_fault(run.settings.cleaning),
    )
    about = {
        "run_id": run.run_id,
        "created_at": run.work.begun.isoformat(timespec="seconds"),
        "fingerprint": run.plan.fingerprint,
        "versions": engine.versions(),
        "command": _command(),
        **facts,
        "gate": {"broken": broken},
    }
    previous = run.plan.previous
    own = nights.table(
        folder,
        table,
        run_id=run.run_id,
        as_of=date.fromisoformat(facts["as_of"][:10]),
        moved=moved,
        before=None if previous is None else previous.folder,
    )
    run_files.write_tables(folder, {nights.TABLE: own})
    about["input"] |= {
        "files": len(sources),
        "bytes": sum(source.size for source in sources),
        "unread": ingest.by_reason(run.plan.unread),
    }
    if with_report:
        with run.measured("report") as stage:
            _write_manifest(folder, about, run.progress)
            storage.write_text(folder / "report.html", report.build(folder))
            stage.bytes = (folder / "report.html").stat().st_size
    # With what the report took.
    names = [
        name for name in storage.list_files(folder) if not name.startswith((*NOT_READ_AGAIN, Manifest.FILE))
    ]
    with storage.disk_failures(folder):
        _write_manifest(folder, about | {"digests": storage.digests(folder, names)}, run.progress)


def publish(run: RunContext, *, keep: int | None = None, keep_history: int | None = None) -> Run:
    """Move the stage ``run`` to its place and let ``latest.json`` name it, unless the gate stops it.

    Each of its moves is done or not, and a start that finds some done goes on with the next.

    Parameters
    ----------
    run : RunContext
    keep : int, optional
        Old runs beyond so many are removed; all are kept without it.
    keep_history : int, optional
        So are nights of the history more than so many days before the newest one.

    Raises
    ------
    segcore.errors.GateError
        If a bound of the job's gate is broken; the run stays to be looked at, and ``latest.json`` as it was.
    """
    work = run.work
    moved = work.move("run", run.run_id)
    broken = records.read(Manifest, moved).gate.broken
    if not broken:
        history_file.keep(run, moved)
        work.point_to(run.run_id)
    if keep is not None:
        for old in work.prune(keep):
            run.progress.log(f"removed the old run {old}")
    if keep_history is not None:
        for old in history.prune(work.out, keep_history):
            run.progress.log(f"removed {old} from the history")
    closing.log_summary(run.local_files(moved), moved, run.progress)
    work.clear()
    if broken:
        raise errors.GateError(
            f"not published: {'; '.join(broken)}; the run is in {moved} to be looked at, and latest.json is as it was"
        )
    return Run(place=moved)


def _write_manifest(folder: Path, facts: Mapping[str, Any], progress: Progress) -> None:
    stages = tuple(
        StageFigures(**{**asdict(stage), "workers": tuple(WorkerFigures(**w) for w in stage.workers)})
        for stage in progress.stages
    )
    # The constructor refuses a fact that the manifest has no place for; validation alone would drop it in silence.
    manifest = Manifest(**facts, warnings=tuple(progress.warnings), stages=stages)
    records.write(folder, TypeAdapter(Manifest).validate_python(vars(manifest)))


def _command() -> str:
    program, *arguments = sys.argv
    return shlex.join([os.path.basename(program), *map(redacted, arguments)])
