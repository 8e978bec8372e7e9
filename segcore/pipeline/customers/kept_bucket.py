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
    """Hashes of the customers whose lines or periods are not as they were, the bucket's range of hashes, and what was kept."""

    kept: Kept
    customers: pl.Series
    low: int
    high: int


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
    first = tasks[0]
    paths = tuple(path for task in tasks for path in task.bucket.slices[0])
    rows = sum(task.bucket.rows for task in tasks)
    one = replace(first, bucket=Bucket(rows=rows, slices=(paths,)))
    again = changed(one)
    if again is None:
        return None
    lines = pl.scan_parquet([f"{one.folder}/{path}" for path in paths], hive_partitioning=False)
    theirs = lines.select("h").filter(pl.col("h").is_in(again.customers.implode())).select(pl.len())
    few = theirs.collect(engine="streaming").item() <= max(task.bucket.rows for task in tasks)
    return (one, again) if few else None


def changed(task: Task) -> Changed | None:
    """Return of whom what was kept is not true today; None where nothing was kept that can be used."""
    kept = None if task.keep is None else task.keep.kept
    if kept is None:
        return None
    paths = [f"{task.folder}/{path}" for paths in task.bucket.slices for path in paths]
    lines = pl.scan_parquet(paths, hive_partitioning=False).select("h", "ordered_at")
    when = pl.col("ordered_at")
    inside = reduce(or_, (when.is_between(*span, closed="left") for span in kept.spans), pl.lit(False))
    moved, ends = pl.collect_all(
        [
            lines.filter(inside).select(pl.col("h").unique()),
            lines.select(low=pl.col("h").min(), high=pl.col("h").max()),
        ],
        engine="streaming",
    )
    low, high = ends.row(0)
    of_files = pl.scan_parquet(kept.changed).filter(pl.col("h").is_between(low, high)).collect()
    return Changed(kept=kept, customers=pl.concat([moved, of_files])["h"].unique(), low=low, high=high)


def joined(known: OfCustomers, changed: Changed, task: Task) -> OfCustomers:
    """Put what is known of customers that were looked at again beside what was kept of the others."""
    kept = changed.kept
    folders = [
        f"{kept.folder}/{part.folder}"
        for part in kept.parts
        if part.low <= changed.high and part.high >= changed.low
    ]
    if not folders:
        return known
    again = pl.col("h").is_in(changed.customers.implode())
    here = pl.col("h").is_between(changed.low, changed.high) & ~again
    out = {}
    for name, df in known.frames():
        of_parts = pl.scan_parquet([f"{folder}/{name}.parquet" for folder in folders])
        out[name] = pl.concat([_as_today(of_parts.filter(here), name, kept, task).collect(), df])
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
