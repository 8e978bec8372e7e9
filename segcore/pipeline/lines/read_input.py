"""The input of a run: looked through, its columns found, its dates and numbers understood."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import polars as pl

from segcore import engine, errors, ingest
from segcore.ingest import FileGroup, Formats, Prepared, Source, formats, value_patterns
from segcore.job import Input, Job
from segcore.pipeline.lines import repartition
from segcore.progress import Progress
from segcore.storage import copy, list_files, private_folder, read_json, write_json
from segcore.stores import is_url

_FILES = "files.json"
_SAMPLE_FILES, _SAMPLE_LINES = 16, 500
_END_OF_TIME = 253_402_300_799  # of the year 9999

_WITHOUT = {
    "order_id": "one order per customer and day is assumed, and equal lines may be different purchases: "
    'cleaning.duplicates = "keep" counts them all',
    "product_id": "there is no feature unique_products",
    "description": "products are shown by their code",
    "country": "customers have no country",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Sources that are ready to be scanned.

    Attributes
    ----------
    files : list of Prepared
        All files of the input, by number.
    file_groups : list of FileGroup
        The same files by header.
    """

    files: list[Prepared]
    file_groups: list[FileGroup]

    def scan(self, group: FileGroup) -> pl.LazyFrame:
        """Return the lines of a group of files, as :func:`segcore.ingest.scan` does."""
        return ingest.scan(group)

    @property
    def absent_features(self) -> list[str]:
        """Features that some of the files cannot say anything about."""
        absent = (
            [] if all("product_id" in group.columns for group in self.file_groups) else ["unique_products"]
        )
        by_amount = any(group.by_amount for group in self.file_groups)
        return [*absent, "item_count", "mean_basket_items"] if by_amount else absent


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Sources to be looked through."""

    first: int
    sources: Sequence[Source]
    settings: Input
    folder: str
    memory: int


def prepare(
    folder: Path, shared: str, sources: Sequence[Source], settings: Job, *, memory: int, progress: Progress
) -> int:
    """Stage ``input``: look through every source, say what was assumed, and return how many lines there are.

    Parameters
    ----------
    folder : Path
        Where to write what the stage knows.
    shared : str
        The same folder as every worker sees it, where copies of sources go.
    sources : sequence of Source
    settings : segcore.job.Job
    memory : int
        Budget in bytes.
    progress : Progress

    Raises
    ------
    segcore.errors.DataError
        If a file is damaged or is no table, or a required column is not there.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    parts = list(engine.batches(sources, lambda source: source.size))
    before = accumulate(map(len, parts), initial=0)
    tasks = [
        _Task(first=first, sources=part, settings=settings.input, folder=shared, memory=memory)
        for first, part in zip(before, parts, strict=False)
    ]
    files = [file for found in engine.run_tasks(_look, tasks, label="input") for file in found]
    reading = Reading(files=files, file_groups=ingest.group_files(files, settings))
    n_lines = sum(file.n_records for file in files)
    if n_lines == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")
    check_ids(reading)
    for text in notes(reading, settings):
        progress.warn(text)
    for text in assumptions(reading, settings):
        progress.log(text)
    write_json(folder / _FILES, [file.to_json(shared) for file in files])
    return n_lines


def _look(task: _Task) -> list[Prepared]:
    """Look through some sources, and leave what has to be written anew in a folder that no other try writes to."""
    target = repartition.new_folder(task.folder)

    def into(folder: Path) -> list[Prepared]:
        return ingest.prepare(task.sources, task.settings, folder, memory=task.memory, first=task.first)

    if not is_url(target):
        Path(target).mkdir(mode=0o700)
        return into(Path(target))
    with private_folder() as here:
        files = into(here)
        copy(here, target, list_files(here))
    return [file.moved(str(here), target) for file in files]


def check_ids(reading: Reading) -> None:
    """Refuse customer ids that were written as floats which do not tell neighbours apart.

    Raises
    ------
    segcore.errors.DataError
        If there is an id of 2^53 or more.
    """
    for group in reading.file_groups:
        if group.dtypes["customer_id"].is_float():
            largest = reading.scan(group).select(pl.col("customer_id").fill_nan(None).abs().max())
            if (_collect(largest).item() or 0) >= ingest.EXACT_FLOAT:
                raise errors.DataError(
                    f"{_where(group)}: customer ids are floats of 2^53 and more, where different ids look the same; "
                    "expected integers or text: export them as such"
                )


def load(folder: Path, shared: str, settings: Job) -> Reading:
    """Read what stage ``input`` left."""
    files = [Prepared.from_json(data, shared) for data in read_json(folder / _FILES)]
    return Reading(files=files, file_groups=ingest.group_files(files, settings))


def notes(reading: Reading, settings: Job) -> list[str]:
    """Say what a person should know: columns that are missing, bytes that could not be decoded."""
    missing = [
        f"no column holds the {name.replace('_', ' ')} in {_where(group)}: {meaning}"
        for name, meaning in _WITHOUT.items()
        if (group := next((one for one in reading.file_groups if name not in one.columns), None))
    ]
    if any(group.by_amount for group in reading.file_groups):
        if settings.features.returns == "net":
            raise errors.DataError(
                'lines say their amount, not quantity and price: expected both for features.returns = "net"'
            )
        missing.append(
            "lines say their amount, not quantity and price: there are no features item_count and mean_basket_items"
        )
    return [*missing, *_named_twice(reading), *(note for file in reading.files for note in file.notes)]


def _named_twice(reading: Reading) -> list[str]:
    twice = [file.source for file in reading.files if file.source.other_names]
    if not twice:
        return []
    number = "1 file was" if len(twice) == 1 else f"{len(twice):,} files were"
    return [
        f"{number} named more than once, such as {twice[0].name} as {errors.listing(twice[0].other_names)}: "
        "each is read once"
    ]


def assumptions(reading: Reading, settings: Job) -> list[str]:
    """Say what nobody asked for and was found by looking."""
    said = []
    for group in reading.file_groups:
        by_name = group.columns.items()
        found = {
            name: column
            for name, column in by_name
            if name not in settings.columns and name not in group.fallbacks
        }
        if found:
            names = ", ".join(f"{name} = {column!r}" for name, column in found.items())
            said.append(f"assumed in {_where(group)}: {names}")
    encodings = {file.encoding for file in reading.files} - {"", "utf-8"}
    if encodings and not settings.input.encoding:
        said.append(f"found by looking: text in {errors.listing(encodings)}")
    return said


def _where(group: FileGroup) -> str:
    others = len(group.files) - 1
    return group.files[0].source.name + (f" and {others:,} more" if others else "")


def understand(reading: Reading, settings: Job, *, latest: int, every: bool) -> list[Formats]:
    """Decide how each group of files writes its dates and numbers.

    Parameters
    ----------
    reading : Reading
    settings : segcore.job.Job
    latest : int
        Seconds since 1970; later dates cannot be read.
    every : bool
        Look at every line. Without it, some lines of some files do where nothing in them can be read in two ways.

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    found = []
    last_year = time.gmtime(min(latest, _END_OF_TIME)).tm_year
    for group in reading.file_groups:
        sample = value_patterns.count(_sample(reading, group), group, last_year=last_year)
        seen = None if every else _collect(sample)
        if seen is None or not formats.is_settled(seen, settings.input):
            tasks = [(part, last_year) for part in task_groups(group)]
            seen = value_patterns.add_up(engine.run_tasks(_patterns, tasks, label="patterns"))
        found.append(formats.decide(seen, group, settings.input))
    return found


def task_groups(group: FileGroup) -> Iterator[FileGroup]:
    """Split a group of files into tasks: one on a laptop, a few for each worker of a cluster."""
    for files in engine.batches(group.files, lambda file: file.source.size):
        yield replace(group, files=tuple(files))


def _patterns(task: tuple[FileGroup, int]) -> pl.DataFrame:
    group, last_year = task
    return _collect(value_patterns.count(ingest.scan(group), group, last_year=last_year))


def _sample(reading: Reading, group: FileGroup) -> pl.LazyFrame:
    step = -(-len(group.files) // _SAMPLE_FILES)
    some = [*group.files[::step], group.files[-1]]
    return pl.concat(
        reading.scan(replace(group, files=(file,))).head(_SAMPLE_LINES) for file in dict.fromkeys(some)
    )


def _collect(lf: pl.LazyFrame) -> pl.DataFrame:
    with ingest.readable():
        return lf.collect(engine="streaming")
