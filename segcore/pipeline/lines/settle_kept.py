"""Kept pieces settled: numbered anew where files come and go, put together where they are many, in buckets of more bits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from segcore import storage
from segcore.lines import shuffle
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.lines import kept_lines, repartition
from segcore.pipeline.lines.kept_lines import Entry, KeptLines
from segcore.storage.cache import Cache

_ALIKE = 8  # so many pieces of about one size become one; sizes are about the same within this factor


def settled(cache: Cache, entries: Sequence[Entry], bits: int) -> list[KeptLines]:
    """Return pieces in which every file counts and has the number of today, few of them, in buckets of at least so many bits.

    Pieces of about one size become one once there are eight, so that their number grows with the logarithm of the runs' and no
    line is written often.
    """
    of_size: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_size[int(math.log(max(entry[0].rows, 1), _ALIKE))].append(entry)
    out = []
    for alike in of_size.values():
        groups = [alike] if len(alike) >= _ALIKE else [[entry] for entry in alike]
        out += [_as_today(cache, group, bits) for group in groups]
    return out


def _as_today(cache: Cache, entries: Sequence[Entry], bits: int) -> KeptLines:
    if len(entries) == 1:
        ((one, numbers),) = entries
        if numbers == one.numbers and one.bits >= bits:
            return one
    to = max(bits, *(one.bits for one, _ in entries))
    sources: dict[tuple[int, int | None], list[pl.LazyFrame]] = defaultdict(list)
    for one, numbers in entries:
        of_bucket: dict[int | None, list[PartitionFile]] = defaultdict(list)
        for file_of in one.parts:
            of_bucket[file_of.bucket].append(file_of)
        for bucket, parts in of_bucket.items():
            lines = pl.scan_parquet(one.paths(parts), hive_partitioning=False)
            bits_of = to if bucket is None else one.bits
            sources[bits_of, bucket].append(lines if numbers == one.numbers else _numbered(lines, numbers))
    files = {
        numbers[file.number]: {"key": file.key, "beyond": file.beyond}
        for one, numbers in entries
        for file in one.files
        if file.number in numbers
    }
    with cache.adding() as part:
        written: list[PartitionFile] = []
        for (known_bits, bucket), frames in sources.items():
            written += _parted(pl.concat(frames), str(part), bucket=bucket, bits=known_bits, to=to)
        return kept_lines.write(cache, part, written, files, to)


def _numbered(lines: pl.LazyFrame, numbers: Mapping[int, int]) -> pl.LazyFrame:
    """Return the lines of the files that count, with the numbers of today."""
    file = shuffle.FILE
    return lines.filter(file.is_in(list(numbers))).with_columns(
        place=shuffle.placed(shuffle.renumbered(file, numbers), shuffle.RECORD)
    )


def _parted(
    lines: pl.LazyFrame, folder: str, *, bucket: int | None, bits: int, to: int
) -> list[PartitionFile]:
    """Write the lines of a bucket of some bits, or rejected ones, into buckets of more, in a folder of their own."""
    step = min(to - bits, shuffle.MOST_BITS)
    files = [
        one if one.bucket is None else replace(one, bucket=((bucket or 0) << step) + one.bucket)
        for one in shuffle.write(lines, repartition.new_folder(folder), first_bit=bits, bits=step)
    ]
    return refined(files, folder, bits=bits + step, to=to)


def refined(files: Sequence[PartitionFile], folder: str, *, bits: int, to: int) -> list[PartitionFile]:
    """Part the files of buckets of some bits, by their whole paths, into buckets of more; those that were parted are removed."""
    if bits == to:
        return list(files)
    out = [one for one in files if one.bucket is None]
    of_bucket: dict[int, list[str]] = defaultdict(list)
    for one in files:
        if one.bucket is not None:
            of_bucket[one.bucket].append(one.path)
    for number, paths in of_bucket.items():
        some = pl.scan_parquet(paths, hive_partitioning=False)
        out += _parted(some, folder, bucket=number, bits=bits, to=to)
        for path in paths:
            storage.remove(path)
    return out
