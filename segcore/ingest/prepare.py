"""Every source prepared for a scan: looked through, and written anew on scratch where it cannot be read as it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import errors, job
from segcore.ingest import archives, excel, long_values, page_checksums, prepare_text, remote, row_groups
from segcore.ingest.failures import broken_file
from segcore.ingest.files import Source
from segcore.ingest.prepared import Prepared, check_columns
from segcore.ingest.structure import LongLineError
from segcore.stores import is_url, odd_keys


def prepare(
    sources: Sequence[Source], settings: job.Input, scratch: Path, *, memory: int, first: int = 0
) -> list[Prepared]:
    """Look through every source, and rewrite on scratch what cannot be read as it is.

    Parameters
    ----------
    sources : sequence of Source
    settings : segcore.job.Input
    scratch : Path
        Folder for copies: texts in another encoding, texts with odd quotes, Excel files, Parquet in large groups, objects that
        the engines cannot name.
    memory : int
        Budget in bytes, for sources that cannot be read as a stream, or in parts that are too large.
    first : int
        Number of the first source.

    Raises
    ------
    segcore.errors.DataError
        If a file is damaged, or is no table.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        jobs = [
            pool.submit(_prepare, number, source, settings, scratch, memory)
            for number, source in enumerate(sources, start=first)
        ]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _prepare(number: int, source: Source, settings: job.Input, scratch: Path, memory: int) -> Prepared:
    with broken_file(source.name):
        if source.member or odd_keys.is_odd(source.path):
            return _from_copy(number, source, settings, scratch, memory)
        if source.format == "excel":
            return _excel(number, source, settings, scratch, memory)
        if source.format == "parquet":
            return _parquet(number, source, scratch, memory)
        try:
            return prepare_text.prepare(number, source, settings, scratch)
        except LongLineError as exc:
            raise errors.DataError(f"{source.name}: {exc}") from exc


def _from_copy(number: int, source: Source, settings: job.Input, scratch: Path, memory: int) -> Prepared:
    """Unpack a file of an archive, or fetch one that the engines cannot name, and prepare it like any other."""
    target = scratch / f"{number}.copy"
    if source.member:
        archives.unpack(source.path, source.member, target)
    else:
        _local_copy(source, target)
    prepared = _prepare(number, replace(source, path=str(target), member=""), settings, scratch, memory)
    if prepared.is_copy:
        target.unlink()
    return replace(prepared, source=source)


def _local_copy(source: Source, target: Path) -> Path:
    """Return a local file with the source's bytes: a workbook, say, cannot be read as a stream."""
    if not is_url(source.path):
        return Path(source.path)
    with open(target, "wb") as copy, remote.opened(source.path) as stream:
        shutil.copyfileobj(stream, copy)
    return target


def _excel(number: int, source: Source, settings: job.Input, scratch: Path, memory: int) -> Prepared:
    target = scratch / f"{number}.parquet"
    book = _local_copy(source, scratch / f"{number}.xlsx")
    sheets = excel.convert(source, book, target, settings, memory=memory)
    if str(book) != source.path:
        book.unlink()
    notes = {
        f"sheet(s) {errors.listing(sheets.others, in_order=True)} have another header and were left aside": sheets.others,
        f"{sheets.above} row(s) above the header are passed over": sheets.above,
    }
    return Prepared(
        number=number,
        source=source,
        path=str(target),
        reader="records",
        names=sheets.names,
        n_records=sheets.n_records,
        notes=tuple(f"{source.name}: {text}" for text, holds in notes.items() if holds),
    )


def _parquet(number: int, source: Source, scratch: Path, memory: int) -> Prepared:
    names = tuple(row_groups.schema_of(source.path))
    check_columns(names, source)
    n_records = int(pl.scan_parquet(source.path, glob=False).select(pl.len()).collect().item())
    path, n_rows = source.path, None
    with remote.seekable(source.path) as file:
        if (about := row_groups.about(file)) is not None:
            long_values.check(file, about, source.name, memory=memory)
            page_checksums.check(file, about)
            n_rows = row_groups.rows_at_once(file, about, memory)
    if n_rows is not None:
        path = str(scratch / f"{number}.parquet")
        row_groups.rewrite(source.path, Path(path), n_rows)
    return Prepared(
        number=number, source=source, path=path, reader="parquet", names=names, n_records=n_records
    )
