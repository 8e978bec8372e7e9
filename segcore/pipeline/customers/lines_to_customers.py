"""The first stages of every run: lines accounted for, customers described, and seen as the previous run saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import engine, errors, expressions, storage
from segcore.job import Job, Transform
from segcore.pipeline.core.plan import Plan
from segcore.pipeline.core.stage import run_stage
from segcore.pipeline.customers import attributes, customers
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, job_diff
from segcore.pipeline.lines import memory_plan, read_input, shuffle_lines
from segcore.progress import Progress, Stage


def through_lines(work: storage.Workspace, made: Plan, progress: Progress) -> Customers:
    """Make the first stages: every line accounted for, and the features of every customer."""

    def look(folder: Path, stage: Stage) -> None:
        stage.rows = read_input.prepare(
            folder,
            work.shared(folder),
            made.sources,
            made.settings,
            memory=made.budget,
            progress=progress,
        )

    looked = run_stage(work, progress, "input", look)
    read = read_input.load(looked, work.shared(looked), made.settings)
    extra = _extra(work, made, progress) if made.settings.extra else None

    n_lines = sum(file.n_records for file in read.files)
    memory_plan.check_lines(n_lines, made.budget)
    columns = len(expressions.all_columns(made.settings.features.own))
    parting = memory_plan.plan(n_lines, made.budget, columns=columns)
    progress.log(memory_plan.said(n_lines, made.budget, parting, made.settings))

    def shuffle(folder: Path, stage: Stage) -> None:
        stage.rows = n_lines
        latest = made.settings.input.latest_second
        shuffle_lines.make(
            folder,
            work.shared(folder),
            read,
            made.settings,
            latest=latest,
            plan=parting,
            progress=progress,
        )

    brought = run_stage(work, progress, "lines", shuffle)
    buckets = shuffle_lines.load(brought, work.shared(brought))

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

    found = customers.load(run_stage(work, progress, "customers", aggregate))
    if extra is not None:
        _cover(work, extra, found, made, progress)
    return found


def _extra(work: storage.Workspace, made: Plan, progress: Progress) -> Path:
    def prepare(folder: Path, stage: Stage) -> None:
        attributes.prepare(
            folder, made.extra, made.settings, memory=made.budget, progress=progress, stage=stage
        )

    return run_stage(work, progress, "extra", prepare)


def _cover(work: storage.Workspace, extra: Path, found: Customers, made: Plan, progress: Progress) -> None:
    def cover(folder: Path, stage: Stage) -> None:
        stage.rows = found.customers
        attributes.cover(folder, extra, found.features, made.settings, progress)

    run_stage(work, progress, "coverage", cover)


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
    changed = job_diff.changes(before.settings, made.settings, before.manifest["versions"], engine.versions())

    def label(folder: Path) -> None:
        apply_model.label(found.features, before.model, folder)
        fit = apply_model.drifted(found.features, folder, before.model, made.settings.drift)
        apply_model.write_drift(folder, fit, against=before.fitted, added=changed)

    return run_stage(work, progress, "previous", lambda folder, _: label(folder))
