"""A run from top to bottom: lines, customers, matrix, models, comparison, labels, profile, report, publication."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segcore import engine, errors, logs, storage
from segcore.evaluation import processes
from segcore.matrix import population
from segcore.models.candidate import Sweep
from segcore.pipeline import open_run
from segcore.pipeline.core import job_file
from segcore.pipeline.core.plan import Places, Plan
from segcore.pipeline.core.run import Run
from segcore.pipeline.core.stage import run_stage
from segcore.pipeline.customers import lines_to_customers
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, job_diff, run_comparison, warm_start
from segcore.pipeline.finished import previous_run as before_it
from segcore.pipeline.lines import memory_plan
from segcore.pipeline.models import checkpoints, labels, model_selection
from segcore.pipeline.outputs import publish, report_tables, run_files
from segcore.pipeline.score import make as score_customers
from segcore.progress import Progress, Stage
from segcore.selection import quality_gate
from segcore.stores import place


def segment(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    job: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    memory: int | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    scratch: str | Path | None = None,
    previous: str | Path | None = None,
    fresh: bool = False,
    if_drifted: bool = False,
    resume: bool = True,
    wait: bool = False,
    keep: int | None = None,
    log_format: logs.Format = "text",
    quiet: bool = False,
) -> Run:
    """Segment the customers of a dump of transaction lines.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders, globs or URLs.
    out : path or URL
        Folder for the runs; created where it is not there.
    job : path, optional
        Job file; the defaults without one.
    overrides : mapping, optional
        Dotted job keys to values, such as ``{"selection.k": 4}``.
    memory : int, optional
        Budget in bytes; half of the machine by default.
    scheduler : str, optional
        Address of a running Dask scheduler.
    workers : int, optional
        Worker processes of a local Dask cluster. They import the calling script: it has to call this below
        ``if __name__ == "__main__"``.
    scratch : path or URL, optional
        Where finished stages are kept until the run is published; in `out` by default.
    previous : path or URL, optional
        The run that this one follows: its segments' ids and centres go on. By default the latest in `out`.
    fresh : bool
        Neither start from the previous centres nor prefer them or the model; ids go on all the same.
    if_drifted : bool
        Score with the previous run's model while it fits, and fit a new one only when it does not.
    resume : bool
        Go on from the stages that a run of the same input and job had finished when it was stopped.
    wait : bool
        Wait while another run is at work in `out`, instead of giving up.
    keep : int, optional
        Remove old runs beyond so many, never the published one; all are kept without it.
    log_format : {"text", "json"}
        Of what is said on stderr.
    quiet : bool
        Say nothing on stderr but errors.

    Returns
    -------
    Run

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is published then.
    """
    places = Places.given(out, scratch)
    settings = job_file.load(None if job is None else Path(job), dict(overrides or {}))
    asked = open_run.plan(
        inputs, settings, memory, places, refresh="if-drifted" if if_drifted else "fit", fresh=fresh
    )
    memory_plan.check_models(settings, asked.budget)
    given = None if previous is None else place(previous)
    with open_run.opened(
        asked, places, given, resume=resume, wait=wait, log_format=log_format, quiet=quiet
    ) as (
        work,
        plan,
        run_id,
        progress,
    ):
        if not work.has_run("run", run_id):
            with engine.cluster(
                scheduler,
                workers,
                memory_budget=memory,
                scratch=work.folder / "dask.part",
                log=progress.log,
            ) as at_work:
                _make(work, run_id, plan if at_work is None else plan.within(at_work.budget), progress)
        return publish.publish(work, run_id, progress, keep=keep)


def _make(work: storage.Workspace, run_id: str, plan: Plan, progress: Progress) -> None:
    """Make the run in ``run``, its last stage, from the stages that are not finished yet."""
    found = lines_to_customers.through_lines(work, plan, progress)
    plan = lines_to_customers.fitting(plan, found, progress)
    if plan.previous is not None and (lacking := apply_model.missing(found.features, plan.previous.model)):
        progress.warn(f"no previous run is followed: its model needs {errors.listing(lacking)}")
        plan = replace(plan, previous=None)
    if plan.previous is None:
        _fit(work, run_id, plan, found, None, progress)
        return
    old_labels = lines_to_customers.by_previous(work, found, plan, progress)
    if plan.how["refresh"] == "if-drifted":
        drift = storage.read_json(old_labels / "drift.json")
        progress.log(f"{drift['verdict']}: {'; '.join(drift['reasons'])}")
        if drift["verdict"] == "score":
            score_customers(work, run_id, plan, found, old_labels, progress)
            return
    _fit(work, run_id, plan, found, old_labels, progress)


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """What was fitted, chosen and labelled, and what became of the previous run's segments."""

    people: population.Population
    sweep: Sweep
    compared: model_selection.Compared
    labelled: labels.Labelled
    moves: run_comparison.Comparison | None


def _fit(
    work: storage.Workspace,
    run_id: str,
    plan: Plan,
    found: Customers,
    old_labels: Path | None,
    progress: Progress,
) -> None:
    """Make the stage ``run`` of a run that fits its own model."""
    fitted = _fitted(work, plan, found, old_labels, progress)
    with work.stage("run") as folder:
        with progress.stage("profile") as stage:
            stage.rows = found.customers
            compared = model_selection.with_all_rows(fitted.compared, fitted.people, fitted.labelled)
            table = run_files.write(
                folder,
                found,
                fitted.people,
                fitted.sweep,
                compared,
                fitted.labelled,
                plan.settings,
                {"products": report_tables.products(work, found, fitted.labelled, plan.settings)},
                {} if plan.previous is None else plan.previous.positions,
            )
            stage.bytes = storage.tree_bytes(folder)
        facts = {
            **run_files.manifest(folder, found, fitted.people, fitted.sweep, compared, table, plan.settings),
            **_line(folder, run_id, plan, fitted.moves, old_labels, run_files.names(table), compared.chosen),
            "gate": {
                "broken": quality_gate.broken_bounds(
                    plan.settings.gate,
                    rows=found.ledger.rows,
                    profile=table,
                    chosen=compared.chosen,
                    drift=quality_gate.drift_by_feature(run_files.drift(folder)),
                )
            },
        }
        publish.finish(folder, work, run_id, plan, facts, progress)


def _fitted(
    work: storage.Workspace, plan: Plan, found: Customers, old_labels: Path | None, progress: Progress
) -> _Fitted:
    """Fit, compare and choose; label everyone; find the previous run's segments again."""
    settings = plan.settings
    followed = None if plan.how["fresh"] else plan.previous

    def step(name: str, make: Callable[[Path, Stage], None]) -> Path:
        return run_stage(work, progress, name, make)

    with progress.stage("matrix") as stage:
        people = population.prepare(
            found.features,
            settings,
            in_memory=lambda size: engine.fits_in_memory(size, plan.budget),
            warn=progress.warn,
        )
        stage.rows = people.n_customers

    def models(folder: Path, stage: Stage) -> None:
        stage.rows = people.n_customers
        starts = {}
        if followed is not None and old_labels is not None:
            starts = warm_start.starts(followed, people, old_labels)
        spread = people
        if engine.n_workers():
            spread = replace(people, X=engine.persist(people.read_from(work.shared)))
        with processes.starting_processes(memory_plan.refit_processes_beside_models(settings, plan.budget)):
            sweep = model_selection.fit(spread, settings, progress, starts=starts)
        checkpoints.save_sweep(folder, sweep)

    sweep = checkpoints.load_sweep(step("models", models))

    def choose(folder: Path, stage: Stage) -> None:
        stage.rows = len(people.evaluation)
        n_jobs = memory_plan.refit_processes(settings, plan.budget)
        before = None if followed is None else job_diff.incumbent(followed, settings)
        compared = model_selection.compare(sweep, people, settings, progress, previous=before, n_jobs=n_jobs)
        checkpoints.save_compared(folder, compared)

    compared = checkpoints.load_compared(step("comparison", choose), sweep)

    def label(folder: Path, stage: Stage) -> None:
        stage.rows = found.customers
        checkpoints.save_labelled(folder, labels.label_everyone(people, compared.published, folder))

    labelled = checkpoints.load_labelled(step("labels", label), compared)
    moves = None
    if plan.previous is not None and old_labels is not None:
        with progress.stage("identity"):
            moves = run_comparison.compare(
                plan.previous, found.features, labelled.lazy(), old_labels, settings
            )
            labelled = labelled.with_ids(moves.lineage.ids)
    return _Fitted(people=people, sweep=sweep, compared=compared, labelled=labelled, moves=moves)


def _line(
    folder: Path,
    run_id: str,
    plan: Plan,
    moves: run_comparison.Comparison | None,
    old_labels: Path | None,
    names: dict[int, str],
    chosen: Mapping[str, Any],
) -> dict[str, Any]:
    """Write what moved since the previous run, and return the run's place in the line of runs."""
    before = plan.previous
    if before is None or moves is None or old_labels is None:
        return {
            "identity": before_it.identity(None, max(names) + 1, run_id),
            "refresh": {"asked": plan.how["refresh"], "did": "fit", "reasons": ["there is no run before"]},
        }
    reasons = job_diff.changes(before.settings, plan.settings, before.manifest["versions"], engine.versions())
    run_comparison.write(
        folder, moves, names, [*reasons, *job_diff.model_change(before.manifest["chosen"], chosen)]
    )
    drift = storage.read_json(old_labels / "drift.json")
    storage.write_json(folder / "drift.json", drift)
    asked = plan.how["refresh"]
    return {
        "identity": before_it.identity(before, moves.lineage.next_segment, run_id),
        "refresh": {
            "asked": asked,
            "did": "fit",
            "reasons": drift["reasons"] if asked == "if-drifted" else ["a new fit was asked for"],
        },
    }
