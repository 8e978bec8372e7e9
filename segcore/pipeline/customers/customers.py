"""Stage ``customers``: from buckets of lines to the features of every customer, the ledger and the rejects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from segcore import engine, errors, expressions, ingest, records, schema
from segcore.arrays import Floats
from segcore.job import Job
from segcore.lines import discounts, features, ledger, look_back, suspects
from segcore.lines.look_back import Cut, Cuts
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import aggregate_bucket, attributes, rejects
from segcore.pipeline.customers.rows_writer import RowsWriter
from segcore.pipeline.lines import observation_window
from segcore.pipeline.lines.read_input import PreparedInput
from segcore.pipeline.lines.shuffle_lines import Buckets
from segcore.progress import Progress
from segcore.records import Ledger
from segcore.storage import read_json, write_json
from segcore.stores import is_url

# What was bought, and how they were two periods ago, is kept of the first customers in hash order, so many that they
# have about this many lines.
_EARLY_LINES = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Customers:
    """What is known of the customers once their features are written.

    Attributes
    ----------
    folder : Path
        With ``features``, ``months``, ``products`` and ``rejects``.
    ledger : Ledger
    as_of : int
        Seconds since 1970.
    first_at, last_at : int
        Time of the first and last line with a readable one in the observation window, seconds since 1970.
    customers : int
        How many there are.
    product_customers : int
        Of how many of them, the first in hash order, it is known what they bought.
    coverage : list of dict
        What each other table says of how many of them.
    cut : Cut or None
        Where there is a look back.
    seasons : list of dict or None
        How many customers came again a year before the look back's period, and a year before the one to come; None
        where the history does not reach back so far.
    newcomers : dict or None
        What others than the customers known at the cut have bought since.
    """

    folder: Path
    ledger: Ledger
    as_of: int
    first_at: int
    last_at: int
    customers: int
    product_customers: int
    coverage: list[dict[str, Any]]
    cut: Cut | None
    seasons: list[dict[str, int]] | None
    newcomers: dict[str, int] | None

    @property
    def counted_from(self) -> datetime:
        """The time that recency counts from, without a zone as times of lines are."""
        return datetime.fromtimestamp(self.as_of, UTC).replace(tzinfo=None)

    @property
    def features(self) -> tuple[Path, ...]:
        """Parquet files in hash order."""
        return _files(self.folder / "features")

    def values(self, feature: str) -> Iterator[Floats]:
        """Give a feature's values, file by file."""
        for path in self.features:
            yield pl.read_parquet(path, columns=[feature])[feature].cast(pl.Float64).to_numpy()

    @property
    def months(self) -> tuple[Path, ...]:
        """What each customer, by their row in the features, bought in each month."""
        return _files(self.folder / "months")

    @property
    def then(self) -> tuple[Path, ...]:
        """The customers known at the cut in hash order: their features then, and what they have bought since."""
        return _files(self.folder / "then")

    @property
    def earlier(self) -> tuple[Path, ...]:
        """The same of the first customers, a period before; none where the history does not reach back so far."""
        return _files(self.folder / "earlier")

    @property
    def products(self) -> tuple[Path, ...]:
        """Which products the first customers bought, each once: ``customer_id, product``."""
        return _files(self.folder / "products")


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.parquet")))


def describe(
    run: RunContext, source: PreparedInput, buckets: Buckets, tables: Path | None, *, at_once: int
) -> Customers:
    """Stage ``customers``: aggregate every bucket, and account for every line.

    Parameters
    ----------
    run : RunContext
    source : PreparedInput
    buckets : Buckets
    tables : Path, optional
        What stage ``extra`` left, where the job has other tables.
    at_once : int
        Buckets that are worked on at the same time on this machine.

    Raises
    ------
    segcore.errors.DataError
        If no line has a readable date, or too many lines are rejected.
    """
    folder = run.stage("customers", partial(_describe, run, source, buckets, tables, at_once))
    facts = read_json(folder / "stage.json")
    cut = facts.pop("cut")
    return Customers(
        folder=folder, ledger=records.read(Ledger, folder), cut=None if cut is None else Cut(**cut), **facts
    )


def _describe(
    run: RunContext, source: PreparedInput, buckets: Buckets, tables: Path | None, at_once: int, folder: Path
) -> int:
    if buckets.newest is None:
        raise errors.DataError(
            f"no purchase left: of {source.n_lines:,} lines none has a date that can be read: see the column and --date-format"
        )
    as_of = observation_window.as_of(run.settings.features, buckets.newest)
    cuts = _cuts(run, buckets, as_of)
    tasks = _tasks(run, source, buckets, as_of, cuts)
    # The scores of RFM are not here yet.
    scores = {feature.name for feature in schema.RFM}
    absent = {*source.absent_features, *run.settings.features.without} - scores
    totals = _aggregate(run, tasks, folder, tables, absent, at_once)
    account = _account(folder, source, buckets, totals, run.settings)
    if account.discounts is not None:
        said, warning = ledger.discounts_in_words(account.discounts)
        run.progress.log(said)
        if warning:
            run.progress.warn(warning)
    for text in _remarks(totals, account, folder, run.settings):
        run.progress.warn(text)
    coverage = []
    if tables is not None:
        coverage = attributes.cover(tables, _files(folder / "features"), run.settings, run.progress)
    facts = {
        "as_of": as_of,
        "first_at": buckets.first_at,
        "last_at": buckets.last_at,
        "customers": totals.customers,
        "product_customers": totals.product_customers,
        "coverage": coverage,
        "cut": None if cuts.last is None else asdict(cuts.last),
        "seasons": [pl.concat(one).sum().row(0, named=True) for one in zip(*totals.seasons, strict=True)]
        or None,
        "newcomers": pl.concat(totals.newcomers).sum().row(0, named=True) if totals.newcomers else None,
    }
    write_json(folder / "stage.json", facts)
    return source.n_lines


def _cuts(run: RunContext, buckets: Buckets, as_of: int) -> Cuts:
    """Return where the customers are looked at as they were then; nowhere where the history is too short for it."""
    wanted, oldest = run.settings.look_back, buckets.oldest
    if not wanted.days or oldest is None or run.plan.refresh == "score":
        return Cuts()
    found = look_back.cuts(
        oldest,
        as_of,
        length=wanted.seconds,
        outlook=run.settings.outlook.enabled,
        window_first=buckets.window_first,
    )
    if found.last is None:
        run.progress.log(
            f"no look back: it takes {2 * wanted.days} days of lines, and there are {(as_of - oldest) // 86_400}"
        )
    return found


def _tasks(
    run: RunContext, source: PreparedInput, buckets: Buckets, as_of: int, cuts: Cuts
) -> list[aggregate_bucket.Task]:
    n_lines = sum(bucket.rows for bucket in buckets.buckets) - buckets.rows_before
    own = computable(run.settings, source, run.progress)
    by_amount = source.by_amount and not run.settings.cleaning.discount_lines
    return [
        aggregate_bucket.Task(
            bucket=bucket,
            folder=buckets.folder,
            settings=run.settings,
            own=own,
            today=Cut(first=buckets.window_first, at=as_of, end=as_of),
            n_lines=source.n_lines,
            by_amount=by_amount,
            guest_lines=int(source.n_lines * suspects.NAMED_GUEST_SHARE),
            # It depends on nothing but the lines.
            early_below=min(2**64 - 1, 2**64 * _EARLY_LINES // max(n_lines, 1)),
            cuts=cuts,
        )
        for bucket in buckets.buckets
    ]


@dataclass(kw_only=True)
class _Totals:
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

    def add(self, done: aggregate_bucket.Done) -> None:
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


def _aggregate(
    run: RunContext,
    tasks: Sequence[aggregate_bucket.Task],
    folder: Path,
    tables: Path | None,
    absent: set[str],
    at_once: int,
) -> _Totals:
    """Write what is known of every bucket's customers, in hash order, and add up the rest."""
    totals = _Totals()
    rows_per_file = run.settings.features.rows_per_file
    writer = RowsWriter(folder / "features", rows_per_file=rows_per_file)
    then = RowsWriter(folder / "then", rows_per_file=rows_per_file)
    earlier = RowsWriter(folder / "earlier", rows_per_file=rows_per_file)
    for name in ("months", "products"):
        (folder / name).mkdir()
    with run.progress.counter("customers") as tick:
        buckets = engine.run_tasks(
            aggregate_bucket.aggregate, tasks, label="customers", tick=tick, at_once=at_once
        )
        for number, done in enumerate(buckets):
            suspects.check_digits(done.customers)
            months = done.months.with_columns(pl.col("row").cast(pl.Int64) + totals.customers)
            months.write_parquet(folder / f"months/part-{number:05d}.parquet")
            if done.product_customers:
                done.products.write_parquet(folder / f"products/part-{number:05d}.parquet")
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


def _account(folder: Path, source: PreparedInput, buckets: Buckets, totals: _Totals, settings: Job) -> Ledger:
    """Write the ledger and the rejects, and refuse what leaves nothing to build on."""
    counts = totals.counts
    if buckets.rejects:
        rejected = features.ledger(pl.scan_parquet(buckets.paths(buckets.rejects)))
        counts = [*counts, rejected.collect(engine="streaming")]
    every = pl.concat(counts)
    account = ledger.account(every, settings.cleaning, files=[file.source.name for file in source.files])
    _check_nothing_lost(every, source)
    ledger.check(account.rows, settings.cleaning)
    if totals.customers == 0:
        what = "discounts took off" if totals.taken_off else "returns took back"
        remedy = (
            "check cleaning's keys of discounts"
            if totals.taken_off
            else 'expected features.returns = "feature"'
        )
        raise errors.DataError(f"no purchase left: of {source.n_lines:,} lines {what} all; {remedy}")
    if totals.taken_back:
        returns_net = ledger.returns_net(pl.concat(totals.taken_back), settings.cleaning)
        account = replace(account, returns_net=returns_net)
    if totals.taken_off:
        account = replace(account, discounts=ledger.discounts(pl.concat(totals.taken_off), settings.cleaning))
    rejects.write(folder / "rejects", buckets, pl.concat(totals.rejects), source, settings)
    records.write(folder, account)
    return account


def computable(settings: Job, source: PreparedInput, progress: Progress) -> dict[str, str]:
    """Return the features of the job's own that every file has the columns for."""
    everywhere = set.intersection(*({*group.columns, "amount"} for group in source.file_groups))
    lacking = expressions.not_there(settings.features.own, everywhere)
    for name, columns in lacking.items():
        progress.warn(f"no feature {name}: the input has no {errors.listing(columns)}")
    return {name: text for name, text in settings.features.own.items() if name not in lacking}


def _remarks(totals: _Totals, account: Ledger, folder: Path, settings: Job) -> Iterator[str]:
    """Give what a person should know of customers that may be none, and of classes with odd money."""
    for some in totals.guests:
        yield from suspects.guests(some, account.rows_in, totals.customers)
    yield from discounts.returns_in_orders(totals.mixed_orders)
    if totals.orders and settings.cleaning.order_key == "order":
        yield from suspects.restarting(pl.concat(totals.orders))
    if settings.cleaning.customer_case != "lower":
        yield from suspects.in_two_forms(pl.scan_parquet(folder / "features/*.parquet"), totals.customers)
    yield from ledger.remarks({one.name: (one.rows, one.money) for one in account.classes}, settings.cleaning)


def _check_nothing_lost(counts: pl.DataFrame, source: PreparedInput) -> None:
    """Compare the lines that came through with those that were counted before anything was read.

    Raises
    ------
    segcore.errors.BusyError
        If a file has changed meanwhile.
    """
    came = dict(counts.group_by("file").agg(pl.col("rows").sum()).iter_rows())
    for file in source.files:
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
