"""Files read into a piece of the cache: their lines as they are without a window, whatever other files there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from segcore import engine, expressions, ingest
from segcore.ingest import FileGroup, Formats
from segcore.lines import shuffle
from segcore.lines.cleaning import ALL_TIME
from segcore.lines.shuffle import PartitionFile
from segcore.lookup import looked_up
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import collecting, kept_lines, repartition, settle_kept, shuffle_lines
from segcore.pipeline.lines.kept_lines import KeptLines
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.storage.cache import Cache
from segcore.times import END_OF_TIME


def read(
    numbers: set[int],
    run: RunContext,
    source: PreparedInput,
    formats: Sequence[Formats],
    keys: Mapping[int, str],
    cache: Cache,
    bits: int,
) -> KeptLines:
    """Read files, by their numbers, and keep their lines in buckets of so many bits; ``keys`` tell what each file's depend on."""
    first = min(bits, shuffle.MOST_BITS)
    with cache.adding() as part:
        files: list[PartitionFile] = []
        late: dict[int, int] = {}
        for group, own in zip(source.file_groups, formats, strict=True):
            some = replace(group, files=tuple(file for file in group.files if file.number in numbers))
            if not some.files:
                continue
            tasks = [
                shuffle_lines.Task(
                    group=of_task,
                    formats=own,
                    settings=run.settings,
                    window=ALL_TIME,
                    folder=str(part),
                    bits=first,
                    ids=source.ids,
                )
                for of_task in collecting.task_groups(some)
            ]
            for written, beyond in engine.run_tasks(_shuffle, tasks, label="lines"):
                late |= beyond
                files += settle_kept.refined(written, str(part), bits=first, to=bits)
        about = {number: {"key": keys[number], "beyond": late.get(number)} for number in numbers}
        return kept_lines.write(cache, part, files, about, bits)


def _shuffle(task: shuffle_lines.Task) -> tuple[list[PartitionFile], dict[int, int]]:
    """Partition the lines of some files, in a folder that no other try of the task writes to."""
    with expressions.computed(), collecting.writing(task.folder):
        lines = _with_own_records(task.keyed(), task.group)
        written = shuffle.write(lines, repartition.new_folder(task.folder), bits=task.bits)
    return written, _beyond(written, task)


def _with_own_records(lines: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Let records count from their own file and not from the first one of the scan, which may be gone the next time."""
    together = ingest.first_records([group])
    alone = {
        file.number: ingest.first_records([replace(group, files=(file,))])[file.number]
        for file in group.files
    }
    before = {number: start - alone[number] for number, start in together.items()}
    if not any(before.values()):
        return lines
    return lines.with_columns(pl.col("place") - looked_up(shuffle.FILE, before, pl.UInt64, strict=True))


def _beyond(written: Sequence[PartitionFile], task: shuffle_lines.Task) -> dict[int, int]:
    """Return the first time of each file that is later than the clock allows: another night reads such a file again."""
    if not written:
        return {}
    when, file = pl.col("ordered_at"), pl.col("file")
    lines = pl.scan_parquet([one.path for one in written], hive_partitioning=False)
    undated = collecting.collect(lines.filter(when.is_null()).select(shuffle.FILE.unique())).to_series()
    files = tuple(one for one in task.group.files if one.number in {*undated})
    if not files:
        return {}
    group, latest = replace(task.group, files=files), task.settings.input.latest_second
    values = ingest.read_values(ingest.scan(group), group, task.formats, task.settings, latest=END_OF_TIME)
    late = values.filter(when > latest).group_by(file).agg(when.min())
    return dict(collecting.collect(late).iter_rows())
