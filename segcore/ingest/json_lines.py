"""JSON lines: an object on each line, whose keys are columns. Values stay texts, as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segcore import errors
from segcore.ingest.bytestream import blocks
from segcore.ingest.records import Record, write_parquet
from segcore.ingest.structure import whole_lines

_MOST_COLUMNS = 1_000
_BEGINS = re.compile(rb'\s*(?:\{\s*["}]|\[\s*\{)')


def is_json(start: bytes) -> bool:
    """Whether a UTF-8 text that begins so holds JSON."""
    return _BEGINS.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def convert(path: str, compression: str, target: Path, *, shown: str) -> tuple[tuple[str, ...], int]:
    """Write the objects of a text to Parquet, as a stream, and return their keys and how many there are.

    An object inside another one gives columns such as ``customer.id``. A line that is no object is malformed.

    Raises
    ------
    segcore.errors.DataError
        If no line is an object, there are too many keys, or an order holds a list of its lines.
    """
    names: dict[str, int] = {}
    for _, _, values in _objects(path, compression):
        for name, value in (values or {}).items():
            names.setdefault(name, len(names))
            if isinstance(value, list) and any(isinstance(one, dict) for one in value):
                raise errors.DataError(
                    f"{shown}: {name!r} holds a list of objects; expected one line of JSON for each line of an order"
                )
        if len(names) > _MOST_COLUMNS:
            raise errors.DataError(f"{shown}: has more than {_MOST_COLUMNS:,} keys; is it a table of lines?")
    if not names:
        raise errors.DataError(
            f'{shown}: is JSON, but no line of it is an object; expected JSON lines, such as {{"customer": 7}}'
        )

    def records() -> Iterator[Record]:
        for number, text, values in _objects(path, compression):
            if values is None:
                yield Record(number, [], text)
                continue
            fields = [""] * len(names)
            for name, value in values.items():
                fields[names[name]] = _text(value)
            yield Record(number, fields, None)

    return tuple(names), write_parquet(records(), len(names), target)


def _objects(path: str, compression: str) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
    """Yield each line that is not empty with its number and, where it is an object, its values."""
    number = 0
    for block in whole_lines(blocks(path, compression)):
        for line in block.decode().removesuffix("\n").split("\n"):
            number += 1
            text = line.strip().removeprefix("\ufeff")
            if text:
                yield number, text, _values(text)


def _values(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return dict(_flat(value)) if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield _whole(before + name), value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return _whole(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> str:
    """Return a text without halves of characters, which an escape can give and no file can hold."""
    return text.encode("utf-8", "replace").decode()
