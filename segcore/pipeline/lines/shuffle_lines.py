"""Stage ``lines``: every line read, typed and classified, and each customer's lines brought together in a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segcore import engine, expressions, ingest, schema, storage
from segcore.ingest import FileGroup, Formats
from segcore.job import Job
from segcore.lines import cleaning, ledger, shuffle
from segcore.lines.cleaning import Window
from segcore.pipeline.lines import observation_window, read_input, repartition
from segcore.pipeline.lines.memory_plan import Plan
from segcore.pipeline.lines.read_input import Reading
from segcore.progress import Progress
from segcore.storage import read_json, write_json

_STAGE = "stage.json"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The lines of some customers, a range of hash order.

    Attributes
    ----------
    rows : int
    slices : tuple of tuple of str
        Files, relative to the stage's folder. There is more than one slice where a customer has more lines than a
        bucket should hold; copies of a line are in one slice, and where returns take back purchases, so is a product.
    """

    rows: int
    slices: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """What stage ``lines`` left.

    Attributes
    ----------
    folder : str
        Where every worker sees it: a path or a URL.
    buckets : tuple of Bucket
        In hash order; none is empty.
    rejects, texts : tuple of str
        Files of the rejected lines; and of their texts, where the job wants all of them.
    groups : tuple of tuple of int
        Numbers of the files that were scanned together: a line's record counts from the first one of them.
    first_at, last_at : int or None
        Time of the first and last line with a readable one in the observation window, seconds since 1970.
    newest : int or None
        Time of the last line with a readable one at all.
    """

    folder: str
    buckets: tuple[Bucket, ...]
    rejects: tuple[str, ...]
    texts: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    first_at: int | None
    last_at: int | None
    newest: int | None

    def paths(self, names: Sequence[str]) -> list[str]:
        """Return where some of the files lie."""
        return [f"{self.folder}/{name}" for name in names]


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Lines of a group of files, to be read and brought to buckets."""

    group: FileGroup
    how: Formats
    settings: Job
    within: Window
    latest: int
    folder: str
    bits: int

    def classified(self) -> pl.LazyFrame:
        return _classified(self.group, self.how, self.settings, self.within, latest=self.latest)


@dataclass(frozen=True, kw_only=True)
class _Done:
    pieces: list[shuffle.PartitionFile]
    first_at: int | None
    last_at: int | None
    newest: int | None
    any_unreadable: bool


def make(
    folder: Path, shared: str, read: Reading, job: Job, *, latest: int, plan: Plan, progress: Progress
) -> None:
    """Make the stage.

    How dates and numbers are written is decided on some of the lines where that leaves no doubt. Where a line then
    cannot be read, all lines are asked, and read again if that gives another answer.

    Parameters
    ----------
    folder : Path
        Where to write what the stage knows.
    shared : str
        The same folder as every worker sees it, where the lines go.
    read : Reading
    job : segcore.job.Job
    latest : int
        Seconds since 1970; later dates are rejects.
    plan : segcore.pipeline.lines.memory_plan.Plan
    progress : Progress

    Raises
    ------
    segcore.errors.DataError
        If a file breaks off or is not what its name says, or its values could be read in two ways.
    """
    found = read_input.understand(read, job, latest=latest, every=False)
    while True:
        within = observation_window.find(read, found, job, latest=latest)
        tasks = [
            _Task(
                group=part,
                how=found[read.file_groups.index(group)],
                settings=job,
                within=within,
                latest=latest,
                folder=shared,
                bits=plan.bits,
            )
            for group in read.file_groups
            for part in read_input.task_groups(group)
        ]
        done = list(engine.run_tasks(_shuffle, tasks, label="lines"))
        if not any(one.any_unreadable for one in done):
            break
        every = read_input.understand(read, job, latest=latest, every=True)
        if every == found:
            break
        found = every
        for one in done:
            for piece in one.pieces:
                storage.remove(f"{shared}/{piece.path}")
    pieces = [piece for one in done for piece in one.pieces]
    wide = job.cleaning.rejects == "all"
    texts = list(engine.run_tasks(_write_texts, tasks, label="rejects")) if wide else []
    write_json(
        folder / _STAGE,
        {
            "buckets": [
                {"rows": one.rows, "slices": slices}
                for one, slices in _buckets(pieces, shared, job, plan, progress)
            ],
            "rejects": [piece.path for piece in pieces if piece.bucket is None],
            "texts": texts,
            "groups": [[file.number for file in task.group.files] for task in tasks],
            "first_at": _least(min, (one.first_at for one in done)),
            "last_at": _least(max, (one.last_at for one in done)),
            "newest": _least(max, (one.newest for one in done)),
        },
    )


def load(folder: Path, shared: str) -> Buckets:
    """Read what :func:`make` left."""
    facts = read_json(folder / _STAGE)
    return Buckets(
        folder=shared,
        buckets=tuple(
            Bucket(rows=one["rows"], slices=tuple(map(tuple, one["slices"]))) for one in facts["buckets"]
        ),
        rejects=tuple(facts["rejects"]),
        texts=tuple(facts["texts"]),
        groups=tuple(map(tuple, facts["groups"])),
        **{name: facts[name] for name in ("first_at", "last_at", "newest")},
    )


def classified(read: Reading, found: Sequence[Formats], job: Job, *, latest: int) -> list[pl.LazyFrame]:
    """Return the lines of every group of files with their values and classes.

    Nothing but dates is read before a frame is collected, and those only where the window needs the last one.
    """
    within = observation_window.find(read, found, job, latest=latest)
    return [
        _classified(group, how, job, within, latest=latest)
        for group, how in zip(read.file_groups, found, strict=True)
    ]


def _classified(group: FileGroup, how: Formats, job: Job, within: Window, *, latest: int) -> pl.LazyFrame:
    # What tells equal lines apart may stand in a column that has no other use.
    rest = job.seed if job.cleaning.duplicates == "drop" else None
    lines = ingest.scan(group, rest=rest)
    values = ingest.read_values(lines, group, how, job, latest=latest)
    rules = job.cleaning.model_copy(
        update={"exclude_customers": ingest.as_read(job.cleaning.exclude_customers, job)}
    )
    return cleaning.classify(values, rules, within)


def _shuffle(task: _Task) -> _Done:
    """Bring the lines of a group of files to buckets, in a folder that no other try of the task writes to."""
    job = task.settings
    carry = expressions.all_columns(job.features.own)
    keyed = shuffle.keyed(task.classified(), seed=job.seed, carry=carry)
    with ingest.readable():
        pieces = shuffle.write(keyed, repartition.new_folder(task.folder), bits=task.bits)
    when, name = pl.col("ordered_at"), pl.col("class")
    inside = name != cleaning.OUTSIDE_WINDOW
    facts = pl.scan_parquet([piece.path for piece in pieces]).select(
        first_at=when.filter(inside).min(),
        last_at=when.filter(inside).max(),
        newest=when.max(),
        any_unreadable=name.is_in([f"unreadable_{column}" for column in ingest.UNREADABLE]).any(),
    )
    return _Done(
        pieces=repartition.relative(pieces, task.folder),
        **(facts.collect(engine="streaming").row(0, named=True) if pieces else _NOTHING),
    )


_NOTHING = {"first_at": None, "last_at": None, "newest": None, "any_unreadable": False}


def _write_texts(task: _Task) -> str:
    """Write the texts of all rejected lines of a group of files, and return the file's name."""
    kept = pl.col("class").is_in(ledger.KEPT)
    shown = ["file", "record", "class", "amount", *(f"text_{name}" for name in schema.LINE_NAMES), "text"]
    path = f"{repartition.new_folder(task.folder)}/texts.parquet"
    with ingest.readable():
        task.classified().filter(~kept).select(shown).sink_parquet(path, mkdir=True, maintain_order=False)
    return path.removeprefix(f"{task.folder}/")


def _least(choose: Callable[..., int], times: Iterator[int | None]) -> int | None:
    known = [time for time in times if time is not None]
    return choose(known) if known else None


def _buckets(
    pieces: Sequence[shuffle.PartitionFile], shared: str, job: Job, plan: Plan, progress: Progress
) -> Iterator[tuple[repartition.Range, list[tuple[str, ...]]]]:
    """Give the buckets in hash order with the files of their slices; what does not fit in memory is parted before."""
    first = repartition.ranges(pieces, plan.bits)
    by = "product" if job.features.returns == "net" else "line"
    for one in repartition.narrowed(first, shared, by="h", capacity=plan.capacity):
        if one.rows <= plan.capacity:
            yield one, [one.paths]
            continue
        slices = repartition.narrowed(
            [repartition.Range(rows=one.rows, paths=one.paths, bits=0)], shared, by=by, capacity=plan.capacity
        )
        progress.log(
            f"one customer has most of {one.rows:,} lines, and {plan.capacity:,} fit in memory at once: "
            f"they are gone through in {len(slices):,} slices, which takes longer"
        )
        yield one, [part.paths for part in slices]
