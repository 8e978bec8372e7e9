"""Files: the workspace of a run, its stages and markers, and the publication of a finished run."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcore import errors

PRIVATE = 0o700  # rejects and features are personal data


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a path into an error for people.

    Raises
    ------
    segcore.errors.OutputError
        If the path cannot be created or written.
    segcore.errors.StorageError
        If the disk is full or fails.
    """
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            raise errors.OutputError(
                f"{path}: cannot be written: {exc.strerror}; choose another --out"
            ) from exc
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise errors.StorageError(
                f"{path}: the disk is full; make room and run the same command again, it goes on from here"
            ) from exc
        if exc.errno == errno.EIO:
            raise errors.StorageError(f"{path}: reading or writing failed: {exc.strerror}") from exc
        raise


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that change when any of the parts does."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never a half."""
    temporary = path.with_name(f".{path.name}.part")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_folder(path.parent)


def write_json(path: Path, data: Any) -> None:
    """Write plain values as indented JSON, atomically."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    _sync_folder(folder)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """``OUT/work/<fingerprint>``: the finished stages of a run that is not published yet.

    Attributes
    ----------
    out : Path
    folder : Path
    """

    out: Path
    folder: Path

    def finished(self, stage: str) -> bool:
        """Whether an earlier run has finished the stage."""
        return (self.folder / stage).is_dir()

    def path(self, stage: str) -> Path:
        """Return the folder of a finished stage."""
        return self.folder / stage

    @contextmanager
    def stage(self, name: str) -> Iterator[Path]:
        """Give a clean folder to write a stage into; its final name is the mark that it is done.

        Everything is on disk before the name changes, so a power cut leaves a whole stage or none. A stage
        that was finished before is made again.
        """
        part = self.folder / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        with disk_errors(self.folder):
            part.mkdir(mode=PRIVATE)
            yield part
            _sync_tree(part)
            shutil.rmtree(self.folder / name, ignore_errors=True)
            os.replace(part, self.folder / name)
            _sync_folder(self.folder)

    def publish(self, stage: str, run_id: str) -> Path:
        """Move a finished stage to ``OUT/runs/<run_id>`` and point ``latest.json`` at it.

        Returns
        -------
        Path
            The run's folder.
        """
        with disk_errors(self.out):
            runs = self.out / "runs"
            runs.mkdir(mode=PRIVATE, exist_ok=True)
            run = runs / run_id
            os.replace(self.folder / stage, run)
            _sync_folder(runs)
            write_json(self.out / "latest.json", {"run": f"runs/{run_id}"})
        shutil.rmtree(self.out / "work", ignore_errors=True)
        return run


@contextmanager
def workspace(out: Path, mark: str) -> Iterator[Workspace]:
    """Open the workspace of a fingerprint, alone on `out` while it is open.

    What other fingerprints left there is swept: their input or job has changed. Where `out` did not exist and
    nothing was published or finished, nothing is left behind.

    Raises
    ------
    segcore.errors.BusyError
        If another run holds `out`.
    segcore.errors.OutputError
        If `out` cannot be created.
    """
    created = [folder for folder in (out, *out.parents) if not folder.exists()]
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        work = out / "work"
        work.mkdir(mode=PRIVATE, exist_ok=True)
        folder = work / mark
        try:
            with _lock(out / ".lock"):
                _sweep(work, keep=mark)
                folder.mkdir(mode=PRIVATE, exist_ok=True)
                yield Workspace(out=out, folder=folder)
        finally:
            _leave_no_empty_folders([folder, work], out / ".lock", created)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "w", encoding="ascii") as file:
        try:
            # The kernel lets go of the lock when its holder dies, however it dies.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise errors.BusyError(
                f"{path.parent}: another run is at work there; try again when it has ended"
            ) from exc
        yield


def _sweep(work: Path, *, keep: str) -> None:
    for entry in work.iterdir():
        if entry.name != keep:
            shutil.rmtree(entry, ignore_errors=True)
    for part in (work / keep).glob("*.part"):
        shutil.rmtree(part, ignore_errors=True)


def _leave_no_empty_folders(work: list[Path], lock: Path, created: list[Path]) -> None:
    for part in work[0].glob("*.part"):
        shutil.rmtree(part, ignore_errors=True)
    for folder in work:
        _remove_if_empty(folder)
    if created and not any(path != lock for path in lock.parent.iterdir()):
        lock.unlink(missing_ok=True)
        for folder in created:
            _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
