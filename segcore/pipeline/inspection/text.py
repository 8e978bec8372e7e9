"""An inspection as text for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from segcore import engine, errors, expressions
from segcore.ingest import FileGroup, Formats, by_reason
from segcore.ingest.columns import gathered
from segcore.ingest.date_formats import kind_of
from segcore.job import Job
from segcore.lines import cleaning, ledger
from segcore.pipeline.customers import attribute_table
from segcore.pipeline.inspection import costs, services, states
from segcore.pipeline.inspection.counts import Missing
from segcore.pipeline.inspection.look import Inspection
from segcore.pipeline.lines import input_notes, memory_plan


def describe(inspection: Inspection, settings: Job, *, memory: int | None = None) -> str:
    """Return an inspection as text for people."""
    about = "" if inspection.exact else "about "
    size = sum(source.size for source in inspection.sources)
    texts = [f"{len(inspection.sources):,} file(s), {size / 1e6:,.1f} MB"]
    if not inspection.exact:
        texts[0] += f"; looked through {len(inspection.sampled):,} of them (all with --full)"
    texts += [
        f"  not read {reason}: {path}"
        for reason, paths in by_reason(inspection.unread).items()
        for path in paths
    ]
    for group, how, missing in zip(
        inspection.prepared.file_groups, inspection.formats, inspection.missing, strict=True
    ):
        texts += ["", *_layout(group, how, missing, settings)]
    texts += [
        "",
        f"dates     {inspection.first_at} to {inspection.last_at}",
        f"lines     {about}{inspection.n_lines:,}",
        f"customers {'at least ' + about if about else ''}{inspection.n_customers:,}",
        "",
        *_classes(inspection),
        "",
        *services.describe(inspection.services, settings.cleaning.amount_decimals),
        *states.table(inspection.states, settings.cleaning.amount_decimals),
        *([""] if inspection.states else []),
        *(text for table, known in inspection.extra for text in [*_extra(table, known, inspection), ""]),
        *costs.describe(inspection, settings, memory or engine.default_budget()),
        "",
        *_doubts(inspection, settings, stops(inspection, settings, memory=memory)),
    ]
    return "\n".join(" ".join(text.splitlines()) for text in texts)  # a name may hold a line end


def _doubts(inspection: Inspection, settings: Job, reason: errors.SegcoreError | None) -> list[str]:
    """Return what the run would do: what stops it, what may be counted wrongly, what is left out, what was assumed."""
    texts = list(inspection.warnings)
    if inspection.fillable:
        texts.append(
            "many lines lack what the first line of their order says, such as the customer: "
            'input.fill_from = "order" fills it'
        )
    if inspection.n_duplicates:
        texts.append(
            f"{inspection.n_duplicates:,} lines that equal another one in every column of the file would be left out"
        )
    texts += [text for table, _ in inspection.extra for text in attribute_table.remarks(table)]
    texts += input_notes.amount_notes(inspection.prepared, inspection.formats)
    texts += input_notes.notes(inspection.prepared, settings)
    if inspection.one_time is not None:
        texts.append(
            f"{inspection.one_time:.0%} of the customers have one order: "
            'models.one_time_buyers = "separate" makes them a segment by rule and divides the others'
        )
    assumed = {
        name
        for group in inspection.prepared.file_groups
        for name in gathered(group.columns)
        if name not in settings.columns
    }
    if assumed:
        texts.append(f"columns are taken by their names: {errors.listing(assumed, most=20)} (assumed)")
    numbered = [f"  {n}. {text}" for n, text in enumerate(texts, start=1)]
    if reason is not None:
        return [
            f"the run would stop: {reason}",
            *(["and what is in doubt, most first:"] if numbered else []),
            *numbered,
        ]
    kept = (
        sum(n for name, n in inspection.classes.iter_rows() if name in ledger.KEPT) - inspection.n_duplicates
    )
    seen = "" if inspection.exact else " of those looked through"
    return [
        f"the run would count {kept:,} lines{seen}" + ("; in doubt, most first:" if numbered else ""),
        *numbered,
    ]


def _layout(group: FileGroup, how: Formats, missing: Mapping[str, Missing], settings: Job) -> list[str]:
    first = group.files[0]
    what = {"parquet": "Parquet"}.get(first.reader, first.source.format)
    if first.source.format == "text" and not first.separator:
        what = "JSON lines"
    if first.encoding:
        names = errors.listing({file.encoding for file in group.files})
        what = f"{names}, fields separated by {first.separator!r}"
    texts = [f"{group.name}: {what}"]
    for name, column in gathered(group.columns).items():
        origin = "job" if name in settings.columns else "assumed"
        texts.append(
            f"  {name:<12} {column!r:<24} {str(group.dtypes[name]).lower():<14} {_manner(name, how)}({origin})"
            f"{_missing(missing[name], sum(file.n_records for file in group.files))}"
        )
    texts.append(f"  {'times':<12} {_clock(group, how, settings)}")
    used = {
        *group.columns.values(),
        group.currency,
        *expressions.columns_of_rules(settings.cleaning.own_conditions),
    }
    unused = [name for name in first.names if name not in used]
    return [*texts, f"  not used: {errors.listing(unused)}"] if unused else texts


def _clock(group: FileGroup, how: Formats, settings: Job) -> str:
    """Return by which clock days and hours are told."""
    dtype, given = group.dtypes["ordered_at"], settings.input
    if isinstance(dtype, pl.Datetime):
        kinds = {"offset" if dtype.time_zone else "time"}
    else:
        kinds = {"day"} if dtype == pl.Date else {kind_of(form) for form in how.dates}
    shown = f"in {given.time_zone}" if given.time_zone else "by the clock as it is written"
    texts = {
        "epoch": f"seconds since 1970, in {given.time_zone or 'UTC'}",
        "offset": f"with an offset from UTC, {shown}",
        "time": "without an offset, as written: if they are in UTC, say, input.source_zone and input.time_zone shift them",
        "day": "days without a time, as written",
    }
    if given.source_zone:
        texts["time"] = f"without an offset, taken for {given.source_zone}, {shown}"
    return "; ".join(text for kind, text in texts.items() if kind in kinds) or "none that can be read"


def _missing(missing: Missing, n_lines: int) -> str:
    texts = f"  empty in {missing.empty / max(n_lines, 1):.1%}" if missing.empty else ""
    if missing.words:
        texts += f"  {missing.example!r} and the like in {missing.words / max(n_lines, 1):.1%}"
    return texts


def _manner(name: str, how: Formats) -> str:
    if name == "ordered_at" and how.dates:
        return f"{', '.join(how.dates[:3])} "
    numbers = how.numbers.get(name)
    return "decimal comma " if numbers and numbers.decimal == "," else ""


def _classes(inspection: Inspection) -> list[str]:
    total = int(inspection.classes["lines"].sum())
    texts = ["what the lines would be, duplicates among them:"]
    for name, n_lines in inspection.classes.iter_rows():
        texts.append(f"  {name:<24} {n_lines:>12,}  {n_lines / max(total, 1):6.1%}")
        rows = inspection.first_rejects.filter(pl.col("class") == name)
        texts += [
            f"    {file}, record {record:,}: {'empty' if value is None else repr(value)}"
            for _, file, record, value in rows.iter_rows()
        ]
    if inspection.n_duplicates:
        texts.append(
            f"  {'duplicate':<24} {inspection.n_duplicates:>12,}  {inspection.n_duplicates / max(total, 1):6.1%}  equal to another "
            'line in every column of the file: cleaning.duplicates = "keep" counts them too'
        )
    return texts


def _extra(table: Mapping[str, Any], known: int, inspection: Inspection) -> list[str]:
    texts = [
        f"{table['path']}: {table['rows']:,} row(s), for {known / max(inspection.n_seen, 1):.1%} of the customers"
        f"{'' if inspection.exact else ' that were looked at'}"
    ]
    return texts + [f"  {c['feature']:<12} {c['column']!r:<24} {c['kind']}" for c in table["columns"]]


def stops(inspection: Inspection, settings: Job, *, memory: int | None) -> errors.SegcoreError | None:
    """Return what would stop the run, as far as these lines tell (duplicates may leave less); None where nothing would."""
    budget = memory or engine.default_budget()
    lines = {cleaning.PURCHASE: 0, cleaning.OUTSIDE_WINDOW: 0, **dict(inspection.classes.iter_rows())}
    try:
        memory_plan.check_models(settings, budget)
        n_files = len(inspection.sources)
        memory_plan.check_lines(inspection.n_lines, budget, n_files=n_files, beside=inspection.beside)
        ledger.check(lines, settings.cleaning)
    except (errors.BudgetError, errors.DataError) as exc:
        return exc
    wanted = settings.selection.k or settings.models.k_min
    few = f"it needs {wanted} customers for as many segments"
    return errors.DataError(few) if inspection.n_customers < wanted else None
