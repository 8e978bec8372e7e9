"""Which customers have lines in files that are new, or gone, since an earlier run has kept what it knew of everybody."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import polars as pl

from segcore.lines import shuffle
from segcore.pipeline.lines import collecting
from segcore.pipeline.lines.buckets import FileIdentity, KnownFiles
from segcore.pipeline.lines.kept_lines import KeptLines, has_lines
from segcore.storage.cache import Cache, Piece


def known_files(
    cache: Cache, pieces: Sequence[KeptLines], every: Sequence[KeptLines], *, late: int | None, shared: str
) -> KnownFiles:
    """Return the files of today, and what has changed since customers were kept.

    Parameters
    ----------
    cache : Cache
    pieces : sequence of KeptLines
        Those with the lines of today's files.
    every : sequence of KeptLines
        Those with lines of files that are gone, too.
    late : int or None
        Seconds since 1970 from which lines are left out.
    shared : str
        Folder of the stage.
    """
    today = {identity: number for piece in pieces for identity, number in _identities(piece)}
    files = tuple(sorted(today, key=lambda identity: today[identity]))
    kept = of_customers(cache)
    if kept is None:
        return KnownFiles(files=files, late=late)
    then: dict[FileIdentity, int] = {
        (key, newest, beyond): number for number, (key, newest, beyond) in enumerate(kept.facts["files"])
    }
    numbers = {number: today[identity] for identity, number in then.items() if identity in today}
    gone = {*then} - {*today}
    known = {identity for piece in every for identity, _ in _identities(piece)}
    # Of equal lines in two files the first one's stays.
    in_order = all(before < after for before, after in pairwise(numbers.values()))
    if not numbers or not in_order or not gone <= known:
        return KnownFiles(files=files, late=late)
    hashes = [*_customers(pieces, {*today} - {*then}), *_customers(every, gone)]
    path = f"changed-{uuid.uuid4().hex}.parquet"
    changed = pl.concat(hashes).unique() if hashes else pl.DataFrame(schema={"h": pl.UInt64})
    changed.write_parquet(f"{shared}/{path}")
    return KnownFiles(files=files, late=late, customers=kept.folder.name, numbers=numbers, changed=path)


def of_customers(cache: Cache) -> Piece | None:
    """Return the piece with the customers; None without one."""
    return next((piece for piece in cache.pieces() if not has_lines(piece)), None)


def _identities(piece: KeptLines) -> Iterator[tuple[FileIdentity, int]]:
    for file in piece.files:
        yield (file.key, file.newest, file.beyond), file.number


def _customers(pieces: Iterable[KeptLines], files: set[FileIdentity]) -> Iterator[pl.DataFrame]:
    """Give the hashes of the customers of some files, each file looked for in the first piece that has it."""
    left = {*files}
    for piece in pieces:
        here: Mapping[FileIdentity, int] = {
            identity: number for identity, number in _identities(piece) if identity in left
        }
        left -= {*here}
        parts = [part for part in piece.parts if part.bucket is not None]
        if not here or not parts:
            continue
        lines = pl.scan_parquet(piece.paths(parts), hive_partitioning=False)
        if len(here) < len(piece.files):
            lines = lines.filter(shuffle.FILE.is_in([*here.values()]))
        yield collecting.collect(lines.select(pl.col("h").unique()))
