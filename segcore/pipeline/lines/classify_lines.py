"""The lines of an input with their values and classes, as lazy frames: nothing is read before one is collected."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import ingest
from segcore.ingest import FileGroup, Formats, customer_ids
from segcore.job import Job
from segcore.lines import cleaning
from segcore.lines.cleaning import Window
from segcore.pipeline.lines import collecting, observation_window
from segcore.pipeline.lines.prepared_input import PreparedInput


def of_input(source: PreparedInput, formats: Sequence[Formats], settings: Job) -> list[pl.LazyFrame]:
    """Return the lines of every group with their values and classes; nothing but dates is read before a frame is collected."""
    days = None
    if (
        settings.features.as_of is None
    ):  # else the day that recency counts from does not follow from the lines
        days = observation_window.of_lines(source, formats, settings)
    window = observation_window.find(source, formats, settings, days=days)
    return [
        of_group(group, paths, source.ids, own, settings, window)
        for group, own, paths in zip(source.file_groups, formats, source.filled_paths, strict=True)
    ]


def of_group(
    group: FileGroup, filled: Sequence[str], ids: str, formats: Formats, settings: Job, window: Window
) -> pl.LazyFrame:
    """Return the lines of a group of files, or the files with its lines filled, with their values and classes."""
    if filled:
        lines = pl.scan_parquet(list(filled), hive_partitioning=False)
    else:
        lines = ingest.scan(group, rest=collecting.rest_seed(settings))
    values = ingest.read_values(lines, group, formats, settings, latest=settings.input.latest_second)
    if ids:
        values = customer_ids.mapped(values, pl.scan_parquet(ids), seed=settings.seed)
    excluded = ingest.as_read(settings.cleaning.exclude_customers, settings)
    rules = settings.cleaning.model_copy(update={"exclude_customers": excluded})
    return cleaning.classify(values, rules, window)
