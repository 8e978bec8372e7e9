"""Files on a disk that are whole or absent, and the errors where it does not play along."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segcore import errors

# An engine wraps the operating system's error in an error of its own: then the text is all that is left.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXT = tuple(os.strerror(number) for number in _FULL)
_BROKEN_TEXT = os.strerror(errno.EIO)
_NO_OUTPUT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


@contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Turn what the operating system reports of a path into an error for people.

    Raises
    ------
    segcore.errors.OutputError
        If the path cannot be created or written.
    segcore.errors.StorageError
        If the disk is full or fails.
    """
    try:
        with disk_failures(path):
            yield
    except OSError as exc:
        if exc.errno in _NO_OUTPUT:
            raise errors.OutputError(
                f"{path}: cannot be written: {exc.strerror}; choose another --out"
            ) from exc
        raise


@contextmanager
def disk_failures(path: Path | str) -> Iterator[None]:
    """Turn a full or broken disk into an error for people, whichever library met it.

    Raises
    ------
    segcore.errors.StorageError
        If the disk is full or fails.
    """
    try:
        yield
    except errors.StorageError:
        raise
    except Exception as exc:
        number, text = getattr(exc, "errno", None), str(exc)
        if number in _FULL or any(full in text for full in _FULL_TEXT):
            raise errors.StorageError(
                f"{path}: the disk is full; make room and run the same command again, it goes on from here"
            ) from exc
        if number == errno.EIO or _BROKEN_TEXT in text:
            raise errors.StorageError(
                f"{path}: reading or writing failed ({_BROKEN_TEXT}); check the disk and run the same command again"
            ) from exc
        raise


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change when any of the parts does."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a half."""
    temporary = path.with_name(f".{path.name}.part")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def tree_bytes(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: what a power cut leaves of a rename depends on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Bring a folder, its folders and all their files to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)
