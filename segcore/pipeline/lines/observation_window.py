"""The observation window: which lines are looked at, and the day that recency counts from."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup, Formats
from segcore.job import Features, Job
from segcore.lines.cleaning import Window
from segcore.pipeline.lines import read_input
from segcore.pipeline.lines.read_input import PreparedInput

_SECONDS_A_DAY = 86_400


def as_of(features: Features, last_at: int) -> int:
    """Return the day that recency counts from, seconds since 1970: the job's, else a day after the last line."""
    return last_at + _SECONDS_A_DAY if features.as_of_second is None else features.as_of_second


def find(source: PreparedInput, formats: Sequence[Formats], settings: Job) -> Window:
    """Return the window of a job.

    One of so many days that ends with the last line needs a pass over the dates of all lines first.

    Parameters
    ----------
    source : PreparedInput
    formats : sequence of Formats
        How each group writes its dates.
    settings : segcore.job.Job
    """
    wanted = settings.features
    end = wanted.as_of_second
    if wanted.window_seconds is None:
        return Window(first=wanted.from_second, end=end)
    if end is None:
        last_at = _last_at(source, formats, settings)
        if last_at is None:  # no date can be read, which is an error where the lines are counted
            return Window()
        end = as_of(wanted, last_at)
    return Window(first=end - wanted.window_seconds, end=end)


def _last_at(source: PreparedInput, formats: Sequence[Formats], settings: Job) -> int | None:
    tasks = [
        (part, own, settings)
        for group, own in zip(source.file_groups, formats, strict=True)
        for part in read_input.task_groups(group)
    ]
    times = engine.run_tasks(_last_of, tasks, label="window")
    return max((time for time in times if time is not None), default=None)


def _last_of(task: tuple[FileGroup, Formats, Job]) -> int | None:
    group, formats, settings = task
    latest = settings.input.latest_second
    values = ingest.read_values(ingest.scan(group), group, formats, settings, latest=latest)
    last: int | None = read_input.collect(values.select(pl.col("ordered_at").max())).item()
    return last
