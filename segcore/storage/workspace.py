"""The workspace of a run: stages that are whole or absent, and the publication of what they made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from segcore import errors
from segcore.storage.files import (
    disk_errors,
    disk_failures,
    read_json,
    sync_folder,
    sync_tree,
    write_json,
)
from segcore.storage.lock import lock

PRIVATE = 0o700  # rejects and features are personal data
_PART = ".part"  # what is half written, or half removed: never read, swept by the next start


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """``OUT/work/<fingerprint>``: the finished stages of a run that is not published yet.

    Attributes
    ----------
    out : Path
    folder : Path
    begun : datetime
        When the first start of this run read the clock; a start that goes on has the same.
    """

    out: Path
    folder: Path
    begun: datetime

    def finished(self, stage: str) -> bool:
        """Whether this start or an earlier one has finished the stage."""
        return (self.folder / stage).is_dir()

    def path(self, stage: str) -> Path:
        """Return the folder of a finished stage."""
        return self.folder / stage

    def shared(self, path: Path) -> str:
        """Return where every worker of a cluster sees a file or folder of a stage: a path, or a URL.

        What a worker writes below ``shared(folder)`` while a stage goes on belongs to that stage as what is written
        into `folder` does; once the stage is finished it is found below ``shared(work.path(name))``.

        Parameters
        ----------
        path : Path
            In the folder that :meth:`stage` gave, or that :meth:`path` returned.
        """
        return str(path)

    @contextmanager
    def stage(self, name: str) -> Iterator[Path]:
        """Give a clean folder to write a stage into; its final name is the mark that it is done.

        Everything is on disk before the name changes, so a power cut leaves a whole stage or none. A stage
        that was finished before is made again.

        Raises
        ------
        segcore.errors.StorageError
            If the disk is full or fails, whatever library met it.
        """
        part = self.folder / (name + _PART)
        _remove(part)
        with disk_failures(self.folder):
            part.mkdir(mode=PRIVATE)
            yield part
            sync_tree(part)
            _remove(self.folder / name)
            os.replace(part, self.folder / name)
            sync_folder(self.folder)

    def run(self, run_id: str) -> Path:
        """Return where a run lies once it is moved there."""
        return self.out / "runs" / run_id

    def move(self, stage: str, run_id: str) -> Path:
        """Move a finished stage to ``OUT/runs/<run_id>``, unless an earlier start has, and return that folder.

        ``latest.json`` does not name it yet.
        """
        run = self.run(run_id)
        if not run.is_dir():
            with disk_errors(self.out):
                run.parent.mkdir(mode=PRIVATE, exist_ok=True)
                sync_folder(self.out)
                os.replace(self.folder / stage, run)
                sync_folder(run.parent)
        return run

    def point_to(self, run_id: str) -> None:
        """Let ``latest.json`` name a run that was moved: from here on it is the published one."""
        with disk_errors(self.out):
            write_json(self.out / "latest.json", {"run": f"runs/{run_id}"})

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest runs, never the one that ``latest.json`` names.

        Returns
        -------
        list of str
            The removed runs' ids.
        """
        latest = self.out / "latest.json"
        named = Path(read_json(latest)["run"]).name if latest.is_file() else ""
        runs = sorted((path.parent for path in self.out.glob("runs/*/manifest.json")), reverse=True)
        old = [run for run in runs[keep:] if run.name != named]
        for run in old:
            # Out of the readers' sight at once: nobody sees a run that is half removed.
            os.replace(run, self.folder / (run.name + _PART))
            _remove(self.folder / (run.name + _PART))
        return [run.name for run in old]

    def clear(self) -> None:
        """Remove all stages, and the clock, at once for whoever starts next."""
        gone = self.folder.with_name(self.folder.name + _PART)
        _remove(gone)
        os.replace(self.folder, gone)
        _remove(gone)


@contextmanager
def workspace(
    out: Path,
    mark: str | Callable[[], str],
    *,
    resume: bool = True,
    wait: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Workspace]:
    """Open the workspace of a fingerprint, alone on `out` while it is open.

    What other fingerprints left there is swept: their input or job has changed. Where `out` did not exist and
    nothing was published or finished, nothing is left behind.

    Parameters
    ----------
    out : Path
    mark : str or callable
        The fingerprint, or what returns it, asked when nobody else is at work on `out`.
    resume : bool
        Go on from the stages that an earlier start finished.
    wait : bool
        Wait for another run on `out` to end.
    say : callable
        Told what was found there.

    Raises
    ------
    segcore.errors.BusyError
        If another run holds `out`.
    segcore.errors.OutputError
        If `out` cannot be created.
    segcore.errors.StorageError
        If the disk is full or fails.
    """
    created = [folder for folder in (out, *out.parents) if not folder.exists()]
    with _alone(out, created, wait=wait, say=say):
        work = out / "work"
        fingerprint = mark if isinstance(mark, str) else mark()
        try:
            with disk_errors(out):
                space = _begin(out, work, fingerprint, resume)
            with disk_failures(out):
                yield space
        except (errors.DataError, errors.JobError):
            # The same input and job would end so again: there is nothing to go on with.
            _remove(work / fingerprint)
            raise
        finally:
            _tidy(work)


@contextmanager
def _alone(out: Path, created: list[Path], *, wait: bool, say: Callable[[str], None]) -> Iterator[None]:
    path = out / ".lock"
    with ExitStack() as held:
        with disk_errors(out):
            held.enter_context(lock(path, wait=wait, say=say))
        try:
            yield
        finally:
            # While the lock is held, so that nobody loses a folder that they have just begun to use.
            if created and {entry.name for entry in out.iterdir()} == {path.name}:
                path.unlink()
                for folder in created:
                    _remove_if_empty(folder)


def _begin(out: Path, work: Path, mark: str, resume: bool) -> Workspace:
    folder = work / mark
    work.mkdir(mode=PRIVATE, exist_ok=True)
    for entry in work.iterdir():
        if entry != folder or not resume:
            _remove(entry)
    for part in folder.glob("*" + _PART):
        _remove(part)
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    clock = folder / "begun.json"
    if not clock.is_file():
        write_json(clock, {"begun": datetime.now(UTC).isoformat(timespec="seconds")})
    return Workspace(out=out, folder=folder, begun=datetime.fromisoformat(read_json(clock)["begun"]))


def _tidy(work: Path) -> None:
    """Remove what is half written, and a workspace without a finished stage."""
    for folder in work.glob("*"):
        for part in folder.glob("*" + _PART):
            _remove(part)
        if not any(entry.is_dir() for entry in folder.glob("*")):
            _remove(folder)
    _remove_if_empty(work)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
