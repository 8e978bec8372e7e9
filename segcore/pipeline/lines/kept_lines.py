"""What files became, kept from run to run: read once, numbered anew where files come and go, put together where they are many.

A piece holds the lines of the files that one run read, by bucket, as they are without a window; a file in it is known by what
decides how it is read. Pieces are files of :mod:`segcore.lines.shuffle`, which alone knows what a line is made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore.lines import rejected, shuffle
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.lines import collecting, kept_keys, observation_window, repartition
from segcore.pipeline.lines.observation_window import Days
from segcore.storage.cache import Cache, Piece

CUSTOMERS = "customers"
"""Kind of the piece that holds what is known of customers; all others hold lines."""
SUMMARY = "rejected.parquet"
"""File of a piece with the summary of its rejected lines, where it has some."""
_FULL = 0.8  # of what a bucket may hold, on average: some have more


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """A file in a piece.

    Attributes
    ----------
    key : str
        What its lines depend on.
    number : int
        Of the file in ``place``.
    oldest, newest : int or None
        Its first and last time that can be read, seconds since 1970.
    beyond : int or None
        Its first time that was too late to be read then, and may be read by a later clock.
    """

    key: str
    number: int
    oldest: int | None
    newest: int | None
    beyond: int | None

    def holds(self, latest: int) -> bool:
        """Whether a clock of today reads the same times."""
        return (self.newest is None or self.newest <= latest) and (
            self.beyond is None or self.beyond > latest
        )


@dataclass(frozen=True, kw_only=True)
class KeptLines:
    """The lines of some files.

    Attributes
    ----------
    piece : Piece
    files : tuple of KeptFile
    bits : int
        Of the customers' hash that number the bucket.
    parts : tuple of PartitionFile
        Relative to the piece's folder; the bucket of rejected lines is None.
    days : Days
        Lines of each day.
    """

    piece: Piece
    files: tuple[KeptFile, ...]
    bits: int
    parts: tuple[PartitionFile, ...]
    days: Days

    @property
    def rows(self) -> int:
        """Lines, rejected ones included."""
        return sum(part.rows for part in self.parts)

    @property
    def numbers(self) -> dict[int, int]:
        """Every file's number, as one that stays."""
        return {file.number: file.number for file in self.files}

    def paths(self, parts: Iterable[PartitionFile]) -> list[str]:
        """Return where some of the parts lie."""
        return [f"{self.piece.folder}/{part.path}" for part in parts]


Entry = tuple[KeptLines, dict[int, int]]
"""A piece, and from the number of each of its files that counts to the file's number today."""


def load(cache: Cache) -> list[KeptLines]:
    """Return all pieces that are as they were written, and by these versions."""
    pieces = [piece for piece in cache.pieces() if has_lines(piece)]
    return [_loaded(piece) for piece in pieces if piece.facts["made_by"] == kept_keys.versions()]


def has_lines(piece: Piece) -> bool:
    """Whether a piece is one of lines."""
    return bool(piece.facts.get("kind") != CUSTOMERS)


def _loaded(piece: Piece) -> KeptLines:
    facts = piece.facts
    return KeptLines(
        piece=piece,
        files=tuple(KeptFile(**one) for one in facts["files"]),
        bits=facts["bits"],
        parts=tuple(PartitionFile(**one) for one in facts["parts"]),
        days={day: (lines, last) for day, lines, last in facts["days"]},
    )


def wanted_bits(n_lines: int, capacity: int) -> int:
    """Return how many bits number the buckets so that each fits in memory with all pieces together."""
    return max(0, math.ceil(math.log2(max(n_lines, 1) / (_FULL * capacity)))) if n_lines > capacity else 0


def known(pieces: Sequence[KeptLines], keys: Mapping[int, str], *, latest: int) -> list[Entry]:
    """Return the pieces that hold some of the files of today.

    Parameters
    ----------
    pieces : sequence of KeptLines
    keys : mapping of int to str
        Of today's files, by their number.
    latest : int
        Seconds since 1970: later times cannot be read.
    """
    numbers = {key: number for number, key in keys.items()}
    entries = []
    for piece in pieces:
        counts = {
            file.number: numbers.pop(file.key)
            for file in piece.files
            if file.key in numbers and file.holds(latest)
        }
        if counts:
            entries.append((piece, counts))
    return entries


def write(
    cache: Cache,
    part: Path,
    parts: Sequence[PartitionFile],
    files: Mapping[int, Mapping[str, Any]],
    bits: int,
) -> KeptLines:
    """Keep what was written into a folder of :meth:`Cache.adding`.

    Parameters
    ----------
    cache : Cache
    part : Path
    parts : sequence of PartitionFile
        By their whole paths.
    files : mapping of int to mapping
        Of each file, by its number, ``key`` and ``beyond``.
    bits : int
    """
    times, days = {}, {}
    if parts:
        written = pl.scan_parquet([one.path for one in parts], hive_partitioning=False)
        when = pl.col("ordered_at")
        of_files = written.group_by(shuffle.FILE.alias("file")).agg(oldest=when.min(), newest=when.max())
        times = {file: (oldest, newest) for file, oldest, newest in collecting.collect(of_files).iter_rows()}
        days = observation_window.counted(written)
    if rejects := [one.path for one in parts if one.bucket is None]:
        lines = pl.scan_parquet(rejects, hive_partitioning=False)
        collecting.collect(rejected.summary(lines)).write_parquet(part / SUMMARY)
    kept = []
    for number, about in files.items():
        oldest, newest = times.get(number, (None, None))
        kept.append(KeptFile(number=number, oldest=oldest, newest=newest, **about))
    facts = {
        "made_by": kept_keys.versions(),
        "files": [asdict(file) for file in kept],
        "bits": bits,
        "parts": [asdict(one) for one in repartition.relative(parts, str(part))],
        "days": [[day, *counted] for day, counted in days.items()],
    }
    return _loaded(cache.add(part, facts))


def remove_others(cache: Cache, used: Sequence[KeptLines]) -> None:
    """Remove the pieces of lines that a run does not use."""
    folders = {one.piece.folder for one in used}
    for piece in cache.pieces():
        if has_lines(piece) and piece.folder not in folders:
            cache.remove(piece)


def keep_within_limit(cache: Cache) -> int:
    """Remove pieces until the cache has no more than its limit; return how many of them had lines.

    The largest stay that fit, and customers, who follow from lines, if there is room beside these.
    """
    if cache.limit is None:
        return 0
    pieces = cache.pieces()
    room, removed = cache.limit - (cache.size - sum(piece.size for piece in pieces)), 0
    for piece in sorted(pieces, key=lambda piece: (not has_lines(piece), -piece.size, piece.folder.name)):
        if piece.size <= room:
            room -= piece.size
        else:
            cache.remove(piece)
            removed += has_lines(piece)
    return removed
