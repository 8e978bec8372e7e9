"""Buckets that hold more lines than fit in memory, parted: by further bits of the customers' hash, or in slices."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import engine, storage
from segcore.lines import shuffle


@dataclass(frozen=True, kw_only=True)
class Range:
    """Lines whose hash begins with the same bits.

    Attributes
    ----------
    rows : int
    paths : tuple of str
        Files, relative to the stage's folder.
    bits : int
        How many bits of the hash they share.
    whole : bool
        Whether most of the lines share the whole hash, so that no further bits part them.
    """

    rows: int
    paths: tuple[str, ...]
    bits: int
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A range to be parted."""

    range: Range
    folder: str
    by: str
    bits: int


def new_folder(folder: str) -> str:
    """Return a folder that no other try of a task writes to: a worker that was taken for dead may still be at it."""
    return f"{folder}/{uuid.uuid4().hex}"


def relative(pieces: Sequence[shuffle.PartitionFile], folder: str) -> list[shuffle.PartitionFile]:
    """Return pieces with their paths relative to a folder."""
    return [replace(piece, path=piece.path.removeprefix(f"{folder}/")) for piece in pieces]


def ranges(pieces: Sequence[shuffle.PartitionFile], bits: int, *, within: Range | None = None) -> list[Range]:
    """Gather the pieces of a pass by bucket, in hash order.

    Parameters
    ----------
    pieces : sequence of segcore.lines.shuffle.PartitionFile
    bits : int
        Of the pass.
    within : Range, optional
        What was parted.
    """
    members: dict[int, list[shuffle.PartitionFile]] = {}
    for piece in pieces:
        if piece.bucket is not None:
            members.setdefault(piece.bucket, []).append(piece)
    found = []
    for _, some in sorted(members.items()):
        rows = sum(piece.rows for piece in some)
        found.append(
            Range(
                rows=rows,
                paths=tuple(sorted(piece.path for piece in some)),
                bits=bits + (within.bits if within else 0),
                whole=within is not None and 2 * rows > within.rows,
            )
        )
    return found


def narrowed(wide: Sequence[Range], folder: str, *, by: str, capacity: int) -> list[Range]:
    """Part ranges with more rows than `capacity` until none has, or no bits part it further; in the same order.

    Parameters
    ----------
    wide : sequence of Range
    folder : str
        Path or URL of the stage, as every worker sees it. Files that were parted are removed.
    by : {"h", "line", "product"}
        The hash whose bits part them.
    capacity : int
    """
    now = list(wide)
    while tasks := {
        one.paths: _Task(range=one, folder=folder, by=by, bits=more_bits(one.rows, capacity))
        for one in now
        if one.rows > capacity and not one.whole
    }:
        done = zip(tasks, engine.run_tasks(_part, list(tasks.values()), label="parting"), strict=True)
        parts = dict(done)
        now = [
            part
            for one in now
            for part in (
                ranges(parts[one.paths], tasks[one.paths].bits, within=one) if one.paths in parts else [one]
            )
        ]
        for paths in parts:
            for path in paths:
                storage.remove(f"{folder}/{path}")
    return now


def more_bits(rows: int, capacity: int) -> int:
    """Return how many bits of a hash part so many rows into parts that fit, in one pass at most."""
    return min(max(1, (-(-rows // capacity) - 1).bit_length()), shuffle.MOST_BITS)


def _part(task: _Task) -> list[shuffle.PartitionFile]:
    lines = pl.scan_parquet([f"{task.folder}/{path}" for path in task.range.paths])
    pieces = shuffle.write(
        lines, new_folder(task.folder), by=task.by, first_bit=task.range.bits, bits=task.bits
    )
    return relative(pieces, task.folder)
