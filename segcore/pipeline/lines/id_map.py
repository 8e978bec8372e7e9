"""Stage ``ids``: the map of the job's own from ids to the persons that they are of, checked and written once for all tasks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from segcore import errors, ingest, job
from segcore.ingest import FileGroup, Source, customer_table
from segcore.ingest.customer_ids import customer
from segcore.ingest.grouping import group_by_header
from segcore.job import Job
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import collecting

_FILE = "map.parquet"
_BYTES_AN_ID = 250  # of memory, in the table that lines look them up in
_SHARE = 8  # of the budget, that it may take


def find(settings: Job) -> list[Source]:
    """Find the files of the map; none without one.

    Raises
    ------
    segcore.errors.SegcoreError
        If it is not there, or is of no known kind.
    """
    return ingest.find([settings.customers.map])[0] if settings.customers.map else []


def prepare(run: RunContext) -> str:
    """Write the map, and return where every worker sees it; empty without one."""
    if not run.settings.customers.map:
        return ""
    folder = run.stage("ids", partial(_prepare, run))
    return f"{run.work.shared(folder)}/{_FILE}"


def needed(ids: str) -> int:
    """Return the bytes of memory that looking ids up takes."""
    if not ids:
        return 0
    return int(pl.scan_parquet(ids).select(pl.len()).collect().item()) * _BYTES_AN_ID


def _prepare(run: RunContext, folder: Path) -> int:
    ids, notes = read(folder / "source", run.plan.ids, run.settings, memory=run.plan.budget)
    for text in notes:
        run.progress.warn(text)
    shutil.rmtree(folder / "source")
    ids.write_parquet(folder / _FILE)
    return ids.height


def read(
    scratch: Path, sources: Sequence[Source], settings: Job, *, memory: int
) -> tuple[pl.DataFrame, list[str]]:
    """Read and check the map.

    Parameters
    ----------
    scratch : Path
        A new folder for copies of what cannot be read as it is.
    sources : sequence of Source
    settings : segcore.job.Job
    memory : int
        Budget in bytes.

    Returns
    -------
    ids : polars.DataFrame
        ``id``, each once, and ``person``.
    said : list of str
        What a person should know.

    Raises
    ------
    segcore.errors.DataError
        If an id is mapped to two persons, or a person is mapped on.
    segcore.errors.BudgetError
        If it does not keep to its part of the budget; with both numbers.
    """
    about, where = settings.customers, settings.customers.map
    scratch.mkdir()
    files = ingest.prepare(sources, job.Input(), scratch, memory=memory)
    rows = sum(file.n_records for file in files)
    if rows * _BYTES_AN_ID * _SHARE > memory:
        raise errors.BudgetError(
            f"{where}: {rows:,} ids need {rows * _BYTES_AN_ID / 1e6:,.0f} MB of memory, and may take an eighth of a budget of "
            f"{memory / 1e6:,.0f} MB: use --memory {-(-rows * _BYTES_AN_ID * _SHARE // 10**6)}MB or map fewer"
        )
    groups = group_by_header(files, partial(_columns, about))
    every = collecting.collect(pl.concat(_rows(group, settings) for group in groups))
    ids = every.drop_nulls().unique()
    _check(ids, where)
    left_out = every.filter(pl.any_horizontal(pl.all().is_null())).height
    notes = [f"{where}: {ids.height:,} ids are of {ids['person'].n_unique():,} persons"]
    if left_out:
        notes.append(f"{where}: {left_out:,} row(s) lack the id or the person and are left out")
    if not ids.height:
        raise errors.DataError(f"{where}: no row has an id and a person; expected at least one")
    return ids.filter(pl.col("id") != pl.col("person")), notes


def _columns(
    about: job.Customers, own: Sequence[str], folders: Sequence[str], where: str
) -> Mapping[str, str]:
    """Return the columns of the id and of the person, as the job names them; else the two that there are."""
    header = [*own, *folders]
    if not (about.id_column and about.person_column) and len(header) != 2:
        raise errors.DataError(
            f"{where}: a map has an id and a person, and here are {len(header)} columns ({errors.listing(header)}): name two in "
            "customers.id_column and customers.person_column"
        )
    wanted = {"customer_id": about.id_column or header[0], "person": about.person_column or header[1]}
    for column in wanted.values():
        if header.count(column) != 1:
            raise errors.DataError(
                f"{where}: expected one column {column!r}{errors.did_you_mean(column, header)}; columns: "
                f"{errors.listing(header)}"
            )
    if len({*wanted.values()}) == 1:
        raise errors.DataError(f"{where}: the id and the person are the same column")
    return wanted


def _rows(group: FileGroup, settings: Job) -> pl.LazyFrame:
    """Return ``id`` and ``person`` in the form in which ids are read; null where a row does not have one."""
    lf = customer_table.rows(group, ["person"], settings)
    person = customer(group.dtypes["person"], settings, "person")
    good = pl.col("left_out").is_null()
    return lf.select(id=pl.when(good).then("customer_id"), person=person)


def _check(ids: pl.DataFrame, where: str) -> None:
    twice = ids.filter(pl.col("id").is_duplicated()).sort("id", "person")
    if twice.height:
        persons = twice.filter(pl.col("id") == twice["id"][0])["person"]
        raise errors.DataError(
            f"{where}: {twice['id'].n_unique():,} id(s) are mapped to several persons, such as {twice['id'][0]!r} to "
            f"{errors.listing(persons, most=3)}; expected one each"
        )
    on = ids.filter(pl.col("id") != pl.col("person")).select(id="person", here="id")
    chains = on.join(ids.filter(pl.col("id") != pl.col("person")), on="id").sort("here", "id")
    if chains.height:
        here, over, to = chains.select("here", "id", "person").row(0)
        raise errors.DataError(
            f"{where}: {chains.height:,} id(s) are mapped to one that is mapped on, such as {here!r} to {over!r} and that to {to!r}; "
            "map each to the person itself"
        )
