"""What goes wrong while a source is read, told apart: a file that is gone, one that is damaged, and everything else.

Only what is known to be a file's fault is worded here. Any other exception passes: it is a fault of the program, and is
reported as one.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from segcore import errors
from segcore.failures import first_line, is_damage
from segcore.stores import engine_errors

_OF_READERS = (OSError, EOFError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


@contextmanager
def broken_file(path: str) -> Iterator[None]:
    """Turn what goes wrong while a file is read into one line.

    Raises
    ------
    segcore.errors.DataError
        If the file breaks off or is damaged.
    segcore.errors.InputNotFoundError
        If it is gone, or may not be read.
    segcore.errors.UnreachableError
        If it is in a store that does not answer.
    """
    try:
        with engine_errors():
            yield
    except (FileNotFoundError, PermissionError) as exc:
        raise errors.InputNotFoundError(
            f"{path}: cannot be read: {exc.strerror or first_line(exc)}; was it moved?"
        ) from exc
    except pl.exceptions.DuplicateError as exc:
        raise errors.DataError(f"{path}: {first_line(exc)}; write the file with each name once") from exc
    except _OF_READERS as exc:
        if getattr(exc, "errno", None) is not None or not is_damage(exc):
            raise  # a disk that fails or is full is another matter
        raise errors.DataError(
            f"{path}: the file is damaged or breaks off: {first_line(exc)}; fetch or export it again"
        ) from exc


@contextmanager
def readable() -> Iterator[None]:
    """Turn what Polars reports of a source into one line, where the source is collected.

    Raises
    ------
    segcore.errors.DataError
        If a file breaks off or is not what its name says.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    try:
        with engine_errors():
            yield
    except FileNotFoundError as exc:
        raise errors.InputNotFoundError(f"{first_line(exc)}: was a file moved while it was read?") from exc
    except _OF_READERS as exc:
        if getattr(exc, "errno", None) not in (None, errno.ENOENT) or not is_damage(exc):
            raise
        raise errors.DataError(
            f"the input cannot be read: {first_line(exc)}; fetch or export it again"
        ) from exc
