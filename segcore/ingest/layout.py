"""Where the table of a text begins and how its lines are cut, found by looking; texts of another layout copied as plain ones."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path

from segcore import errors, job
from segcore.ingest.bytestream import blocks
from segcore.ingest.column_names import SYNONYMS, folded
from segcore.ingest.structure import SEPARATORS, header_names, whole_lines

_LOOKED_AT = 1 << 16  # bytes
_MOST_ABOVE = 40  # lines
_LEAST_FIELDS = 3
_NEEDED = ("customer_id", "ordered_at")
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is not as in a plain text, where the first line is a header and its fields stand between separators.

    Attributes
    ----------
    above : int
        Lines above the header, or above the first line of data.
    header : bool
    blanks : bool
        Fields stand between one blank or more.
    widths : tuple of int
        Characters of each field; empty where they are not fixed.
    """

    above: int = 0
    header: bool = True
    blanks: bool = False
    widths: tuple[int, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the text can be read as it is."""
        return self == Layout()

    def notes(self, name: str) -> tuple[str, ...]:
        """Return what a person should know."""
        notes = {
            f"{self.above} line(s) above the header are passed over": self.above and self.header,
            "fields are taken to stand between one blank or more": self.blanks,
        }
        return tuple(f"{name}: {text}" for text, holds in notes.items() if holds)


def find(head: bytes, settings: job.Input) -> Layout:
    """Find the layout of a UTF-8 text that begins so."""
    start = head[:_LOOKED_AT].decode("utf-8", "ignore").removeprefix("\ufeff")
    if "\n" not in start and "\r" in start:  # line ends that are written anew first
        return Layout()
    lines = start.split("\n")
    lines = lines[:-1] if len(lines) > 1 else lines
    widths, above = tuple(settings.widths), settings.skip_lines
    blanks = not widths and (settings.separator == " " or _by_blanks(lines[above:], settings))
    if not above and settings.header and not re.match(r"sep=.\r?$", start[: start.find("\n") + 1]):
        above = _above(lines, blanks, widths, settings)
    return Layout(above=above, header=settings.header, blanks=blanks, widths=widths)


def header_place(rows: Rows) -> int:
    """Return which row is the header: the first that names what is needed; below a title alone, the first wide one.

    Examples
    --------
    >>> header_place([["Sales 2024", ""], [], ["who", "on", "what"], ["a", "b", "c"], ["d", "e", "f"]])
    2
    """
    some = rows[:_MOST_ABOVE]
    named = [place for place, row in enumerate(some) if names_what_is_needed(row)]
    if named:
        return named[0]
    filled = [sum(bool(field.strip()) for field in row) for row in some]
    first = next((place for place, number in enumerate(filled) if number), 0)
    usual = Counter(number for number in filled[first:] if number).most_common(1)
    if not usual or filled[first] > 1 or usual[0][0] < _LEAST_FIELDS:
        return first
    return next((place for place, number in enumerate(filled) if number >= usual[0][0]), first)


def names_what_is_needed(row: Sequence[str]) -> bool:
    """Whether some of these names are known to mean the customer, and the date."""
    names = {folded(name) for name in row}
    return all(not names.isdisjoint(SYNONYMS[canonical]) for canonical in _NEEDED)


def _by_blanks(lines: Sequence[str], settings: job.Input) -> bool:
    """Whether no separator is there, and blanks make as many fields of every line."""
    some = [line for line in lines[:_MOST_ABOVE] if line.strip()]
    if settings.separator or len(some) < 2 or any(mark in line for mark in SEPARATORS for line in some):
        return False
    numbers = {len(line.split()) for line in some}
    return len(numbers) == 1 and min(numbers) >= _LEAST_FIELDS


def _above(lines: Sequence[str], blanks: bool, widths: Sequence[int], settings: job.Input) -> int:
    """Return how many lines stand above the header; none where there are but empty ones, which every reader passes over."""
    if blanks or widths:
        rows: list[tuple[int, list[str]]] = [
            (place, _cut(line, widths)) for place, line in enumerate(lines[: 2 * _MOST_ABOVE])
        ]
    else:
        separators = (settings.separator,) if settings.separator else SEPARATORS
        first = next((line for line in lines if line.strip()), "")
        if any(names_what_is_needed(first.replace('"', "").split(separator)) for separator in separators):
            return 0  # the usual case, and the cheap one
        rows = max(
            (_rows(lines, separator, settings.quote) for separator in separators),
            key=lambda some: sum(len(row) - 1 for _, row in some),
        )
    if not rows:
        return 0
    line = rows[header_place([row for _, row in rows])][0]
    return line if any(text.strip() for text in lines[:line]) else 0


def _rows(lines: Sequence[str], separator: str, quote: str) -> list[tuple[int, list[str]]]:
    """Return the first rows that are not empty, each with the line where it begins."""
    reader = csv.reader(
        io.StringIO("\n".join(lines), newline=""),
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    rows = []
    try:
        before = 0
        for row in islice(reader, 2 * _MOST_ABOVE):
            if any(field.strip() for field in row):
                rows.append((before, row))
            before = reader.line_num
    except csv.Error:  # a field beyond what that module reads
        pass
    return rows


def _cut(line: str, widths: Sequence[int]) -> list[str]:
    if not widths:
        return line.split()
    ends = [*accumulate(widths)]
    return [line[end - width : end].strip() for width, end in zip(widths, ends, strict=True)]


def arrange(path: str, compression: str, layout: Layout, settings: job.Input, target: Path) -> None:
    """Write a text anew as a plain one: a header first, and a comma between fields that had none.

    Raises
    ------
    segcore.errors.DataError
        If there is nothing below the lines that are passed over.
    """
    lines = islice(_lines(path, compression), layout.above, None)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise errors.DataError(f"{path}: nothing stands below the first {layout.above} line(s)")
    with open(target, "w", encoding="utf-8", newline="") as out:
        if layout.blanks or layout.widths:
            writer = csv.writer(out, lineterminator="\n")
            fields = _cut(first.removesuffix("\r"), layout.widths)
            if not layout.header:
                writer.writerow(header_names([""] * len(fields)))
            writer.writerow(fields)
            writer.writerows(_cut(line.removesuffix("\r"), layout.widths) for line in lines)
            return
        if not layout.header:
            separators = (settings.separator,) if settings.separator else SEPARATORS
            number, mark = max(
                ((len(_rows([first], mark, settings.quote)[0][1]), mark) for mark in separators),
                key=lambda pair: pair[0],
            )
            out.write(mark.join(header_names([""] * number)) + "\n")
        out.write(first + "\n")
        out.writelines(f"{line}\n" for line in lines)


def _lines(path: str, compression: str) -> Iterator[str]:
    first = True
    for block in whole_lines(blocks(path, compression)):
        text = block.decode()
        text = text.removeprefix("\ufeff") if first else text
        first = False
        yield from (text[:-1] if text.endswith("\n") else text).split("\n")
