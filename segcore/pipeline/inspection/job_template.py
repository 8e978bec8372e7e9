"""A job file for an input that cannot be read yet: every column of its files, to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from segcore import engine, errors, ingest, job, schema, storage
from segcore.ingest import contents
from segcore.ingest.columns import flattened, other_money, recognise
from segcore.ingest.contents import Content
from segcore.job import Job

_MOST_LAYOUTS = 5
_WIDTH = 40  # of a column's line, so that the samples stand below each other
_NEEDED = "Needed: customer_id, ordered_at, and quantity with unit_price, or line_amount."


def write(inputs: Sequence[str | Path], settings: Job, path: Path, *, memory: int | None = None) -> bool:
    """Write a job file with the columns of an input's files; return whether there are any to write.

    Parameters
    ----------
    inputs : sequence of paths
    settings : segcore.job.Job
        What is known so far.
    path : Path
    memory : int, optional
        Budget in bytes.
    """
    try:
        with storage.private_folder() as scratch:
            files = ingest.prepare(
                ingest.discover(inputs)[:_MOST_LAYOUTS],
                settings.input,
                scratch,
                memory=memory or engine.default_budget(),
            )
            nulls = settings.input.null_texts
            layouts = {file.names: file for file in files}
            known = {file.source.name: contents.of_columns([file], nulls) for file in layouts.values()}
        lines = _columns(known, settings.columns)
    except errors.SegcoreError:  # what is wrong with the file itself is told already
        return False
    rest = settings.model_copy(update={"columns": {}})
    head, table = job.commented(rest).partition("\n[columns]\n")[::2]
    text = "\n".join([head, "", "[columns]", *lines, *table.splitlines()]) + "\n"
    with storage.disk_errors(path):
        storage.write_text(path, text)
    return True


def _columns(files: Mapping[str, Mapping[str, Content]], given: Mapping[str, str | list[str]]) -> list[str]:
    """Return the lines of the table: what a column of the first file is taken for, and all others as comments to fill in."""
    lines = [
        f"# What segcore calls a column = a column of the file. There are {', '.join(schema.LINE_NAMES)}.",
        f"# {_NEEDED}",
        "# Take away the # in front of a column of yours, and put what it is in place of the ?.",
        *(_entry(canonical, columns) for canonical, columns in given.items()),
    ]
    taken = {*flattened(given).values()}
    known: dict[str, str] = {}
    for place, (name, columns) in enumerate(files.items()):
        if not place:
            known = recognise([*columns], taken=taken, contents=columns)
        meant = {column: canonical for canonical, column in known.items() if canonical not in given}
        if {"quantity", "unit_price"} <= {*known, *given} or other_money(known, columns):
            meant.pop(known.get("line_amount", ""), None)
        lines.append(f"# {' '.join(name.split())}, its columns in their order, each with a value:")
        lines += [
            _line(column, content, "" if place else meant.get(column, ""))
            for column, content in columns.items()
        ]
    return lines


def _line(column: str, content: Content, canonical: str) -> str:
    text = _entry(canonical, column) if canonical else f"# {_entry('?', column)}".replace('"?"', "?", 1)
    sample = f"{content.example} {_kind(content)}" if content.given else "empty"
    return f"{text:<{_WIDTH}} # {''.join(c if c.isprintable() else ' ' for c in sample)}".rstrip()


def _kind(content: Content) -> str:
    """Return what may be meant, by the values."""
    if content.is_whole:
        return "(whole numbers)"
    if 10 * content.numbers >= 9 * content.given:
        return "(numbers)"
    return "(dates)" if 10 * content.dates >= 9 * content.given else ""


def _entry(canonical: str, column: str | list[str]) -> str:
    import tomli_w

    return tomli_w.dumps({canonical: column}).strip().replace("\n", " ")
