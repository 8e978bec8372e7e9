"""A source that is ready to be scanned: what is read in its place, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from segcore import errors
from segcore.ingest.files import Source
from segcore.ingest.structure import Reader, field_name

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
        path = f"{folder}/{data['path']}" if data["path"] else data["source"]["path"]
        return _PREPARED.validate_python({**data, "path": path})


_PREPARED = TypeAdapter(Prepared)


def check_columns(names: Sequence[str], source: Source) -> None:
    """Refuse a source with so many columns that it is no table of lines.

    Raises
    ------
    segcore.errors.DataError
    """
    if len(names) > _MOST_COLUMNS:
        raise errors.DataError(
            f"{source.name}: has {len(names):,} columns, at most {_MOST_COLUMNS:,} can be read; is it a table of lines? "
            "else leave some of them out"
        )
