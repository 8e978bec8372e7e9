"""Stage ``customers``: from buckets of lines to the features of every customer, the ledger and the rejects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segcore import engine, errors, expressions, ingest, records
from segcore.job import Job
from segcore.lines import features, ledger, suspects
from segcore.pipeline.customers import aggregate_bucket, attributes, rejects
from segcore.pipeline.customers.rows_writer import RowsWriter
from segcore.pipeline.lines import observation_window
from segcore.pipeline.lines.read_input import Reading
from segcore.pipeline.lines.shuffle_lines import Buckets
from segcore.progress import Progress, Stage
from segcore.records import Ledger
from segcore.storage import read_json, write_json
from segcore.stores import is_url

# What was bought is kept of the first customers in hash order, so many that they have about this many lines.
_PRODUCT_LINES = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Customers:
    """What is known of the customers once their features are written.

    Attributes
    ----------
    features, months : tuple of Path
        Parquet files in hash order, and what each customer, by their row in these, bought in each month.
    products : tuple of Path
        Which products the first customers in hash order bought, each once: ``customer_id, product``.
    product_customers : int
        How many customers those are.
    as_of : int
        Seconds since 1970.
    first_at, last_at : int
        Time of the first and last line with a readable one in the observation window, seconds since 1970.
    """

    folder: Path
    features: tuple[Path, ...]
    months: tuple[Path, ...]
    products: tuple[Path, ...]
    product_customers: int
    rejects: Path
    ledger: Ledger
    as_of: int
    first_at: int
    last_at: int
    customers: int


def make(
    folder: Path,
    buckets: Buckets,
    read: Reading,
    job: Job,
    *,
    extra: Path | None = None,
    at_once: int,
    progress: Progress,
    stage: Stage,
) -> None:
    """Make the stage.

    Parameters
    ----------
    folder : Path
    buckets : Buckets
    read : Reading
    job : segcore.job.Job
    extra : Path, optional
        What stage ``extra`` left, where the job has other tables.
    at_once : int
        Buckets that are worked on at the same time on this machine.
    progress : Progress
    stage : Stage

    Raises
    ------
    segcore.errors.DataError
        If no line has a readable date, or too many lines are rejected.
    """
    lines_in = stage.rows = sum(file.n_records for file in read.files)
    if buckets.newest is None:
        raise errors.DataError(f"no purchase left: of {lines_in:,} lines none has a date that can be read")
    as_of = observation_window.as_of(job.features, buckets.newest)
    own = computable(job, read, progress)
    products_below = _products_below(sum(bucket.rows for bucket in buckets.buckets))
    absent = {*read.absent_features, *job.features.without}
    tasks = [
        aggregate_bucket.Task(
            bucket=bucket,
            folder=buckets.folder,
            settings=job,
            own=own,
            as_of=as_of,
            guest_lines=int(lines_in * suspects.NAMED_GUEST_SHARE),
            products_below=products_below,
        )
        for bucket in buckets.buckets
    ]
    counts: list[pl.DataFrame] = []
    taken_back: list[pl.DataFrame] = []
    duplicates: list[pl.DataFrame] = []
    guests: list[pl.DataFrame] = []
    writer = RowsWriter(folder / "features", rows_per_file=job.features.rows_per_file)
    for name in ("months", "products"):
        (folder / name).mkdir()
    product_customers = 0
    with progress.counter("customers") as tick:
        for number, done in enumerate(
            engine.run_tasks(aggregate_bucket.aggregate, tasks, label="customers", tick=tick, at_once=at_once)
        ):
            suspects.check_digits(done.customers)
            months = done.months.with_columns(pl.col("row").cast(pl.Int64) + writer.rows)
            months.write_parquet(folder / f"months/part-{number:05d}.parquet")
            described = done.customers.drop(absent)
            writer.add(described if extra is None else attributes.join(described, extra))
            if done.product_customers:
                done.products.write_parquet(folder / f"products/part-{number:05d}.parquet")
                product_customers += done.product_customers
            counts.append(done.counts)
            duplicates.append(done.duplicates)
            guests.append(done.guests)
            taken_back += [] if done.taken_back is None else [done.taken_back]
    writer.close()
    for text in [
        *(text for some in guests for text in suspects.guests(some, lines_in, writer.rows)),
        *_in_two_forms(folder / "features", writer.rows, job),
    ]:
        progress.warn(text)
    if buckets.rejects:
        rejected = features.ledger(pl.scan_parquet(buckets.paths(buckets.rejects)))
        counts.append(rejected.collect(engine="streaming"))
    names = [file.source.name for file in read.files]
    account = ledger.account(pl.concat(counts), job.cleaning, files=names)
    _check_nothing_lost(pl.concat(counts), read)
    ledger.check(account.rows, job.cleaning)
    if writer.rows == 0:
        raise errors.DataError(
            f'no purchase left: of {lines_in:,} lines returns took back all; expected features.returns = "feature"'
        )
    if taken_back:
        account = replace(account, returns_net=ledger.returns_net(pl.concat(taken_back), job.cleaning))
    rejects.write(folder / "rejects", buckets, pl.concat(duplicates), read, job)
    for text in ledger.remarks({one.name: (one.rows, one.money) for one in account.classes}):
        progress.warn(text)
    records.write(folder, account)
    facts = {
        "as_of": as_of,
        "first_at": buckets.first_at,
        "last_at": buckets.last_at,
        "customers": writer.rows,
        "product_customers": product_customers,
    }
    write_json(folder / "stage.json", facts)


def load(folder: Path) -> Customers:
    """Read what :func:`make` left."""
    facts = read_json(folder / "stage.json")
    return Customers(
        folder=folder,
        features=tuple(sorted((folder / "features").glob("*.parquet"))),
        months=tuple(sorted((folder / "months").glob("*.parquet"))),
        products=tuple(sorted((folder / "products").glob("*.parquet"))),
        rejects=folder / "rejects",
        ledger=records.read(Ledger, folder),
        **facts,
    )


def _products_below(n_lines: int) -> int:
    """Return the hash up to which it is kept what customers bought; it depends on nothing but the lines."""
    return min(2**64 - 1, 2**64 * _PRODUCT_LINES // max(n_lines, 1))


def _in_two_forms(features_: Path, n_customers: int, job: Job) -> list[str]:
    if job.cleaning.customer_case == "lower" or not n_customers:
        return []
    return suspects.in_two_forms(pl.scan_parquet(features_ / "*.parquet"), n_customers)


def computable(job: Job, read: Reading, progress: Progress) -> dict[str, str]:
    """Return the features of the job's own that every file has the columns for."""
    everywhere = set.intersection(*({*group.columns, "amount"} for group in read.file_groups))
    lacking = expressions.not_there(job.features.own, everywhere)
    for name, columns in lacking.items():
        progress.warn(f"no feature {name}: the input has no {errors.listing(columns)}")
    return {name: text for name, text in job.features.own.items() if name not in lacking}


def _check_nothing_lost(counts: pl.DataFrame, read: Reading) -> None:
    """Compare the lines that came through with those that were counted before anything was read.

    Raises
    ------
    segcore.errors.BusyError
        If a file has changed meanwhile.
    """
    came = dict(counts.group_by("file").agg(pl.col("rows").sum()).iter_rows())
    for file in read.files:
        as_counted = came.get(file.number, 0) == file.n_records
        if as_counted and is_url(file.source.path):
            continue  # a request for each of many objects would take long
        if ingest.has_changed(file.source):
            raise errors.BusyError(
                f"{file.source.name}: the file has changed while it was read; run the same command again"
            )
        if not as_counted:
            raise RuntimeError(
                f"{file.source.name}: {came.get(file.number, 0):,} of {file.n_records:,} lines came in"
            )
