"""The first stages of a run: from source files to customer features, every line accounted for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segcore import cleaning, errors, expressions, features, ingest, ledger, returns, shuffle
from segcore.ingest import Conventions
from segcore.job import Job
from segcore.pipeline import reading, window
from segcore.pipeline.reading import Reading
from segcore.pipeline.rows import RowsWriter
from segcore.progress import Progress, Stage
from segcore.storage import read_json, write_json

_GUEST_SHARE = 0.05
_GUEST_TIMES = 5  # and so many times an even share
# Bytes that a line costs in memory while its bucket is aggregated, measured on 54 million lines.
_BYTES_A_LINE = 400
# And for each column that features of the job's own name: a text of 50 letters, read and sorted.
_BYTES_A_COLUMN = 100


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What is known of the lines once their customers' features are written.

    Attributes
    ----------
    features, months : tuple of Path
        Parquet files in hash order, and what each customer bought in each month.
    as_of : int
        Seconds since 1970.
    first_at, last_at : int
        Time of the first and last line with a readable one in the observation window, seconds since 1970.
    """

    folder: Path
    features: tuple[Path, ...]
    months: tuple[Path, ...]
    rejects: Path
    ledger: dict[str, object]
    as_of: int
    first_at: int
    last_at: int
    customers: int


def plan_buckets(n_lines: int, memory: int, *, columns: int = 0) -> int:
    """Return how many buckets keep one bucket's lines within half of the memory budget: a power of two.

    `columns` is how many columns of a line the features of the job's own name.
    """
    n_buckets = 1
    a_line = _BYTES_A_LINE + _BYTES_A_COLUMN * columns
    while n_lines * a_line / n_buckets > memory / 2 and n_buckets < shuffle.MAX_BUCKETS:
        n_buckets *= 2
    return n_buckets


def shuffle_lines(folder: Path, read: Reading, job: Job, *, latest: int, n_buckets: int) -> None:
    """Stage ``lines``: read, type and classify every line, and bring each customer's lines together.

    How dates and numbers are written is decided on some of the lines where that leaves no doubt. Where a line then
    cannot be read, all lines are asked, and read again if that gives another answer.

    Parameters
    ----------
    folder : Path
        Where to write.
    read : Reading
    job : segcore.job.Job
    latest : int
        Seconds since 1970; later dates are rejects.
    n_buckets : int

    Raises
    ------
    segcore.errors.DataError
        If a file breaks off or is not what its name says, or its values could be read in two ways.
    """
    found = reading.understand(read, job, every=False)
    carry = expressions.all_columns(job.features.own)
    for again in (True, False):
        frames = [
            shuffle.keyed(lf, seed=job.seed, n_buckets=n_buckets, carry=carry)
            for lf in classified(read, found, job, latest=latest)
        ]
        with reading.readable():
            buckets = shuffle.write(pl.concat(frames), folder, n_buckets=n_buckets)
        if not again or not _any_unreadable(buckets):
            break
        every = reading.understand(read, job, every=True)
        if every == found:
            break
        found = every
        for entry in folder.iterdir():
            shutil.rmtree(entry)
    write_json(folder / "stage.json", {"n_buckets": n_buckets})


def classified(read: Reading, found: Sequence[Conventions], job: Job, *, latest: int) -> list[pl.LazyFrame]:
    """Return the lines of every layout with their values and classes.

    Nothing but dates is read before a frame is collected, and those only where the window needs the last one.
    """
    within = window.find(read, found, job, latest=latest)
    decimals = job.cleaning.money_decimals
    values = [
        ingest.read_values(read.scan(layout), layout, how, job.input, money_decimals=decimals, latest=latest)
        for layout, how in zip(read.layouts, found, strict=True)
    ]
    return [cleaning.classify(lf, job.cleaning, within) for lf in values]


def _any_unreadable(buckets: shuffle.Buckets) -> bool:
    if not buckets.rejects:
        return False
    unreadable = pl.col("class").str.starts_with("unreadable_").any()
    return bool(pl.scan_parquet(list(buckets.rejects)).select(unreadable).collect(engine="streaming").item())


def compute_features(
    folder: Path, buckets: Path, read: Reading, job: Job, progress: Progress, stage: Stage
) -> None:
    """Stage ``customers``: the features of every customer, bucket by bucket, the ledger and the rejects.

    Raises
    ------
    segcore.errors.DataError
        If no line has a readable date, or too many lines are rejected.
    """
    found = shuffle.find(buckets, n_buckets=read_json(buckets / "stage.json")["n_buckets"])
    when, inside = pl.col("ordered_at"), pl.col("class") != cleaning.OUTSIDE_WINDOW
    times = pl.scan_parquet(buckets / "**/*.parquet").select(
        first=when.filter(inside).min(), last=when.filter(inside).max(), newest=when.max(), lines=pl.len()
    )
    first_at, last_at, newest, lines_in = times.collect(engine="streaming").row(0)
    if newest is None:
        raise errors.DataError(f"no purchase left: of {lines_in:,} lines none has a date that can be read")
    as_of = window.as_of(job.features, newest)
    own = computable(job, read, progress)
    absent = {*read.absent_features, *job.features.without}
    counts: list[pl.DataFrame] = []
    taken_back: list[pl.DataFrame] = []
    duplicates: list[pl.DataFrame] = []
    heavies: list[pl.DataFrame] = []
    writer = RowsWriter(folder / "features", rows_per_file=job.features.rows_per_file)
    for number, paths in enumerate(found.lines):
        if not paths:
            continue
        lines, remaining = bucket(paths, job)
        customers, count, months, doubled, heavy, *taken = pl.collect_all(
            [
                features.customer_features(
                    remaining, as_of=as_of, money_decimals=job.cleaning.money_decimals, gross=lines
                ),
                features.ledger(lines),
                features.by_month(remaining),
                ledger.duplicate_rejects(lines, job.cleaning.rejects),
                features.heavy_customers(lines, more_than=int(lines_in * _GUEST_SHARE)),
                *([returns.account(lines)] if job.features.returns == "net" else []),
            ]
        )
        writer.add(_with_own(customers, remaining, own, job).drop(absent))
        counts.append(count)
        taken_back += taken
        duplicates.append(doubled)
        (folder / "months").mkdir(exist_ok=True)
        months.write_parquet(folder / f"months/part-{number:05d}.parquet")
        heavies.append(heavy)
    writer.close()
    _warn_of_guests(heavies, lines_in, writer.rows, progress)
    if found.rejects:
        counts.append(features.ledger(pl.scan_parquet(list(found.rejects))).collect(engine="streaming"))
    names = [file.source.path for file in read.files]
    _check_nothing_lost(pl.concat(counts), read)
    account = ledger.account(pl.concat(counts), job.cleaning, files=names)
    ledger.check(account, job.cleaning)
    if writer.rows == 0:
        raise errors.DataError(
            f'no purchase left: of {lines_in:,} lines returns took back all; expected features.returns = "feature"'
        )
    if taken_back:
        account["returns_net"] = ledger.returns_net(pl.concat(taken_back), job.cleaning)
    starts = [start for _, start in sorted(ingest.starts(read.layouts).items())]
    ledger.write_rejects(
        found.rejects, duplicates, starts, folder / "rejects", job.cleaning.rejects, files=names
    )
    write_json(folder / "ledger.json", account)
    facts = {"as_of": as_of, "first_at": first_at, "last_at": last_at, "customers": writer.rows}
    write_json(folder / "stage.json", facts)
    stage.rows = lines_in


def computable(job: Job, read: Reading, progress: Progress) -> dict[str, str]:
    """Return the features of the job's own that every file has the columns for."""
    everywhere = set.intersection(*({*layout.columns, "amount"} for layout in read.layouts))
    lacking = expressions.not_there(job.features.own, everywhere)
    for name, columns in lacking.items():
        progress.warn(f"no feature {name}: the input has no {errors.listing(columns)}")
    return {name: text for name, text in job.features.own.items() if name not in lacking}


def _with_own(customers: pl.DataFrame, lines: pl.LazyFrame, own: Mapping[str, str], job: Job) -> pl.DataFrame:
    """Add the features of the job's own to a bucket's customers."""
    if not own:
        return customers
    columns = expressions.all_columns(own)
    purchases = features.own_lines(lines, columns, money_decimals=job.cleaning.money_decimals).collect()
    return customers.join(
        expressions.evaluate(purchases, own), on="customer_id", how="left", maintain_order="left"
    )


def _warn_of_guests(
    heavies: Sequence[pl.DataFrame], lines_in: int, n_customers: int, progress: Progress
) -> None:
    """Warn of customers with far more lines than others; where there are few, each has a large share of its own."""
    for customer, lines in (row for heavy in heavies for row in heavy.iter_rows()):
        share = lines / lines_in
        if share > _GUEST_TIMES / max(n_customers, 1):
            progress.warn(
                f"customer {customer!r} has {share:.0%} of all lines; "
                "if it is a guest account, name it in cleaning.exclude_customers"
            )


def _check_nothing_lost(counts: pl.DataFrame, read: Reading) -> None:
    """Compare the lines that came through with those that were counted before anything was read."""
    came = dict(counts.group_by("file").agg(pl.col("rows").sum()).iter_rows())
    for file in read.files:
        if came.get(file.number, 0) != file.n_records:
            raise errors.DataError(
                f"{file.source.path}: {came.get(file.number, 0):,} lines came in, {file.n_records:,} were counted "
                "before; has the file changed meanwhile? Run the same command again"
            )


def bucket(paths: Sequence[str], job: Job) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return the lines of a bucket with duplicates marked, and those that customers are described by.

    They are the same where returns take nothing back; else the first have ``taken``.
    """
    lines = features.mark_duplicates(pl.scan_parquet(list(paths)))
    if job.features.returns == "feature":
        return lines, lines
    lines = returns.match(lines)
    return lines, returns.remaining(lines)


def finished_lines(folder: Path) -> Lines:
    """Read what stage ``customers`` left."""
    facts = read_json(folder / "stage.json")
    return Lines(
        folder=folder,
        features=tuple(sorted((folder / "features").glob("*.parquet"))),
        months=tuple(sorted((folder / "months").glob("*.parquet"))),
        rejects=folder / "rejects",
        ledger=read_json(folder / "ledger.json"),
        **facts,
    )
