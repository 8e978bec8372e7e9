"""One lazy frame over all lines of a group of files in canonical columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate

import polars as pl

from segcore import schema
from segcore.expressions import carried
from segcore.ingest import records, row_groups
from segcore.ingest.bytestream import UNDECODABLE
from segcore.ingest.columns import TIME
from segcore.ingest.customer_ids import as_id_text
from segcore.ingest.file_group import FileGroup, scans
from segcore.ingest.missing import given
from segcore.ingest.prepared import Prepared
from segcore.ingest.structure import field_name
from segcore.lookup import looked_up


def scan(
    group: FileGroup,
    names: Sequence[str] = schema.LINE_NAMES,
    *,
    last: int | None = None,
    rest: int | None = None,
) -> pl.LazyFrame:
    """Return the lines of a group of files lazily, in canonical columns.

    Text stays text; a Parquet column keeps its type. Beside the canonical columns there are those that rules of the job's
    own name, by what :func:`segcore.expressions.carried` calls them, ``file`` (number of
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
    rest : int, optional
        Seed of ``rest``, a hash of all columns of the files that are not canonical ones; without a seed, or without
        such columns, there is none. An empty value adds nothing to it, nor does the order of the columns.
    """
    readers: dict[str, Callable[[list[Prepared], Mapping[str, str], int | None], pl.LazyFrame]] = {
        "lines": _split_lines,
        "csv": _csv,
        "records": _records,
        "parquet": _parquet,
    }
    n_rows = None if last is None else last + 1
    others = {} if rest is None else _others(group)
    fields = _inside(group) | {f"__rest_{place}": field for place, field in enumerate(others.values())}
    lf = pl.concat(readers[members[0].reader](members, fields, n_rows) for members in scans(group))
    lf = lf.with_columns(file=_file(group.files))
    texts = [pl.col(name) for name, dtype in group.dtypes.items() if dtype == pl.String]
    marked = any(file.marked for file in group.files)
    undecodable = [text.str.contains(UNDECODABLE, literal=True).fill_null(False) for text in texts]
    if group.fallbacks and "customer_id" in names:
        lf = lf.with_columns(customer_id=_first_given(group, lf.collect_schema()))
    if TIME in group.columns and "ordered_at" in names:
        lf = lf.with_columns(ordered_at=_date_and_time(group))
    return lf.select(
        *(_canonical(group, name) for name in names),
        *(_carried(group, name) for name in group.carried),
        "file",
        pl.col("__record").cast(pl.UInt64).alias("record"),
        "malformed",
        "text",
        pl.any_horizontal(undecodable if marked else [pl.lit(False)]).alias("undecodable"),
        *([_rest(group, list(others), rest)] if others and rest is not None else []),
    )


def _file(files: Sequence[Prepared]) -> pl.Expr:
    """Return the number of the file that a line is from."""
    numbers = [file.number for file in files]
    place = pl.col("__path").cast(pl.Enum([file.path for file in files])).to_physical().cast(pl.UInt32)
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return place + pl.lit(numbers[0], dtype=pl.UInt32)
    return looked_up(place, dict(enumerate(numbers)), pl.UInt32, strict=True)


def _canonical(group: FileGroup, name: str) -> pl.Expr:
    source = group.columns.get(name)
    if source is None:
        one_each = name == "quantity" and "unit_price" in group.columns
        return pl.lit("1" if one_each else None, dtype=pl.String).alias(name)
    if source in group.files[0].names or (name == "customer_id" and group.fallbacks):
        return pl.col(name).cast(group.dtypes[name])
    return _of_folder(group, source).alias(name)


def _carried(group: FileGroup, name: str) -> pl.Expr:
    inside = name in group.files[0].names
    value = pl.col(carried(name)) if inside else _of_folder(group, name)
    return value.cast(group.carried[name]).alias(carried(name))


def _of_folder(group: FileGroup, source: str) -> pl.Expr:
    of_file = {file.number: dict(file.source.partition)[source] for file in group.files}
    return looked_up(pl.col("file"), of_file, pl.String, strict=True)


def _first_given(group: FileGroup, dtypes: pl.Schema) -> pl.Expr:
    """Return the customer by the first of several columns that says something, as text."""
    ids = []
    for name in ("customer_id", *group.fallbacks):
        text = as_id_text(name, dtypes[name]) if name in dtypes else _of_folder(group, group.columns[name])
        ids.append(given(text.str.strip_chars(), group.null_texts))
    return pl.coalesce(ids)


def _date_and_time(group: FileGroup) -> pl.Expr:
    """Return what two columns say as one text; a line without a date has no time either."""
    date, time = (
        given(pl.col(name).cast(pl.String).str.strip_chars(), group.null_texts)
        for name in ("ordered_at", TIME)
    )
    return pl.when(time.is_null()).then(date).otherwise(pl.concat_str(date, pl.lit(" "), time))


def _inside(group: FileGroup) -> dict[str, str]:
    """Return the columns that the files themselves hold, and what they are called where they are scanned."""
    first = group.files[0]
    columns = group.columns | {carried(name): name for name in group.carried}
    return {canonical: first.field(name) for canonical, name in columns.items() if name in first.names}


def _others(group: FileGroup) -> dict[str, str]:
    """Return the other columns of the files, each by a name of its own, and what they are called there."""
    first = group.files[0]
    mapped = {*group.columns.values()}
    others: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for place, name in enumerate(first.names):
        if name not in mapped:
            repeated = seen[name]
            seen[name] += 1
            others[f"{name}\n{repeated}" if repeated else name] = first.field(name, place)
    return others


def _rest(group: FileGroup, names: Sequence[str], seed: int) -> pl.Expr:
    """Return the hash of other columns, each weighted by its name; values are compared as they are written."""

    def hashed(place: int, name: str) -> pl.Expr:
        dtype, value = group.types.get(name, pl.String()), pl.col(f"__rest_{place}")
        value = value.to_physical() if dtype.is_temporal() else value  # not all of them have a text
        text = value if dtype.is_nested() or dtype == pl.Binary else value.cast(pl.String)
        given = value.is_not_null() if dtype != pl.String else value.is_not_null() & (value != "")
        weight = int.from_bytes(sha256(name.encode()).digest()[:8]) | 1  # odd, so that no bit is lost
        return pl.when(given).then(text.hash(seed) * pl.lit(weight, dtype=pl.UInt64)).otherwise(0)

    return pl.sum_horizontal(hashed(place, name) for place, name in enumerate(names)).alias("rest")


def _paths(files: Sequence[Prepared]) -> list[str]:
    return [file.path for file in files]


def _split_lines(files: list[Prepared], fields: Mapping[str, str], n_rows: int | None) -> pl.LazyFrame:
    """Read texts line by line and split each at its separators, so that a wrong number of fields is seen."""
    headers = list(accumulate((file.lines for file in files), initial=0))[:-1]
    lf = pl.scan_lines(
        _paths(files), row_index_name="__record", include_file_paths="__path", glob=False, n_rows=n_rows
    ).filter(pl.col("line") != "", ~pl.col("__record").is_in(headers))
    if not files[0].quoted:
        return _plain(lf, files[0], fields)
    has_quote = pl.col("line").str.contains('"', literal=True)
    return pl.concat(
        [_plain(lf.filter(~has_quote), files[0], fields), _quoted(lf.filter(has_quote), files[0], fields)]
    )


def _plain(lf: pl.LazyFrame, first: Prepared, fields: Mapping[str, str]) -> pl.LazyFrame:
    n_fields, separator = len(first.names), first.separator
    lf = lf.with_columns(__fields=pl.col("line").str.splitn(separator, n_fields + 1))
    last, beyond = _split(field_name(n_fields - 1)), _split(field_name(n_fields))
    malformed = last.is_null() | beyond.is_not_null()
    return _shown(lf, {name: _split(field) for name, field in fields.items()}, malformed)


def _split(field: str) -> pl.Expr:
    return pl.col("__fields").struct.field(field)  # which Polars names as field_name() does


def _quoted(lf: pl.LazyFrame, first: Prepared, fields: Mapping[str, str]) -> pl.LazyFrame:
    """Split lines that have quotes, all of them closed in the same line, by a pattern."""
    n_fields, cut = len(first.names), re.escape(first.separator)
    one = rf'"(?:[^"]|"")*"|[^"{cut}][^{cut}]*|'
    captured = {*fields.values()}
    all_fields = [field_name(place) for place in range(n_fields)]
    pattern = cut.join(f"({one})" if field in captured else f"(?:{one})" for field in all_fields)
    lf = lf.with_columns(__fields=pl.col("line").str.extract_groups(f"^{pattern}$"))
    places = {
        field: str(place) for place, field in enumerate((f for f in all_fields if f in captured), start=1)
    }
    raw = {name: _split(places[field]) for name, field in fields.items()}
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


def _csv(files: list[Prepared], fields: Mapping[str, str], n_rows: int | None) -> pl.LazyFrame:
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
    return _whole(lf, fields)


def _parquet(files: list[Prepared], fields: Mapping[str, str], n_rows: int | None) -> pl.LazyFrame:
    types = row_groups.schema_of(files[0].path)
    lf = pl.scan_parquet(
        _paths(files),
        row_index_name="__record",
        include_file_paths="__path",
        glob=False,
        n_rows=n_rows,
        hive_partitioning=False,
        extra_columns="ignore",
        schema={name: types[name] for name in fields.values()},
    )
    return _whole(lf, fields)


def _records(files: list[Prepared], fields: Mapping[str, str], _: int | None) -> pl.LazyFrame:
    lf = pl.scan_parquet(_paths(files), include_file_paths="__path", glob=False, hive_partitioning=False)
    return lf.select(
        *(pl.col(field).alias(name) for name, field in fields.items()),
        "__path",
        pl.col(records.RECORD).cast(pl.get_index_type()),
        pl.col(records.MALFORMED).alias("malformed"),
        pl.col(records.TEXT).alias("text"),
    )


def _whole(lf: pl.LazyFrame, fields: Mapping[str, str]) -> pl.LazyFrame:
    return lf.select(
        *(pl.col(field).alias(name) for name, field in fields.items()),
        "__path",
        "__record",
        pl.lit(False).alias("malformed"),
        pl.lit(None, dtype=pl.String).alias("text"),
    )
