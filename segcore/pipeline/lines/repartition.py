"""Buckets that hold more lines than fit in memory, split: by further bits of the customers' hash, or in slices."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import engine, storage
from segcore.lines import shuffle
from segcore.lines.shuffle import PartitionFile


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Lines whose hash begins with the same bits.

    Attributes
    ----------
    rows : int
    paths : tuple of str
        Files, relative to the stage's folder.
    bits, prefix : int
        How many bits of the hash they share, and these.
    whole : bool
        Whether most of the lines share the whole hash, so that no further bits split them.
    """

    rows: int
    paths: tuple[str, ...]
    bits: int
    prefix: int = 0
    whole: bool = False

    @property
    def low(self) -> int:
        """The first hash that begins with these bits."""
        return self.prefix << (64 - self.bits)

    @property
    def high(self) -> int:
        """The last one."""
        return self.low + (1 << (64 - self.bits)) - 1


def new_folder(folder: str) -> str:
    """Return a folder that no other try of a task writes to: a worker that was taken for dead may still be at it."""
    return f"{folder}/{uuid.uuid4().hex}"


def relative(files: Sequence[PartitionFile], folder: str) -> list[PartitionFile]:
    """Return files with their paths relative to a folder."""
    return [replace(file, path=file.path.removeprefix(f"{folder}/")) for file in files]


def partitions(
    files: Sequence[PartitionFile], bits: int, *, within: Partition | None = None
) -> list[Partition]:
    """Gather the files of a pass by bucket, in hash order.

    Parameters
    ----------
    files : sequence of PartitionFile
    bits : int
        Of the pass.
    within : Partition, optional
        What was split.
    """
    members: dict[int, list[PartitionFile]] = {}
    for file in files:
        if file.bucket is not None:
            members.setdefault(file.bucket, []).append(file)
    return [
        Partition(
            rows=(rows := sum(file.rows for file in some)),
            paths=tuple(sorted(file.path for file in some)),
            bits=bits + (within.bits if within else 0),
            prefix=((within.prefix if within else 0) << bits) + bucket,
            whole=within is not None and 2 * rows > within.rows,
        )
        for bucket, some in sorted(members.items())
    ]


def split(wide: Sequence[Partition], folder: str, *, by: str, capacity: int) -> list[Partition]:
    """Split partitions with more rows than `capacity` until none has, or no bits split it further; in the same order.

    Parameters
    ----------
    wide : sequence of Partition
    folder : str
        Path or URL of the stage, as every worker sees it. Files that were split are removed.
    by : {"h", "order", "line", "product"}
        The hash whose bits split them.
    capacity : int
    """
    too_large = [one for one in wide if one.rows > capacity and not one.whole]
    if not too_large:
        return list(wide)
    tasks = [(one, folder, by, more_bits(one.rows, capacity)) for one in too_large]
    parts = dict(
        zip((one.paths for one in too_large), engine.run_tasks(_split, tasks, label="split"), strict=True)
    )
    for one in too_large:
        for path in one.paths:
            storage.remove(f"{folder}/{path}")
    smaller = [part for one in wide for part in parts.get(one.paths, [one])]
    return split(smaller, folder, by=by, capacity=capacity)


def more_bits(rows: int, capacity: int) -> int:
    """Return how many bits of a hash split so many rows into parts that fit, in one pass at most."""
    return min(max(1, (-(-rows // capacity) - 1).bit_length()), shuffle.MOST_BITS)


def _split(task: tuple[Partition, str, str, int]) -> list[Partition]:
    one, folder, by, bits = task
    lines = pl.scan_parquet([f"{folder}/{path}" for path in one.paths])
    files = shuffle.write(lines, new_folder(folder), by=by, first_bit=one.bits, bits=bits)
    return partitions(relative(files, folder), bits, within=one)
