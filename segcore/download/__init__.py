"""The Online Retail data set, fetched from its archive, checked by what it holds, and written as Parquet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segcore.download.archive import unpack
from segcore.download.content import EXPECTED, Contents, check, read, write
from segcore.download.fetching import fetch
from segcore.errors import DataError, OutputError, StorageError

__all__ = ["EXPECTED", "ONLINE_RETAIL", "Contents", "Download", "download"]

# What the data set's page links to; it stays when the archive's own storage moves.
ONLINE_RETAIL = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"


@dataclass(frozen=True, kw_only=True)
class Download:
    """Where the data set lies: one Parquet file a month in `folder`."""

    folder: Path
    paths: tuple[Path, ...]
    contents: Contents


def download(
    out: Path, *, url: str = ONLINE_RETAIL, timeout: float = 60.0, expected: Contents = EXPECTED
) -> Download:
    """Fetch the archive, check what it holds, and write one Parquet file a month.

    What was fetched before the connection broke is kept beside `out` and gone on with by the next call. Proxies
    are those of the environment (``https_proxy``, ``no_proxy``).

    Parameters
    ----------
    out : Path
        Folder for the files; new or empty.
    url : str
    timeout : float
        Seconds that the server may be silent.
    expected : Contents

    Raises
    ------
    segcore.errors.UnreachableError
        If the server does not answer, refuses, or breaks off again and again.
    segcore.errors.DataError
        If what comes is no such archive, or holds something else than expected.
    segcore.errors.OutputError
        If `out` is there already, or cannot be created.
    segcore.errors.StorageError
        If the disk is full or writing fails.
    """
    partial = out.with_name(f"{out.name}.zip.partial")
    with _scratch(out) as scratch:
        fetch(url, partial, timeout=timeout)
        try:
            df = read(unpack(partial, scratch / "archive"))
            check(df, expected)
        except DataError:
            partial.unlink()  # going on with it would not help
            raise
        made = scratch / "made"
        made.mkdir()
        names = write(df, made)
        if out.exists():
            out.rmdir()
        made.rename(out)
        partial.unlink()
    return Download(folder=out, paths=tuple(out / name for name in names), contents=expected)


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that is gone afterwards, whatever happens."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already and not an empty folder: choose another or remove it")
    try:
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
