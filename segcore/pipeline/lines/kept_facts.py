"""What was found by looking through files, kept from run to run: how each is read, and which patterns its values have."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore.ingest import FileGroup, Prepared, Source
from segcore.job import Job
from segcore.pipeline.lines import collecting, kept_keys
from segcore.pipeline.lines.understand_formats import Head
from segcore.storage.cache import Cache

_PREPARED, _PATTERNS, _HEADS, _TEXTS = "prepared", "patterns", "heads", "texts"


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


def heads(cache: Cache, groups: Sequence[FileGroup], settings: Job, read: Head) -> Head:
    """Return what gives the first lines of a file, read where no earlier run has read them.

    Parameters
    ----------
    cache : Cache
    groups : sequence of FileGroup
        All of the input.
    settings : segcore.job.Job
    read : callable
        Reads those of a file, by its group.
    """
    keys = kept_keys.of_patterns(groups, settings, last_year=0)
    before = cache.note(_HEADS) or {}
    asked: dict[str, str] = {}

    def given(group: FileGroup, file: Prepared) -> pl.LazyFrame:
        key = keys[file.number]
        if key in before:
            asked[key] = before[key]
            lines = pl.read_ipc(base64.b64decode(before[key]))
        else:
            lines, buffer = collecting.collect(read(group, file)), io.BytesIO()
            lines.write_ipc(buffer, compression="zstd")
            asked[key] = base64.b64encode(buffer.getvalue()).decode()
            cache.write_note(_HEADS, asked)  # those that nobody asks for any more go
        # Its number may be another one than it was.
        return lines.lazy().with_columns(file=pl.lit(file.number, dtype=lines.schema["file"]))

    return given


@dataclass(frozen=True, kw_only=True)
class ShownTexts:
    """Texts of the rejected lines that are shown, kept from run to run.

    Attributes
    ----------
    cache : Cache
    keys : mapping of int to str
        What the lines of each file depend on, by its number.
    """

    cache: Cache
    keys: Mapping[int, str]

    def known(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return those of the lines, ``file`` and ``record``, whose texts an earlier run has read, with the texts."""
        before = self.cache.note(_TEXTS) or {}
        rows = []
        for file, record in wanted.select("file", "record").iter_rows():
            texts = before.get(self.keys[file], {}).get(str(record))
            if texts is not None:
                rows.append({"file": file, "record": record, **texts})
        names = dict.fromkeys(name for row in rows for name in row)
        schema = {name: wanted.schema.get(name, pl.String) for name in names}
        return (
            wanted.head(0)
            if not rows
            else wanted.join(pl.DataFrame(rows, schema=schema), on=["file", "record"])
        )

    def keep(self, shown: pl.DataFrame) -> None:
        """Keep the texts of lines, and no others."""
        kept: dict[str, dict[str, dict[str, str]]] = {}
        for row in shown.drop("class", "amount").iter_rows(named=True):
            texts = {
                name: text
                for name, text in row.items()
                if name not in ("file", "record") and text is not None
            }
            kept.setdefault(self.keys[row["file"]], {})[str(row["record"])] = texts
        self.cache.write_note(_TEXTS, kept)
