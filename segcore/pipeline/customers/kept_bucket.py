"""What is known of a bucket's customers, kept for the next run; and who of them has to be looked at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from operator import or_
from pathlib import Path

import polars as pl

from segcore.lines import shuffle
from segcore.lines.look_back import Cut
from segcore.pipeline.customers.task import Kept, KeptPart, Task
from segcore.pipeline.lines import repartition
from segcore.pipeline.lines.buckets import Bucket
from segcore.times import SECONDS_A_DAY

_BUCKETS, _CUSTOMERS = 8, 50_000  # at most, that are worked on together


@dataclass(frozen=True, kw_only=True)
class OfCustomers:
    """What is known of some customers, each row of one of them, ``h``; counts and rejects are by customer where they are kept.

    Attributes
    ----------
    customers : polars.DataFrame
        Their features in hash order.
    months : polars.DataFrame
        What they bought in each month.
    products : polars.DataFrame
        What the first of them bought, each product once.
    lines : polars.DataFrame
        How many they have.
    counts : polars.DataFrame
        Lines and money by file and class.
    rejects : polars.DataFrame
        Lines that may be shown.
    orders : polars.DataFrame
        Some order ids with their days.
    mixed : polars.DataFrame or None
        Orders with negative amounts among their purchases.
    then : polars.DataFrame or None
        Features at the cut of those known then, and what they have bought since.
    earlier : polars.DataFrame or None
        The same of the first of them at the earlier cut.
    came : polars.DataFrame or None
        Who bought before each cut and after it.
    """

    customers: pl.DataFrame
    months: pl.DataFrame
    products: pl.DataFrame
    lines: pl.DataFrame
    counts: pl.DataFrame
    rejects: pl.DataFrame
    orders: pl.DataFrame
    mixed: pl.DataFrame | None
    then: pl.DataFrame | None
    earlier: pl.DataFrame | None
    came: pl.DataFrame | None

    def frames(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Give the frames that there are, by name."""
        for field in fields(self):
            df = getattr(self, field.name)
            if df is not None:
                yield field.name, df


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Of which customers of a bucket what was kept is true no more.

    Attributes
    ----------
    kept : Kept
    customers : polars.Series
        Hashes of those whose lines or periods are not as they were.
    low, high : int
        The bucket's range of hashes.
    """

    kept: Kept
    customers: pl.Series
    low: int
    high: int

    def others(self, name: str) -> pl.LazyFrame | None:
        """Return what was kept of all others of the bucket, by the name of the frame; None where nothing was."""
        paths = [
            f"{self.kept.folder}/{part.folder}/{name}.parquet"
            for part in self.kept.parts
            if part.low <= self.high and part.high >= self.low
        ]
        if not paths:
            return None
        again = pl.col("h").is_in(self.customers.implode())
        return pl.scan_parquet(paths).filter(_between(self.low, self.high) & ~again)


def _between(low: int, high: int) -> pl.Expr:
    return pl.col("h").is_between(pl.lit(low, dtype=pl.UInt64), pl.lit(high, dtype=pl.UInt64))


def together(tasks: Sequence[Task]) -> list[tuple[Task, ...]]:
    """Put tasks of neighbouring buckets together of which few lines will be read, as each costs some time whatever there is in it."""
    kept = tasks[0].keep.kept if tasks and tasks[0].keep is not None else None
    if kept is None:
        return [(task,) for task in tasks]
    of_bucket = sum(part.customers for part in kept.parts) // len(tasks)  # about, by the hash
    most = min(_BUCKETS, max(1, _CUSTOMERS // max(of_bucket, 1)))
    groups: list[list[Task]] = []
    for task in tasks:
        sliced = len(task.bucket.slices) > 1
        if groups and len(groups[-1]) < most and not sliced and len(groups[-1][-1].bucket.slices) == 1:
            groups[-1].append(task)
        else:
            groups.append([task])
    return [tuple(group) for group in groups]


def as_one(tasks: Sequence[Task]) -> tuple[Task, Changed] | None:
    """Return a task for the buckets of several, and who has changed, if no more lines will be read than the largest bucket has."""
    every = [task.bucket for task in tasks]
    bucket = Bucket(
        rows=sum(one.rows for one in every),
        low=every[0].low,
        high=every[-1].high,
        slices=(tuple(path for one in every for path in one.slices[0]),),
    )
    one = replace(tasks[0], bucket=bucket)
    again = changed(one)
    if again is None:
        return None
    # Everybody else has the lines that were counted then, so that those who have changed have the rest.
    counts = again.others("counts")
    others = 0 if counts is None else counts.select(pl.col("rows").sum()).collect().item()
    few = bucket.rows - others <= max(one.rows for one in every)
    return (one, again) if few else None


def changed(task: Task) -> Changed | None:
    """Return of whom what was kept is not true today; None where nothing was kept that can be used."""
    kept, bucket = None if task.keep is None else task.keep.kept, task.bucket
    if kept is None:
        return None
    of_files = pl.scan_parquet(kept.changed).filter(_between(bucket.low, bucket.high))
    customers = [of_files.collect()["h"]]
    if kept.spans:
        paths = [f"{task.folder}/{path}" for paths in bucket.slices for path in paths]
        when = pl.col("ordered_at")
        moved = reduce(or_, (when.is_between(*span, closed="left") for span in kept.spans))
        lines = pl.scan_parquet(paths, hive_partitioning=False).filter(moved)
        customers.append(lines.select(pl.col("h").unique()).collect(engine="streaming")["h"])
    return Changed(kept=kept, customers=pl.concat(customers).unique(), low=bucket.low, high=bucket.high)


def joined(known: OfCustomers, changed: Changed, task: Task) -> OfCustomers:
    """Put what is known of customers that were looked at again beside what was kept of the others."""
    out = {}
    for name, df in known.frames():
        others = changed.others(name)
        if others is None:
            return known
        out[name] = pl.concat([_as_today(others, name, changed.kept, task).collect(), df])
    for name in ("customers", "then", "earlier"):
        if name in out:
            out[name] = out[name].sort("h")
    return replace(known, **out)


def _as_today(lf: pl.LazyFrame, name: str, kept: Kept, task: Task) -> pl.LazyFrame:
    """Return what was kept with today's numbers of files, and days counted up to today."""
    if name == "counts":
        return lf.with_columns(shuffle.renumbered(pl.col("file"), kept.numbers))
    if name == "rejects":
        return lf.with_columns(
            place=shuffle.placed(shuffle.renumbered(shuffle.FILE, kept.numbers), shuffle.RECORD)
        )
    if name in ("products", "earlier"):
        lf = lf.filter(task.collected.early)
    at = {"customers": task.today, "then": task.cuts.last, "earlier": task.cuts.earlier}.get(name)
    return lf if at is None else lf.with_columns(_days_since(at))


def _days_since(cut: Cut) -> pl.Expr:
    last = pl.col("last_order_at").dt.epoch("s")
    return ((cut.at - last) // SECONDS_A_DAY).alias("days_since_last_order")


def write(known: OfCustomers, task: Task) -> KeptPart | None:
    """Keep what is known of each customer of a bucket, in a folder that no other try of the task writes to."""
    if task.keep is None:
        return None
    folder = repartition.new_folder(task.keep.folder)
    Path(folder).mkdir(mode=0o700)
    for name, df in known.frames():
        df.write_parquet(f"{folder}/{name}.parquet", compression="lz4", statistics=False)
    hashes = known.counts["h"]
    low, high = hashes.min(), hashes.max()
    if not isinstance(low, int) or not isinstance(high, int):
        raise TypeError("hashes are whole numbers")
    return KeptPart(folder=Path(folder).name, customers=known.customers.height, low=low, high=high)
