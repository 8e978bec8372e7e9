"""Stage ``fill``: lines that leave out what stands on their order's first line take it from there, out of core.

All lines are written once to scratch, those of an order to the same part, or in the order of the file; then every part
is filled in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup
from segcore.job import Job
from segcore.lines import order_lines, shuffle
from segcore.lines.order_lines import Filling
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import collecting, repartition
from segcore.pipeline.lines.memory_plan import PartitionPlan
from segcore.pipeline.lines.prepared_input import FilledLines, PreparedInput
from segcore.storage import read_json, write_json

_STAGE = "stage.json"
_TIMES = 3  # the memory of a line whose texts are filled, in that of one in a bucket


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Lines of a group of files to be parted, or a part to be filled."""

    group: FileGroup
    filling: Filling
    settings: Job
    folder: str
    bits: int = 0
    before: dict[int, int]
    lines: int
    paths: tuple[str, ...] = ()
    above: pl.DataFrame | None = None


def fill(run: RunContext, source: PreparedInput, plan: PartitionPlan) -> PreparedInput:
    """Stage ``fill``: write all lines of an input with their blank fields filled, and return it with them."""
    folder = run.stage("fill", partial(_fill_all, run, source, plan))
    return load(folder, run.work.shared(folder), source)


def _fill_all(run: RunContext, source: PreparedInput, plan: PartitionPlan, folder: Path) -> int:
    make(folder, run.work.shared(folder), source, run.settings, plan, log=run.progress.log)
    return source.n_lines


def make(
    folder: Path,
    shared: str,
    source: PreparedInput,
    settings: Job,
    plan: PartitionPlan,
    *,
    log: Callable[[str], None],
) -> None:
    """Fill the lines of every group of files.

    Parameters
    ----------
    folder : Path
        Where to write what :func:`load` reads.
    shared : str
        The same folder as every worker sees it, where the lines go.
    source : PreparedInput
    settings : segcore.job.Job
    plan : PartitionPlan
    log : callable
        Takes a message.
    """
    facts = []
    for group in source.file_groups:
        parts = list(collecting.task_groups(group))
        blanks = pl.concat(engine.run_tasks(_blanks, parts, label="blanks"))
        filling = order_lines.decide(blanks)
        paths: list[str] = []
        if filling.columns:
            log(f"{group.files[0].source.name}: {order_lines.sentence(filling)}")
            paths = _filled(group, parts, blanks, filling, settings, shared, plan)
        facts.append({"paths": paths, "scans": [[file.number for file in part.files] for part in parts]})
    write_json(folder / _STAGE, facts)


def load(folder: Path, shared: str, source: PreparedInput) -> PreparedInput:
    """Return an input with what :func:`make` left."""
    filled = [
        FilledLines(
            paths=tuple(f"{shared}/{path}" for path in one["paths"]), scans=tuple(map(tuple, one["scans"]))
        )
        for one in read_json(folder / _STAGE)
    ]
    return replace(source, filled=filled)


def _blanks(group: FileGroup) -> pl.DataFrame:
    with ingest.readable():
        return order_lines.count_blanks(ingest.scan(group), group).collect(engine="streaming")


def _filled(
    group: FileGroup,
    parts: Sequence[FileGroup],
    blanks: pl.DataFrame,
    filling: Filling,
    settings: Job,
    shared: str,
    plan: PartitionPlan,
) -> list[str]:
    """Part the lines of a group, fill every part, and return the files, relative to the stage's folder."""
    capacity = max(1, plan.capacity // _TIMES)
    n_lines = sum(file.n_records for file in group.files)
    bits = 0 if n_lines <= capacity else repartition.more_bits(n_lines, capacity)
    before, lines = _numbers(parts, blanks)
    tasks = [
        _Task(
            group=part,
            filling=filling,
            settings=settings,
            folder=shared,
            bits=bits,
            before=before,
            lines=lines,
        )
        for part in parts
    ]
    files = [file for some in engine.run_tasks(_part, tasks, label="orders") for file in some]
    partitions = repartition.split(repartition.partitions(files, bits), shared, by="h", capacity=capacity)
    fills = [
        _Task(
            group=group,
            filling=filling,
            settings=settings,
            folder=shared,
            before=before,
            lines=lines,
            paths=tuple(f"{shared}/{path}" for path in one.paths),
        )
        for one in partitions
    ]
    if filling.by_position:
        fills = _with_lines_above(fills)
    return list(engine.run_tasks(_fill, fills, label="fill", at_once=plan.at_once))


def _numbers(parts: Sequence[FileGroup], blanks: pl.DataFrame) -> tuple[dict[int, int], int]:
    """Return what a file's records are counted on from so that all lines have numbers in their order, and how many."""
    first = {number: record for part in parts for number, record in ingest.first_records([part]).items()}
    last = dict(blanks.select("file", "last").iter_rows())
    files = [number for number in sorted(first) if number in last]
    ends = list(accumulate((last[number] - first[number] + 1 for number in files), initial=0))
    return {number: end - first[number] for number, end in zip(files, ends, strict=False)}, ends[-1] + 1


def _part(task: _Task) -> list[PartitionFile]:
    lines = ingest.scan(task.group, rest=collecting.rest_seed(task.settings))
    keyed = order_lines.keyed(
        lines, task.group, task.filling, seed=task.settings.seed, before=task.before, lines=task.lines
    )
    with collecting.writing(task.folder):
        files = shuffle.write(keyed, repartition.new_folder(task.folder), bits=task.bits)
    return repartition.relative(files, task.folder)


def _with_lines_above(tasks: Sequence[_Task]) -> list[_Task]:
    """Give each part the last line above it that begins an order."""
    above: pl.DataFrame | None = None
    out = []
    for task, last in zip(tasks, engine.run_tasks(_last_first, tasks, label="orders"), strict=True):
        out.append(replace(task, above=above))
        above = last if last.height else above
    return out


def _last_first(task: _Task) -> pl.DataFrame:
    lines = pl.scan_parquet(list(task.paths), hive_partitioning=False)
    return order_lines.first_lines(lines, task.group).top_k(1, by="h").collect()


def _fill(task: _Task) -> str:
    lines = pl.read_parquet(list(task.paths), hive_partitioning=False)
    if task.above is not None:
        lines = pl.concat([task.above, lines])
    filled = order_lines.fill(lines.lazy(), task.group, task.filling)
    if task.above is not None:
        filled = filled.join(task.above.lazy().select("file", "record"), on=["file", "record"], how="anti")
    path = f"{repartition.new_folder(task.folder)}/lines.parquet"
    filled.drop("h").sink_parquet(path, mkdir=True, maintain_order=False)
    return path.removeprefix(f"{task.folder}/")
