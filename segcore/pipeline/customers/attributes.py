"""Other tables by customer: written in hash order, joined to each bucket's customers, and their coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, ingest
from segcore.ingest import Source
from segcore.job import Extra, Job
from segcore.lines import shuffle
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.attribute_table import FACTS, PARTS, read, remarks, write
from segcore.progress import Progress
from segcore.storage import read_json


def find(settings: Job) -> tuple[list[list[Source]], dict[str, str]]:
    """Find the files of every table, and those of its folder that are not read, with the reason.

    Raises
    ------
    segcore.errors.SegcoreError
        If one is not there, or is of no known kind.
    """
    tables = [ingest.find([table.path]) for table in settings.extra]
    unread = {path: reason for _, beside in tables for path, reason in beside.items()}
    return [sources for sources, _ in tables], unread


def prepare(run: RunContext) -> Path:
    """Stage ``extra``: every table checked, typed and written in hash order."""
    plan = run.plan
    return run.stage(
        "extra",
        lambda folder: write_tables(
            folder, plan.extra, plan.settings, memory=plan.budget, progress=run.progress
        ),
    )


def write_tables(
    folder: Path, sources: Sequence[Sequence[Source]], settings: Job, *, memory: int, progress: Progress
) -> int:
    """Write every table into a folder of its own, and return how many rows they have.

    Raises
    ------
    segcore.errors.DataError
        If a column is not there, a customer has more than one row, or a column is not what the job says.
    """
    rows = 0
    for number, (table, files) in enumerate(zip(settings.extra, sources, strict=True)):
        target = folder / f"{number:03d}"
        target.mkdir()
        facts = write(target, read(target, table, files, settings, memory=memory), settings, memory=memory)
        for text in remarks(facts):
            progress.warn(text)
        rows += facts["rows"]
    return rows


def join(customers: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Add the columns of every table to some customers; null where one has no row.

    Parameters
    ----------
    customers : polars.DataFrame
        With ``h`` and ``customer_id``; of one bucket, or of any range of ``h``.
    folder : Path
        What :func:`write_tables` wrote.
    """
    for table in _tables(folder):
        customers = customers.join(_of(customers, table), on="customer_id", how="left", maintain_order="left")
    return customers


def _tables(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"*/{FACTS}"))


def _of(customers: pl.DataFrame, table: Path) -> pl.DataFrame:
    """Return the rows of some customers, without ``h``; no more of the table is in memory."""
    rows = pl.scan_parquet(sorted(table.glob(PARTS)))
    within = pl.col("h").is_between(customers["h"].min(), customers["h"].max())
    known = customers.lazy().select("customer_id")
    return rows.filter(within).join(known, on="customer_id", how="semi").drop("h").collect(engine="streaming")


def cover(tables: Path, features: Sequence[Path], settings: Job, progress: Progress) -> list[dict[str, Any]]:
    """Return how many customers each table says something of, and log it.

    Raises
    ------
    segcore.errors.DataError
        If a table has a row for none of them.
    """
    coverage = [_coverage(table, features, settings) for table in _tables(tables)]
    for facts in coverage:
        progress.log(
            f"{facts['path']}: a row for {facts['customers_with_row']:,} customers ({facts['share']:.1%}); "
            f"{facts['rows_without_customer']:,} rows are of nobody in the input"
        )
    return coverage


def _coverage(table: Path, features: Sequence[Path], settings: Job) -> dict[str, Any]:
    facts = read_json(table / FACTS)
    customers = covered = 0
    for path in features:
        known = pl.read_parquet(path, columns=["customer_id"]).with_columns(h=shuffle.hashed(settings.seed))
        customers += known.height
        covered += _of(known, table).height
    if not covered:
        own = pl.read_parquet(features[0], columns=["customer_id"], n_rows=1).item()
        other = pl.read_parquet(next(table.glob(PARTS)), columns=["customer_id"], n_rows=1).item()
        raise errors.DataError(
            f"{facts['path']}: no customer of the input has a row; {facts['key']!r} holds ids like {other!r}, the "
            f"input like {own!r}: name the column with the same ids as key"
        )
    names = [column["feature"] for column in facts["columns"]]
    given = pl.scan_parquet(list(features)).select(pl.col(names).count()).collect(engine="streaming").row(0)
    return {
        **facts,
        "columns": [
            {**column, "customers": n, "share": n / customers}
            for column, n in zip(facts["columns"], given, strict=True)
        ],
        "customers_with_row": covered,
        "share": covered / customers,
        "rows_without_customer": facts["customers"] - covered,
    }


def _matrix_columns(parts: pl.LazyFrame, table: Extra, facts: dict[str, Any], settings: Job) -> int:
    """Return about how many columns of the matrix a table adds: one for a number, one for each value of a category."""
    if not table.in_matrix:
        return 0
    categories = [column["feature"] for column in facts["columns"] if column["kind"] == "category"]
    numbers = len(facts["columns"]) - len(categories)
    if not categories:
        return numbers
    values: tuple[int, ...] = parts.select(pl.col(categories).n_unique()).collect(engine="streaming").row(0)
    return numbers + sum(min(n, settings.matrix.max_categories + 2) for n in values)


def look(
    scratch: Path, settings: Job, customers: pl.LazyFrame, *, memory: int
) -> list[tuple[dict[str, Any], int]]:
    """Look at every table without running the job: what is known of it, and how many of some customers it has.

    Parameters
    ----------
    scratch : Path
    settings : segcore.job.Job
    customers : polars.LazyFrame
        ``customer_id``, each once.
    memory : int
        Budget in bytes.
    """
    known = []
    for number, (table, sources) in enumerate(zip(settings.extra, find(settings)[0], strict=True)):
        folder = scratch / f"extra-{number}"
        folder.mkdir()
        facts = write(folder, read(folder, table, sources, settings, memory=memory), settings, memory=memory)
        parts = pl.scan_parquet(sorted(folder.glob(PARTS)))
        facts["matrix_columns"] = _matrix_columns(parts, table, facts, settings)
        rows = parts.select("customer_id")
        covered = rows.join(customers, on="customer_id", how="semi").select(pl.len())
        known.append((facts, int(covered.collect(engine="streaming").item())))
    return known
