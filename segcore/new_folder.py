"""A folder that is new and whole, or not there at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from segcore.errors import OutputError, StorageError


@contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """Give a folder to work in from which what is whole is renamed to `out`; it is gone afterwards, whatever happens.

    Raises
    ------
    segcore.errors.OutputError
        If `out` is there and not an empty folder, or cannot be created.
    segcore.errors.StorageError
        If the disk is full or writing fails.
    """
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} is there already and not an empty folder: choose another or remove it")
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as exc:
        raise OutputError(f"cannot create {exc.filename or out}: {exc.strerror or exc}") from exc
    try:
        yield scratch
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise StorageError(f"writing {out} failed: {exc}") from exc
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
