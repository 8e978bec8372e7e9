"""Rejected lines with their text, reason, file and record, as many as the job wants to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import polars as pl

from segcore import ingest, schema
from segcore.ingest import UNDECODABLE, FileGroup
from segcore.job import Job
from segcore.lines import rejected, shuffle
from segcore.pipeline.lines import collecting
from segcore.pipeline.lines.buckets import Buckets
from segcore.pipeline.lines.kept_facts import ShownTexts
from segcore.pipeline.lines.prepared_input import PreparedInput

Mode = Literal["all", "sample", "count"]
_TEXTS = [*(f"text_{name}" for name in schema.LINE_NAMES), "text"]
_LINES_A_PART = 1_000_000  # many small files are read at once
_PLACE = (shuffle.FILE.alias("file"), shuffle.RECORD.alias("record"))


def of_bucket(
    duplicates: pl.LazyFrame, outside: pl.LazyFrame, mode: Mode, *, by: Sequence[str] = ()
) -> pl.LazyFrame:
    """Return ``place``, ``class`` and ``amount`` of some bucket's rejects, with the columns that they are told apart by.

    The first of each class and file, or none; all means all duplicates, since the texts of the lines outside the window
    are written before they are in a bucket.
    """
    if mode == "sample":
        return rejected.first_of_each(pl.concat([duplicates, outside]), by=by)
    shown = duplicates.select(*by, *rejected.SHOWN)
    return shown if mode == "all" else shown.head(0)


def write(
    folder: Path,
    buckets: Buckets,
    of_buckets: pl.DataFrame,
    source: PreparedInput,
    settings: Job,
    kept: ShownTexts | None = None,
) -> None:
    """Write the rejected lines.

    Parameters
    ----------
    folder : Path
        Created.
    buckets : Buckets
    of_buckets : polars.DataFrame
        As :func:`of_bucket` gives them for all buckets.
    source : PreparedInput
    settings : segcore.job.Job
    kept : ShownTexts, optional
        What earlier runs have read of such lines.
    """
    folder.mkdir()
    mode = settings.cleaning.rejects
    if mode == "count":
        return
    first = ingest.first_records(_groups(buckets, source))
    if mode == "all":
        copies = of_buckets.lazy().select(*_PLACE, "class", "amount")
        frames = [copies, *([pl.scan_parquet(buckets.paths(buckets.texts))] if buckets.texts else [])]
        rejects = pl.concat(frames, how="diagonal")
    else:
        chosen = [of_buckets]
        if buckets.rejects:
            others = pl.scan_parquet(buckets.paths(buckets.rejects))
            chosen.append(rejected.first_of_each(others).collect(engine="streaming"))
        if buckets.summaries:
            chosen.append(pl.scan_parquet(buckets.paths(buckets.summaries)).select(rejected.SHOWN).collect())
        lines = rejected.first_of_each(pl.concat(chosen).lazy()).collect().select(*_PLACE, "class", "amount")
        rejects = _read_again(lines, source.file_groups, first, kept).lazy()
    texts = [name for name in _TEXTS if name in rejects.collect_schema().names()]
    known = {
        "file": [file.number for file in source.files],
        "name": [file.source.name for file in source.files],
        "start": [start for _, start in sorted(first.items())],
    }
    names = pl.LazyFrame(known, schema={"file": pl.UInt32, "name": pl.String, "start": pl.UInt64})
    out = rejects.join(names, on="file").select(
        pl.col("name").alias("file"),
        (pl.col("record") - pl.col("start") + 1).alias("record"),
        pl.col("class").cast(pl.String).alias("reason"),
        pl.col("amount").alias("amount_minor"),
        *(
            pl.col(text).str.replace_all(UNDECODABLE, "", literal=True).alias(text.removeprefix("text_"))
            if text in texts
            else pl.lit(None, pl.String).alias(text.removeprefix("text_"))
            for text in _TEXTS
        ),
    )
    if mode == "sample":
        out = out.sort("file", "record", "reason")
    out.sink_parquet(folder / "part-00000.parquet", maintain_order=mode == "sample")


def _groups(buckets: Buckets, source: PreparedInput) -> list[FileGroup]:
    """Return the groups of files as they were scanned, since a line's record counts from the first file of a scan."""
    group_of = {file.number: group for group in source.file_groups for file in group.files}
    return [
        replace(group_of[numbers[0]], files=tuple(source.files[number] for number in numbers))
        for numbers in buckets.groups
    ]


def _read_again(
    chosen: pl.DataFrame, groups: Sequence[FileGroup], first: Mapping[int, int], kept: ShownTexts | None
) -> pl.DataFrame:
    """Read the texts of a few lines: cheaper than to carry those of every rejected line along.

    Many small files are read at once, however they were when their lines were counted from the ``first`` of each.
    """
    known = chosen.head(0) if kept is None else kept.known(chosen)
    wanted = chosen.join(known, on=["file", "record"], how="anti")
    texts = [known]
    for group in groups:
        # File by file, no more is read than up to the last line that is wanted.
        for part in ingest.split(group, _LINES_A_PART):
            # A line's record counts from the first file of its scan, so it has another number in a part.
            before = {number: first[number] - start for number, start in ingest.first_records([part]).items()}
            own = wanted.filter(pl.col("file").is_in(list(before))).with_columns(
                # A file's lines may have been counted from its own first one, which comes later in the part.
                at=(
                    pl.col("record").cast(pl.Int64)
                    - pl.col("file").replace_strict(before, return_dtype=pl.Int64)
                ).cast(pl.UInt64)
            )
            if own.height:
                texts.append(
                    own.join(_texts(part, own["at"].unique().to_list()), on=["file", "at"]).drop("at")
                )
    shown = pl.concat(texts, how="diagonal")
    if kept is not None:
        kept.keep(shown)
    return shown


def _texts(part: FileGroup, records: Sequence[int]) -> pl.DataFrame:
    lines = ingest.scan(part, last=max(records)).filter(pl.col("record").is_in(records))
    return collecting.collect(ingest.with_texts(lines).select("file", pl.col("record").alias("at"), *_TEXTS))
