"""One JSON file of a run, read and written: its version, and what is said when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

import polars as pl
from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from segcore import errors, storage

FORMAT_VERSION = 2
"""Of all files of a run. Since 2 profile.parquet has the segments alone. Files without one are of version 0, which had the
keys of 1."""

K = TypeVar("K")
V = TypeVar("V")
Pairs = Annotated[
    dict[K, V], BeforeValidator(dict), PlainSerializer(lambda known: [*map(list, known.items())])
]
"""A mapping that a file holds as pairs, since JSON knows no keys but text."""


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """A JSON file of a run; the fields of a subclass are its keys."""

    FILE: ClassVar[str]
    """Its name in the run's folder."""


File = TypeVar("File", bound=RunFile)


def read(kind: type[File], run: storage.Place) -> File:
    """Read a file of a run.

    Parameters
    ----------
    kind : type
        A subclass of :class:`RunFile`.
    run : path or URL

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the file is not there, is damaged, or has a format that this version cannot read.
    """
    place = storage.join(run, kind.FILE)
    with readable(place):
        state = storage.read_json(place)
        version = state.get("format_version", 0)
        if version > FORMAT_VERSION:
            raise errors.InputNotFoundError(
                f"{place}: written by {_writer(state)} in format {version}, and this version reads formats up to "
                f"{FORMAT_VERSION}; use {_writer(state)} or later"
            )
        try:
            content: File = _adapter(kind).validate_python(state)
        except ValidationError as exc:
            if version == FORMAT_VERSION:
                raise
            raise errors.InputNotFoundError(
                f"{place}: written by {_writer(state)} in format {version}, which this version cannot read "
                f"({_first(exc)}); make the run again with this version"
            ) from exc
    return content


def read_optional(kind: type[File], run: storage.Place) -> File | None:
    """Read a file that not every run has; None where it is not there."""
    return read(kind, run) if storage.exists(storage.join(run, kind.FILE)) else None


def write(run: storage.Place, content: RunFile) -> None:
    """Write a file of a run, whole or not at all."""
    state = _adapter(type(content)).dump_python(content, mode="json", by_alias=True)
    storage.write_json(storage.join(run, content.FILE), {"format_version": FORMAT_VERSION} | state)


@contextmanager
def readable(place: storage.Place) -> Iterator[None]:
    """Turn what is wrong with a file of a run into an error for people, whichever library met it.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If it is not there or damaged.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise errors.InputNotFoundError(f"{place}: not there; the run is not whole, make it again") from exc
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, pl.exceptions.PolarsError) as exc:
        what = _first(exc) if isinstance(exc, ValidationError) else str(exc).partition("\n")[0]
        raise errors.InputNotFoundError(f"{place}: damaged ({what}); make the run again") from exc


def _first(exc: ValidationError) -> str:
    """Return the first thing that is wrong, such as ``identity.next_segment: field required``."""
    error = exc.errors()[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _writer(state: dict[str, Any]) -> str:
    """Return which version wrote a file, as far as it says it: a manifest does."""
    versions = state.get("versions")
    known = versions.get("segcore") if isinstance(versions, dict) else None
    return "another version of segcore" if known is None else f"segcore {known}"


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
