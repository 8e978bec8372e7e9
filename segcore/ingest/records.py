"""Texts that no fast reader reads right: taken apart record by record and written to Parquet, as a stream.

Quotes follow RFC 4180. A quote inside a field that does not begin with one is a character like any other (``5" PIPE``).
A record that cannot be taken apart is one reject; a quote that is never closed costs its own line and no other, and where
what comes behind it is too much to be held until the end is seen, the text is refused.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segcore.ingest.bytestream import blocks
from segcore.ingest.structure import LONGEST, Header, LongLineError, field_name, whole_lines

RECORD, MALFORMED, TEXT = "__record", "__malformed", "__text"
_BATCH = 50_000
_BATCH_BYTES = 1 << 25
_OPEN, _ASTRAY = "open", "astray"
_A_TEXT = 60  # bytes of memory of a line beside its characters


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its place in the file, its fields as far as they go, and its text where it is malformed."""

    number: int
    fields: list[str]
    text: str | None


def read_records(path: str, compression: str, header: Header, *, quote: str) -> Iterator[Record]:
    """Yield the records below the header; empty lines are passed over but counted.

    Raises
    ------
    segcore.ingest.structure.LongLineError
        If a line, or a field that goes on over lines, is too long to be one.
    """
    lines = _lines(path, compression)
    taker = _Taker(lines, header, quote)
    if not header.one_line:
        taker.skip_hint()
    taker.skip_header()
    yield from taker


def _lines(path: str, compression: str) -> Iterator[str]:
    for block in whole_lines(blocks(path, compression)):
        text = block.decode()
        yield from (text[:-1] if text.endswith("\n") else text).split("\n")


class _Taker:
    def __init__(self, lines: Iterator[str], header: Header, quote: str) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self._n_lines = 0  # that were taken from the text
        self._separator = header.separator
        self._n_fields = len(header.names)
        self._quote = quote
        mark, cut = re.escape(quote), re.escape(header.separator)
        self._quoted = re.compile(rf"{mark}((?:[^{mark}]|{mark}{mark})*+)(?:{mark}(?={cut}|\r?\Z)|\Z)")

    def skip_hint(self) -> None:
        """Pass over empty lines and a line ``sep=;`` above the header."""
        for line in self._next_lines():
            if line.strip("\ufeff\r") and not re.fullmatch(r"\ufeff?sep=.\r?", line):
                self._back.appendleft(line)
                return

    def skip_header(self) -> None:
        line = next(self._next_lines(), "")
        self._take(line.removeprefix("\ufeff"))

    def __iter__(self) -> Iterator[Record]:
        for number, line in enumerate(self._next_lines(), start=1):
            if line not in ("", "\r"):
                fields, text = self._take(line)
                yield Record(number, fields, text)

    def _next_lines(self) -> Iterator[str]:
        while True:
            if self._back:
                yield self._back.popleft()
                continue
            line = next(self._lines, None)
            if line is None:
                return
            self._n_lines += 1
            yield line

    def _take(self, line: str) -> tuple[list[str], str | None]:
        """Return a record's fields and, if it is malformed, its text; lines are drawn while a quote is open."""
        drawn = [line]
        fields = self._split(line)
        if fields == _OPEN:
            fields = self._draw(drawn)
        if isinstance(fields, list):
            if len(fields) == self._n_fields:
                return fields, None
            if len(drawn) == 1 or not any(self._is_whole(more) for more in drawn[1:]):
                return fields, "\n".join(drawn).removesuffix("\r")
        # The quote was never meant to be closed where it was, if at all: this line alone is malformed.
        self._back.extendleft(reversed(drawn[1:]))
        text = line.removesuffix("\r")
        return text.split(self._separator), text

    def _draw(self, drawn: list[str]) -> list[str] | str:
        """Add lines to a record whose quote is open until it is closed."""
        size, doubled = len(drawn[0]), self._quote * 2
        for more in self._next_lines():
            drawn.append(more)
            size += len(more) + _A_TEXT
            if size > LONGEST:
                first = self._n_lines - len(self._back) - len(drawn) + 1
                raise LongLineError(
                    f"line {first:,}: a quote opens a field there that is not closed in the next {len(drawn) - 1:,} lines, as no "
                    'field of a table goes on; mend it, or set input.quote = "" in the job where quotes mean nothing'
                )
            if self._quote in more.replace(doubled, ""):  # those that are doubled close nothing
                fields = self._split("\n".join(drawn))
                if fields != _OPEN:
                    return fields
        return _OPEN

    def _is_whole(self, line: str) -> bool:
        fields = self._split(line)
        return isinstance(fields, list) and len(fields) == self._n_fields

    def _split(self, text: str) -> list[str] | str:
        """Return the fields; or that a quoted one is open at the end, or goes on behind its closing quote."""
        if not self._quote or self._quote not in text:
            return text.removesuffix("\r").split(self._separator)
        with contextlib.suppress(csv.Error):  # the quick way where nothing is wrong
            line = text.removesuffix("\r")
            return next(csv.reader([line], delimiter=self._separator, quotechar=self._quote, strict=True))
        fields, place = [], 0
        while True:
            if text.startswith(self._quote, place):
                match = self._quoted.match(text, place)
                if match is None:
                    return _ASTRAY
                if match.end(1) == match.end():
                    return _OPEN
                fields.append(match.group(1).replace(self._quote * 2, self._quote))
                place = match.end()
            else:
                end = text.find(self._separator, place)
                fields.append(text[place:end] if end >= 0 else text[place:].removesuffix("\r"))
                place = end if end >= 0 else len(text)
            if not text.startswith(self._separator, place):
                return fields
            place += len(self._separator)


def write_parquet(records: Iterable[Record], n_fields: int, target: Path) -> int:
    """Write records with their numbers, as a stream, and return how many there were."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            *((field_name(place), pa.large_string()) for place in range(n_fields)),
            (RECORD, pa.uint64()),
            (MALFORMED, pa.bool_()),
            (TEXT, pa.large_string()),
        ]
    )
    n_records = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(records):
            n_records += len(batch)
            rows = [[*_fitted(r.fields, n_fields), r.number, r.text is not None, r.text] for r in batch]
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return n_records


def _fitted(fields: list[str], n_fields: int) -> list[str | None]:
    return [*fields[:n_fields], *[None] * (n_fields - len(fields))]


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += sum(map(len, record.fields))
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
