"""Commands ``holdout`` and ``readout``: customers who are left without a treatment, and what it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Unpack

import polars as pl

from segcore import errors, failures, records, report, spreadsheet, storage
from segcore.evaluation import next_period
from segcore.job import Job
from segcore.pipeline import open_run
from segcore.pipeline.core.job_file import reading_all
from segcore.pipeline.core.options import Options, RunOptions
from segcore.pipeline.core.plan import Places
from segcore.pipeline.customers import lines_to_customers
from segcore.pipeline.finished import finished_run, previous_run
from segcore.records import Manifest
from segcore.storage import Place
from segcore.trial import holdout, readout
from segcore.trial.holdout import HoldoutFile

FOLDER = "holdouts"


def hold_out(path: Place, *, name: str, share: float, lift: float) -> str:
    """Draw the customers of a finished run who are left without a treatment, and say what they can show.

    Parameters
    ----------
    path : path or URL
        The run, or a folder with latest.json. Gets a folder ``holdouts/NAME``.
    name : str
        Another one draws other customers; the same one the same.
    share : float
        Of the customers of each segment.
    lift : float
        Of the rate of buying, that should be seen.

    Raises
    ------
    segcore.errors.UsageError
        If the name cannot be one of a folder, or was drawn with another share.
    segcore.errors.OutputError
        If there are files in its folder that no holdout has left.
    """
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise errors.UsageError(
            f"--name {name!r}: expected up to 40 letters, digits, - and _, such as spring"
        )
    run = finished_run.find(path)
    target = storage.join(run, FOLDER, name)
    if storage.exists(storage.join(target, HoldoutFile.FILE)):
        before = records.read(HoldoutFile, target).share
        if before != share:
            raise errors.UsageError(f"{name} was drawn with a share of {before:g}: use it, or another --name")
    elif others := storage.list_files(target):
        raise errors.OutputError(
            f"{target}: holds {errors.listing(others, most=3)} and no whole holdout; move it, or give another --name"
        )
    with finished_run.local_copy(run) as folder, storage.private_folder() as staging:
        (staging / "customers").mkdir()
        spreadsheet.write(staging / "customers.csv", _drawn(folder, staging / "customers", name, share))
        counts = _counts(staging / "customers", folder)
        table = holdout.sizes(counts, lift=lift, share=share)
        about = HoldoutFile(name=name, share=share, run_id=records.read(Manifest, folder).run_id)
        records.write(staging, about)
        deck = (
            f"{share:.1%} of the customers are left without the treatment {name}. customers.csv says who: leave them out, "
            f"and treat the others. A lift of {lift:.0%} of the rate is seen four times in five where a segment has the "
            "customers needed; the rate is that of the last period."
        )
        _leave(staging, target, "sizes", table, title=f"Holdout {name}", deck=deck)
    return f"{_text(table)}\n{storage.join(target, 'sizes.html')}"


def _drawn(run: Path, folder: Path, name: str, share: float) -> Iterator[pl.DataFrame]:
    for path in sorted((run / "segments").glob("*.parquet")):
        df = pl.read_parquet(path, columns=["customer_id", "segment", "segment_name"])
        df = df.with_columns(holdout.held_out(df["customer_id"], name=name, share=share))
        df.write_parquet(folder / path.name)
        yield df


def _counts(customers: Path, run: Path) -> pl.DataFrame:
    rates = pl.DataFrame(schema={"segment_name": pl.String, "rate": pl.Float64})
    if (run / "look_back.parquet").is_file():
        look_back = pl.read_parquet(run / "look_back.parquet").filter(pl.col("rule") == next_period.SEGMENTS)
        rates = look_back.select(segment_name="cell", rate="rate")
    drawn = pl.scan_parquet(customers / "*.parquet").group_by("segment", "segment_name")
    counts = drawn.agg(customers=pl.len().cast(pl.Int64), held_out=pl.col("held_out").sum().cast(pl.Int64))
    return counts.sort("segment", nulls_last=True).collect().join(rates, on="segment_name", how="left")


def read_out(
    path: Place,
    inputs: str | Path | Sequence[str | Path],
    *,
    name: str,
    since: date | datetime,
    **options: Unpack[Options],
) -> str:
    """Compare treated customers with those who were held out, by what they have bought since a day.

    Parameters
    ----------
    path : path or URL
        The run with the holdout, or a folder with latest.json.
    inputs : path or sequence of paths
        Transaction lines, cleaned by the run's job; those before `since` do not count.
    name : str
        Of the holdout.
    since : date or datetime
        When the treatment began.
    **options
        As for :func:`segcore.segment`.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the run has no such holdout.
    """
    run = finished_run.find(path)
    target = storage.join(run, FOLDER, name)
    if not storage.exists(storage.join(target, HoldoutFile.FILE)):
        raise errors.InputNotFoundError(
            f"{run}: no holdout {name!r}; draw it first: segcore holdout {run} --name {name}"
        )
    with finished_run.local_copy(run) as folder, storage.private_folder() as scratch:
        settings = previous_run.load(folder).settings
        with _whole(target):
            drawn = pl.scan_parquet(folder / FOLDER / name / "customers/*.parquet")
            lines = (
                drawn.select("held_out"),
                pl.scan_parquet(folder / "segments/*.parquet").select("segment"),
            )
            there, expected = (lf.select(pl.len()).collect().item() for lf in lines)
        if there != expected:
            raise errors.InputNotFoundError(
                f"{target}: damaged (has {there:,} of {expected:,} customers); {_AGAIN}"
            )
        with _lines_since(inputs, settings, since, scratch / "run", RunOptions(**options)) as bought:
            outcomes = drawn.join(bought, on="customer_id", how="left").with_columns(
                pl.col("bought").fill_null(False), pl.col("revenue").fill_null(0)
            )
            with _whole(target):
                sums = readout.sums(outcomes).collect(engine="streaming")
        table = readout.compare(sums, money_decimals=settings.cleaning.amount_decimals)
        staging, stem = scratch / "made", f"readout-{since:%Y-%m-%d}"
        staging.mkdir()
        deck = (
            f"What customers bought since {since:%Y-%m-%d}: treated beside held out. An interval holds the true difference "
            "95 times in 100; one that holds 0 has shown nothing. Customers newer than the holdout are left out."
        )
        _leave(
            staging,
            target,
            stem,
            table,
            title=f"Readout of {name}",
            deck=deck,
            currency=settings.report.currency,
        )
    return f"{_text(table, settings.report.currency)}\n{storage.join(target, f'{stem}.html')}"


_AGAIN = "remove it and draw the holdout again: the same name holds out the same customers"


@contextmanager
def _whole(target: Place) -> Iterator[None]:
    """Say that a holdout's files are damaged, where they are."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as exc:
        if isinstance(exc, OSError) and not isinstance(exc, FileNotFoundError):
            raise
        raise errors.InputNotFoundError(f"{target}: damaged ({failures.first_line(exc)}); {_AGAIN}") from exc


@contextmanager
def _lines_since(
    inputs: str | Path | Sequence[str | Path],
    settings: Job,
    since: date | datetime,
    out: Path,
    options: RunOptions,
) -> Iterator[pl.LazyFrame]:
    """Give who bought since a day, and purchases less returns in minor units: the first stages of a run."""
    features = settings.features.model_copy(update={"window": "", "window_from": since, "as_of": None})
    settings = reading_all(settings.model_copy(update={"features": features, "extra": []}))
    places = Places.given(out, None)
    plan = open_run.plan(inputs, settings, places, budget=options.budget, refresh="score")
    with open_run.opened(plan, places, options, None) as run:
        _, described = lines_to_customers.describe(run)
        minor = 10.0**settings.cleaning.amount_decimals
        returned = pl.lit(0.0) if features.returns == "net" else pl.col("returned_value")
        revenue = ((pl.col("total_spend") - returned) * minor).round().cast(pl.Int64)
        customers = pl.scan_parquet(list(described.features))
        yield customers.select("customer_id", bought=pl.lit(True), revenue=revenue)


def _leave(staging: Path, target: Place, stem: str, table: pl.DataFrame, **page: str) -> None:
    """Put a table as Parquet, CSV and page beside what was made, and all of it into its place."""
    table.write_parquet(staging / f"{stem}.parquet")
    spreadsheet.write(staging / f"{stem}.csv", [table])
    storage.write_text(staging / f"{stem}.html", report.build_trial(table, **page))
    names = storage.list_files(staging)
    with storage.disk_errors(target):
        for last in (False, True):  # what says that it is whole
            storage.copy(staging, target, [name for name in names if (name == HoldoutFile.FILE) == last])


def _text(table: pl.DataFrame, currency: str = "") -> str:
    headings, rows = report.trial_page.cells(table, currency)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    padded = (
        [text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in (headings, *rows)
    )
    return "\n".join("  ".join(row).rstrip() for row in padded)
