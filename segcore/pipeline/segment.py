"""A run from top to bottom: lines, customers, matrix, models, comparison, labels, profile, report, publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from segcore import engine, errors, storage
from segcore.evaluation import processes
from segcore.matrix import population
from segcore.matrix.population import Population
from segcore.models.candidate import Sweep
from segcore.pipeline import open_run
from segcore.pipeline.core import job_file
from segcore.pipeline.core.options import Options, RunOptions
from segcore.pipeline.core.plan import Places
from segcore.pipeline.core.run import Run, RunContext
from segcore.pipeline.customers import lines_to_customers
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, job_diff, previous_run, run_comparison, warm_start
from segcore.pipeline.lines import memory_plan
from segcore.pipeline.models import checkpoints, labels, look_back, model_selection
from segcore.pipeline.outputs import publish, report_tables, run_files
from segcore.pipeline.score import score_with_previous
from segcore.records.manifest import ChosenModel
from segcore.selection import quality_gate
from segcore.stores import place


def segment(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    job: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    previous: str | Path | None = None,
    fresh: bool = False,
    if_drifted: bool = False,
    **options: Unpack[Options],
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
    scheduler : str, optional
        Address of a running Dask scheduler.
    workers : int, optional
        Worker processes of a local Dask cluster. They import the calling script: it has to call this below
        ``if __name__ == "__main__"``.
    previous : path or URL, optional
        The run that this one follows: its segments' ids and centres carry on. By default the latest in `out`.
    fresh : bool
        Neither start from the previous centres nor prefer them or the model; ids carry on all the same.
    if_drifted : bool
        Score with the previous run's model while it fits, and fit a new one only when it does not.
    **options
        What changes no answer: memory, scratch, resume, wait, keep, log_format, quiet; see
        :class:`segcore.pipeline.core.options.RunOptions`.

    Returns
    -------
    Run

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is published then.
    """
    chosen = RunOptions(**options)
    places = Places.given(out, chosen.scratch)
    settings = job_file.load(None if job is None else Path(job), dict(overrides or {}))
    plan = open_run.plan(
        inputs,
        settings,
        places,
        budget=chosen.budget,
        refresh="if-drifted" if if_drifted else "fit",
        fresh=fresh,
    )
    memory_plan.check_models(settings, plan.budget)
    with open_run.opened(plan, places, chosen, None if previous is None else place(previous)) as run:
        if not run.finished:
            with engine.cluster(
                scheduler,
                workers,
                memory_budget=chosen.memory,
                scratch=run.work.folder / "dask.part",
                log=run.progress.log,
            ) as cluster:
                _make(run if cluster is None else run.planned(budget=cluster.budget))
        return publish.publish(run, keep=chosen.keep)


def _make(run: RunContext) -> None:
    """Account for the lines, describe the customers, and label them by the previous run's model or by a new one."""
    customers = lines_to_customers.describe(run)
    run = lines_to_customers.with_known_features(run, customers)
    previous, old_labels = run.plan.previous, None
    if previous is not None and (lacking := apply_model.missing(customers.features, previous.model)):
        run.progress.warn(f"no previous run is followed: its model needs {errors.listing(lacking)}")
        previous, run = None, run.planned(previous=None)
    if previous is not None:
        old_labels = lines_to_customers.label_by(previous, run, customers)
        if run.plan.refresh == "if-drifted":
            drift = storage.read_json(old_labels / "drift.json")
            run.progress.log(f"{drift['verdict']}: {'; '.join(drift['reasons'])}")
            if drift["verdict"] == "score":
                score_with_previous(run, customers, old_labels)
                return
    _fit(run, customers, old_labels)


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """What was fitted, chosen and labelled, and what became of the previous run's segments."""

    population: Population
    sweep: Sweep
    compared: model_selection.Compared
    labelled: labels.Labelled
    moves: run_comparison.Comparison | None


def _fit(run: RunContext, customers: Customers, old_labels: Path | None) -> None:
    """Make the stage ``run`` of a run that fits its own model."""
    fitted = _fitted(run, customers, old_labels)
    settings, previous = run.settings, run.plan.previous
    with run.work.stage("run") as folder:
        with run.measured("profile", folder=folder, rows=customers.customers):
            compared = model_selection.with_all_rows(fitted.compared, fitted.population, fitted.labelled)
            table = run_files.write(
                folder,
                customers,
                fitted.population,
                fitted.sweep,
                compared,
                fitted.labelled,
                settings,
                {"products": report_tables.products(run, customers, fitted.labelled)},
                {} if previous is None else previous.positions,
            )
        facts = {
            **run_files.manifest(
                folder, customers, fitted.population, fitted.sweep, compared, table, settings
            ),
            "look_back": _look_back(run, folder, customers, fitted, table),
            **_line(run, folder, fitted.moves, old_labels, run_files.names(table), compared.chosen),
            "gate": {
                "broken": quality_gate.broken_bounds(
                    settings.gate,
                    rows=customers.ledger.rows,
                    profile=table,
                    chosen=compared.chosen,
                    drift=quality_gate.drift_by_feature(run_files.drift(folder)),
                    moved_share=run_files.moved_share(folder),
                )
            },
        }
        publish.finish(run, folder, facts)


def _fitted(run: RunContext, customers: Customers, old_labels: Path | None) -> _Fitted:
    """Fit, compare and choose; label everyone; find the previous run's segments again."""
    settings, budget = run.settings, run.plan.budget
    followed = None if run.plan.fresh else run.plan.previous
    with run.measured("matrix") as stage:
        people = population.prepare(
            customers.features,
            settings,
            in_memory=lambda size: engine.fits_in_memory(size, budget),
            warn=run.progress.warn,
        )
        stage.rows = people.n_customers

    def models(folder: Path) -> int:
        starts = {}
        if followed is not None and old_labels is not None:
            starts = warm_start.starts(followed, people, old_labels)
        spread = people
        if engine.n_workers():
            spread = replace(people, X=engine.persist(people.read_from(run.work.shared)))
        with processes.starting_processes(memory_plan.refit_processes_beside_models(settings, budget)):
            sweep = model_selection.fit(spread, settings, run.progress, starts=starts)
        checkpoints.save_sweep(folder, sweep)
        return people.n_customers

    sweep = checkpoints.load_sweep(run.stage("models", models))

    def choose(folder: Path) -> int:
        n_jobs = memory_plan.refit_processes(settings, budget)
        before = None if followed is None else job_diff.incumbent(followed, settings)
        areas = None
        if customers.cut is not None and look_back.can_label(customers.then, people.preparation):
            areas = look_back.candidate_auc(
                customers.then,
                [candidate.assigner for candidate in sweep.candidates],
                people.preparation,
                separate=people.separate_one_time,
                money_decimals=settings.cleaning.money_decimals,
            )
        compared = model_selection.compare(
            sweep, people, settings, run.progress, next_period=areas, previous=before, n_jobs=n_jobs
        )
        checkpoints.save_compared(folder, compared)
        return len(people.evaluation)

    compared = checkpoints.load_compared(run.stage("comparison", choose), sweep)

    def label(folder: Path) -> int:
        checkpoints.save_labelled(folder, labels.label_everyone(people, compared.published, folder))
        return customers.customers

    labelled = checkpoints.load_labelled(run.stage("labels", label), compared)
    moves = None
    if run.plan.previous is not None and old_labels is not None:
        with run.measured("identity"):
            moves = run_comparison.compare(
                run.plan.previous, customers.features, labelled.lazy(), old_labels, settings
            )
            labelled = labelled.with_ids(moves.lineage.ids)
    return _Fitted(population=people, sweep=sweep, compared=compared, labelled=labelled, moves=moves)


def _look_back(
    run: RunContext, folder: Path, customers: Customers, fitted: _Fitted, profile: pl.DataFrame
) -> dict[str, Any] | None:
    """Write what the segments would have told of the last period, and return what the manifest says of it."""
    people, cut = fitted.population, customers.cut
    if cut is None or customers.newcomers is None:
        return None
    if not look_back.can_label(customers.then, people.preparation):
        run.progress.log("no look back: the models see other tables, which are as of today")
        return None
    df = look_back.first_customers(customers.then)
    if not df.height:
        return None
    decimals = run.settings.cleaning.money_decimals
    segments = look_back.label_then(
        df, fitted.labelled, people.preparation, separate=people.separate_one_time
    )
    table, rules = look_back.tables(df, segments, run_files.names(profile), money_decimals=decimals)
    table.write_parquet(folder / "look_back.parquet")
    return look_back.described(cut, customers.newcomers, df, decimals) | {"rules": rules}


def _line(
    run: RunContext,
    folder: Path,
    moves: run_comparison.Comparison | None,
    old_labels: Path | None,
    names: dict[int, str],
    chosen: ChosenModel,
) -> dict[str, Any]:
    """Write what moved since the previous run, and return the run's place in the line of runs."""
    previous, asked = run.plan.previous, run.plan.refresh
    if previous is None or moves is None or old_labels is None:
        return {
            "identity": previous_run.identity(None, max(names) + 1, run.run_id),
            "refresh": {"asked": asked, "did": "fit", "reasons": ["there is no run before"]},
        }
    reasons = job_diff.changes(previous.settings, run.settings, previous.manifest.versions, engine.versions())
    run_comparison.write(
        folder, moves, names, [*reasons, *job_diff.model_change(previous.manifest.chosen, chosen)]
    )
    drift = storage.read_json(old_labels / "drift.json")
    storage.write_json(folder / "drift.json", drift)
    return {
        "identity": previous_run.identity(previous, moves.lineage.next_segment, run.run_id),
        "refresh": {
            "asked": asked,
            "did": "fit",
            "reasons": drift["reasons"] if asked == "if-drifted" else ["a new fit was asked for"],
        },
    }
