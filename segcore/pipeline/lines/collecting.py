"""Lines of a source read: by which parts of it, and with which errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup
from segcore.job import Job
from segcore.storage import disk_failures


def rest_seed(settings: Job) -> int | None:
    """Return the seed of the hash of columns without another use, which tell equal lines apart, where those are dropped."""
    return None if settings.cleaning.duplicates == "keep" else settings.seed


def task_groups(group: FileGroup) -> Iterator[FileGroup]:
    """Split a group of files into tasks: one on a laptop, a few for each worker of a cluster."""
    for files in engine.batches(group.files, lambda file: file.source.size):
        yield replace(group, files=tuple(files))


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Say in one line whether the source or the disk that is written to was why an engine failed."""
    with ingest.readable(), disk_failures(folder):
        yield


def collect(lf: pl.LazyFrame) -> pl.DataFrame:
    """Collect what is read from a source, streaming, with errors in one line."""
    with ingest.readable():
        return lf.collect(engine="streaming")
