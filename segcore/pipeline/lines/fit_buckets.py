"""Buckets that fit in memory: what their lines take is counted once they are written, and what takes more is split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import polars as pl

from segcore import errors, expressions
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import collecting, memory_plan, repartition
from segcore.pipeline.lines.buckets import Bucket
from segcore.pipeline.lines.memory_plan import Costs, PartitionPlan
from segcore.pipeline.lines.repartition import Partition


def costs_of(files: Sequence[PartitionFile], folder: str) -> Costs:
    """Count what decides how much memory the lines of buckets take, of files relative to a folder."""
    paths = [f"{folder}/{file.path}" for file in files if file.bucket is not None]
    if not paths:
        return Costs()
    lines = pl.scan_parquet(paths, hive_partitioning=False)
    return Costs(*collecting.collect(memory_plan.costs(lines)).row(0))


def buckets_of(
    run: RunContext, files: Sequence[PartitionFile], shared: str, plan: PartitionPlan, costs: Iterable[Costs]
) -> Iterator[Bucket]:
    """Give the buckets in hash order; what does not fit in memory is split before.

    Parameters
    ----------
    run : RunContext
    files : sequence of PartitionFile
        Relative to the stage's folder.
    shared : str
        The folder, as every worker sees it.
    plan : PartitionPlan
        As the files were written by.
    costs : iterable of Costs
        Of parts of the files, all together.
    """
    columns = len(expressions.all_columns(run.settings.features.own))
    plan = memory_plan.measured(
        plan, run.plan.budget, Costs(*map(sum, zip(*costs, strict=True))), columns=columns
    )
    net = run.settings.features.returns == "net"
    off_orders = run.settings.cleaning.takes_off_orders
    first = repartition.partitions(files, plan.bits)
    for one in repartition.split(first, shared, by="h", capacity=plan.capacity):
        if one.rows <= plan.capacity:
            yield Bucket(rows=one.rows, low=one.low, high=one.high, slices=(one.paths,))
            continue
        # By another hash, whose bits begin anew.
        slices = _sliced([one], shared, "product" if net else "order", plan)
        whole_orders = not net and all(part.rows <= plan.capacity for part in slices)
        if off_orders and not whole_orders:
            what = (
                "some customers have more than {} lines, and what returns take back of discounted orders is worked out"
                if net
                else "one order has more than {} lines, and its discounts are shared"
            ).format(f"the {plan.capacity:,}")
            raise errors.BudgetError(f"{what} with all of them in memory at once: give more with --memory")
        if not net and not whole_orders:  # an order is too large itself
            slices = _sliced(slices, shared, "line", plan)
        run.progress.log(
            f"one customer has most of {one.rows:,} lines, and {plan.capacity:,} fit in memory at once: "
            f"they are gone through in {len(slices):,} slices, which takes longer"
        )
        yield Bucket(
            rows=one.rows,
            low=one.low,
            high=one.high,
            slices=tuple(part.paths for part in slices),
            whole_orders=whole_orders,
        )


def _sliced(wide: Sequence[Partition], shared: str, by: str, plan: PartitionPlan) -> list[Partition]:
    anew = [replace(one, bits=0, whole=False) for one in wide]
    return repartition.split(anew, shared, by=by, capacity=plan.capacity)
