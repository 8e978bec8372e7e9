"""Texts prepared for a scan: those that cannot be read as they are get written anew on scratch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segcore import errors, job
from segcore.ingest import bytestream, json_lines, layout, records
from segcore.ingest.files import Source
from segcore.ingest.prepared import Prepared, check_columns
from segcore.ingest.structure import Header, examine, read_header


def prepare(number: int, source: Source, settings: job.Input, scratch: Path) -> Prepared:
    """Look through a text, and write on scratch what cannot be read as it is."""
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
    check_columns(header.names, text.source)
    return header


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
