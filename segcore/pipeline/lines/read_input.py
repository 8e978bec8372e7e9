"""Stage ``input``: every source looked through, its columns assigned, its dates and numbers understood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path

from segcore import engine, errors, ingest
from segcore.ingest import Prepared, Source, known_systems
from segcore.job import Input
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import input_notes, join_tables, kept_facts, repartition
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.storage import copy, private_folder, read_json, write_json
from segcore.stores import is_url

_FILES = "files.json"


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Sources to be looked through."""

    first: int
    sources: Sequence[Source]
    settings: Input
    folder: str
    memory: int


def prepare(run: RunContext) -> PreparedInput:
    """Stage ``input``: look through every source, warn of what is not there, and log what was assumed.

    Raises
    ------
    segcore.errors.DataError
        If a file is damaged or is no table, or a required column is not there.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    run.stage("input", partial(_prepare, run))
    return load(run)


def load(run: RunContext) -> PreparedInput:
    """Read what :func:`prepare` left."""
    folder = run.work.path("input")
    shared = run.work.shared(folder)
    return PreparedInput.of(
        [Prepared.from_json(data, shared) for data in read_json(folder / _FILES)], run.settings
    )


def _prepare(run: RunContext, folder: Path) -> int:
    settings = run.settings
    shared = run.work.shared(folder)  # copies of sources go where every worker sees them

    def look(sources: Sequence[Source]) -> list[Prepared]:
        parts = list(engine.batches(sources, lambda source: source.size))
        tasks = [
            _Task(first=first, sources=part, settings=settings.input, folder=shared, memory=run.plan.budget)
            for first, part in zip(accumulate(map(len, parts), initial=0), parts, strict=False)
        ]
        return [file for part in engine.run_tasks(_look, tasks, label="input") for file in part]

    if run.cache is None:
        files = look(run.plan.sources)
    else:
        files = kept_facts.looked_through(run.cache, run.plan.sources, settings, look, memory=run.plan.budget)
    if settings.join:
        files = _joined(files, run, shared)
    source = PreparedInput.of(files, settings)
    settings = source.settings
    input_notes.check_lines(source)
    input_notes.check_ids(source)
    for reason, names in ingest.by_reason(run.plan.unread).items():
        log = run.progress.log if reason in ingest.HARMLESS else run.progress.warn
        log(
            f"{len(names):,} file(s) of the input's folders are not read {reason}: {errors.listing(names, most=5)}"
        )
    for text in input_notes.notes(source, settings):
        run.progress.warn(text)
    if system := known_systems.sentence(*known_systems.of_files(source.files, run.settings)):
        run.progress.log(system)
    for text in input_notes.assumptions(source, settings):
        run.progress.log(text)
    write_json(folder / _FILES, [file.to_json(shared) for file in source.files])
    return source.n_lines


def _joined(files: list[Prepared], run: RunContext, shared: str) -> list[Prepared]:
    """Give the lines the columns of other tables."""
    return _written(
        shared,
        lambda folder: join_tables.joined(
            files, run.plan.joined, run.settings, folder, memory=run.plan.budget
        ),
    )


def _look(task: _Task) -> list[Prepared]:
    """Look through some sources, and write anew what cannot be read as it is."""
    return _written(
        task.folder,
        lambda folder: ingest.prepare(
            task.sources, task.settings, folder, memory=task.memory, first=task.first
        ),
    )


def _written(shared: str, make: Callable[[Path], list[Prepared]]) -> list[Prepared]:
    """Let copies be made where every worker sees them, in a folder that no other try writes to."""
    target = repartition.new_folder(shared)
    if not is_url(target):
        Path(target).mkdir(mode=0o700)
        return make(Path(target))
    with private_folder() as here:
        files = make(here)
        inside = f"{here}/"
        copy(here, target, [file.path.removeprefix(inside) for file in files if file.path.startswith(inside)])
    return [file.moved(str(here), target) for file in files]
