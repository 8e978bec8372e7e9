"""A job file that names what an inspection saw, so that nothing is assumed any more."""

from __future__ import annotations

import os
from pathlib import Path

from segcore import errors, ingest, job, storage
from segcore.ingest.columns import gathered
from segcore.job import Job
from segcore.pipeline.inspection import services, states
from segcore.pipeline.inspection.look import Inspection


def check_is_new(path: Path) -> None:
    """Refuse to write over a file.

    Raises
    ------
    segcore.errors.OutputError
        If there is one already, or a link.
    """
    if os.path.lexists(path):
        raise errors.OutputError(f"{path}: is there already; name a new file for --write-job")


def write_job(seen: Inspection, settings: Job, path: Path) -> None:
    """Write a job file with what was seen."""
    # An amount beside quantity and price is compared with them by every run, unless it is mapped by hand.
    known = [
        {name: column for name, column in group.columns.items() if group.by_amount or name != "line_amount"}
        for group in seen.prepared.file_groups
    ]
    columns = {name: column for one in known for name, column in one.items()}
    dates = [form for how in seen.formats for form in how.dates]
    order = next((order for form in dates if (order := ingest.order_of(form))), "")
    comma = any(numbers.decimal == "," for how in seen.formats for numbers in how.numbers.values())
    same = all(one.items() <= columns.items() for one in known)
    given = settings.input.model_copy(
        update={
            "date_format": settings.input.date_format or order,
            "fill_from": "order" if seen.fillable else settings.input.fill_from,
            "decimal": settings.input.decimal or ("," if comma else ""),
        }
    )
    draft = settings.model_copy(
        update={
            "columns": gathered(columns) if same else settings.columns,
            "input": given,
            "cleaning": _cleaning(seen, settings.cleaning),
            "models": _models(seen, settings),
        }
    )
    with storage.disk_errors(path):
        storage.write_text(path, _with_rules(draft, seen))


def _with_rules(draft: Job, seen: Inspection) -> str:
    """Put what columns and codes suggest into the tables for them, as comments, and every key's meaning above it."""
    decimals = draft.cleaning.amount_decimals
    table, key = "[cleaning.rules]\n", "not_products = "
    rules = states.comments(seen.states, decimals)
    codes = services.comments(seen.services, draft.cleaning.not_products, decimals)
    text = job.commented(draft).replace(table, table + "".join(f"{line}\n" for line in rules), 1)
    return text.replace(f"\n{key}", "\n" + "".join(f"{line}\n" for line in codes) + key, 1)


def _cleaning(seen: Inspection, cleaning: job.Cleaning) -> job.Cleaning:
    """Let equal lines count where they may be different purchases: no column tells them, or their orders, apart."""
    without_orders = all("order_id" not in group.columns for group in seen.prepared.file_groups)
    if seen.n_duplicates and without_orders:
        return cleaning.model_copy(update={"duplicates": "keep"})
    return cleaning


def _models(seen: Inspection, settings: Job) -> job.Models:
    if seen.one_time is not None:
        return settings.models.model_copy(update={"one_time_buyers": "separate"})
    return settings.models
