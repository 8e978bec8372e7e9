"""The lines of a bucket, slice by slice, condensed to what features, ledger and rejects follow from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from segcore import expressions
from segcore.lines import cleaning, discounts, features, ledger, orders, returns, suspects
from segcore.lines.duplicates import later_copies
from segcore.lines.look_back import Cut
from segcore.pipeline.customers import rejects
from segcore.pipeline.customers.task import Task


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of some customers beside their orders; and their orders after returns took purchases back, where they do."""

    net: pl.DataFrame | None
    products: pl.DataFrame
    purchases: pl.DataFrame | None


@dataclass(frozen=True, kw_only=True)
class Condensed:
    """Lines of a bucket, condensed.

    Attributes
    ----------
    bought : polars.DataFrame
        Orders at all times before any was taken back.
    now, then, earlier : History or None
    orders : polars.DataFrame
        Some order ids with their days and customers.
    classes : polars.DataFrame or None
        Which classes each order's lines are of, where that matters.
    counts, rejects : polars.DataFrame
        Lines and money, and the lines that may be shown.
    taken_back, taken_off : polars.DataFrame or None
        What returns, and discounts, took off, where they do.
    """

    bought: pl.DataFrame
    now: History
    then: History | None
    earlier: History | None
    orders: pl.DataFrame
    classes: pl.DataFrame | None
    counts: pl.DataFrame
    rejects: pl.DataFrame
    taken_back: pl.DataFrame | None
    taken_off: pl.DataFrame | None


def condense(task: Task, *, only: pl.Series | None = None) -> Condensed:
    """Condense the lines of a bucket: what is left of the earlier slices, and one more, are in memory.

    Parameters
    ----------
    task : Task
    only : polars.Series, optional
        Hashes of the customers whose lines are condensed, and no others.
    """
    slices = (
        _condense_slice([f"{task.folder}/{path}" for path in paths], task, only)
        for paths in task.bucket.slices
    )
    return reduce(_add, slices)


def _condense_slice(paths: list[str], task: Task, only: pl.Series | None) -> Condensed:
    job = task.settings
    if only is None:
        everything = pl.read_parquet(paths, hive_partitioning=False)
    else:
        theirs = pl.col("h").is_in(only.implode())
        everything = pl.scan_parquet(paths, hive_partitioning=False).filter(theirs).collect()
    copies = everything["place"].clear()
    if job.cleaning.duplicates != "keep":
        counted = everything.lazy()
        if job.cleaning.takes_off_orders:  # among which are rejects
            counted = counted.filter(pl.col("class").is_in(cleaning.KEPT))
        within = job.cleaning.duplicates == "drop"
        copies = later_copies(counted, within_files=within).collect()["place"]
    is_copy = everything.select(pl.col("place").is_in(copies.implode())).to_series()
    is_before = pl.lit(False) if task.today.first is None else pl.col("ordered_at") < task.today.first
    duplicates, outside = (
        chosen.with_columns(pl.lit(name, everything.schema["class"]).alias("class"))
        for name, chosen in (
            (cleaning.DUPLICATE, everything.filter(is_copy).filter(~is_before)),
            (cleaning.OUTSIDE_WINDOW, everything.filter(is_before)),
        )
    )
    lines = everything.filter(~is_copy)
    del everything
    window = lines if task.today.first is None else lines.filter(~is_before)
    counts = [ledger.count(part.lazy(), by=task.by).collect() for part in (window, duplicates, outside)]
    taken_off, rejected = None, duplicates
    if job.cleaning.takes_off_orders:
        off = discounts.orders(window.lazy(), money_decimals=job.cleaning.amount_decimals).collect()
        discounts.check(off, job.cleaning)
        counts.append(discounts.by_file(off.lazy(), cleaning.class_type(job.cleaning)).collect())
        taken_off = discounts.account(off.lazy()).collect()
        if job.cleaning.rejects != "all":  # where their texts are not written otherwise
            rejected = pl.concat([duplicates, window.filter(~pl.col("class").is_in(cleaning.KEPT))])
        lines, window = _take_off(lines, window, off, task)
    now, taken_back = _history(window.lazy(), task)
    bought = orders.condense(lines.lazy())
    if task.bucket.whole_orders:
        bought = orders.fold(bought, bounds=task.bounds)
    last, earlier = task.cuts.last, task.cuts.earlier
    return Condensed(
        bought=bought.collect(),
        now=now,
        then=None if last is None else _history_at(last, lines.lazy(), now.products, task),
        earlier=None
        if earlier is None
        else _history_at(
            earlier,
            lines.lazy().filter(task.collected.early),
            now.products.filter(task.collected.early),
            task,
        ),
        orders=suspects.some_orders(window.lazy(), task.collected.orders_below, by=task.by).collect(),
        classes=window.select(*orders.CUSTOMER, "order", "class").unique() if task.by_amount else None,
        counts=pl.concat(counts),
        rejects=rejects.of_bucket(
            rejected.lazy(), outside.lazy(), job.cleaning.rejects, by=task.by
        ).collect(),
        taken_back=taken_back,
        taken_off=taken_off,
    )


def _take_off(
    lines: pl.DataFrame, window: pl.DataFrame, off: pl.DataFrame, task: Task
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all lines, and those in the window, less what is off their orders; an order that begins before it is two."""
    window = discounts.take_off(window.lazy(), off.lazy()).collect()
    if task.today.first is None:
        return window, window
    before = lines.lazy().filter(pl.col("ordered_at") < task.today.first)
    earlier = discounts.orders(before, money_decimals=task.settings.cleaning.amount_decimals)
    return pl.concat([discounts.take_off(before, earlier).collect(), window]), window


def _history_at(cut: Cut, lines: pl.LazyFrame, today: pl.DataFrame, task: Task) -> History:
    """Condense what was known at a cut; the different products follow from those of today where they can."""
    known = cut.history(lines)
    if cut.at not in task.product_bounds:
        return _history(known, task)[0]
    products = today.filter(pl.col("period") <= task.product_bounds.index(cut.at))
    return History(net=None, products=products, purchases=_own_purchases(known, task))


def _history(known: pl.LazyFrame, task: Task) -> tuple[History, pl.DataFrame | None]:
    """Condense what is known at a time, and count what returns took back, where they do.

    A return takes back nothing before it happens.
    """
    net = taken_back = None
    if task.settings.features.returns == "net":
        matched = returns.match(known).collect().lazy()
        taken_back = returns.account(matched).collect()
        known = returns.remaining(matched).collect().lazy()
        net = orders.condense(known).collect()
    products = features.bought_products(known, bounds=task.product_bounds).collect()
    return History(net=net, products=products, purchases=_own_purchases(known, task)), taken_back


def _own_purchases(lines: pl.LazyFrame, task: Task) -> pl.DataFrame | None:
    return features.purchases(lines, expressions.all_columns(task.own)).collect() if task.own else None


def _add(one: Condensed, other: Condensed) -> Condensed:
    """Add up what two slices of the same customers' lines were condensed to."""
    return Condensed(
        bought=_merged([one.bought, other.bought]),
        now=_add_histories(one.now, other.now),
        then=one.then and other.then and _add_histories(one.then, other.then),
        earlier=one.earlier and other.earlier and _add_histories(one.earlier, other.earlier),
        orders=pl.concat([one.orders, other.orders]),
        classes=_both(one.classes, other.classes, pl.concat),
        counts=pl.concat([one.counts, other.counts]),
        rejects=pl.concat([one.rejects, other.rejects]),
        taken_back=_both(one.taken_back, other.taken_back, lambda both: pl.concat(both).sum()),
        taken_off=_both(one.taken_off, other.taken_off, lambda both: pl.concat(both).sum()),
    )


def _add_histories(one: History, other: History) -> History:
    return History(
        net=_both(one.net, other.net, _merged),
        products=features.join_products([one.products.lazy(), other.products.lazy()]).collect(),
        purchases=_both(one.purchases, other.purchases, pl.concat),
    )


def _merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return orders.merge([df.lazy() for df in parts]).collect()


def _both(
    one: pl.DataFrame | None, other: pl.DataFrame | None, join: Callable[[list[pl.DataFrame]], pl.DataFrame]
) -> pl.DataFrame | None:
    return None if one is None or other is None else join([one, other])
