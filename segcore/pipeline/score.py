"""New data through a finished run's model: the same cleaning, features, transforms and centres, nothing fitted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from segcore import errors, logs, storage
from segcore.job import Job
from segcore.pipeline import open_run
from segcore.pipeline.core.plan import Places, Plan
from segcore.pipeline.core.run import Run
from segcore.pipeline.customers import lines_to_customers
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, previous_run
from segcore.pipeline.finished.finished_run import at_hand
from segcore.pipeline.finished.previous_run import Previous
from segcore.pipeline.outputs import publish, scored_files
from segcore.progress import Progress
from segcore.selection import quality_gate
from segcore.stores import place


def score(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: str | Path,
    as_of: date | datetime | None = None,
    with_report: bool = False,
    memory: int | None = None,
    scratch: str | Path | None = None,
    resume: bool = True,
    wait: bool = False,
    keep: int | None = None,
    log_format: logs.Format = "text",
    quiet: bool = False,
) -> Run:
    """Label the customers of a dump with the model of a finished run.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders, globs or URLs.
    out : path or URL
        Folder for the runs.
    model : path or URL
        The finished run, or a folder with latest.json. Its job says how lines are cleaned.
    as_of : date or datetime, optional
        The day that recency counts from; the job's by default, else one day after the last line.
    with_report : bool
        Draw the report too, which takes longer than the labels; `segcore report` does it later as well.
    memory, scratch, resume, wait, keep, log_format, quiet
        As for `segment`.

    Returns
    -------
    Run

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is published then.
    """
    places = Places.given(out, scratch)
    with at_hand(place(model)) as folder:
        fitted = previous_run.load(folder)
        settings = fitted.settings if as_of is None else _as_of(fitted.settings, as_of)
        asked = open_run.plan(inputs, settings, memory, places, refresh="score")
        with open_run.opened(
            asked, places, folder, resume=resume, wait=wait, log_format=log_format, quiet=quiet
        ) as (work, plan, run_id, progress):
            _make_all(work, run_id, plan, fitted, progress, with_report=with_report)
            return publish.publish(work, run_id, progress, keep=keep)


def _make_all(
    work: storage.Workspace,
    run_id: str,
    plan: Plan,
    fitted: Previous,
    progress: Progress,
    *,
    with_report: bool,
) -> None:
    if work.has_run("run", run_id):
        return
    found = lines_to_customers.through_lines(work, plan, progress)
    if lacking := apply_model.missing(found.features, fitted.model):
        raise errors.DataError(
            f"the model of {fitted.run_id} needs {errors.listing(lacking)}, which the input says nothing"
            " about; score lines with the columns of the fit"
        )
    labels = lines_to_customers.by_previous(work, found, plan, progress)
    make(work, run_id, plan, found, labels, progress, with_report=with_report)


def _as_of(settings: Job, as_of: date | datetime) -> Job:
    return settings.model_copy(update={"features": settings.features.model_copy(update={"as_of": as_of})})


def make(
    work: storage.Workspace,
    run_id: str,
    plan: Plan,
    found: Customers,
    labels: Path,
    progress: Progress,
    *,
    with_report: bool = True,
) -> None:
    """Make the stage ``run`` of a run that scores with the model of the one before.

    Parameters
    ----------
    work : Workspace
    run_id : str
    plan : Plan
    found : Customers
    labels : Path
        The stage ``previous``.
    progress : Progress
    with_report : bool
    """
    before = plan.previous
    if before is None:
        raise ValueError("there is no model to score with")
    with work.stage("run") as folder:
        with progress.stage("profile") as stage:
            stage.rows = found.customers
            table = scored_files.write(folder, found, labels, before, plan.settings)
        drift = storage.read_json(labels / "drift.json")
        storage.write_json(folder / "drift.json", drift)
        facts = {
            **scored_files.manifest(found, table, before),
            "identity": previous_run.identity(before, before.next_segment, before.fitted),
            "refresh": {"asked": plan.how["refresh"], "did": "score", "reasons": drift["reasons"]},
            "gate": {
                "broken": quality_gate.broken_bounds(
                    plan.settings.gate,
                    rows=found.ledger.rows,
                    profile=table,
                    chosen=before.manifest["chosen"],
                    drift=quality_gate.drift_by_feature(drift),
                )
            },
        }
        publish.finish(folder, work, run_id, plan, facts, progress, with_report=with_report)
