"""The first stages of every run: lines accounted for, customers described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from segcore import errors
from segcore.job import Job, Transform
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import attributes, customers
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.lines import (
    fill_orders,
    id_map,
    incremental_lines,
    kept_keys,
    memory_plan,
    read_input,
    shuffle_lines,
)


def describe(run: RunContext) -> tuple[RunContext, Customers]:
    """Account for every line, and compute the features of every customer.

    Returns
    -------
    run : RunContext
        With the job as it is completed by what is known of the input.
    customers : Customers
    """
    if run.cache is not None:
        kept_keys.check(run.settings)
    source = read_input.prepare(run)
    run = run.planned(settings=source.settings)
    source = replace(source, ids=id_map.prepare(run))
    tables = attributes.prepare(run) if run.settings.extra else None
    plan = memory_plan.partition(run, source.n_lines, beside=id_map.needed(source.ids))
    if run.settings.input.fill_from:
        source = fill_orders.fill(run, source, plan)
    if run.cache is None:
        buckets = shuffle_lines.partition(run, source, plan)
    else:
        buckets = incremental_lines.partition(run, source, plan, run.cache)
    return run, customers.describe(run, source, buckets, tables, at_once=plan.at_once)


def with_known_features(run: RunContext, customers: Customers) -> RunContext:
    """Return the run with the features of other tables in the matrix, and without those that no input says anything about.

    Raises
    ------
    segcore.errors.DataError
        If none is left.
    """
    there = pl.read_parquet_schema(customers.features[0])
    wanted = {**run.settings.matrix.columns, **_from_extra(run.settings, there)}
    columns = {name: transform for name, transform in wanted.items() if name in there}
    if not columns:
        raise errors.DataError(
            f"the input says nothing about {errors.listing(wanted)}: name other features in the job's [matrix]"
        )
    if len(columns) < len(wanted):
        run.progress.warn(f"the models do without {errors.listing(set(wanted) - set(columns))}")
    matrix = run.settings.matrix.model_copy(update={"columns": columns})
    return run.planned(settings=run.settings.model_copy(update={"matrix": matrix}))


def _from_extra(settings: Job, there: Mapping[str, pl.DataType]) -> dict[str, Transform]:
    """Return the features of other tables that the matrix does not name, and that models see by what they are."""
    names = [name for table in settings.extra if table.in_matrix for name in table.features]
    return {
        name: "yeo-johnson" if there[name].is_numeric() else "one-hot"
        for name in names
        if name in there and name not in settings.matrix.columns
    }
