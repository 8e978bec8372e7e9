"""The workspace of a run: stages that are whole or absent, and the publication of the run."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from segcore.storage import places
from segcore.storage.files import disk_errors, disk_failures, sync_folder, sync_tree
from segcore.storage.places import Place
from segcore.storage.runs import finished_runs, is_finished, latest_run, run_place
from segcore.stores import is_url

PART = ".part"  # what is half written, or half removed: never read, swept by the next start
CLOCK = "begun.json"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The finished stages of a run that is not published yet.

    They lie in a folder that lasts (``OUT/work/<fingerprint>``), or in an object store with a folder of this process
    beside it. In a store a stage is what is named ``<stage>/...``, and ``<stage>.json``, written last, marks it as
    done and names those of its files that are copied here when they are needed; others are for those who read the store.

    Attributes
    ----------
    out : Path or str
        Where runs are published; a str is a URL.
    folder : Path
    begun : datetime
        When the first start of this run read the clock; a start that resumes has the same.
    store : str or None
        URL of the stages, where they lie in a store.
    """

    out: Place
    folder: Path
    begun: datetime
    store: str | None = None

    def finished(self, stage: str) -> bool:
        """Whether this start or an earlier one has finished the stage."""
        return (self.folder / stage).is_dir() or (self.store is not None and places.exists(self._mark(stage)))

    def path(self, stage: str) -> Path:
        """Return the folder of a finished stage; its files are copied here from a store that has them."""
        folder = self.folder / stage
        if self.store is not None and not folder.is_dir():
            part = self.folder / (stage + PART)
            places.remove(part)
            with disk_failures(self.folder):
                part.mkdir(mode=places.PRIVATE)
                places.copy(places.join(self.store, stage), part, self._files(stage))
                os.replace(part, folder)
        return folder

    def shared(self, path: Path) -> str:
        """Return where every worker of a cluster sees a file or folder of a stage: a path, or a URL.

        What a worker writes below ``shared(folder)`` while a stage is written belongs to that stage as what is written
        into `folder` does; once the stage is finished it is found below ``shared(work.path(name))``.

        Parameters
        ----------
        path : Path
            In the folder that :meth:`stage` gave, or that :meth:`path` returned.
        """
        if self.store is None:
            return str(path.absolute())  # a worker may stand in another folder
        stage, *names = path.relative_to(self.folder).parts
        return str(places.join(self.store, stage.removesuffix(PART), *names))

    @contextmanager
    def stage(self, name: str) -> Iterator[Path]:
        """Give a clean folder to write a stage into; its final name is the mark that it is done.

        Everything is on disk before the name changes, so a power cut leaves a whole stage or none. In a store the
        files come first and the mark last. A stage that was finished before is written again.

        Raises
        ------
        segcore.errors.StorageError
            If the disk is full or fails, whatever library met it.
        segcore.errors.UnreachableError
            If the store does not answer.
        """
        part = self.folder / (name + PART)
        places.remove(part)
        if self.store is not None:
            places.remove(self._mark(name))
            places.remove(places.join(self.store, name))
        with disk_failures(self.folder):
            part.mkdir(mode=places.PRIVATE)
            yield part
            if self.store is None:
                sync_tree(part)
            else:
                names = places.list_files(part)
                places.copy(part, places.join(self.store, name), names)
                places.write_json(self._mark(name), {"files": names})
            places.remove(self.folder / name)
            os.replace(part, self.folder / name)
            sync_folder(self.folder)

    def has_run(self, stage: str, run_id: str) -> bool:
        """Whether the stage that makes a run is finished, or the run has been moved to its place already."""
        return self.finished(stage) or is_finished(self.out, run_id)

    def move(self, stage: str, run_id: str) -> Place:
        """Move a finished stage to ``OUT/runs/<run_id>``, unless an earlier start has, and return that place.

        ``latest.json`` does not name it yet. A folder gets its name when it is whole; in a store the manifest comes
        last.
        """
        run = run_place(self.out, run_id)
        if is_finished(self.out, run_id):
            return run
        if is_url(run):
            source = self.folder / stage if self.store is None else places.join(self.store, stage)
            places.copy(source, run, [name for name in self._files(stage) if name != "manifest.json"])
            places.copy(source, run, ["manifest.json"])
        else:
            self._move_folder(self.path(stage), Path(run))
        return run

    def _move_folder(self, source: Path, run: Path) -> None:
        out = run.parent.parent
        with disk_errors(out):
            run.parent.mkdir(mode=places.PRIVATE, exist_ok=True)
            sync_folder(out)
            try:
                os.replace(source, run)
            except OSError as exc:
                if exc.errno != errno.EXDEV:
                    raise
                # Scratch is another disk.
                part = aside(out) / run.name
                places.remove(part)
                part.mkdir(mode=places.PRIVATE)
                places.copy(source, part, places.list_files(source))
                sync_tree(part)
                os.replace(part, run)
            sync_folder(run.parent)

    def point_to(self, run_id: str) -> None:
        """Let ``latest.json`` name a run that was moved: from here on it is the published one."""
        with disk_errors(self.out):
            places.write_json(places.join(self.out, "latest.json"), {"run": f"runs/{run_id}"})

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest runs, never the one that ``latest.json`` names.

        Returns
        -------
        list of str
            The removed runs' ids.
        """
        named, runs = latest_run(self.out), finished_runs(self.out)
        old = [run_id for run_id in reversed(runs[:-keep]) if run_id != named]
        for run_id in old:
            self._remove_run(run_id)
        if is_url(self.out):
            # What a publication that was killed, and never resumed, has left.
            for run_id in {*places.list_folders(places.join(self.out, "runs"))} - {*runs}:
                self._remove_run(run_id)
        return old

    def _remove_run(self, run_id: str) -> None:
        """Take a run out of the readers' sight at once, then remove it."""
        run = run_place(self.out, run_id)
        if is_url(run):
            places.remove(places.join(run, "manifest.json"))
        else:
            removed = aside(Path(self.out)) / run_id
            places.remove(removed)
            os.replace(run, removed)
            run = removed
        places.remove(run)

    def clear(self) -> None:
        """Remove all stages, and the clock, at once for whoever starts next."""
        if self.store is not None:
            forget(self.store)
        removed = self.folder.with_name(self.folder.name + PART)
        places.remove(removed)
        os.replace(self.folder, removed)
        places.remove(removed)

    def _mark(self, stage: str) -> Place:
        return f"{self.store}/{stage}.json"

    def _files(self, stage: str) -> list[str]:
        """Return the names of a finished stage's files."""
        folder = self.folder / stage
        if folder.is_dir():
            return places.list_files(folder)
        return list(places.read_json(self._mark(stage))["files"])


def aside(out: Path) -> Path:
    """Return the folder of runs that are half moved into `out`, or half removed from it."""
    folder = out / PART
    folder.mkdir(mode=places.PRIVATE, exist_ok=True)
    return folder


def forget(store: str) -> None:
    """Remove the stages of a fingerprint from a store; without the clock, which goes first, what is left is no stage."""
    places.remove(places.join(store, CLOCK))
    places.remove(store)
