"""The account of every line: the ledger and the rejects written, and what is odd in them refused or warned of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import errors, ingest, records
from segcore.job import Job
from segcore.lines import discounts, ledger, suspects
from segcore.pipeline.customers import rejects
from segcore.pipeline.customers.write_features import Totals
from segcore.pipeline.lines.buckets import Buckets
from segcore.pipeline.lines.kept_facts import ShownTexts
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.records import Ledger
from segcore.storage.cache import Cache
from segcore.stores import is_url


def account(
    folder: Path,
    source: PreparedInput,
    buckets: Buckets,
    totals: Totals,
    settings: Job,
    cache: Cache | None = None,
) -> Ledger:
    """Write the ledger and the rejects, and refuse what leaves nothing to build on."""
    counts = totals.counts
    if buckets.rejects:
        rejected = ledger.count(pl.scan_parquet(buckets.paths(buckets.rejects)))
        counts = [*counts, rejected.collect(engine="streaming")]
    if buckets.summaries:
        summaries = pl.scan_parquet(buckets.paths(buckets.summaries))
        counts = [*counts, summaries.select(ledger.COUNTED).collect()]
    every = pl.concat(counts)
    whole = ledger.account(every, settings.cleaning, files=[file.source.name for file in source.files])
    _check_nothing_lost(every, source)
    ledger.check(whole.rows, settings.cleaning)
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
        whole = replace(whole, returns_net=returns_net)
    if totals.taken_off:
        whole = replace(whole, discounts=ledger.discounts(pl.concat(totals.taken_off), settings.cleaning))
    kept = None
    if cache is not None and buckets.known is not None:
        keys = {number: key for number, (key, _, _) in enumerate(buckets.known.files)}
        kept = ShownTexts(cache=cache, keys=keys)
    rejects.write(folder / "rejects", buckets, pl.concat(totals.rejects), source, settings, kept)
    records.write(folder, whole)
    return whole


def remarks(totals: Totals, account: Ledger, folder: Path, settings: Job) -> Iterator[str]:
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
