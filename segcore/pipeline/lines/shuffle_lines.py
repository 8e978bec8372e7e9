"""Stage ``lines``: every line read, typed and classified, and all lines of a customer together in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from segcore import engine, expressions, ingest, schema, storage
from segcore.ingest import FileGroup, Formats
from segcore.job import Job
from segcore.lines import cleaning, ledger, look_back, shuffle
from segcore.lines.cleaning import Window
from segcore.lines.shuffle import PartitionFile
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import (
    classify_lines,
    collecting,
    fit_buckets,
    input_notes,
    observation_window,
    repartition,
    understand_formats,
)
from segcore.pipeline.lines.buckets import Buckets, load, save
from segcore.pipeline.lines.memory_plan import Costs, PartitionPlan
from segcore.pipeline.lines.observation_window import Days, Times
from segcore.pipeline.lines.prepared_input import PreparedInput


def partition(run: RunContext, source: PreparedInput, plan: PartitionPlan) -> Buckets:
    """Stage ``lines``: read and classify every line, and write it to its customer's bucket.

    How dates and numbers are written is decided on some of the lines where that leaves no doubt. Where a line then
    cannot be read, all lines are asked, and read again if that gives another answer.

    Raises
    ------
    segcore.errors.DataError
        If a file breaks off or is not what its name says, or its values could be read in two ways.
    """
    folder = run.stage("lines", partial(_partition, run, source, plan))
    return load(folder, run.work.shared(folder))


def _partition(run: RunContext, source: PreparedInput, plan: PartitionPlan, folder: Path) -> int:
    settings, shared = run.settings, run.work.shared(folder)
    formats = understand_formats.understand(source, settings, every=False)
    tasks = _tasks(run, source, formats, shared, plan.bits)
    done = list(engine.run_tasks(_shuffle, tasks, label="lines"))
    if any(one.any_unreadable for one in done):
        every = understand_formats.understand(source, settings, every=True)
        if every != formats:
            formats = every
            done, tasks = _again(done, _tasks(run, source, every, shared, plan.bits), shared)
    window = window_of(run, source, formats, days=observation_window.added(one.days for one in done))
    if window.stray is not None and tasks[0].window.stray is None:
        done, tasks = _again(done, [replace(task, window=window) for task in tasks], shared)
    for text in input_notes.amount_notes(source, formats):
        run.progress.log(text)
    files = [file for one in done for file in one.files]
    all_texts = settings.cleaning.rejects == "all"
    buckets = Buckets(
        folder="",
        texts=tuple(engine.run_tasks(_write_texts, tasks, label="rejects")) if all_texts else (),
        buckets=tuple(fit_buckets.buckets_of(run, files, shared, plan, (one.costs for one in done))),
        rejects=tuple(file.path for file in files if file.bucket is None),
        groups=(
            *(scan for one in source.filled if one.paths for scan in one.scans),
            *(tuple(file.number for file in task.group.files) for task in tasks if not task.filled),
        ),
        window_first=window.first,
        **asdict(observation_window.times_of_all([one.times for one in done])),
    )
    save(folder, buckets)
    return source.n_lines


def _again(done: Sequence[_Done], tasks: list[Task], shared: str) -> tuple[list[_Done], list[Task]]:
    """Read all lines once more, in another way."""
    for path in (file.path for one in done for file in one.files):
        storage.remove(f"{shared}/{path}")
    return list(engine.run_tasks(_shuffle, tasks, label="lines")), tasks


@dataclass(frozen=True, kw_only=True)
class Task:
    """Lines of a group of files, to be read and partitioned."""

    group: FileGroup
    formats: Formats
    settings: Job
    window: Window
    folder: str
    bits: int
    filled: tuple[str, ...] = ()  # files of the group's lines, where fields had to be filled
    ids: str = ""  # file of the map of ids, where there is one

    def classified(self) -> pl.LazyFrame:
        """Return the lines with their values and classes."""
        return classify_lines.of_group(
            self.group, self.filled, self.ids, self.formats, self.settings, self.window
        )

    def keyed(self) -> pl.LazyFrame:
        """Return the lines as numbers."""
        carry = expressions.all_columns(self.settings.features.own)
        key = self.settings.cleaning.order_key
        return shuffle.keyed(self.classified(), seed=self.settings.seed, order_key=key, carry=carry)


def window_of(
    run: RunContext, source: PreparedInput, formats: Sequence[Formats], *, days: Days | None = None
) -> Window:
    """Return the window, and how far before it lines are kept for a look back."""
    window = observation_window.find(source, formats, run.settings, days=days)
    wanted = run.settings.look_back
    if window.first is None or not wanted.days or run.plan.refresh == "score":
        return window
    outlook = run.settings.outlook.enabled
    return replace(
        window, reach=look_back.reach(window.first, window.end, length=wanted.seconds, outlook=outlook)
    )


def _tasks(
    run: RunContext, source: PreparedInput, formats: Sequence[Formats], folder: str, bits: int
) -> list[Task]:
    window = window_of(run, source, formats)
    return [
        Task(
            group=part,
            formats=own,
            settings=run.settings,
            window=window,
            folder=folder,
            bits=bits,
            filled=filled,
            ids=source.ids,
        )
        for group, own, paths in zip(source.file_groups, formats, source.filled_paths, strict=True)
        for part, filled in _parts(group, paths)
    ]


def _parts(group: FileGroup, paths: Sequence[str]) -> Iterator[tuple[FileGroup, tuple[str, ...]]]:
    """Give what each task reads: some files of a group, or some of the files with its lines filled."""
    if paths:
        yield from ((group, tuple(some)) for some in engine.batches(paths, lambda _: 1))
    else:
        yield from ((part, ()) for part in collecting.task_groups(group))


@dataclass(frozen=True, kw_only=True)
class _Done:
    files: list[PartitionFile]
    times: Times = field(default_factory=Times)
    days: Days = field(default_factory=dict)
    any_unreadable: bool = False
    costs: Costs = field(default_factory=Costs)


def _shuffle(task: Task) -> _Done:
    """Partition the lines of a group of files, in a folder that no other try of the task writes to."""
    with expressions.computed(), collecting.writing(task.folder):
        files = shuffle.write(task.keyed(), repartition.new_folder(task.folder), bits=task.bits)
    if not files:
        return _Done(files=[])
    name = pl.col("class")
    reach = task.window.reach
    early = (
        pl.lit(False)
        if reach is None
        else (pl.col("ordered_at") < task.window.first) & name.is_in(ledger.KEPT)
    )
    written = pl.scan_parquet([file.path for file in files])
    # One pass over what was written; all that is asked of it follows from days.
    by_day = collecting.collect(observation_window.by_day(written, name, early.alias("early")))
    inside = ~name.is_in([cleaning.OUTSIDE_WINDOW, cleaning.STRAY_DATE]) & ~pl.col("early")
    first, last = pl.col("first"), pl.col("last")
    times = by_day.select(
        first_at=first.filter(inside).min(),
        last_at=last.filter(inside).max(),
        newest=last.filter(name != cleaning.STRAY_DATE).max(),
        oldest=first.filter(name != cleaning.STRAY_DATE).min(),
        rows_before=pl.col("lines").filter("early").sum().cast(pl.Int64),
    )
    unreadable = [f"unreadable_{column}" for column in ingest.UNREADABLE]
    files = repartition.relative(files, task.folder)
    return _Done(
        files=files,
        costs=fit_buckets.costs_of(files, task.folder),
        # Only where the day that recency counts from follows from the lines.
        days=observation_window.days_of(by_day) if task.settings.features.as_of is None else {},
        any_unreadable=bool(by_day["class"].is_in(unreadable).any()),
        times=Times(**times.row(0, named=True)),
    )


def _write_texts(task: Task) -> str:
    """Write the texts of all rejected lines of a group of files, and return the file's name."""
    kept = pl.col("class").is_in(ledger.KEPT)
    shown = ["file", "record", "class", "amount", *(f"text_{name}" for name in schema.LINE_NAMES), "text"]
    path = f"{repartition.new_folder(task.folder)}/texts.parquet"
    task = replace(task, window=replace(task.window, reach=None))
    with expressions.computed(), collecting.writing(task.folder):
        task.classified().filter(~kept).select(shown).sink_parquet(path, mkdir=True, maintain_order=False)
    return path.removeprefix(f"{task.folder}/")
