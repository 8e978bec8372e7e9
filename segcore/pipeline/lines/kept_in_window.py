"""Lines of kept pieces as they are in an observation window, which is another one each night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segcore.lines import cleaning, shuffle
from segcore.lines.cleaning import Window
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.lines import collecting, kept_lines, repartition
from segcore.pipeline.lines.kept_lines import KeptLines
from segcore.pipeline.lines.observation_window import Times
from segcore.storage.cache import link

_LATE = (cleaning.OUTSIDE_WINDOW, cleaning.STRAY_DATE)
_BEFORE_DATES = ("malformed_line", "undecodable_text")  # classes of lines whose date nobody trusts
_OF_REJECTS = ("class", "ordered_at", "amount", "place")  # columns that a rejected line has


@dataclass(frozen=True, kw_only=True)
class InWindow:
    """The lines of a piece as they are in a window.

    Attributes
    ----------
    files : tuple of PartitionFile
        Relative to the stage's folder.
    summaries : tuple of str
        Files with the summary of rejected lines that are in none of the files.
    times : Times
    """

    files: tuple[PartitionFile, ...]
    summaries: tuple[str, ...]
    times: Times


def laid_over(piece: KeptLines, window: Window, shared: str, *, bits: int) -> InWindow:
    """Return the lines of a piece as they are in a window, in buckets of so many bits.

    Where the window touches none of them, what was counted when they were kept is as true today. Purchases and returns before
    the window stay in their bucket, where those who look at it, and who look back, tell them apart.
    """
    oldest = min((file.oldest for file in piece.files if file.oldest is not None), default=None)
    newest = max((file.newest for file in piece.files if file.newest is not None), default=None)
    is_late = window.late is not None and newest is not None and newest >= window.late
    is_early = window.first is not None and oldest is not None and oldest < window.first
    if is_late or is_early:
        files = tuple(_files(piece, window, shared, bits=bits, late=is_late))
        return InWindow(
            files=files, summaries=(), times=_times([f"{shared}/{file.path}" for file in files], window)
        )
    kept = [part for part in piece.parts if part.bucket is not None]
    names = [kept_lines.SUMMARY] if len(kept) < len(piece.parts) else []
    return InWindow(
        files=tuple(_linked(piece, part, shared, bits=bits) for part in kept),
        summaries=tuple(_link(piece, name, shared) for name in names),
        times=Times(first_at=oldest, last_at=newest, newest=newest, oldest=oldest),
    )


def _files(
    piece: KeptLines, window: Window, shared: str, *, bits: int, late: bool
) -> Iterator[PartitionFile]:
    for part in piece.parts:
        if part.bucket is not None and not late:
            yield _linked(piece, part, shared, bits=bits)
            continue
        path = f"{piece.piece.folder}/{part.path}"
        bucket = _bucket(piece, part, bits)
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


def _linked(piece: KeptLines, part: PartitionFile, shared: str, *, bits: int) -> PartitionFile:
    return replace(part, path=_link(piece, part.path, shared), bucket=_bucket(piece, part, bits))


def _link(piece: KeptLines, name: str, shared: str) -> str:
    there = _name(piece, name)
    link(piece.piece.folder / name, Path(shared, there))
    return there


def _name(piece: KeptLines, name: str) -> str:
    return f"{piece.piece.folder.name}/{name}"


def digests(piece: KeptLines) -> Iterator[tuple[str, str]]:
    """Give the digests that a piece's files have where they are linked, by name relative to the stage's folder."""
    for name, digest in piece.piece.digests.items():
        yield _name(piece, name), digest


def _bucket(piece: KeptLines, part: PartitionFile, bits: int) -> int | None:
    return None if part.bucket is None else part.bucket >> (piece.bits - bits)


def _times(paths: list[str], window: Window) -> Times:
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
    return Times(**collecting.collect(facts).row(0, named=True))
