"""What is known of every bucket's customers, written in hash order; and the rest, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import polars as pl

from segcore import engine
from segcore.lines import suspects
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import attributes, kept_bucket
from segcore.pipeline.customers.aggregate_bucket import Aggregates, aggregate_some
from segcore.pipeline.customers.rows_writer import RowsWriter
from segcore.pipeline.customers.task import KeptPart, Task


@dataclass(kw_only=True)
class Totals:
    """What all buckets together hold beside their files; frames are concatenated once, at the end."""

    customers: int = 0
    product_customers: int = 0
    mixed_orders: int = 0
    counts: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    guests: list[pl.DataFrame] = field(default_factory=list)
    orders: list[pl.DataFrame] = field(default_factory=list)
    taken_back: list[pl.DataFrame] = field(default_factory=list)
    taken_off: list[pl.DataFrame] = field(default_factory=list)
    newcomers: list[pl.DataFrame] = field(default_factory=list)
    seasons: list[tuple[pl.DataFrame, ...]] = field(default_factory=list)
    kept: list[KeptPart] = field(default_factory=list)

    def add(self, done: Aggregates) -> None:
        """Add what a bucket holds."""
        self.customers += done.customers.height
        self.product_customers += done.product_customers
        self.counts.append(done.counts)
        self.rejects.append(done.rejects)
        self.guests.append(done.guests)
        self.orders.append(done.orders)
        self.mixed_orders += done.mixed_orders
        if done.taken_back is not None:
            self.taken_back.append(done.taken_back)
        if done.taken_off is not None:
            self.taken_off.append(done.taken_off)
        if done.newcomers is not None:
            self.newcomers.append(done.newcomers)
        self.seasons.append(done.seasons)
        if done.kept is not None:
            self.kept.append(done.kept)


def write(
    run: RunContext, tasks: Sequence[Task], folder: Path, tables: Path | None, absent: set[str], at_once: int
) -> Totals:
    """Write what is known of every bucket's customers, in hash order, and add up the rest."""
    totals = Totals()
    rows_per_file = run.settings.features.rows_per_file
    writer = RowsWriter(folder / "features", rows_per_file=rows_per_file)
    then = RowsWriter(folder / "then", rows_per_file=rows_per_file)
    earlier = RowsWriter(folder / "earlier", rows_per_file=rows_per_file)
    for name in ("months", "products"):
        (folder / name).mkdir()
    with run.progress.counter("customers") as tick:
        groups = kept_bucket.together(tasks)
        buckets = engine.run_tasks(aggregate_some, groups, label="customers", tick=tick, at_once=at_once)
        for number, done in enumerate(chain.from_iterable(buckets)):
            suspects.check_digits(done.customers)
            row = pl.col("row").cast(pl.Int64) + totals.customers
            done.months.with_columns(row).write_parquet(folder / f"months/part-{number:05d}.parquet")
            if done.product_customers:
                products = done.products.with_columns(row)
                products.write_parquet(folder / f"products/part-{number:05d}.parquet")
            described = done.customers.drop(absent)
            writer.add(described if tables is None else attributes.join(described, tables))
            if done.then is not None:
                then.add(done.then.drop(absent))
            if done.earlier is not None:
                earlier.add(done.earlier.drop(absent))
            totals.add(done)
    writer.close()
    then.close()
    earlier.close()
    return totals
