"""The pages of a Parquet file, by their headers: what is in them can be told before any of them is read.

A header is a struct in Thrift's compact protocol; no reader of Parquet shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Where a header has what is asked for: the numbers of its fields, from the outside in.
_SIZE, _STORED, _CHECKSUM, _DICTIONARY = (2,), (3,), (4,), (7, 1)
_WINDOW = 1 << 16  # bytes; a header takes some dozens, more where it has the smallest and the largest value
# Kinds of values: of a fixed length in bytes, booleans stand in the head of their field; numbers; and the rest.
_FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
_NUMBERS, _BINARY, _LISTS, _STRUCT = (4, 5, 6), 8, (9, 10), 12


@dataclass(frozen=True)
class Page:
    """A page of values, or of a dictionary.

    Attributes
    ----------
    size : int
        Bytes when it is unpacked, which no value in it can be longer than.
    has_checksum : bool
    n_different : int
        Values of a dictionary; 0 of another page.
    """

    size: int
    has_checksum: bool
    n_different: int = 0


def pages(source: Any, column: Any) -> Iterator[Page]:
    """Yield the pages of a column in a group of rows.

    Parameters
    ----------
    source : pyarrow.NativeFile
        Where the bytes are.
    column : pyarrow.parquet.ColumnChunkMetaData
        Where the column is in it. A header that cannot be read ends the pages: what is wrong, a reader says.
    """
    place = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
    end = place + column.total_compressed_size
    while place < end:
        source.seek(place)
        try:
            fields, length = _struct(source.read(_WINDOW), 0)
            page = Page(fields[_SIZE], _CHECKSUM in fields, fields.get(_DICTIONARY, 0))
            stored = fields[_STORED]
        except IndexError:  # larger than the window: it repeats a value of the page
            yield Page(column.total_uncompressed_size, has_checksum=False)
            return
        except (KeyError, ValueError):
            return
        yield page
        place += length + max(stored, 0)


def _struct(data: bytes, place: int) -> tuple[dict[tuple[int, ...], int], int]:
    """Return the numbers among the fields of a struct and of those in it, and where it ends."""
    numbers: dict[tuple[int, ...], int] = {}
    field = 0
    while head := data[place]:
        place += 1
        kind = head & 15
        if head >> 4:
            field += head >> 4
        else:
            raw, place = _varint(data, place)
            field = _signed(raw)
        if kind in _NUMBERS:
            raw, place = _varint(data, place)
            numbers[field,] = _signed(raw)
        elif kind == _STRUCT:
            inner, place = _struct(data, place)
            numbers.update({(field, *path): number for path, number in inner.items()})
        else:
            place = _behind(data, place, kind)
    return numbers, place + 1


def _behind(data: bytes, place: int, kind: int) -> int:
    """Return where a value of a kind ends."""
    if kind in _FIXED:
        return place + _FIXED[kind]
    if kind in _NUMBERS:
        return _varint(data, place)[1]
    if kind == _BINARY:
        size, place = _varint(data, place)
        return place + size
    if kind == _STRUCT:
        return _struct(data, place)[1]
    if kind not in _LISTS:
        raise ValueError(f"no kind of Thrift's: {kind}")
    size, inner, place = data[place] >> 4, data[place] & 15, place + 1
    if size == 15:
        size, place = _varint(data, place)
    for _ in range(size):
        place = _behind(data, place, inner)
    return place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while data[place] & 0x80:
        value |= (data[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return value | data[place] << shift, place + 1


def _signed(raw: int) -> int:
    return raw >> 1 ^ -(raw & 1)
