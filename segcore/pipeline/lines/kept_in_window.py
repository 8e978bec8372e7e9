"""Lines of kept pieces as they are in an observation window, which is another one each night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from segcore.lines import cleaning, shuffle
from segcore.lines.cleaning import Window
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.lines import collecting, repartition
from segcore.pipeline.lines.kept_lines import KeptLines
from segcore.storage.cache import link

_LATE = (cleaning.OUTSIDE_WINDOW, cleaning.STRAY_DATE)
_BEFORE_DATES = ("malformed_line", "undecodable_text")  # classes of lines whose date nobody trusts
_OF_REJECTS = ("class", "ordered_at", "amount", "place")  # columns that a rejected line has


def files(piece: KeptLines, window: Window, shared: str, *, bits: int) -> Iterator[PartitionFile]:
    """Give the files of a piece as they are in a window, relative to the stage's folder, in buckets of so many bits.

    Purchases and returns before the window stay in their bucket, where those who look at it, and who look back, tell them apart.
    """
    late = window.late
    is_late = late is not None and any(
        file.newest is not None and file.newest >= late for file in piece.files
    )
    is_early = window.first is not None and any(
        file.oldest is not None and file.oldest < window.first for file in piece.files
    )
    for part in piece.parts:
        path = f"{piece.piece.folder}/{part.path}"
        bucket = None if part.bucket is None else part.bucket >> (piece.bits - bits)
        if not (is_late or (is_early and part.bucket is None)):
            name = f"{piece.piece.folder.name}/{part.path}"
            link(Path(path), Path(shared, name))
            yield replace(part, path=name, bucket=bucket)
            continue
        lines = _classified(pl.scan_parquet(path, hive_partitioning=False), part, window)
        for file in repartition.relative(
            shuffle.write(lines, repartition.new_folder(shared), bits=0), shared
        ):
            yield replace(file, bucket=None if file.bucket is None else bucket)


def _classified(lines: pl.LazyFrame, part: PartitionFile, window: Window) -> pl.LazyFrame:
    """Set aside what is outside a window, as :func:`segcore.lines.cleaning.classify` does where it knows the window."""
    if part.bucket is not None:
        window = replace(window, first=None)
    name = pl.col("class")
    dtype = lines.collect_schema()["class"]
    dated = ~name.is_in(_BEFORE_DATES)
    lines = lines.with_columns(
        pl.when(dated & window.is_stray)
        .then(pl.lit(cleaning.STRAY_DATE, dtype=dtype))
        .when(dated & window.outside)
        .then(pl.lit(cleaning.OUTSIDE_WINDOW, dtype=dtype))
        .otherwise(name)
        .alias("class")
    )
    stays = ~name.is_in(_LATE)
    return lines.with_columns(pl.when(stays).then(pl.all().exclude(_OF_REJECTS)))


def times(paths: list[str], window: Window) -> dict[str, Any]:
    """Return the first and last times of all lines, and of those in the window, and how many lie before it."""
    when, name = pl.col("ordered_at"), pl.col("class")
    before = pl.lit(False) if window.first is None else (when < window.first) & name.is_in(cleaning.KEPT)
    inside = ~name.is_in(_LATE) & ~before
    dated = name != cleaning.STRAY_DATE
    facts = pl.scan_parquet(paths, hive_partitioning=False).select(
        first_at=when.filter(inside).min(),
        last_at=when.filter(inside).max(),
        newest=when.filter(dated).max(),
        oldest=when.filter(dated).min(),
        rows_before=before.sum(),
    )
    return collecting.collect(facts).row(0, named=True)
