"""How the lines of a UTF-8 text are built, in one pass over its bytes.

Polars pads a line that has too few fields and cuts one that has too many, both in silence, and takes a stray quote
for the start of a field that spans lines. So every text is looked through before it is read, and its quotes decide
by which reader.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from segcore import errors
from segcore.ingest.bytestream import blocks

Reader = Literal["lines", "csv", "records", "parquet"]

SEPARATORS = (",", ";", "\t", "|")
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_MANY_QUOTES = (
    0.1  # share of lines with a quote, above which Polars' CSV reader is faster than splitting lines
)
_LONGEST_HEADER = 1 << 20
LONGEST = 32 * 10**6  # bytes of a line, or of a record that goes on over lines


class LongLineError(Exception):
    """A line that is too long to be one, and where it stands."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first line of a text.

    Attributes
    ----------
    names : tuple of str
        Trimmed; a column without a name is called by its place.
    separator : str
    one_line : bool
        Whether the whole header stands in the first line, and is the first line.
    """

    names: tuple[str, ...]
    separator: str
    one_line: bool


@dataclass(frozen=True, kw_only=True)
class Structure:
    """How a text is built.

    Attributes
    ----------
    reader : {"lines", "csv", "records"}
        How to read it: split each line; Polars' CSV reader, as every record is regular; or record by record.
    lines : int
        Physical lines, the header and empty ones included; records with the header's, where all are regular.
    records : int
        Records below the header, where they are not read record by record.
    quoted : bool
        There are quotes that may have a meaning.
    old_mac : bool
        Lines end with a carriage return alone.
    zeros : bool
        There are NUL bytes.
    """

    reader: Reader
    lines: int
    records: int
    quoted: bool
    old_mac: bool
    zeros: bool


def header_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a header without blanks around them; a column without one is called by its place."""
    return tuple(name.strip() or f"column_{place}" for place, name in enumerate(fields, start=1))


def field_name(place: int) -> str:
    """Return what the column at a place, from 0, is called where a text is scanned: headers may repeat names."""
    return f"field_{place}"


def read_header(path: str, compression: str, *, shown: str, separator: str, quote: str) -> Header:
    """Read the header of a UTF-8 text and find its separator: the one that makes the most fields.

    Raises
    ------
    segcore.errors.DataError
        If there is no header.
    """
    head = b""
    for block in blocks(path, compression):
        head += block
        if b"\n" in block or len(head) > _LONGEST_HEADER:
            break
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    one_line = not re.match(r"sep=.\r?\n", text)
    if not one_line:
        separator, text = text[4], text.split("\n", 1)[1]
    if not text.strip():
        raise errors.DataError(f"{shown}: the file is empty; expected a header and lines")
    rows = {
        candidate: _first_row(text, candidate, quote)
        for candidate in ((separator,) if separator else SEPARATORS)
    }
    widest = max(rows, key=lambda candidate: len(rows[candidate]))
    names = header_names(rows[widest])
    spans = any("\n" in name for name in rows[widest]) or text.startswith(("\n", "\r"))
    return Header(names=names, separator=widest, one_line=one_line and not spans)


def _first_row(text: str, separator: str, quote: str) -> list[str]:
    before = csv.field_size_limit(_LONGEST_HEADER * 2)
    try:
        lines = io.StringIO(text, newline="")
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
        reader = csv.reader(lines, delimiter=separator, quotechar=quote or None, quoting=quoting)
        return next((row for row in reader if row), [])
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(before)


def examine(path: str, compression: str, header: Header, *, quote: str) -> Structure:
    """Look through a UTF-8 text, and a second time unless every record is regular."""
    start = next(blocks(path, compression), b"")
    if b"\r" in start and b"\n" not in start:
        return Structure(reader="lines", lines=1, records=0, quoted=False, old_mac=True, zeros=False)
    regular = _regular(path, compression, header, quote) if header.one_line else None
    if regular is not None:
        return regular
    lines = empty = returns = quoted = 0
    zeros = odd = False
    for block in whole_lines(blocks(path, compression)):
        array = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(array == _NEWLINE)
        lines += len(ends) + (not block.endswith(b"\n"))
        empty += _empty_lines(array, ends)
        zeros = zeros or b"\x00" in block
        returns += block.count(b"\r") if lines <= 1 else 0
        if quote and b'"' in block:
            counts = np.bincount(np.searchsorted(ends, np.flatnonzero(array == _QUOTE)))
            quoted += int(np.count_nonzero(counts))
            odd = odd or bool((counts % 2).any())
    few = header.one_line and not odd and quoted <= _MANY_QUOTES * lines
    return Structure(
        reader="lines" if few else "records",
        lines=lines,
        records=lines - empty - 1 if few else 0,
        quoted=quoted > 0,
        old_mac=lines <= 1 and returns > 0,
        zeros=zeros,
    )


def whole_lines(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream behind line ends; a line longer than a block makes a longer block.

    Raises
    ------
    LongLineError
        If a line is longer than :data:`LONGEST`: it would have to be in memory.
    """
    parts: list[bytes] = []
    size = lines = 0
    for block in stream:
        end = block.rfind(b"\n") + 1
        if end == 0:
            parts.append(block)
            size += len(block)
            if size > LONGEST:
                raise LongLineError(
                    f"line {lines + 1:,} goes on for more than {LONGEST // 10**6} MB, as no line of a table does: is a line "
                    "end missing, or is it another kind of file?"
                )
            continue
        lines += block.count(b"\n")
        yield b"".join([*parts, block[:end]])
        parts = [block[end:]]
        size = len(parts[0])
    rest = b"".join(parts)
    if rest:
        yield rest


def _empty_lines(array: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp]) -> int:
    """Count the lines that hold nothing, or a carriage return alone."""
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts
    return int(np.count_nonzero((lengths == 0) | ((lengths == 1) & (array[starts] == _RETURN))))


def _regular(path: str, compression: str, header: Header, quote: str) -> Structure | None:
    """Count the records if each has the header's number of fields and every quote stands where RFC 4180 has it."""
    separator, n_fields = ord(header.separator), len(header.names)
    if n_fields == 1:  # an empty line would pass for a record
        return None
    inside = fields = n_records = size = 0
    quoted = False
    for block in whole_lines(blocks(path, compression)):
        if b"\x00" in block or size > LONGEST:  # the quote may be one that is never closed
            return None
        whole = block if block.endswith(b"\n") else block + b"\n"
        array = np.frombuffer(whole, dtype=np.uint8)
        places = np.flatnonzero((array == _NEWLINE) | (array == separator))
        if quote and (inside or b'"' in block):
            marks = np.flatnonzero(array == _QUOTE)
            if not _stand_well(array, marks, separator, inside):
                return None
            places = _outside(places, marks, inside, end=len(array))
            inside = (inside + len(marks)) % 2
            quoted = True
        ends = array[places] == _NEWLINE
        due = (n_fields - 1 - fields) % n_fields
        n_ends = int(np.count_nonzero(ends))
        if n_ends != len(ends[due::n_fields]) or not ends[due::n_fields].all():
            return None
        fields = (fields + len(places)) % n_fields
        n_records += n_ends
        size = 0 if n_ends else size + len(block)
    if inside or fields:
        return None
    return Structure(
        reader="csv", lines=n_records, records=n_records - 1, quoted=quoted, old_mac=False, zeros=False
    )


def _stand_well(
    array: npt.NDArray[np.uint8], marks: npt.NDArray[np.intp], separator: int, inside: int
) -> bool:
    """Whether quotes open a field and close it, or are doubled, in a text that ends with a line end."""
    # Before the first byte is the last one, a line end too; behind the last one it is repeated.
    before, after, later = array[marks - 1], array[marks + 1], array.take(marks + 2, mode="clip")
    adjacent = np.diff(marks) == 1  # a doubled quote closes and opens again at once
    opens = (before == separator) | (before == _NEWLINE)
    opens[1:] |= adjacent
    closes = (after == separator) | (after == _NEWLINE) | ((after == _RETURN) & (later == _NEWLINE))
    closes[:-1] |= adjacent
    return bool(opens[inside::2].all() and closes[1 - inside :: 2].all())


def _outside(
    places: npt.NDArray[np.intp], marks: npt.NDArray[np.intp], inside: int, *, end: int
) -> npt.NDArray[np.intp]:
    """Return the places that are not between a quote that opens and the one that closes."""
    opening = [-1] * inside
    spans = np.concatenate([opening, marks, [end] * ((inside + len(marks)) % 2)]).astype(np.intp)
    first, last = np.searchsorted(places, spans[0::2]), np.searchsorted(places, spans[1::2])
    held = last - first
    if not held.any():
        return places
    return np.delete(places, np.repeat(first - (np.cumsum(held) - held), held) + np.arange(held.sum()))
