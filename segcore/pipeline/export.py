"""Command ``export``: a finished run as tables for a warehouse and lists for a campaign."""

from __future__ import annotations

import os
import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from segcore import errors, records, spreadsheet
from segcore.new_folder import scratch_beside
from segcore.pipeline.finished.finished_run import local_copy
from segcore.pipeline.outputs import database, export_tables
from segcore.pipeline.outputs.export_tables import Table
from segcore.records import Manifest
from segcore.storage import Place
from segcore.stores import is_url

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
            return _into_folder(Path(to), tables, manifest.run_id)
        new = database.write(to, tables, manifest.run_id, manifest.as_of[:10])
    names = ", ".join(database.PREFIX + name for name in (*tables, "lists"))
    return f"{manifest.run_id} {'is in' if new else 'was there already, nothing changed:'} {names} of {to}"


def _into_folder(to: Path, tables: dict[str, Table], run_id: str) -> str:
    target = to / run_id
    if target.is_dir():
        return f"{target} (was there already, nothing changed)"
    with scratch_beside(target) as scratch:
        for name, table in tables.items():
            with pq.ParquetWriter(
                scratch / f"{name}.parquet", table.arrow().schema, store_schema=False
            ) as file:
                for batch in table.arrow():
                    file.write_batch(batch)
        (scratch / "lists").mkdir()
        _write_lists(scratch / "lists", tables["history"], pl.read_parquet(scratch / "profile.parquet"))
        os.replace(scratch, target)
    return str(target)


def _write_lists(folder: Path, customers: Table, profile: pl.DataFrame) -> None:
    """Write a list of customers for each segment, for machines: ids stand there as in the dump."""
    for segment, name in profile.select("segment", "segment_name").iter_rows():
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        own = (
            df.filter(pl.col("segment") == segment)
            .select(pl.exclude("run_id", "segment"))
            .select("customer_id", pl.exclude("customer_id"))
            for df in customers.frames()
        )
        spreadsheet.write(folder / f"{segment}-{slug}.csv", own, machine=True)
