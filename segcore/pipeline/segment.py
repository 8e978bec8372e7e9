"""A run from top to bottom: lines, customers, matrix, models, comparison, labels, profile, report, publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from segcore import engine, profile, records
from segcore.evaluation import processes
from segcore.matrix.population import Population, prepare
from segcore.pipeline import open_run
from segcore.pipeline.core import job_file
from segcore.pipeline.core.options import Options, RunOptions
from segcore.pipeline.core.plan import Places
from segcore.pipeline.core.run import Run, RunContext
from segcore.pipeline.customers import lines_to_customers, previous_labels
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.customers.previous_labels import PreviousLabels
from segcore.pipeline.finished import job_diff, previous_run, retired, run_comparison, warm_start
from segcore.pipeline.lines import memory_plan
from segcore.pipeline.models import checkpoints, labels, look_back, model_selection
from segcore.pipeline.outputs import feature_files, look_back_files, outlook_files, publish, run_files
from segcore.pipeline.score import score_with_previous
from segcore.records.fit_figures import ChosenModel
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
        What changes no answer: memory, scratch, resume, wait, keep, keep_history, cache_limit, log_format, quiet; see
        :class:`segcore.pipeline.core.options.RunOptions`.

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
        return publish.publish(run, keep=chosen.keep, keep_history=chosen.keep_history)


def _make(run: RunContext) -> None:
    """Account for the lines, describe the customers, and label them by the previous run's model or by a new one."""
    run, customers = lines_to_customers.describe(run)
    run = lines_to_customers.with_known_features(run, customers)
    known = previous_labels.label(run, customers)
    if known is None:
        run = run.planned(previous=None)
    elif run.plan.refresh == "if-drifted":
        run.progress.log(f"{known.drift.verdict}: {'; '.join(known.drift.reasons)}")
        if known.drift.verdict == "score":
            score_with_previous(run, customers, known)
            return
    _fit(run, customers, known)


def _fit(run: RunContext, customers: Customers, known: PreviousLabels | None) -> None:
    """Fit and choose a model, label everyone by it, and make the run."""
    with run.measured("matrix") as stage:
        population = prepare(
            customers.features,
            run.settings,
            in_memory=lambda size: engine.fits_in_memory(size, run.plan.budget),
            warn=run.progress.warn,
        )
        stage.rows = population.n_customers
    selection = checkpoints.load(
        run.checkpoint("models", partial(_select, run, customers, population, known))
    )
    folder = run.temporary("labels")
    with run.measured("labels", folder=folder, rows=customers.customers):
        labelled = labels.label_everyone(population, selection.published, selection.keeping, folder)
    followed = None
    if known is not None:
        with run.measured("identity"):
            followed = run_comparison.compare(
                known.previous,
                customers.features,
                labelled.lazy(),
                known.folder,
                run.settings,
                as_of=customers.counted_from,
            )
            labelled = labelled.with_ids(followed.lineage.ids)
    next_up = outlook_files.fit(run, customers)
    with run.work.stage("run") as folder:
        with run.measured("profile", folder=folder, rows=customers.customers):
            selection = model_selection.with_all_rows(selection, population, labelled)
            fit = model_selection.Fit(population=population, selection=selection, labelled=labelled)
            rfm = feature_files.cut_points(customers, run.settings)
            published = None if next_up is None else next_up.published
            table = run_files.write(run, folder, customers, fit, rfm, published)
            outlook_files.write(folder, next_up)
        facts = run_files.manifest(run, folder, customers, fit, table)
        facts["rfm"] = rfm
        facts["outlook"] = None if next_up is None else next_up.figures
        facts["look_back"] = look_back_files.write(run, folder, customers, fit, table, rfm)
        facts |= _succession(run, folder, followed, known, profile.names_of(table), facts["chosen"])
        publish.finish(run, folder, customers, table, facts)


def _select(
    run: RunContext, customers: Customers, population: Population, known: PreviousLabels | None, folder: Path
) -> None:
    """Fit every candidate and choose, starting from the previous run's model where it is followed."""
    settings, budget = run.settings, run.plan.budget
    starts, incumbent = {}, None
    if known is not None and not run.plan.fresh:
        starts = warm_start.starts(known.previous, population, known.folder)
        incumbent = job_diff.incumbent(known.previous, settings)
    with run.measured("models", rows=population.n_customers):
        spread = population
        if engine.n_workers():
            spread = replace(population, X=engine.persist(population.read_from(run.work.shared)))
        with processes.starting_processes(memory_plan.refit_processes_beside_models(settings, budget)):
            sweep = model_selection.fit(spread, settings, run.progress, starts=starts)
    with run.measured("comparison", folder=folder, rows=len(population.evaluation)):
        n_jobs = memory_plan.refit_processes(settings, budget)
        next_period = None
        if customers.cut is not None and look_back.can_label(customers.then, population.preparation):
            next_period = look_back.candidate_auc(
                customers.then,
                [candidate.assigner for candidate in sweep.candidates],
                population.preparation,
                separate=population.separate_one_time,
                money_decimals=settings.cleaning.amount_decimals,
            )
        selection = model_selection.select(
            sweep,
            population,
            settings,
            run.progress,
            next_period=next_period,
            incumbent=incumbent,
            n_jobs=n_jobs,
        )
        checkpoints.save(folder, selection)


def _succession(
    run: RunContext,
    folder: Path,
    followed: run_comparison.Comparison | None,
    known: PreviousLabels | None,
    named: dict[int, profile.Name],
    chosen: ChosenModel,
) -> dict[str, Any]:
    """Write what moved since the previous run, and return the run's place in the succession of runs."""
    asked = run.plan.refresh
    if known is None or followed is None:
        return {
            "identity": previous_run.identity(None, max(named) + 1, run.run_id),
            "refresh": {"asked": asked, "did": "fit", "reasons": ["there is no run before"]},
        }
    changed = job_diff.model_change(known.previous.manifest.chosen, chosen)
    run_comparison.write(
        folder, followed, {segment: name.name for segment, name in named.items()}, [*known.changes, *changed]
    )
    records.write(folder, known.drift)
    before = known.previous
    retired.write(folder, before.retired, before.run_id, before.model, named)
    return {
        "identity": previous_run.identity(known.previous, followed.lineage.next_segment, run.run_id),
        "refresh": {
            "asked": asked,
            "did": "fit",
            "reasons": list(known.drift.reasons) if asked == "if-drifted" else ["a new fit was asked for"],
        },
    }
