"""What a run needs: how its lines are parted so that a part fits in memory, and what is refused before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from segcore import engine, shuffle
from segcore.ingest import Layout
from segcore.pipeline.narrowing import more_bits

# Bytes of memory that a line costs while its bucket is aggregated, and what a column that features of the job's own
# name adds: a text of 50 letters, read and sorted.
_BYTES_A_LINE = 400
_BYTES_A_COLUMN = 100
_MOST_AT_ONCE = 4
_GROUPS_A_WORKER = 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the lines are parted; it changes no answer.

    Attributes
    ----------
    bits : int
        Of the customers' hash that say the bucket in the first pass.
    capacity : int
        Lines of a bucket that fit in memory, as many buckets at once as are worked on.
    at_once : int
        Buckets that are worked on at the same time on this machine.
    n_workers : int
        Of a cluster; 0 on a laptop.
    """

    bits: int
    capacity: int
    at_once: int
    n_workers: int

    def groups(self, layout: Layout) -> Iterator[Layout]:
        """Part the files of a layout into tasks: one on a laptop, a few for each worker of a cluster."""
        files = layout.files
        n_groups = min(len(files), max(1, self.n_workers * _GROUPS_A_WORKER))
        share = sum(file.source.size for file in files) / n_groups
        start, size = 0, 0
        for end, file in enumerate(files, start=1):
            size += file.source.size
            if size >= share or end == len(files):
                yield replace(layout, files=files[start:end])
                start, size = end, 0


def plan(n_lines: int, memory: int, *, columns: int = 0) -> Plan:
    """Return how so many lines are parted within a budget.

    Parameters
    ----------
    n_lines : int
    memory : int
        Bytes, of this process or of each worker.
    columns : int
        How many columns of a line the features of the job's own name.
    """
    n_workers = engine.n_workers()
    at_once = 1 if n_workers else min(_MOST_AT_ONCE, os.cpu_count() or 1)
    capacity = max(1, memory // 2 // at_once // (_BYTES_A_LINE + _BYTES_A_COLUMN * columns))
    bits = 0 if n_lines <= capacity else more_bits(n_lines, capacity)
    return Plan(bits=min(bits, shuffle.MOST_BITS), capacity=capacity, at_once=at_once, n_workers=n_workers)
