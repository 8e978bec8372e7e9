"""Tables into PostgreSQL or DuckDB, through ADBC and Arrow: a run is there whole and once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

import polars as pl

from segcore import errors
from segcore.pipeline.outputs.export_tables import Table
from segcore.stores import check_folder, redacted

PREFIX = "segcore_"
DUCKDB = "duckdb:"
POSTGRESQL = ("postgresql://", "postgres://")
_TYPES = {pl.String: "TEXT", pl.Int32: "INTEGER", pl.Int64: "BIGINT", pl.Float64: "FLOAT8", pl.Date: "DATE"}
_RUNS = f"{PREFIX}runs"
_LISTS = f"""
CREATE OR REPLACE VIEW {PREFIX}lists AS
SELECT segment, segment_name, customer_id, treatment, run_id, as_of FROM {PREFIX}history
WHERE run_id = (SELECT run_id FROM {_RUNS} ORDER BY as_of DESC, run_id DESC LIMIT 1)
"""


def check(target: str) -> None:
    """Refuse a target that holds a password, without repeating it, and a database that is nowhere.

    Raises
    ------
    segcore.errors.UsageError
    """
    if redacted(target) != target:
        raise errors.UsageError(
            f"{redacted(target)}: the URL holds credentials; leave them out, and set them in the environment "
            "(PGUSER, PGPASSWORD) or in a password file (PGPASSFILE)"
        )
    if target.startswith(DUCKDB):
        file = target.removeprefix(DUCKDB)
        if not file or file.startswith(":memory:"):
            raise errors.UsageError(f"{target}: a database in memory is gone at once; expected duckdb:FILE")
        check_folder(file)


def write(target: str, tables: Mapping[str, Table], run_id: str, as_of: str) -> bool:
    """Load the tables of a run in one transaction; return False where they are there already, and nothing changes.

    Parameters
    ----------
    target : str
        ``postgresql://...`` or ``duckdb:FILE``.
    tables : mapping of str to Table
    run_id : str
    as_of : str
        Its day, YYYY-MM-DD.

    Raises
    ------
    segcore.errors.UsageError
        If the driver is not installed.
    segcore.errors.UnreachableError
        If the database does not answer, or lets nobody in.
    segcore.errors.OutputError
        If it refuses the tables.
    """
    with _connected(target) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {_RUNS} (run_id TEXT PRIMARY KEY, as_of DATE NOT NULL)")
        # Whoever exports the same run at the same time waits here for the first to end.
        cursor.execute(
            f"INSERT INTO {_RUNS} VALUES ($1, CAST($2 AS DATE)) ON CONFLICT DO NOTHING RETURNING run_id",
            (run_id, as_of),
        )
        if cursor.fetchone() is None:
            return False
        for name, table in tables.items():
            columns = ", ".join(f"{column} {_TYPES[type(dtype)]}" for column, dtype in table.columns.items())
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {PREFIX}{name} ({columns})")
            cursor.adbc_ingest(f"{PREFIX}{name}", table.arrow(), mode="append")
        cursor.execute(_LISTS)
        connection.commit()
    return True


@contextmanager
def _connected(target: str) -> Iterator[Any]:
    """Give a connection in a transaction, which ends without a trace unless it is committed."""
    module = "adbc_driver_duckdb" if target.startswith(DUCKDB) else "adbc_driver_postgresql"
    try:
        driver = import_module(f"{module}.dbapi")
    except ImportError as exc:
        raise errors.UsageError(
            f"{target}: its driver is not installed ({exc.name}); pip install 'segcore[databases]'"
        ) from exc
    try:
        connection = driver.connect(target.removeprefix(DUCKDB))
    except driver.Error as exc:
        raise errors.UnreachableError(
            f"{target}: the database cannot be opened: {_reason(exc)}; check the address, and PGUSER and PGPASSWORD"
        ) from exc
    with closing(connection):
        try:
            yield connection
        except driver.Error as exc:
            raise errors.OutputError(
                f"{target}: the database refused the tables, nothing was changed: {_reason(exc)}"
            ) from exc


def _reason(exc: Exception) -> str:
    return " ".join(redacted(str(exc)).split())
