"""Looking at an input without running the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from segcore import engine, expressions, ingest, storage
from segcore.ingest import Formats, Source
from segcore.ingest.columns import gathered
from segcore.job import Job
from segcore.lines import cleaning, ledger
from segcore.pipeline.core import job_file
from segcore.pipeline.customers import attributes
from segcore.pipeline.inspection import counts, services, states
from segcore.pipeline.inspection.counts import Missing
from segcore.pipeline.inspection.services import Service
from segcore.pipeline.inspection.states import State
from segcore.pipeline.lines import (
    classify_lines,
    fill_orders,
    id_map,
    input_notes,
    join_tables,
    memory_plan,
    understand_formats,
)
from segcore.pipeline.lines.prepared_input import PreparedInput

_SAMPLE_FILES, _SAMPLE_BYTES = 16, 1 << 28


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What an input holds.

    Attributes
    ----------
    sources, sampled : list of Source
        All files, and those that were looked through.
    unread : dict of str to str
        The other files in the input's folders, and why they are not read.
    prepared : PreparedInput
    formats : list of Formats
        One for each group of files.
    missing : list of dict of str to Missing
        Of each group of files, by canonical column.
    warnings : list of str
        Of customers that may be none.
    states : list of State
        Columns without a use that may say that a line is no purchase.
    fillable : bool
        Whether many lines lack what the first line of their order says.
    classes : polars.DataFrame
        ``class, lines``, duplicates not told apart.
    first_rejects : polars.DataFrame
        ``class, file, record, value``: the first of each reason.
    first_at, last_at : datetime or None
    n_duplicates : int
        Of the lines that count in the files that were looked through, second and later copies; 0 if they count too.
    n_lines, n_customers : int
        Of the whole input; estimated unless all files were looked through.
    n_seen : int
        Customers in the files that were looked through.
    one_time : float or None
        The share of customers with one order, where a segment by rule fits them; None also where files that were not
        looked through may hold more of their orders.
    extra : list of (dict, int)
        What is known of every other table, and how many of those customers it has.
    beside : int
        Bytes of memory that a pass over the lines holds beside them, for a map of ids.
    """

    sources: list[Source]
    unread: dict[str, str]
    sampled: list[Source]
    prepared: PreparedInput
    formats: list[Formats]
    missing: list[dict[str, Missing]]
    warnings: list[str]
    states: list[State]
    services: list[Service]
    fillable: bool
    classes: pl.DataFrame
    first_rejects: pl.DataFrame
    first_at: object
    last_at: object
    n_duplicates: int
    n_lines: int
    n_customers: int
    n_seen: int
    one_time: float | None
    extra: list[tuple[dict[str, Any], int]]
    beside: int = 0

    @property
    def exact(self) -> bool:
        """Whether nothing is estimated."""
        return len(self.sampled) == len(self.sources)


def inspect(
    inputs: Sequence[str | Path], settings: Job, *, full: bool, memory: int | None = None, now: int
) -> Inspection:
    """Look at an input without running the job.

    Parameters
    ----------
    inputs : sequence of paths
    settings : segcore.job.Job
    full : bool
        Look through all files, not through a sample of them.
    memory : int, optional
        Budget in bytes.
    now : int
        Seconds since 1970.

    Raises
    ------
    segcore.errors.SegcoreError
        As the run would.
    """
    everything, unread = ingest.find(inputs)
    tables, beside = join_tables.find(settings)
    sources, unread = join_tables.without(everything, tables), unread | beside
    budget = memory or engine.default_budget()
    sampled = sources if full else _sample(sources)
    with storage.private_folder() as scratch:
        files = ingest.prepare(sampled, settings.input, scratch, memory=budget)
        if settings.join:
            files = join_tables.joined(files, tables, settings, scratch, memory=budget)
        source = states.carry(PreparedInput.of(files, settings))
        source, notes = _with_ids(source, scratch, settings, memory=budget)
        input_notes.check_lines(source)
        input_notes.check_ids(source)
        timed = job_file.with_clock(source.settings, datetime.fromtimestamp(now, UTC))
        formats = understand_formats.understand(source, timed, every=True)
        seen = _look(source, formats, timed, sources, sampled, scratch, budget, unread)
        return replace(seen, warnings=[*seen.warnings, *notes], beside=id_map.needed(source.ids))


def _with_ids(
    source: PreparedInput, scratch: Path, settings: Job, *, memory: int
) -> tuple[PreparedInput, list[str]]:
    """Return an input with the map of ids, where the job has one, and what is said of it."""
    if not settings.customers.map:
        return source, []
    ids, notes = id_map.read(scratch / "ids", id_map.find(settings), settings, memory=memory)
    path = scratch / "ids.parquet"
    ids.write_parquet(path)
    return replace(source, ids=str(path)), notes


def _sample(sources: list[Source]) -> list[Source]:
    """Take files from the whole range, and as many as are read at once; at least one."""
    step = -(-len(sources) // _SAMPLE_FILES)
    chosen: list[Source] = []
    size = 0
    for source in sources[::step]:
        if not chosen or size + source.size <= _SAMPLE_BYTES:
            chosen.append(source)
            size += source.size
    return chosen


def _look(
    source: PreparedInput,
    formats: list[Formats],
    settings: Job,
    sources: list[Source],
    sampled: list[Source],
    scratch: Path,
    memory: int,
    unread: dict[str, str],
) -> Inspection:
    if settings.input.fill_from:
        source = _filled(source, settings, scratch, memory)
    classified = classify_lines.of_input(source, formats, settings)
    lf = pl.concat(classified, how="diagonal").with_columns(pl.col("class").cast(pl.String))
    counted = lf.group_by("class").agg(
        lines=pl.len(),
        money=pl.col("amount").cast(pl.Int128).sum(),
        first=pl.col("ordered_at").min(),
        last=pl.col("ordered_at").max(),
    )
    files = (
        lf.filter(pl.col("class").is_in(ledger.KEPT))
        .group_by("customer_id")
        .agg(files=pl.col("file").n_unique(), lines=pl.len(), **counts.first_and_last_order(settings))
    )
    customers = files.group_by("files").agg(customers=pl.len(), **counts.buyers())
    with expressions.computed(), ingest.readable():
        classes = counted.collect(engine="streaming")
        grouped = customers.collect(engine="streaming")
        seen = dict(grouped.select("files", "customers").iter_rows())
        n_lines = source.n_lines
        warnings = counts.warnings(files, classes, n_lines, sum(seen.values()), settings)
        warnings += counts.odd_orders(lf, source, settings)
        n_duplicates = 0
        if settings.cleaning.duplicates != "keep":
            n_duplicates = counts.duplicates(lf, n_lines, settings)
        fillable = counts.fillable(source, classes, settings)
        missing = [
            counts.missing_values(frame, [*gathered(group.columns)], settings.input.null_texts)
            for frame, group in zip(classified, source.file_groups, strict=True)
        ]
        rejects = counts.first_rejects(lf, classes, source)
        used = expressions.columns_of_rules(settings.cleaning.own_conditions)
        telling = states.count(classified, source, used)
        service_codes = services.find(lf)
    share = sum(source.size for source in sampled) / sum(source.size for source in sources)
    order = {name: place for place, (name, _) in enumerate(cleaning.rules(settings.cleaning))}
    return Inspection(
        sources=sources,
        unread=unread,
        sampled=sampled,
        prepared=source,
        formats=formats,
        missing=missing,
        warnings=[*states.warnings(telling, settings.cleaning.amount_decimals), *warnings],
        states=telling,
        services=service_codes,
        fillable=fillable,
        classes=classes.select("class", "lines").sort(
            pl.col("class").replace_strict(order, default=len(order))
        ),
        first_rejects=rejects,
        first_at=_time(classes["first"].min()),
        last_at=_time(classes["last"].max()),
        n_duplicates=n_duplicates,
        n_lines=round(n_lines / share),
        n_seen=sum(seen.values()),
        one_time=counts.one_time_buyers(grouped, settings) if len(sampled) == len(sources) else None,
        extra=attributes.look(scratch, settings, files.select("customer_id"), memory=memory),
        n_customers=sum(seen.values())
        if len(sampled) == len(sources)
        else counts.estimate_customers(seen, len(sampled)),
    )


def _filled(source: PreparedInput, settings: Job, scratch: Path, memory: int) -> PreparedInput:
    folder = scratch / "fill"
    folder.mkdir()
    plan = memory_plan.plan(source.n_lines, memory)
    fill_orders.make(folder, str(folder), source, settings, plan, log=lambda _: None)
    return fill_orders.load(folder, str(folder), source)


def _time(seconds: object) -> object:
    return pl.from_epoch(pl.Series([seconds], dtype=pl.Int64)).item()
