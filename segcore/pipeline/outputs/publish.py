"""How every run ends: its report and manifest, and its publication."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from segcore import engine, errors, storage
from segcore.pipeline.core.plan import Plan
from segcore.pipeline.core.run import Run
from segcore.pipeline.customers import attributes
from segcore.pipeline.outputs import run_files
from segcore.progress import Progress


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
        about["extra"] = attributes.coverage(work.path("coverage"))
    about["input"] |= {"files": len(made.sources), "bytes": sum(source.size for source in made.sources)}
    if with_report:
        with progress.stage("report") as stage:
            run_files.finish(folder, about | _measured(progress))
            stage.bytes = (folder / "report.html").stat().st_size
    # With what the report took.
    storage.write_json(folder / "manifest.json", about | _measured(progress))


def publish(work: storage.Workspace, run_id: str, progress: Progress, *, keep: int | None = None) -> Run:
    """Move the stage ``run`` to its place and let ``latest.json`` name it, unless the gate stops it.

    Each of its moves is done or not, and a start that finds some done goes on with the next.

    Parameters
    ----------
    work : Workspace
    run_id : str
    progress : Progress
    keep : int, optional
        Old runs beyond so many are removed; all are kept without it.

    Raises
    ------
    segcore.errors.GateError
        If a bound of the job's gate is broken; the run stays to be looked at, and ``latest.json`` as it was.
    """
    run = work.move("run", run_id)
    broken = storage.read_json(storage.join(run, "manifest.json"))["gate"]["broken"]
    if not broken:
        work.point_to(run_id)
    if keep is not None:
        for old in work.prune(keep):
            progress.log(f"removed the old run {old}")
    work.clear()
    if broken:
        raise errors.GateError(
            f"not published: {'; '.join(broken)}; the run is in {run} to be looked at, and latest.json is as it was"
        )
    return Run(place=run)


def _measured(progress: Progress) -> dict[str, Any]:
    return {"warnings": progress.warnings, "stages": [asdict(stage) for stage in progress.stages]}


def _command() -> str:
    program, *arguments = sys.argv
    return shlex.join([os.path.basename(program), *arguments])
