"""Prepared sources grouped by header, and one lazy frame over all of a group's lines in canonical columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import polars as pl

from segcore import errors, schema
from segcore.ingest import records
from segcore.ingest.bytestream import UNDECODABLE
from segcore.ingest.columns import assign_columns
from segcore.ingest.prepare import Prepared
from segcore.stores import is_url

_MOST_ROWS = 2**32 - 2  # Polars numbers the rows of a scan with 32 bits


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Files with the same header: how their columns are read.

    Attributes
    ----------
    files : tuple of Prepared
    columns : dict of str to str
        Canonical column to source column.
    dtypes : dict of str to polars.DataType
        Canonical column to its type; String wherever text came in.
    """

    files: tuple[Prepared, ...]
    columns: dict[str, str]
    dtypes: dict[str, pl.DataType]

    @property
    def by_amount(self) -> bool:
        """Whether a line says its amount, in place of quantity and price."""
        return "line_amount" in self.columns


def layouts(files: Sequence[Prepared], mapping: Mapping[str, str]) -> list[Layout]:
    """Group files by header and find the canonical columns of each group.

    Raises
    ------
    segcore.errors.DataError
        If a required column is not there, or a column has a type that no canonical one can have.
    """
    return grouped(files, lambda header, where: assign_columns(header, mapping, where=where))


def grouped(
    files: Sequence[Prepared], assign: Callable[[Sequence[str], str], Mapping[str, str]]
) -> list[Layout]:
    """Group files by header.

    Parameters
    ----------
    files : sequence of Prepared
    assign : callable
        From a header, and the name of its file, to the columns that are read: what they are called, and the source's
        column of each.
    """
    groups: dict[object, list[Prepared]] = {}
    found: dict[object, tuple[dict[str, str], dict[str, pl.DataType]]] = {}
    for file in files:
        columns, dtypes = _columns(file, assign)
        order = () if file.way == "parquet" else (file.names, file.separator)
        key = (order, tuple(columns.items()), tuple(dtypes.items()))
        groups.setdefault(key, []).append(file)
        found[key] = (columns, dtypes)
    return [
        Layout(files=tuple(members), columns=found[key][0], dtypes=found[key][1])
        for key, members in groups.items()
    ]


def _columns(
    file: Prepared, assign: Callable[[Sequence[str], str], Mapping[str, str]]
) -> tuple[dict[str, str], dict[str, pl.DataType]]:
    path = file.source.path
    folders = [name for name, _ in file.source.partition if name not in file.names]
    columns = dict(assign([*file.names, *folders], path))
    types: Mapping[str, pl.DataType] = pl.read_parquet_schema(file.path) if file.way == "parquet" else {}
    dtypes = {
        canonical: _usable(types.get(name, pl.String()), name, path) for canonical, name in columns.items()
    }
    return columns, dtypes


def _usable(dtype: pl.DataType, name: str, path: str) -> pl.DataType:
    if dtype.is_nested() or dtype in (pl.Object, pl.Duration, pl.Time):
        raise errors.DataError(
            f"{path}: column {name!r} is of type {dtype}; expected text, numbers or dates: map another column"
        )
    return pl.String() if dtype in (pl.Categorical, pl.Enum, pl.Binary, pl.Boolean, pl.Null) else dtype


def starts(layouts: Sequence[Layout]) -> dict[int, int]:
    """Return for each file, by its number, the ``record`` of the first line below its header."""
    found: dict[int, int] = {}
    for layout in layouts:
        for files in _scans(layout):
            before = accumulate((_rows(file) for file in files), initial=0)
            header = 1 if files[0].way == "lines" else 0
            for file, start in zip(files, before, strict=False):
                found[file.number] = 1 if file.way == "records" else start + header
    return found


def _rows(file: Prepared) -> int:
    return file.lines if file.way == "lines" else file.n_records


def _scans(layout: Layout) -> Iterator[list[Prepared]]:
    """Cut a layout's files into as few scans as can be: a union of many runs into Polars' 512 blocking threads."""
    kinds = sorted(layout.files, key=_kind)
    for _, members in groupby(kinds, key=_kind):
        scan: list[Prepared] = []
        rows = 0
        for file in members:
            if scan and rows + _rows(file) > _MOST_ROWS:
                yield scan
                scan, rows = [], 0
            scan.append(file)
            rows += _rows(file)
        yield scan


def _kind(file: Prepared) -> tuple[str, bool, bool]:
    # Polars calls a local file by a URL as well where it scans it together with URLs.
    return file.way, file.quoted and file.way in ("lines", "csv"), is_url(file.path)


def scan(layout: Layout, names: Sequence[str] = schema.LINE_NAMES) -> pl.LazyFrame:
    """Return the lines of a layout lazily, in canonical columns.

    Text stays text; a Parquet column keeps its type. Beside the canonical columns there are ``file`` (number of
    the source), ``record`` (its order within the file is that of the lines; :func:`starts` has the first),
    ``malformed`` (not as many fields as the header, or quotes astray), ``text`` (of a malformed line) and
    ``undecodable`` (bytes that are not of the encoding). Errors in a file surface when the frame is collected.

    Parameters
    ----------
    layout : Layout
    names : sequence of str
        The columns to return; null where the layout has none.
    """
    readers: dict[str, Callable[[Layout, list[Prepared]], pl.LazyFrame]] = {
        "lines": _split_lines,
        "csv": _csv,
        "records": _records,
        "parquet": _parquet,
    }
    frames = [readers[members[0].way](layout, members) for members in _scans(layout)]
    lf = pl.concat(frames)
    lf = lf.with_columns(file=_file(layout.files))
    texts = [pl.col(name) for name, dtype in layout.dtypes.items() if dtype == pl.String]
    marked = any(file.marked for file in layout.files)
    undecodable = [text.str.contains(UNDECODABLE, literal=True).fill_null(False) for text in texts]
    return lf.select(
        *(_canonical(layout, name) for name in names),
        "file",
        pl.col("__record").cast(pl.UInt64).alias("record"),
        "malformed",
        "text",
        pl.any_horizontal(undecodable if marked else [pl.lit(False)]).alias("undecodable"),
    )


def _file(files: Sequence[Prepared]) -> pl.Expr:
    """Return the number of the file that a line is from."""
    numbers = [file.number for file in files]
    place = pl.col("__path").cast(pl.Enum([file.path for file in files])).to_physical().cast(pl.UInt32)
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return place + pl.lit(numbers[0], dtype=pl.UInt32)
    return place.replace_strict(list(range(len(numbers))), numbers, return_dtype=pl.UInt32)


def _canonical(layout: Layout, name: str) -> pl.Expr:
    source = layout.columns.get(name)
    if source is None:
        return pl.lit(None, dtype=pl.String).alias(name)
    if source in layout.files[0].names:
        return pl.col(name).cast(layout.dtypes[name])
    of_file = {file.number: dict(file.source.partition)[source] for file in layout.files}
    return pl.col("file").replace_strict(of_file, return_dtype=pl.String).alias(name)


def _inside(layout: Layout) -> list[tuple[str, str]]:
    """Return the canonical columns that the files themselves hold, and what they are called there."""
    names = layout.files[0].names
    return [(canonical, name) for canonical, name in layout.columns.items() if name in names]


def _paths(files: Sequence[Prepared]) -> list[str]:
    return [file.path for file in files]


def _split_lines(layout: Layout, files: list[Prepared]) -> pl.LazyFrame:
    """Read texts line by line and split each at its separators, so that a wrong number of fields is seen."""
    headers = list(accumulate((file.lines for file in files), initial=0))[:-1]
    lf = pl.scan_lines(
        _paths(files), row_index_name="__record", include_file_paths="__path", glob=False
    ).filter(pl.col("line") != "", ~pl.col("__record").is_in(headers))
    if not files[0].quoted:
        return _plain(lf, layout)
    has_quote = pl.col("line").str.contains('"', literal=True)
    return pl.concat([_plain(lf.filter(~has_quote), layout), _quoted(lf.filter(has_quote), layout)])


def _plain(lf: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    names, separator = layout.files[0].names, layout.files[0].separator
    n_fields = len(names)
    fields = pl.col("line").str.splitn(separator, n_fields + 1)
    lf = lf.with_columns(__fields=fields)
    field = {
        name: pl.col("__fields").struct.field(f"field_{place}") for place, name in enumerate((*names, ""))
    }
    malformed = field[names[-1]].is_null() | field[""].is_not_null()
    return _shown(lf, {canonical: field[name] for canonical, name in _inside(layout)}, malformed)


def _quoted(lf: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    """Split lines that have quotes, all of them closed in the same line, by a pattern."""
    names, cut = layout.files[0].names, re.escape(layout.files[0].separator)
    wanted = _inside(layout)
    one = rf'"(?:[^"]|"")*"|[^"{cut}][^{cut}]*|'
    captured = {name for _, name in wanted}
    pattern = cut.join(f"({one})" if name in captured else f"(?:{one})" for name in names)
    lf = lf.with_columns(__fields=pl.col("line").str.extract_groups(f"^{pattern}$"))
    places = {name: str(place) for place, name in enumerate((n for n in names if n in captured), start=1)}
    raw = {canonical: pl.col("__fields").struct.field(places[name]) for canonical, name in wanted}
    malformed = pl.all_horizontal(field.is_null() for field in raw.values())
    return _shown(lf, {canonical: _unquoted(field) for canonical, field in raw.items()}, malformed)


def _unquoted(field: pl.Expr) -> pl.Expr:
    inner = field.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
    return pl.when(field.str.starts_with('"')).then(inner).otherwise(field)


def _shown(lf: pl.LazyFrame, fields: Mapping[str, pl.Expr], malformed: pl.Expr) -> pl.LazyFrame:
    return lf.select(
        *(field.alias(name) for name, field in fields.items()),
        "__path",
        "__record",
        malformed.alias("malformed"),
        pl.when(malformed).then("line").alias("text"),
    )


def _csv(layout: Layout, files: list[Prepared]) -> pl.LazyFrame:
    """Read regular texts with Polars: every record is known to have the header's number of fields."""
    lf = pl.scan_csv(
        _paths(files),
        separator=files[0].separator,
        quote_char='"' if files[0].quoted else None,
        schema=dict.fromkeys(files[0].names, pl.String()),
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
    )
    return _whole(lf, layout)


def _parquet(layout: Layout, files: list[Prepared]) -> pl.LazyFrame:
    wanted = [name for _, name in _inside(layout)]
    lf = pl.scan_parquet(
        _paths(files),
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
        hive_partitioning=False,
        extra_columns="ignore",
        schema={name: pl.read_parquet_schema(files[0].path)[name] for name in wanted},
    )
    return _whole(lf, layout)


def _records(layout: Layout, files: list[Prepared]) -> pl.LazyFrame:
    lf = pl.scan_parquet(_paths(files), include_file_paths="__path", glob=False, hive_partitioning=False)
    return lf.select(
        *(pl.col(name).alias(canonical) for canonical, name in _inside(layout)),
        "__path",
        pl.col(records.RECORD).cast(pl.get_index_type()),
        pl.col(records.MALFORMED).alias("malformed"),
        pl.col(records.TEXT).alias("text"),
    )


def _whole(lf: pl.LazyFrame, layout: Layout) -> pl.LazyFrame:
    return lf.select(
        *(pl.col(name).alias(canonical) for canonical, name in _inside(layout)),
        "__path",
        "__record",
        pl.lit(False).alias("malformed"),
        pl.lit(None, dtype=pl.String).alias("text"),
    )
