"""Command ``export``: a finished run as tables for a warehouse and lists for a campaign."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from segcore import errors, profile, records, spreadsheet
from segcore.new_folder import scratch_beside
from segcore.pipeline.finished.finished_run import local_copy
from segcore.pipeline.outputs import database, export_tables, history_file, run_files
from segcore.pipeline.outputs.export_tables import Table
from segcore.profile import recency
from segcore.records import Manifest
from segcore.storage import Place
from segcore.stores import check_folder, check_name, is_url

# Of a list for a campaign tool; empty where the run does not have it.
_LIST = (
    *("customer_id", "segment_name", "confidence", "days_since_last_order", "order_count", "total_spend"),
    *("recency", "rfm_group", "chance_to_buy", "expected_spend", "treatment", "as_of"),
)
_DATABASES = (*database.POSTGRESQL, database.DUCKDB)


def export(run: Place, to: str) -> str:
    """Write a finished run's customers, profile, movement and lists per segment, and say where they are.

    Parameters
    ----------
    run : path or URL
        The run, or a folder with latest.json.
    to : str
        A folder, ``postgresql://...`` or ``duckdb:FILE``. A run that is there already is left as it is.

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is written then.
    """
    check_name(to)
    check_folder(to)
    if to.startswith(_DATABASES):
        database.check(to)
    elif is_url(to):
        raise errors.UsageError(
            f"{to.partition('://')[0]}:// is no target; expected a folder, postgresql://... or duckdb:FILE"
        )
    with local_copy(run, moved=True) as folder:
        manifest = records.read(Manifest, folder)
        tables = export_tables.of(folder, manifest)
        if not to.startswith(_DATABASES):
            return _into_folder(Path(to), folder, tables, manifest.run_id)
        new = database.write(to, tables, manifest.run_id, manifest.as_of[:10])
    names = ", ".join(database.PREFIX + name for name in (*tables, "lists"))
    return f"{manifest.run_id} {'is in' if new else 'was there already, nothing changed:'} {names} of {to}"


def _into_folder(to: Path, run: Path, tables: Mapping[str, Table], run_id: str) -> str:
    target = to / run_id
    if os.path.isdir(target):  # which raises nothing, whatever the name
        return f"{target} (was there already, nothing changed)"
    with scratch_beside(target) as scratch:
        for name, table in tables.items():
            with pq.ParquetWriter(
                scratch / f"{name}.parquet", table.arrow().schema, store_schema=False
            ) as file:
                for batch in table.arrow():
                    file.write_batch(batch)
        (scratch / "lists").mkdir()
        _write_lists(scratch / "lists", run, run_id)
        os.replace(scratch, target)
    return str(target)


def _write_lists(folder: Path, run: Path, run_id: str) -> None:
    """Write a list of customers for each segment, for machines: ids stand there as in the dump."""
    table = profile.load(run)
    usual_gap = recency.usual_gap_of(table.row(by_predicate=pl.col("segment") == profile.ALL, named=True))
    lists = {
        segment: spreadsheet.Writer(folder / f"{segment}-{_slug(name)}.csv", machine=True)
        for segment, name in run_files.names(table).items()
    }
    for df in history_file.customers(run, run_id):
        listed = _listed(df, usual_gap)
        for segment, writer in lists.items():
            writer.add(listed.filter(df["segment"] == segment))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _listed(df: pl.DataFrame, usual_gap: float | None) -> pl.DataFrame:
    known = {name: pl.col(name) for name in df.columns}
    if usual_gap is not None:
        states = dict(enumerate(recency.STATES))
        known["recency"] = recency.state(usual_gap).replace_strict(states, return_dtype=pl.String)
    return df.select(known.get(name, pl.lit(None)).alias(name) for name in _LIST)
