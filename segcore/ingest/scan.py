"""One lazy frame over all lines of a group of files in canonical columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import polars as pl

from segcore import schema
from segcore.ingest import records
from segcore.ingest.bytestream import UNDECODABLE
from segcore.ingest.grouping import FileGroup, scans
from segcore.ingest.prepare import Prepared
from segcore.ingest.structure import field_name


def scan(
    group: FileGroup, names: Sequence[str] = schema.LINE_NAMES, *, last: int | None = None
) -> pl.LazyFrame:
    """Return the lines of a group of files lazily, in canonical columns.

    Text stays text; a Parquet column keeps its type. Beside the canonical columns there are ``file`` (number of
    the source), ``record`` (its order within the file is that of the lines; :func:`first_records` has the first),
    ``malformed`` (not as many fields as the header, or quotes astray), ``text`` (of a malformed line) and
    ``undecodable`` (bytes that are not of the encoding). Errors in a file surface when the frame is collected.

    Parameters
    ----------
    group : FileGroup
    names : sequence of str
        The columns to return; null where the group has none.
    last : int, optional
        The last ``record`` that is wanted: what stands behind it need not be read, and may not be there.
    """
    readers: dict[str, Callable[[FileGroup, list[Prepared], int | None], pl.LazyFrame]] = {
        "lines": _split_lines,
        "csv": _csv,
        "records": _records,
        "parquet": _parquet,
    }
    n_rows = None if last is None else last + 1
    frames = [readers[members[0].reader](group, members, n_rows) for members in scans(group)]
    lf = pl.concat(frames)
    lf = lf.with_columns(file=_file(group.files))
    texts = [pl.col(name) for name, dtype in group.dtypes.items() if dtype == pl.String]
    marked = any(file.marked for file in group.files)
    undecodable = [text.str.contains(UNDECODABLE, literal=True).fill_null(False) for text in texts]
    return lf.select(
        *(_canonical(group, name) for name in names),
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


def _canonical(group: FileGroup, name: str) -> pl.Expr:
    source = group.columns.get(name)
    if source is None:
        return pl.lit(None, dtype=pl.String).alias(name)
    if source in group.files[0].names:
        return pl.col(name).cast(group.dtypes[name])
    of_file = {file.number: dict(file.source.partition)[source] for file in group.files}
    return pl.col("file").replace_strict(of_file, return_dtype=pl.String).alias(name)


def _inside(group: FileGroup) -> list[tuple[str, str]]:
    """Return the canonical columns that the files themselves hold, and what they are called where they are scanned."""
    first = group.files[0]
    return [
        (canonical, first.field(name)) for canonical, name in group.columns.items() if name in first.names
    ]


def _paths(files: Sequence[Prepared]) -> list[str]:
    return [file.path for file in files]


def _split_lines(group: FileGroup, files: list[Prepared], n_rows: int | None) -> pl.LazyFrame:
    """Read texts line by line and split each at its separators, so that a wrong number of fields is seen."""
    headers = list(accumulate((file.lines for file in files), initial=0))[:-1]
    lf = pl.scan_lines(
        _paths(files), row_index_name="__record", include_file_paths="__path", glob=False, n_rows=n_rows
    ).filter(pl.col("line") != "", ~pl.col("__record").is_in(headers))
    if not files[0].quoted:
        return _plain(lf, group)
    has_quote = pl.col("line").str.contains('"', literal=True)
    return pl.concat([_plain(lf.filter(~has_quote), group), _quoted(lf.filter(has_quote), group)])


def _plain(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    n_fields, separator = len(group.files[0].names), group.files[0].separator
    lf = lf.with_columns(__fields=pl.col("line").str.splitn(separator, n_fields + 1))
    last, beyond = _split(field_name(n_fields - 1)), _split(field_name(n_fields))
    malformed = last.is_null() | beyond.is_not_null()
    return _shown(lf, {canonical: _split(field) for canonical, field in _inside(group)}, malformed)


def _split(field: str) -> pl.Expr:
    return pl.col("__fields").struct.field(field)  # which Polars names as field_name() does


def _quoted(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Split lines that have quotes, all of them closed in the same line, by a pattern."""
    n_fields, cut = len(group.files[0].names), re.escape(group.files[0].separator)
    wanted = _inside(group)
    one = rf'"(?:[^"]|"")*"|[^"{cut}][^{cut}]*|'
    captured = {field for _, field in wanted}
    all_fields = [field_name(place) for place in range(n_fields)]
    pattern = cut.join(f"({one})" if field in captured else f"(?:{one})" for field in all_fields)
    lf = lf.with_columns(__fields=pl.col("line").str.extract_groups(f"^{pattern}$"))
    places = {
        field: str(place) for place, field in enumerate((f for f in all_fields if f in captured), start=1)
    }
    raw = {canonical: _split(places[field]) for canonical, field in wanted}
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


def _csv(group: FileGroup, files: list[Prepared], n_rows: int | None) -> pl.LazyFrame:
    """Read regular texts with Polars: every record is known to have the header's number of fields.

    The header is passed over: Polars compares names with it as it stands, blanks, quotes and all.
    """
    lf = pl.scan_csv(
        _paths(files),
        separator=files[0].separator,
        quote_char='"' if files[0].quoted else None,
        has_header=False,
        skip_lines=1,
        schema={field_name(place): pl.String() for place in range(len(files[0].names))},
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
        n_rows=n_rows,
    )
    return _whole(lf, group)


def _parquet(group: FileGroup, files: list[Prepared], n_rows: int | None) -> pl.LazyFrame:
    wanted = [name for _, name in _inside(group)]
    lf = pl.scan_parquet(
        _paths(files),
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
        n_rows=n_rows,
        hive_partitioning=False,
        extra_columns="ignore",
        schema={name: pl.read_parquet_schema(files[0].path)[name] for name in wanted},
    )
    return _whole(lf, group)


def _records(group: FileGroup, files: list[Prepared], _: int | None) -> pl.LazyFrame:
    lf = pl.scan_parquet(_paths(files), include_file_paths="__path", glob=False, hive_partitioning=False)
    return lf.select(
        *(pl.col(name).alias(canonical) for canonical, name in _inside(group)),
        "__path",
        pl.col(records.RECORD).cast(pl.get_index_type()),
        pl.col(records.MALFORMED).alias("malformed"),
        pl.col(records.TEXT).alias("text"),
    )


def _whole(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    return lf.select(
        *(pl.col(name).alias(canonical) for canonical, name in _inside(group)),
        "__path",
        "__record",
        pl.lit(False).alias("malformed"),
        pl.lit(None, dtype=pl.String).alias("text"),
    )
