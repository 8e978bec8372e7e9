"""The observation window: which lines are looked at, and the day that recency counts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup, Formats
from segcore.job import Features, Job
from segcore.lines.cleaning import Window
from segcore.pipeline.lines import read_input
from segcore.pipeline.lines.read_input import Reading

_SECONDS_A_DAY = 86_400


def as_of(features: Features, last_at: int) -> int:
    """Return the day that recency counts from, seconds since 1970: the job's, else a day after the last line."""
    return last_at + _SECONDS_A_DAY if features.as_of_second is None else features.as_of_second


def find(read: Reading, found: Sequence[Formats], job: Job, *, latest: int) -> Window:
    """Return the window of a job.

    One of so many days that ends with the last line needs a pass over the dates of all lines first.

    Parameters
    ----------
    read : Reading
    found : sequence of Formats
        How each group of files writes its dates.
    job : segcore.job.Job
    latest : int
        Seconds since 1970; later dates cannot be read.
    """
    wanted = job.features
    end = wanted.as_of_second
    if wanted.window_seconds is None:
        return Window(first=wanted.from_second, end=end)
    if end is None:
        last_at = _last_at(read, found, job, latest=latest)
        if last_at is None:  # no date can be read, which is said where the lines are counted
            return Window()
        end = as_of(wanted, last_at)
    return Window(first=end - wanted.window_seconds, end=end)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Files whose last date is looked for."""

    group: FileGroup
    how: Formats
    settings: Job
    latest: int


def _last_at(read: Reading, found: Sequence[Formats], job: Job, *, latest: int) -> int | None:
    tasks = [
        _Task(group=part, how=how, settings=job, latest=latest)
        for group, how in zip(read.file_groups, found, strict=True)
        for part in read_input.task_groups(group)
    ]
    times = engine.run_tasks(_last_of, tasks, label="window")
    return max((time for time in times if time is not None), default=None)


def _last_of(task: _Task) -> int | None:
    values = ingest.read_values(
        ingest.scan(task.group),
        task.group,
        task.how,
        task.settings,
        latest=task.latest,
    )
    with ingest.readable():
        last: int | None = values.select(pl.col("ordered_at").max()).collect(engine="streaming").item()
    return last
