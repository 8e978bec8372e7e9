"""The observation window: which lines are looked at, and the day that recency counts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup, Formats
from segcore.job import Features, Job
from segcore.lines.cleaning import Window
from segcore.lines.stray_dates import last_usual_day
from segcore.pipeline.lines import collecting
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.times import SECONDS_A_DAY

Days = dict[int, tuple[int, int]]
"""Days since 1970 to their lines and the last second that one has."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """First and last times of lines, seconds since 1970: of those in the window, and of all; and how many lie before it."""

    first_at: int | None = None
    last_at: int | None = None
    newest: int | None = None
    oldest: int | None = None
    rows_before: int = 0


def as_of(features: Features, last_at: int) -> int:
    """Return the day that recency counts from, seconds since 1970: the job's, else a day after the last line."""
    return last_at + SECONDS_A_DAY if features.as_of_second is None else features.as_of_second


def find(
    source: PreparedInput, formats: Sequence[Formats], settings: Job, *, days: Days | None = None
) -> Window:
    """Return the window of a job.

    One of so many days that ends with the last line needs a pass over the dates of all lines first.

    Parameters
    ----------
    source : PreparedInput
    formats : sequence of Formats
        How each group writes its dates.
    settings : segcore.job.Job
    days : Days, optional
        Of all lines, where they are known; without them, nobody looks for dates far beyond all others unless the end of
        the window follows from the last line.
    """
    wanted = settings.features
    end = wanted.as_of_second
    if end is not None:
        length = wanted.window_seconds
        return Window(first=wanted.from_second if length is None else end - length, end=end)
    if days is None and wanted.window_seconds is not None:
        days = of_lines(source, formats, settings)
    if not days:  # where no date can be read, that is an error once the lines are counted
        return Window(first=wanted.from_second)
    usual = last_usual_day({day: lines for day, (lines, _) in days.items()})
    stray = None if usual is None else (usual + 1) * SECONDS_A_DAY
    if wanted.window_seconds is None:
        return Window(first=wanted.from_second, stray=stray)
    end = as_of(wanted, max(last for day, (_, last) in days.items() if usual is None or day <= usual))
    return Window(first=end - wanted.window_seconds, end=end, stray=stray)


def of_lines(source: PreparedInput, formats: Sequence[Formats], settings: Job) -> Days:
    """Count the lines of every day."""
    tasks = [
        (part, own, settings)
        for group, own in zip(source.file_groups, formats, strict=True)
        for part in collecting.task_groups(group)
    ]
    return added(engine.run_tasks(_of_part, tasks, label="window"))


def _of_part(task: tuple[FileGroup, Formats, Job]) -> Days:
    group, formats, settings = task
    latest = settings.input.latest_second
    values = ingest.read_values(ingest.scan(group), group, formats, settings, latest=latest)
    return counted(values)


def counted(lines: pl.LazyFrame) -> Days:
    """Count the lines of every day in some lines with ``ordered_at``."""
    return days_of(collecting.collect(by_day(lines.select("ordered_at"))))


def by_day(lines: pl.LazyFrame, *keys: pl.Expr) -> pl.LazyFrame:
    """Count lines by the day of their ``ordered_at``, and by more keys: ``day, lines, first, last``; without a time they have no day."""
    when = pl.col("ordered_at")
    return lines.group_by(*keys, day=when // SECONDS_A_DAY).agg(
        lines=pl.len(), first=when.min(), last=when.max()
    )


def days_of(by_day: pl.DataFrame) -> Days:
    """Add up what :func:`by_day` counted, whatever its other keys."""
    by_day = by_day.drop_nulls("day").group_by("day").agg(pl.col("lines").sum(), pl.col("last").max())
    return {day: (count, last) for day, count, last in by_day.iter_rows()}


def added(parts: Iterable[Days]) -> Days:
    """Add up the days of parts of an input."""
    total: Days = {}
    for part in parts:
        for day, (lines, last) in part.items():
            before, latest = total.get(day, (0, last))
            total[day] = (before + lines, max(latest, last))
    return total


def times_of_all(parts: Sequence[Times]) -> Times:
    """Return the times of all parts of an input together."""

    def known(choose: Callable[..., int | None], name: str) -> int | None:
        return choose((time for part in parts if (time := getattr(part, name)) is not None), default=None)

    return Times(
        first_at=known(min, "first_at"),
        last_at=known(max, "last_at"),
        newest=known(max, "newest"),
        oldest=known(min, "oldest"),
        rows_before=sum(part.rows_before for part in parts),
    )
