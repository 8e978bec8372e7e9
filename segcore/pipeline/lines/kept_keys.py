"""What decides how a file's lines are read, as one text: what was kept of a file counts for as long as that stays the same."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from segcore import engine, errors
from segcore.ingest import FileGroup, Formats, Prepared, Source
from segcore.job import Job
from segcore.stores import is_url

_ENDS = 1 << 16  # bytes of a file's head, and of its tail
# What comes behind the lines, or is asked again in each run: the clock, the window, how much is told of the rejects.
_LATER_TABLES = (
    *("rfm", "extra", "matrix", "models", "stability", "selection", "structure_test"),
    *("look_back", "outlook", "lineage", "drift", "gate", "report"),
)
_LATER_KEYS = {
    "input": {"incremental", "latest"},
    "cleaning": {"rejects", "max_reject_share"},
    "customers": {"map"},
    "features": {"as_of", "window", "window_from", "returns", "rows_per_file", "without"},
}
# Code that turns files into lines of buckets, and these into customers: any change of it reads everything anew.
_CODE = ("ingest", "lines", "expressions", "job", "pipeline/lines", "pipeline/customers")


def check(settings: Job) -> None:
    """Refuse a job in which what becomes of a file depends on others, or of which nothing can be kept.

    Raises
    ------
    segcore.errors.JobError
        With the key.
    """
    rules, window = settings.cleaning, settings.features
    discounts = [key for key in ("discount_lines", "discount_products") if getattr(rules, key)]
    reasons = {
        "input.fill_from fills lines from others": bool(settings.input.fill_from),
        "[[join]] gives lines columns of other tables": bool(settings.join),
        'cleaning.rejects = "all" writes the texts of all files': rules.rejects == "all",
        f"cleaning.{', '.join([*discounts, *rules.order_discounts])} with a window (features.window or window_from) looks at orders that "
        "begin before it": rules.takes_off_orders and bool(window.window or window.window_from),
    }
    if reason := next((text for text, applies in reasons.items() if applies), ""):
        raise errors.JobError(
            f"input.incremental (--incremental) keeps what each file became by itself, and {reason}: leave one of the two out"
        )


def of_sources(sources: Sequence[Source], settings: Job, memory: int) -> list[str]:
    """Return for each file what its preparation depends on."""
    common = _digest({"input": _of_input(settings), "memory": memory, **versions()})
    return [
        _digest({"common": common, "file": _identity(source), "called": source.name}) for source in sources
    ]


def of_patterns(groups: Sequence[FileGroup], settings: Job, *, last_year: int) -> dict[int, str]:
    """Return for each file, by its number, what the patterns of its values depend on."""
    common = {"input": _of_input(settings), "last_year": last_year, **versions()}
    return {
        file.number: _digest({"common": common, "group": _of_group(group), "file": _of_file(file)})
        for group in groups
        for file in group.files
    }


def of_lines(
    groups: Sequence[FileGroup], formats: Sequence[Formats], settings: Job, *, ids: str
) -> dict[int, str]:
    """Return for each file, by its number, what its lines in the buckets depend on."""
    dump = settings.model_dump(exclude={**dict.fromkeys(_LATER_TABLES, True), **_LATER_KEYS})
    common = _digest({"job": dump, "ids": _of_ids(ids), **versions()})
    return {
        file.number: _digest(
            {"common": common, "group": _of_group(group), "formats": asdict(own), "file": _of_file(file)}
        )
        for group, own in zip(groups, formats, strict=True)
        for file in group.files
    }


def of_customers(settings: Job, more: Mapping[str, Any]) -> str:
    """Return what customers depend on beside their lines and the periods that they are looked at in."""
    cleaning = settings.cleaning.model_dump(exclude={"max_reject_share"})
    features = settings.features.model_dump(exclude=_LATER_KEYS["features"])
    return _digest({"cleaning": cleaning, "features": features, **more, **versions()})


def _of_input(settings: Job) -> dict[str, Any]:
    return settings.input.model_dump(exclude=_LATER_KEYS["input"])


def _of_group(group: FileGroup) -> dict[str, Any]:
    return {
        "columns": group.columns,
        "types": [_as_text(types) for types in (group.dtypes, group.types, group.carried)],
        "nulls": group.null_texts,
        "discounts": group.discounts,
        "currency": group.currency,
    }


def _as_text(types: Any) -> list[str]:
    return sorted(f"{name} {dtype}" for name, dtype in types.items())


def _of_file(file: Prepared) -> dict[str, Any]:
    facts = asdict(file)
    for passing in ("number", "source", "path", "notes"):
        del facts[passing]
    return {"source": _identity(file.source), "copy": file.is_copy, **facts}


def _identity(source: Source) -> list[Any]:
    return [*(source.path, source.member, source.size, source.modified, source.partition), _ends(source.path)]


def _ends(path: str) -> str:
    """Return a digest of the head and the tail of a file, which tell most changes that left its size and its time.

    A store sets the time of an object itself, so that nothing is asked of it.
    """
    if is_url(path):
        return ""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            digest.update(file.read(_ENDS))
            file.seek(max(_ENDS, os.fstat(file.fileno()).st_size - _ENDS))
            digest.update(file.read(_ENDS))
    except OSError as exc:
        raise errors.InputNotFoundError(f"{path}: cannot be read: {exc.strerror}") from exc
    return digest.hexdigest()


def _of_ids(ids: str) -> str:
    """Return a digest of the map of ids, whatever the order of its rows."""
    if not ids:
        return ""
    rows = pl.read_parquet(ids).sort("id").write_csv()
    return hashlib.sha256(rows.encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of what reads lines, a digest of segcore's own part in it, and hashes as this machine computes them."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted([*root.glob("*"), *(path for name in _CODE for path in (root / name).rglob("*"))]):
        if path.suffix in (".py", ".toml"):
            digest.update(path.read_bytes())
    hashes = [*pl.Series(["segcore", "", None]).hash(1), *pl.Series([0, 2**40, None]).hash(1)]
    return {**engine.versions(), "code": digest.hexdigest(), "hashes": str(hashes)}


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
