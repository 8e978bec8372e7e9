"""One task of stage ``customers``: from the lines of a bucket to what is known of its customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from segcore import expressions
from segcore.job import Job
from segcore.lines import cleaning, features, returns
from segcore.pipeline.customers import rejects
from segcore.pipeline.lines.shuffle_lines import Bucket


@dataclass(frozen=True, kw_only=True)
class Task:
    """The lines of a bucket, to be aggregated.

    Attributes
    ----------
    bucket : Bucket
    folder : str
        What its files are relative to.
    settings : Job
    own : mapping of str to str
        Features of the job's own that can be computed.
    as_of : int
        Seconds since 1970.
    guest_lines : int
        Customers with more lines than that may be guest accounts.
    products_below : int
        The hash up to which it is kept what customers bought.
    """

    bucket: Bucket
    folder: str
    settings: Job
    own: Mapping[str, str]
    as_of: int
    guest_lines: int
    products_below: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a bucket holds; all of it is small beside its lines.

    Attributes
    ----------
    customers : polars.DataFrame
        Their features in hash order.
    months : polars.DataFrame
        What they bought in each month; ``row`` is the customer's.
    products : polars.DataFrame
        What the first customers in hash order bought.
    product_customers : int
        How many customers those are.
    counts : polars.DataFrame
        Lines and money by file and class.
    duplicates : polars.DataFrame
        Second and later copies of a line, as many as the job wants to see.
    guests : polars.DataFrame
        Customers that may be guest accounts, and their lines.
    taken_back : polars.DataFrame or None
        What returns took back, where they do.
    """

    customers: pl.DataFrame
    months: pl.DataFrame
    products: pl.DataFrame
    product_customers: int
    counts: pl.DataFrame
    duplicates: pl.DataFrame
    guests: pl.DataFrame
    taken_back: pl.DataFrame | None


def aggregate(task: Task) -> Done:
    """Aggregate the lines of a bucket, slice by slice."""
    job = task.settings
    parts = [_slice([f"{task.folder}/{path}" for path in paths], task) for paths in task.bucket.slices]
    orders = features.merge([part.orders.lazy() for part in parts]).collect()
    gross = None
    taken_back = None
    if job.features.returns == "net":
        gross = features.merge([part.gross.lazy() for part in parts if part.gross is not None]).collect()
        by_line = pl.concat([part.taken_back for part in parts if part.taken_back is not None]).sum()
        taken_back = by_line.hstack(returns.emptied(gross.lazy(), orders.lazy()).collect())
    products = pl.concat([part.products for part in parts])
    products = products.unique() if len(parts) > 1 else products
    customers, months, guests = pl.collect_all(
        [
            features.customer_features(
                orders.lazy(),
                products.lazy(),
                as_of=task.as_of,
                money_decimals=job.cleaning.money_decimals,
                gross=None if gross is None else gross.lazy(),
            ),
            features.by_month(orders.lazy()),
            features.heavy_customers(orders.lazy(), more_than=task.guest_lines),
        ]
    )
    rows = customers.select("customer_id").with_row_index("row")
    months = months.join(rows, on="customer_id").drop("customer_id")
    if task.own:
        lines = pl.concat([part.purchases for part in parts if part.purchases is not None])
        customers = customers.join(
            _own_features(lines, task.own, job), on="customer_id", how="left", maintain_order="left"
        )
    early = pl.col("h") <= pl.lit(task.products_below, dtype=pl.UInt64)
    return Done(
        customers=customers,
        months=months,
        products=products.filter(early).select("customer_id", "product"),
        product_customers=customers.filter(early).height,
        counts=pl.concat([part.counts for part in parts]),
        duplicates=pl.concat([part.duplicates for part in parts]),
        guests=guests,
        taken_back=taken_back,
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A slice of a bucket's lines, condensed."""

    orders: pl.DataFrame
    products: pl.DataFrame
    counts: pl.DataFrame
    duplicates: pl.DataFrame
    gross: pl.DataFrame | None
    taken_back: pl.DataFrame | None
    purchases: pl.DataFrame | None


def _slice(paths: list[str], task: Task) -> _Part:
    job = task.settings
    everything = pl.read_parquet(paths, hive_partitioning=False)
    copies = everything["place"].clear()
    if job.cleaning.duplicates == "drop":
        copies = features.later_copies(everything.lazy()).collect()["place"]
    is_copy = pl.col("place").is_in(copies.implode())
    duplicate = pl.lit(cleaning.DUPLICATE, dtype=cleaning.class_type(job.cleaning))
    duplicates = everything.filter(is_copy).with_columns(duplicate.alias("class"))
    lines = everything.filter(~is_copy)
    del everything
    counts = pl.concat([features.ledger(part.lazy()).collect() for part in (lines, duplicates)])
    gross = taken_back = None
    if job.features.returns == "net":
        matched = returns.match(lines.lazy()).collect()
        gross = features.condense(lines.lazy()).collect()
        taken_back = returns.account(matched.lazy()).collect()
        lines = returns.remaining(matched.lazy()).collect()
    orders, products = pl.collect_all(
        [features.condense(lines.lazy()), features.bought_products(lines.lazy())]
    )
    columns = expressions.all_columns(task.own)
    return _Part(
        orders=orders,
        products=products,
        counts=counts,
        duplicates=rejects.of_duplicates(duplicates.lazy(), job.cleaning.rejects).collect(),
        gross=gross,
        taken_back=taken_back,
        purchases=features.purchases(lines.lazy(), columns).collect() if task.own else None,
    )


def _own_features(lines: pl.DataFrame, own: Mapping[str, str], job: Job) -> pl.DataFrame:
    columns, decimals = expressions.all_columns(own), job.cleaning.money_decimals
    seen = features.own_lines(lines.lazy(), columns, money_decimals=decimals)
    return expressions.evaluate(seen.collect(), own)
