"""One run at a time: a lock on a file that ends with its holder, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from segcore import errors

_TAKEN = (errno.EACCES, errno.EAGAIN)


@contextmanager
def lock(
    path: Path,
    *,
    of: Path | str | None = None,
    wait: bool = False,
    log: Callable[[str], None] = lambda text: None,
) -> Iterator[None]:
    """Hold the lock on a file.

    The kernel lets go of it when the holder dies. The file says who holds it and is empty after a clean end, so
    that the next holder can tell that the last one died.

    Parameters
    ----------
    path : Path
        Created where it is not there, with its folders; whoever holds the lock may remove it.
    of : path or URL, optional
        What it protects; the file's folder by default.
    wait : bool
        Wait for the other holder to end.
    log : callable
        Called with a message that it waits, or that the last holder died.

    Raises
    ------
    segcore.errors.BusyError
        If another process holds it and `wait` is false.
    segcore.errors.OutputError
        If the file system has no locks.
    """
    file = _open(path, of or path.parent, wait, log)
    with file:
        if dead := file.read().strip():
            log(f"the last run ({dead}) died before it could clean up")
        _write(file, f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%F %T} UTC")
        try:
            yield
        finally:
            _write(file, "")


def _open(path: Path, of: Path | str, wait: bool, log: Callable[[str], None]) -> TextIO:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as exc:  # below /proc, say
            raise errors.OutputError(
                f"{path.parent}: cannot be made: {exc.strerror}; choose another --out"
            ) from exc
        if os.path.lexists(path) and not path.is_file():
            raise errors.OutputError(
                f"{path}: is no regular file, as a lock has to be; remove it, or choose another --out"
            )
        file = open(path, "a+", encoding="utf-8", errors="replace")  # noqa: SIM115 - handed to the caller, who closes it
        try:
            _take(file, path, of, wait, log)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    file.seek(0)
                    return file
        except BaseException:
            file.close()
            raise
        file.close()  # a run that left nothing behind removed it while we waited: begin again


def _take(file: TextIO, path: Path, of: Path | str, wait: bool, log: Callable[[str], None]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except OSError as exc:
        if exc.errno not in _TAKEN:
            raise errors.OutputError(
                f"{path}: the file system cannot lock it: {exc.strerror}; choose another --out"
            ) from exc
        file.seek(0)
        holder = file.read().strip() or "another process"
        if not wait:
            raise errors.BusyError(
                f"{of}: another run is at work there ({holder}); try again when it has ended, or use --wait"
            ) from exc
    log(f"waiting for another run ({holder})")
    fcntl.flock(file, fcntl.LOCK_EX)


def _write(file: TextIO, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
