"""The files of a source, what is in them, and one lazy frame over all of their lines."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from segcore import errors, schema
from segcore.ingest.columns import assign_columns

Format = Literal["csv", "parquet"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.zst": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
SEPARATORS = (",", ";", "\t", "|")
OVERFLOW = "__overflow"  # takes the first field beyond the header's, so that a long line is seen


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of the input.

    Attributes
    ----------
    path : str
    format : {"csv", "parquet"}
    size : int
        Bytes.
    modified : int
        Nanoseconds since the epoch.
    """

    path: str
    format: Format
    size: int
    modified: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Files with the same header: how their columns are read.

    Attributes
    ----------
    sources : tuple of (int, Source)
        The files, each with its number in the whole input.
    columns : dict of str to str
        Canonical column to source column.
    dtypes : dict of str to polars.DataType
        Source column to its type; String wherever text came in.
    separator : str
        Of a CSV file.
    """

    sources: tuple[tuple[int, Source], ...]
    columns: dict[str, str]
    dtypes: dict[str, pl.DataType]
    separator: str


def discover(inputs: Sequence[str | Path]) -> list[Source]:
    """Find the files behind paths, folders and globs, in a fixed order, each once.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If a path does not exist, cannot be read, or a folder holds no file of a known kind.
    """
    paths: dict[str, None] = {}
    for given in inputs:
        paths.update(dict.fromkeys(_expand(str(given))))
    return [_source(path) for path in sorted(paths)]


def _expand(given: str) -> list[str]:
    if os.path.isdir(given):
        found = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(given)
            for name in names
            if not name.startswith((".", "_")) and _format(name)
        ]
        if not found:
            raise errors.InputNotFoundError(
                f"{given}: the folder holds no file to read; expected {', '.join(SUFFIXES)}"
            )
        return found
    if os.path.exists(given):
        return [given]
    found = [path for path in glob.glob(given, recursive=True) if os.path.isfile(path)]
    if not found:
        raise errors.InputNotFoundError(f"{given}: no such file or folder; check the path")
    return found


def _format(path: str) -> Format | None:
    name = path.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def _source(path: str) -> Source:
    kind = _format(path)
    if kind is None:
        raise errors.DataError(f"{path}: unknown kind of file; expected one of {', '.join(SUFFIXES)}")
    try:
        status = os.stat(path)
        with open(path, "rb"):
            pass
    except OSError as exc:
        raise errors.InputNotFoundError(
            f"{path}: cannot be read: {exc.strerror}; check its permissions"
        ) from exc
    return Source(path=path, format=kind, size=status.st_size, modified=status.st_mtime_ns)


def layouts(sources: Sequence[Source], mapping: Mapping[str, str]) -> list[Layout]:
    """Group files by header and find the canonical columns of each group.

    Raises
    ------
    segcore.errors.DataError
        If a file is empty or cannot be parsed, or a required column is not there.
    """
    groups: dict[tuple[Format, str, tuple[tuple[str, pl.DataType], ...]], list[tuple[int, Source]]] = {}
    for number, source in enumerate(sources):
        separator, dtypes = _header(source)
        groups.setdefault((source.format, separator, tuple(dtypes.items())), []).append((number, source))
    found = []
    for (_, separator, items), members in groups.items():
        dtypes = dict(items)
        columns = assign_columns(list(dtypes), mapping, where=members[0][1].path)
        found.append(Layout(sources=tuple(members), columns=columns, dtypes=dtypes, separator=separator))
    return found


def _header(source: Source) -> tuple[str, dict[str, pl.DataType]]:
    if source.size == 0:
        raise errors.DataError(f"{source.path}: the file is empty; expected a header and lines")
    try:
        if source.format == "parquet":
            return "", dict(pl.read_parquet_schema(source.path))
        first = pl.scan_lines(source.path).head(1).collect().item()
        separator = max(SEPARATORS, key=first.count)
        names = pl.read_csv(source.path, separator=separator, n_rows=0, infer_schema=False).columns
        return separator, {name: pl.String() for name in names}
    except (pl.exceptions.PolarsError, OSError, ValueError) as exc:
        reason = str(exc).splitlines()[0]
        raise errors.DataError(f"{source.path}: cannot be read as {source.format}: {reason}") from exc


def scan(layout: Layout, sources: Sequence[Source]) -> pl.LazyFrame:
    """Return the lines of a layout lazily, in canonical columns.

    Text stays text; a Parquet column keeps its type. Beside the canonical columns there are ``file`` (number of
    the source in `sources`), ``record`` (number of the line among all lines of the layout: the order of lines
    in a file, and of files, is the order of these numbers) and ``malformed`` (the line has more fields than the
    header). Errors in a file surface when the frame is collected.

    Parameters
    ----------
    layout : Layout
    sources : sequence of Source
        The whole input.
    """
    lf = _scan_files(layout)
    canonical = [
        pl.col(layout.columns[name]).alias(name)
        if name in layout.columns
        else pl.lit(None, dtype=pl.String).alias(name)
        for name in schema.LINE_NAMES
    ]
    numbered = pl.Enum([source.path for source in sources])
    return lf.select(
        *canonical,
        pl.col("__path").cast(numbered).to_physical().cast(pl.UInt32).alias("file"),
        pl.col("__record").cast(pl.UInt64).alias("record"),
        pl.col("malformed"),
    )


def _scan_files(layout: Layout) -> pl.LazyFrame:
    # One scan over many files: a union of as many scans runs into Polars' limit of 512 blocking threads.
    paths = [source.path for _, source in layout.sources]
    if layout.sources[0][1].format == "parquet":
        lf = pl.scan_parquet(paths, row_index_name="__record", include_file_paths="__path", glob=False)
        return lf.with_columns(malformed=pl.lit(False))
    lf = pl.scan_csv(
        paths,
        separator=layout.separator,
        schema={**dict.fromkeys(layout.dtypes, pl.String), OVERFLOW: pl.String},
        missing_columns="insert",
        truncate_ragged_lines=True,
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
    )
    return lf.with_columns(malformed=pl.col(OVERFLOW).is_not_null())
