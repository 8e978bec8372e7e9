"""Folders below TMPDIR that are a process's own: for what lies in an object store and is worked on here."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segcore import errors
from segcore.storage import places

_LOCK = ".lock"


def private_base() -> Path:
    """Return this user's folder below TMPDIR, made where it is not there.

    Raises
    ------
    segcore.errors.OutputError
        If somebody else made it: what is written there is customers' data.
    """
    base = Path(tempfile.gettempdir(), f"segcore-{os.getuid()}")
    try:
        base.mkdir(mode=places.PRIVATE, exist_ok=True)
        status = base.lstat()
    except OSError as exc:
        raise errors.OutputError(
            f"{base}: cannot be made: {exc.strerror}; set TMPDIR to another folder"
        ) from exc
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or base.is_symlink():
        raise errors.OutputError(
            f"{base}: is not private to this user; remove it, or set TMPDIR to another folder"
        )
    return base


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards; those of processes that died are swept first."""
    base = private_base()
    with open(base / _LOCK, "w") as sweeping:
        fcntl.flock(sweeping, fcntl.LOCK_EX)
        for entry in base.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                _sweep(entry)
        folder = Path(tempfile.mkdtemp(dir=base))
        own_lock = open(folder / _LOCK, "w")  # noqa: SIM115 - held as long as the folder
        fcntl.flock(own_lock, fcntl.LOCK_EX)
    with own_lock:
        try:
            inner = folder / "files"
            inner.mkdir(mode=places.PRIVATE)
            yield inner
        finally:
            places.remove(folder)


def _sweep(folder: Path) -> None:
    """Remove the folder of a process that is no longer there: the kernel let go of its lock."""
    if not (folder / _LOCK).exists():
        with suppress(OSError):  # somebody else's, or one whose process died at once
            folder.rmdir()
        return
    with open(folder / _LOCK, "a") as own_lock:
        try:
            fcntl.flock(own_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        places.remove(folder)
