"""Lines that get columns of other tables, such as the date and the customer of their order: before anything else reads them.

A table that fits is held in memory, and the lines pass by; else both are parted by the hash of what joins them, and joined
part by part. What comes out of a file is a copy of it on scratch with more columns.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import errors, ingest, job
from segcore.ingest import FileGroup, Prepared, Source, as_id_text, customer_table
from segcore.ingest.missing import given
from segcore.ingest.records import MALFORMED, RECORD, TEXT
from segcore.ingest.structure import field_name
from segcore.lines import shuffle
from segcore.storage import disk_failures

_KEY, _HASH = "__key", "h"
_BYTES_A_ROW, _BYTES_A_VALUE = 120, 60  # of a table in memory, with what a join makes of it
_SHARE = 4  # of the budget that a part of a table may have
_SEED = 0


def find(settings: job.Job) -> tuple[list[list[Source]], dict[str, str]]:
    """Find the files of every table, and those beside them that are not read, with the reason.

    Raises
    ------
    segcore.errors.SegcoreError
        If one is not there, or is of no known kind.
    """
    tables = [ingest.find([table.path]) for table in settings.join]
    return [sources for sources, _ in tables], {
        path: reason for _, beside in tables for path, reason in beside.items()
    }


def without(sources: Sequence[Source], tables: Sequence[Sequence[Source]]) -> list[Source]:
    """Return the sources of lines: a folder may hold the tables as well."""
    paths = {source.path for table in tables for source in table}
    return [source for source in sources if source.path not in paths]


def joined(
    files: Sequence[Prepared],
    tables: Sequence[Sequence[Source]],
    settings: job.Job,
    scratch: Path,
    *,
    memory: int,
) -> list[Prepared]:
    """Return files whose lines have the columns of every table, one after the other; copies go to scratch.

    Raises
    ------
    segcore.errors.DataError
        If a column is not there, a table has a key twice, or no line has a row in it.
    segcore.errors.BudgetError
        If a table is too large for the budget.
    """
    out = list(files)
    for number, (about, sources) in enumerate(zip(settings.join, tables, strict=True), start=1):
        folder = scratch / f"join-{number}"
        folder.mkdir()
        table = _table(about, sources, settings, folder, memory)
        bits = _bits(about, sum(file.n_records for group in table for file in group.files), memory)
        rows = pl.concat(_rows(group, about, settings) for group in table)
        parts = _parts(rows, bits, folder / "table")
        out = [_with_columns(file, about, parts, settings, folder, number, bits) for file in out]
        if out and not any(_matched(file, number) for file in out):
            raise errors.DataError(
                f"{about.path}: no line has a row in it: {about.key[0]!r} of the lines is like "
                f"{_example(files, about)!r}, {about.key[1]!r} of the table like {_first(parts)!r}"
            )
        out = [replace(file, notes=(*file.notes, *_notes(file, about, number))) for file in out]
        for spent in (folder / "source", folder / "table", scratch / f"join-{number - 1}"):
            shutil.rmtree(spent, ignore_errors=True)
    return out


def marker(number: int) -> str:
    """Return the column that says whether a line has a row in a table."""
    return f"joined {number}"


def _table(
    about: job.Join, sources: Sequence[Source], settings: job.Job, folder: Path, memory: int
) -> list[FileGroup]:
    copies = folder / "source"
    copies.mkdir()
    files = ingest.prepare(sources, job.Input(null_values=settings.input.null_values), copies, memory=memory)
    return customer_table.groups_with(files, {_KEY: about.key[1], **about.added})


def _rows(group: FileGroup, about: job.Join, settings: job.Job) -> pl.LazyFrame:
    lf = ingest.scan(group, [_KEY, *about.added])
    key = _key(_KEY, group.dtypes[_KEY], settings)
    return (
        lf.filter(~pl.col("malformed"))
        .select(key.alias(_KEY), *(as_id_text(name, group.dtypes[name]).alias(name) for name in about.added))
        .drop_nulls(_KEY)
        .with_columns(pl.col(_KEY).hash(_SEED).alias(_HASH))
    )


def _key(name: str, dtype: pl.DataType, settings: job.Job) -> pl.Expr:
    return given(as_id_text(name, dtype).str.strip_chars(), settings.input.null_texts)


def _bits(about: job.Join, n_rows: int, memory: int) -> int:
    needed = n_rows * (_BYTES_A_ROW + _BYTES_A_VALUE * (1 + len(about.added)))
    parts = -(-needed * _SHARE // memory)
    bits = max(0, parts - 1).bit_length()
    if bits > shuffle.MOST_BITS:
        raise errors.BudgetError(
            f"{about.path}: {n_rows:,} rows need about {needed / 2**shuffle.MOST_BITS * _SHARE / 1e6:,.0f} MB in parts, the budget "
            f"is {memory / 1e6:,.0f} MB: give --memory"
        )
    return bits


def _parts(lf: pl.LazyFrame, bits: int, folder: Path) -> list[list[str]]:
    """Write rows by the first bits of their hash, and return the files of each part."""
    with ingest.readable(), disk_failures(folder):
        files = shuffle.write(lf, str(folder), bits=bits)
    return [sorted(file.path for file in files if file.bucket == part) for part in range(2**bits)]


def _part(paths: Sequence[str], about: job.Join) -> pl.DataFrame:
    if not paths:
        return pl.DataFrame(schema=dict.fromkeys([_KEY, *about.added], pl.String))
    df = pl.read_parquet(list(paths), hive_partitioning=False).drop(_HASH)
    twice = df.filter(pl.col(_KEY).is_duplicated())
    if twice.height:
        raise errors.DataError(
            f"{about.path}: {about.key[1]!r} has {twice[_KEY].min()!r} more than once; expected one row for each"
        )
    return df


def _with_columns(
    file: Prepared,
    about: job.Join,
    parts: Sequence[Sequence[str]],
    settings: job.Job,
    folder: Path,
    number: int,
    bits: int,
) -> Prepared:
    """Write a copy of a file whose lines have the columns of a table."""
    names, on = list(dict.fromkeys(file.names)), about.key[0]
    clash = sorted(set(about.added) & set(names))
    if on not in names or clash:
        problem = (
            f"there is no column {on!r}{errors.did_you_mean(on, names)} to join {about.path} on"
            if on not in names
            else f"the lines have a column {clash[0]!r} too: name that of {about.path} otherwise, as in columns = {{ other = {clash[0]!r} }}"
        )
        raise errors.DataError(
            f"{file.source.name}: {problem}; columns: {errors.listing(names, in_order=True, most=30)}"
        )
    (group,) = customer_table.groups_with(
        [file], {field_name(place): name for place, name in enumerate(names)}
    )
    first = ingest.first_records([group])[file.number]
    key = field_name(names.index(on))
    lf = ingest.scan(group, [field_name(place) for place in range(len(names))]).with_columns(
        _key(key, group.dtypes[key], settings).alias(_KEY),
        (pl.col("record") - first + 1).cast(pl.UInt64).alias(RECORD),
    )
    lf = lf.with_columns(pl.col(_KEY).fill_null("").hash(_SEED).alias(_HASH))
    lines = _parts(lf, bits, folder / f"{file.number}") if bits else [[]]
    places = range(len(names), len(names) + len(about.added))
    added = dict(zip(about.added, map(field_name, places), strict=True))
    marked = field_name(len(names) + len(about.added))
    written = []
    for place, (paths, of_lines) in enumerate(zip(parts, lines, strict=True)):
        if bits and not of_lines:
            continue
        source = pl.scan_parquet(of_lines, hive_partitioning=False) if bits else lf
        table = _part(paths, about).rename(added).with_columns(pl.lit("yes").alias(marked))
        out = source.join(table.lazy(), on=_KEY, how="left").select(
            *(field_name(at) for at in range(len(names))),
            *added.values(),
            marked,
            RECORD,
            pl.col("malformed").alias(MALFORMED),
            pl.col("text").alias(TEXT),
        )
        target = folder / f"{file.number}.{place}.parquet"
        with ingest.readable(), disk_failures(folder):
            out.sink_parquet(target, compression="zstd", maintain_order=False)
        written.append(str(target))
    path = f"{folder}/{file.number}.parquet"
    if len(written) == 1:
        Path(written[0]).rename(path)
    else:
        pl.scan_parquet(written, hive_partitioning=False).sink_parquet(path, compression="zstd")
        for one in [*written, *(one for some in lines for one in some)]:
            Path(one).unlink()
    return replace(
        file, path=path, compression="", reader="records", names=(*names, *about.added, marker(number))
    )


def _matched(file: Prepared, number: int) -> int:
    field = file.field(marker(number))
    return int(pl.scan_parquet(file.path).select(pl.col(field).is_not_null().sum()).collect().item())


def _notes(file: Prepared, about: job.Join, number: int) -> list[str]:
    without = file.n_records - _matched(file, number)
    if not without:
        return []
    return [
        f"{file.source.name}: {without:,} of {file.n_records:,} lines ({without / file.n_records:.1%}) have no row in {about.path}, "
        "and are rejects: unmatched"
    ]


def _example(files: Sequence[Prepared], about: job.Join) -> str:
    for file in files:
        if about.key[0] in file.names:
            (group,) = customer_table.groups_with([file], {_KEY: about.key[0]})
            some = ingest.scan(group, [_KEY]).drop_nulls(_KEY).head(1).collect()
            if some.height:
                return str(some[_KEY][0])
    return ""


def _first(parts: Sequence[Sequence[str]]) -> str:
    paths = [path for some in parts for path in some]
    some = pl.scan_parquet(paths, hive_partitioning=False).head(1).collect() if paths else pl.DataFrame()
    return str(some[_KEY][0]) if some.height else ""
