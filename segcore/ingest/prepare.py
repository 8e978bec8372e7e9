"""Every source prepared for a scan: looked through, and written anew on scratch where it cannot be read as it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, job
from segcore.ingest import (
    archives,
    bytestream,
    excel,
    json_lines,
    layout,
    long_values,
    page_checksums,
    records,
    remote,
    row_groups,
)
from segcore.ingest.failures import broken_file
from segcore.ingest.files import Source
from segcore.ingest.structure import Header, LongLineError, Reader, examine, field_name, read_header
from segcore.stores import is_url, odd_keys

_MOST_COLUMNS = 1_000


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A source, and how its lines are read.

    Attributes
    ----------
    number : int
        Of the source in the whole input.
    source : Source
        What the lines are accounted to.
    path, compression : str
        What is read: the source itself, or its copy on scratch.
    reader : {"lines", "csv", "records", "parquet"}
        Split each line; Polars' CSV reader; records taken apart before; typed Parquet.
    names : tuple of str
        Columns, as the header names them; a text may name one twice.
    separator : str
        Of a text.
    lines : int
        Physical lines with the header, where they are split.
    n_records : int
        Lines that have to come out of it.
    encoding : str
        Of a text.
    quoted, marked : bool
        Whether a text has quotes, and marks for bytes that could not be decoded.
    notes : tuple of str
        What a person should know.
    """

    number: int
    source: Source
    path: str
    compression: str = ""
    reader: Reader
    names: tuple[str, ...]
    separator: str = ""
    lines: int = 0
    n_records: int
    encoding: str = ""
    quoted: bool = False
    marked: bool = False
    notes: tuple[str, ...] = ()

    def moved(self, folder: str, to: str) -> Prepared:
        """Return the same, with a copy in a folder of that name now in another one."""
        return replace(self, path=to + self.path.removeprefix(folder)) if self.is_copy else self

    @property
    def is_copy(self) -> bool:
        """Whether a copy of the source is read."""
        return self.path != self.source.path

    def field(self, name: str, place: int | None = None) -> str:
        """Return what a column is called where the file is scanned: the first of that name, else the one at a place."""
        if self.reader == "parquet":
            return name
        return field_name(self.names.index(name) if place is None else place)

    def to_json(self, folder: str) -> dict[str, Any]:
        """Return plain values; paths in the scratch folder relative to it."""
        inside = self.path.removeprefix(f"{folder}/") if self.is_copy else ""
        return {**asdict(self), "path": inside}

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: str) -> Prepared:
        """Undo :meth:`to_json`, whatever the scratch folder is called by now."""
        given = data["source"]
        pairs = tuple(tuple(pair) for pair in given["partition"])
        source = Source(**{**given, "partition": pairs, "other_names": tuple(given["other_names"])})
        path = f"{folder}/{data['path']}" if data["path"] else source.path
        lists = {"names": tuple(data["names"]), "notes": tuple(data["notes"])}
        return cls(**{**data, **lists, "source": source, "path": path})


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
            return _text(number, source, settings, scratch)
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
    _check_columns(names, source)
    n_records = int(pl.scan_parquet(source.path, glob=False).select(pl.len()).collect().item())
    path, fits = source.path, True
    with remote.seekable(source.path) as file:
        if (about := row_groups.about(file)) is not None:
            long_values.check(file, about, source.name, memory=memory)
            page_checksums.check(file, about)
            fits = row_groups.fit(about, memory)
    if not fits:
        path = str(scratch / f"{number}.parquet")
        row_groups.rewrite(source.path, Path(path))
    return Prepared(
        number=number, source=source, path=path, reader="parquet", names=names, n_records=n_records
    )


def _text(number: int, source: Source, settings: job.Input, scratch: Path) -> Prepared:
    encoding, whole = bytestream.detect_encoding(source, settings.encoding)
    as_is = Prepared(
        number=number,
        source=source,
        path=source.path,
        compression=source.compression,
        reader="lines",
        names=(),
        n_records=0,
        encoding=encoding,
    )
    examined = _examined(as_is, settings, scratch) if whole else None
    return (
        _rewritten(as_is, settings, scratch)
        if examined is None
        else _taken_apart(examined, settings, scratch)
    )


def _rewritten(text: Prepared, settings: job.Input, scratch: Path) -> Prepared:
    """Write a text as UTF-8, with the line ends of today, and go on with the copy."""
    target = scratch / f"{text.number}.txt"
    marks = bytestream.transcode(text.source, text.encoding, target)
    note = f"{text.source.name}: {marks:,} bytes are no {text.encoding}; the lines that hold them are rejects"
    copy = replace(text, path=str(target), compression="", marked=marks > 0, notes=(note,) if marks else ())
    examined = _examined(copy, settings, scratch)
    if examined is None:
        bytestream.transcode(text.source, text.encoding, target, old_mac=True)
        examined = _examined(copy, settings, scratch)
    if examined is None:
        raise errors.DataError(f"{text.source.name}: no line ends were found; expected a header and lines")
    return _taken_apart(examined, settings, scratch)


def _examined(text: Prepared, settings: job.Input, scratch: Path) -> Prepared | None:
    """Return how a UTF-8 text is read; None where it has to be rewritten first."""
    start = next(bytestream.blocks(text.path, text.compression), b"")
    if json_lines.is_json(start):
        return _json(text, scratch)
    given = layout.find(start, settings)
    if not given.is_plain:
        text, settings = _arranged(text, given, settings, scratch)
    header = _header(text, settings)
    structure = examine(text.path, text.compression, header, quote=settings.quote)
    if structure.old_mac or structure.zeros:
        return None
    return replace(
        text,
        reader=structure.reader,
        names=header.names,
        separator=header.separator,
        lines=structure.lines,
        quoted=structure.quoted,
        n_records=structure.records,
    )


def _json(text: Prepared, scratch: Path) -> Prepared:
    target = scratch / f"{text.number}.parquet"
    names, n_records = json_lines.convert(text.path, text.compression, target, shown=text.source.name)
    if text.is_copy:
        Path(text.path).unlink()
    return replace(
        text,
        path=str(target),
        compression="",
        reader="records",
        names=names,
        n_records=n_records,
        encoding="",
    )


def _arranged(
    text: Prepared, given: layout.Layout, settings: job.Input, scratch: Path
) -> tuple[Prepared, job.Input]:
    """Write a text of another layout as a plain one, and go on with the copy."""
    target = scratch / f"{text.number}.plain.txt"
    layout.arrange(text.path, text.compression, given, settings, target)
    if text.is_copy:
        Path(text.path).unlink()
    notes = (*text.notes, *given.notes(text.source.name))
    cut = given.blanks or bool(given.widths)
    plain = settings.model_copy(update={"separator": ",", "quote": '"'}) if cut else settings
    return replace(text, path=str(target), compression="", notes=notes), plain


def _header(text: Prepared, settings: job.Input) -> Header:
    header = read_header(
        text.path,
        text.compression,
        shown=text.source.name,
        separator=settings.separator,
        quote=settings.quote,
    )
    _check_columns(header.names, text.source)
    return header


def _check_columns(names: Sequence[str], source: Source) -> None:
    if len(names) > _MOST_COLUMNS:
        raise errors.DataError(
            f"{source.name}: has {len(names):,} columns, at most {_MOST_COLUMNS:,} can be read; is it a table of lines? "
            "else leave some of them out"
        )


def _taken_apart(text: Prepared, settings: job.Input, scratch: Path) -> Prepared:
    if text.reader != "records" or not text.separator:  # JSON is taken apart already
        return text
    target = scratch / f"{text.number}.parquet"
    header = _header(text, settings.model_copy(update={"separator": text.separator}))
    taken = records.read_records(text.path, text.compression, header, quote=settings.quote)
    n_records = records.write_parquet(taken, len(header.names), target)
    if text.is_copy:
        Path(text.path).unlink()
    return replace(text, path=str(target), compression="", n_records=n_records)
