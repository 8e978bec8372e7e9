"""What was found by looking through files, kept from run to run: how each is read, and which patterns its values have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from segcore.ingest import FileGroup, Prepared, Source
from segcore.job import Job
from segcore.pipeline.lines import collecting, kept_keys
from segcore.storage.cache import Cache

_PREPARED, _PATTERNS = "prepared", "patterns"


def looked_through(
    cache: Cache,
    sources: Sequence[Source],
    settings: Job,
    look: Callable[[Sequence[Source]], list[Prepared]],
    *,
    memory: int,
) -> list[Prepared]:
    """Look through files that no earlier run has looked through, and return how all are read.

    What is rewritten before it can be read is looked through each time: the copy is gone with its run.

    Parameters
    ----------
    cache : Cache
    sources : sequence of Source
    settings : segcore.job.Job
    look : callable
        Looks through some sources, and numbers them from 0.
    memory : int
        Budget in bytes, on which it depends what is rewritten.
    """
    keys = kept_keys.of_sources(sources, settings, memory)
    known = cache.note(_PREPARED) or {}
    files = {
        number: replace(Prepared.from_json(known[key], ""), number=number, source=sources[number])
        for number, key in enumerate(keys)
        if key in known
    }
    new = [number for number in range(len(sources)) if number not in files]
    found = look([sources[number] for number in new]) if new else []
    files |= {number: replace(file, number=number) for number, file in zip(new, found, strict=True)}
    kept = {key: files[number].to_json("") for number, key in enumerate(keys) if not files[number].is_copy}
    cache.write_note(_PREPARED, kept)
    return [files[number] for number in range(len(sources))]


def patterns(
    cache: Cache, groups: Sequence[FileGroup], settings: Job, count: Callable[[FileGroup, int], pl.LazyFrame]
) -> Callable[[FileGroup, int], pl.DataFrame]:
    """Return what counts the patterns in all files of a group, and looks at those alone in which they were not counted before.

    Parameters
    ----------
    cache : Cache
    groups : sequence of FileGroup
        All of the input.
    settings : segcore.job.Job
    count : callable
        Counts those of a group by ``file``, with the last year that a date can have.
    """

    @functools.cache
    def keys_of(last_year: int) -> dict[int, str]:  # of all groups, and it opens each file
        return kept_keys.of_patterns(groups, settings, last_year=last_year)

    def counted(group: FileGroup, last_year: int) -> pl.DataFrame:
        keys = keys_of(last_year)
        known = {key: rows for key, rows in (cache.note(_PATTERNS) or {}).items() if key in {*keys.values()}}
        new = tuple(file for file in group.files if keys[file.number] not in known)
        schema = count(group, last_year).drop("file").collect_schema()
        if new:
            found = collecting.collect(count(replace(group, files=new), last_year))
            for file in new:
                own = found.filter(pl.col("file") == file.number).drop("file")
                known[keys[file.number]] = own.rows()
            cache.write_note(_PATTERNS, known)
        rows = [row for file in group.files for row in known[keys[file.number]]]
        return pl.DataFrame(rows, schema=schema, orient="row")

    return counted
