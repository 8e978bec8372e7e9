"""Stage ``customers``: from buckets of lines to the features of every customer, the ledger and the rejects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, expressions, records, schema
from segcore.arrays import Floats
from segcore.job import Job
from segcore.lines import ledger, look_back, suspects
from segcore.lines.look_back import Cut, Cuts
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import account_lines, attributes, kept_customers, write_features
from segcore.pipeline.customers.task import Drawn, KeptPart, Task
from segcore.pipeline.lines import observation_window
from segcore.pipeline.lines.buckets import Buckets
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.progress import Progress
from segcore.records import Ledger
from segcore.storage import read_json, write_json
from segcore.times import SECONDS_A_DAY

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
        """Which products the first customers, by their row in the features, bought, each once."""
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
    # The scores of RFM are not here yet.
    scores = {feature.name for feature in schema.RFM}
    absent = {*source.absent_features, *run.settings.features.without} - scores
    today = Cut(first=buckets.window_first, at=as_of, end=as_of)
    drawn = _drawn(source, buckets)
    own = computable(run.settings, source, run.progress)
    by_amount = source.by_amount and not run.settings.cleaning.discount_lines
    depends = {"own": own, "by_amount": by_amount}
    parts: list[KeptPart] = []
    with kept_customers.keeping(
        run, buckets, parts, today=today, cuts=cuts, drawn=drawn, more=depends
    ) as keep:
        tasks = [
            Task(
                bucket=bucket,
                folder=buckets.folder,
                settings=run.settings,
                own=own,
                today=today,
                by_amount=by_amount,
                guest_lines=int(source.n_lines * suspects.NAMED_GUEST_SHARE),
                drawn=drawn,
                cuts=cuts,
                keep=keep,
            )
            for bucket in buckets.buckets
        ]
        totals = write_features.write(run, tasks, folder, tables, absent, at_once)
        parts += totals.kept
        account = account_lines.account(folder, source, buckets, totals, run.settings, run.cache)
    if account.discounts is not None:
        summary, warning = ledger.discounts_in_words(account.discounts)
        run.progress.log(summary)
        if warning:
            run.progress.warn(warning)
    for text in account_lines.remarks(totals, account, folder, run.settings):
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
    cuts = look_back.cuts(
        oldest,
        as_of,
        length=wanted.seconds,
        outlook=run.settings.outlook.enabled,
        window_first=buckets.window_first,
    )
    if cuts.last is None:
        run.progress.log(
            f"no look back: it takes {2 * wanted.days} days of lines, and there are {(as_of - oldest) // SECONDS_A_DAY}"
        )
    return cuts


def _drawn(source: PreparedInput, buckets: Buckets) -> Drawn:
    """Return of whom more is told; it depends on nothing but the number of lines."""
    n_lines = sum(bucket.rows for bucket in buckets.buckets) - buckets.rows_before
    return Drawn(
        customers_below=min(2**64 - 1, 2**64 * _EARLY_LINES // max(n_lines, 1)),
        orders_below=suspects.drawn_below(source.n_lines),
    )


def computable(settings: Job, source: PreparedInput, progress: Progress) -> dict[str, str]:
    """Return the features of the job's own that every file has the columns for."""
    everywhere = set.intersection(*({*group.columns, "amount"} for group in source.file_groups))
    lacking = expressions.not_there(settings.features.own, everywhere)
    for name, columns in lacking.items():
        progress.warn(f"no feature {name}: the input has no {errors.listing(columns)}")
    return {name: text for name, text in settings.features.own.items() if name not in lacking}
