"""Files on a disk that are whole or absent, and the errors where it does not play along."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segcore import errors, failures
from segcore.cpus import available_cpus
from segcore.stores import is_url

_NO_ROOM = 1 << 16  # bytes: less than any engine writes at once
_NO_OUTPUT = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP),
)


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
        # A folder for it that cannot be made, such as one below /proc, is not there.
        above = exc.errno == errno.ENOENT and exc.filename and str(path).startswith(str(exc.filename))
        if exc.errno in _NO_OUTPUT or above:
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
    before = _identity(path)
    try:
        yield
    except errors.SegcoreError:
        raise
    except Exception as exc:
        if failures.is_full(exc) or _is_full(path):
            raise errors.StorageError(
                f"{path}: the disk is full; make room and run the same command again, it goes on from here"
            ) from exc
        if failures.is_broken(exc):
            raise errors.StorageError(
                f"{path}: reading or writing failed ({os.strerror(errno.EIO)}); check the disk and run the same command "
                "again"
            ) from exc
        if before is not None and before != _identity(
            path
        ):  # an engine may have made another one in its place
            raise errors.StorageError(
                f"{path}: is gone, removed by somebody else while the run was at work; run the same command again"
            ) from exc
        raise


def _identity(path: Path | str) -> tuple[int, int] | None:
    """Return which folder or file stands at a path; None where there is none."""
    try:
        status = None if is_url(path) else os.stat(path)
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


def _is_full(path: Path | str) -> bool:
    """Whether nothing can be written any more, whatever an engine made of it: some report a short write, or a broken file."""
    try:
        return not is_url(path) and shutil.disk_usage(path).free < _NO_ROOM
    except OSError:  # it is gone
        return False


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


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of files in a folder by name, several of them computed at a time."""
    given = list(names)
    with ThreadPoolExecutor(available_cpus()) as pool:
        return dict(zip(given, pool.map(lambda name: digest(folder / name), given), strict=True))


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
