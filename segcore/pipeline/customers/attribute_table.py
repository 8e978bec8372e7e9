"""One other table by customer: its columns understood, and its rows written in hash order.

A table lies in its own folder as files of rows sorted by ``(h, customer_id)``, so that the customers of any bucket find
theirs in a range of ``h``, however many buckets either has.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, ingest, job
from segcore.ingest import FileGroup, Source, customer_table, number_formats, value_patterns
from segcore.ingest.number_formats import Numbers
from segcore.job import Job
from segcore.lines import shuffle
from segcore.pipeline.lines import collecting, input_notes, repartition
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.storage import write_json

FACTS, PARTS = "table.json", "part-*.parquet"
_BYTES_A_ROW, _BYTES_A_VALUE = 100, 60  # of a row and of each of its values, while a part is sorted
_DRAWN = 50_000  # rows, that tell whether a column is of use
_ROWS_TOGETHER = 50_000  # rows of a part that are read or passed over as one


@dataclass(frozen=True, kw_only=True)
class CustomerTable:
    """A table whose columns are understood.

    Attributes
    ----------
    about : segcore.job.Extra
    settings : segcore.job.Job
    prepared : PreparedInput
    numbers : dict of str to Numbers
        The features that are numbers, and how they are written; the others are categories.
    notes : sequence of str
        Which columns were left out, and why.
    """

    about: job.Extra
    settings: Job
    prepared: PreparedInput
    numbers: Mapping[str, Numbers]
    notes: Sequence[str] = ()

    def scan(self, group: FileGroup) -> pl.LazyFrame:
        """Return the rows of a group of files, as texts."""
        return customer_table.rows(group, list(self.about.features), self.settings)

    def values(self) -> pl.LazyFrame:
        """Return all rows, typed."""
        features = list(self.about.features)
        return pl.concat(
            customer_table.values(self.scan(group), group, features, self.numbers)
            for group in self.prepared.file_groups
        )


def read(
    scratch: Path, about: job.Extra, sources: Sequence[Source], settings: Job, *, memory: int
) -> CustomerTable:
    """Look through a table and say what its columns are.

    Parameters
    ----------
    scratch : Path
        Gets a folder for copies of what cannot be read as it is.
    about : segcore.job.Extra
    sources : sequence of Source
    settings : segcore.job.Job
    memory : int
        Budget in bytes.
    """
    copies = scratch / "source"
    copies.mkdir()
    files = ingest.prepare(sources, job.Input(), copies, memory=memory)
    source = PreparedInput(
        files=files, file_groups=customer_table.group_files(files, about), settings=settings
    )
    input_notes.check_ids(source)
    table = _of_use(CustomerTable(about=about, settings=settings, prepared=source, numbers={}))
    names = _number_features(table, settings)
    return replace(table, numbers=_how_written(table, names))


def _of_use(table: CustomerTable) -> CustomerTable:
    """Return a table without columns of dates or of many values, unless the matrix names them.

    Raises
    ------
    segcore.errors.DataError
        If no column is left.
    """
    about = table.about
    features = [name for name in about.features if name not in table.settings.matrix.columns]
    rows = sum(file.n_records for file in table.prepared.files)
    texts = collecting.collect(
        pl.concat(
            customer_table.drawn(table.scan(group), features, rows, most=_DRAWN)
            for group in table.prepared.file_groups
        )
    )
    left_out = {name: why for name in features if (why := customer_table.unfit(texts[name]))}
    if not left_out:
        return table
    notes = [
        f"column {about.features[name]!r} {why}: it is left out; expected numbers or a few categories"
        for name, why in left_out.items()
    ]
    kept = {name: column for name, column in about.features.items() if name not in left_out}
    if not kept:
        raise errors.DataError(f"{about.path}: {notes[0]}: name other columns in its [[extra]]")
    notes = [
        f'{about.path}: {text}; {name} = "one-hot" in [matrix.columns] keeps it'
        for name, text in zip(left_out, notes, strict=True)
    ]
    return replace(table, about=about.model_copy(update={"columns": kept}), notes=notes)


def _number_features(table: CustomerTable, settings: Job) -> list[str]:
    """Return the features that are numbers: as the matrix says, else those with nothing but numbers."""
    features = list(table.about.features)
    counted = pl.concat(
        customer_table.contents(table.scan(group), group, features) for group in table.prepared.file_groups
    )
    seen = (
        collecting.collect(counted)
        .group_by("feature", maintain_order=True)
        .agg(pl.col("given", "numbers").sum(), pl.col("example").min())
    )
    names = []
    for row in seen.to_dicts():
        transform = settings.matrix.columns.get(row["feature"])
        if transform not in (None, "one-hot") and row["given"] and not row["numbers"]:
            raise errors.DataError(
                f"{table.about.path}: column {table.about.features[row['feature']]!r} holds text such as "
                f'{row["example"]!r}; expected numbers for {transform}: write {row["feature"]} = "one-hot" in [matrix]'
            )
        every = 0 < row["given"] == row["numbers"]
        if every if transform is None else transform != "one-hot":
            names.append(row["feature"])
    return names


def _how_written(table: CustomerTable, names: Sequence[str]) -> dict[str, Numbers]:
    """Decide for each group's texts together how numbers are written."""
    patterns: list[value_patterns.PatternCount] = []
    for group in table.prepared.file_groups:
        texts = [name for name in names if group.dtypes[name] == pl.String]
        if texts:
            numbers = customer_table.only_numbers(table.scan(group), group, texts)
            patterns += value_patterns.by_frequency(
                collecting.collect(value_patterns.count(numbers, group, texts))
            )
    remedy = "set decimal in its [[extra]]"
    return number_formats.decide(patterns, names, table.about.decimal, table.about.path, remedy)


def write(folder: Path, table: CustomerTable, settings: Job, *, memory: int) -> dict[str, Any]:
    """Write a table's rows in hash order, and return what is known of it.

    Raises
    ------
    segcore.errors.DataError
        If a customer has more than one row, or no row names one.
    """
    features, lf = list(table.about.features), table.values()
    rows = sum(file.n_records for file in table.prepared.files)
    keyed = (
        lf.filter(pl.col("left_out").is_null())
        .with_columns(h=shuffle.hashed(settings.seed))
        .select("h", "customer_id", *features)
    )
    facts = _facts(table, lf, rows)
    bits = _bits(rows, len(features), memory)
    with collecting.writing(folder):
        files = shuffle.write(keyed, str(folder / "buckets"), bits=bits)
    written = 0
    for number, bucket in enumerate(repartition.partitions(files, bits)):
        df = pl.read_parquet(list(bucket.paths), hive_partitioning=False).sort("h", "customer_id")
        _check_one_row_each(df, table)
        df.write_parquet(
            folder / f"part-{number:03d}.parquet", compression="zstd", row_group_size=_ROWS_TOGETHER
        )
        written += df.height
    if not written:
        raise errors.DataError(
            f"{table.about.path}: no row names a customer in {table.about.key!r}; expected at least one"
        )
    for part in ("buckets", "source"):
        shutil.rmtree(folder / part)
    facts = {**facts, "customers": written}
    write_json(folder / FACTS, facts)
    return facts


def _bits(rows: int, columns: int, memory: int) -> int:
    """Return how many bits of the hash part so many rows into parts that can be sorted within a budget."""
    fit = memory // 4 // (_BYTES_A_ROW + _BYTES_A_VALUE * columns)
    return 0 if rows <= fit else repartition.more_bits(rows, max(fit, 1))


def _facts(table: CustomerTable, lf: pl.LazyFrame, rows: int) -> dict[str, Any]:
    """Count what is left out, and what should be a number and is none."""
    left_out = collecting.collect(lf.group_by("left_out").len().drop_nulls())
    texts = {name: pl.col(f"unreadable_{name}") for name in table.numbers}
    unreadable = collecting.collect(
        lf.select(
            *(text.count().alias(f"count_{name}") for name, text in texts.items()),
            *(text.min().alias(f"example_{name}") for name, text in texts.items()),
        )
        if texts
        else pl.LazyFrame()
    ).to_dict(as_series=False)
    return {
        "path": table.about.path,
        "key": table.about.key,
        "rows": rows,
        "notes": [*table.notes, *(note for file in table.prepared.files for note in file.notes)],
        "left_out": dict(sorted(left_out.iter_rows())),
        "columns": [
            {
                "feature": name,
                "column": column,
                "kind": "number" if name in table.numbers else "category",
                "unreadable": unreadable.get(f"count_{name}", [0])[0],
                "example": unreadable.get(f"example_{name}", [None])[0],
            }
            for name, column in table.about.features.items()
        ],
    }


def _check_one_row_each(df: pl.DataFrame, table: CustomerTable) -> None:
    twice = df.group_by("customer_id").len().filter(pl.col("len") > 1).sort("customer_id")
    if twice.height:
        customer, rows = twice.row(0)
        raise errors.DataError(
            f"{table.about.path}: customer {customer!r} has {rows:,} rows; expected one for each value of "
            f"{table.about.key!r}: sum them up, or keep one"
        )


def remarks(facts: Mapping[str, Any]) -> list[str]:
    """Say what a person should know of a table."""
    texts = [
        f"{facts['path']}: {count:,} row(s) left out as {reason}"
        for reason, count in facts["left_out"].items()
    ]
    texts += facts["notes"]
    return texts + [
        f"{facts['path']}: {c['unreadable']:,} value(s) of {c['column']!r} are no numbers, such as "
        f"{c['example']!r}, and are taken as missing"
        for c in facts["columns"]
        if c["unreadable"]
    ]
