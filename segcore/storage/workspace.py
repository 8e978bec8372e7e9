"""The workspace of a run: stages that are whole or absent, and the publication of the run."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from segcore import errors
from segcore.storage import places
from segcore.storage.files import digests, disk_errors, disk_failures, sync_folder, sync_tree
from segcore.storage.ownership import PART, forget, is_own_run, is_run_id
from segcore.storage.places import Place
from segcore.storage.runs import finished_runs, is_finished, latest_run, run_place
from segcore.stores import is_url


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The finished stages of a run that is not published yet.

    They lie in a folder that lasts (``OUT/work/<fingerprint>``), or in an object store with a folder of this process
    beside it. A stage is what is named ``<stage>/...``, and ``<stage>.json``, written last, marks it as done and holds
    the digests of its files. In a store these are the files that are copied here when they are needed; others, for
    those who read the store, are there by their sizes.

    Attributes
    ----------
    out : Path or str
        Where runs are published; a str is a URL.
    folder : Path
    begun : datetime
        When the first start of this run read the clock; a start that resumes has the same.
    store : str or None
        URL of the stages, where they lie in a store.
    log : callable
        Called with a message.
    """

    out: Place
    folder: Path
    begun: datetime
    store: str | None = None
    log: Callable[[str], None] = lambda text: None
    _known: set[str] = field(
        default_factory=set
    )  # stages that this start has made, or found as they were made
    _digests: dict[Path, Mapping[str, str]] = field(default_factory=dict)  # known of a stage's files

    def finished(self, stage: str) -> bool:
        """Whether this start has finished the stage, or an earlier one has and its files are as it wrote them."""
        if stage not in self._known and places.exists(self._mark(stage)):
            if damage := self._damage(stage):
                self.log(f"stage {stage} is made again: {damage}")
            else:
                self._known.add(stage)
        return stage in self._known

    def _damage(self, stage: str) -> str:
        """Return what is not as an earlier start has left it, or nothing."""
        try:
            state = places.read_json(self._mark(stage))
            written, sizes = dict(state["files"]), dict(state["others"])
        except (ValueError, KeyError, TypeError):
            return "its mark is damaged"
        if self.store is not None:
            there = places.sizes(places.join(self.store, stage))
            if lacking := [name for name in written if name not in there]:
                return f"{errors.listing(lacking, most=3)} is not there"
            if wrong := [name for name, size in sizes.items() if there.get(name) != size]:
                return f"{errors.listing(wrong, most=3)} is not as it was written"
            self._fetch(stage, list(written))
        folder = self.folder / stage
        if lacking := [name for name in written if not (folder / name).is_file()]:
            return f"{errors.listing(lacking, most=3)} is not there"
        computed = digests(folder, written)
        wrong = [name for name, digest in written.items() if computed[name] != digest]
        return f"{errors.listing(wrong, most=3)} is not as it was written" if wrong else ""

    def _fetch(self, stage: str, names: list[str]) -> None:
        assert self.store is not None
        part = self.folder / (stage + PART)
        places.remove(part)
        places.remove(self.folder / stage)
        with disk_failures(self.folder):
            part.mkdir(mode=places.PRIVATE)
            places.copy(places.join(self.store, stage), part, names)
            os.replace(part, self.folder / stage)

    def path(self, stage: str) -> Path:
        """Return the folder of a finished stage; its files are copied here from a store that has them."""
        folder = self.folder / stage
        if self.store is not None and not folder.is_dir():
            self._fetch(stage, list(places.read_json(self._mark(stage))["files"]))
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

    def note_digests(self, folder: Path, known: Mapping[str, str]) -> None:
        """Say which digests files of a stage that is being written have for sure, so that they need not be read for them."""
        self._digests[folder] = known

    @contextmanager
    def stage(self, name: str) -> Iterator[Path]:
        """Give a clean folder to write a stage into; what says that it is done is written last.

        Everything is on disk before that, so a power cut leaves a whole stage or none. A stage that was finished
        before is written again.

        Raises
        ------
        segcore.errors.StorageError
            If the disk is full or fails, whatever library met it.
        segcore.errors.UnreachableError
            If the store does not answer.
        """
        part = self.folder / (name + PART)
        self._known.discard(name)
        places.remove(self._mark(name))
        places.remove(part)
        if self.store is not None:
            places.remove(places.join(self.store, name))
        with disk_failures(self.folder):
            part.mkdir(mode=places.PRIVATE)
            yield part
            written, sizes = self._digests_of(part), {}
            if self.store is None:
                sync_tree(part)
            else:
                there = places.join(self.store, name)
                places.copy(part, there, written)
                sizes = {file: n for file, n in places.sizes(there).items() if file not in written}
            places.remove(self.folder / name)
            os.replace(part, self.folder / name)
            sync_folder(self.folder)
            places.write_json(self._mark(name), {"files": written, "others": sizes})
        self._known.add(name)

    def _digests_of(self, part: Path) -> dict[str, str]:
        names, known = places.list_files(part), self._digests.pop(part, {})
        there = {name: known[name] for name in names if name in known}
        return there | digests(part, [name for name in names if name not in there])

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
            names = places.list_files(self.folder / stage)
            places.copy(source, run, [name for name in names if name != "manifest.json"])
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
        latest = places.join(self.out, "latest.json")
        with disk_errors(latest):
            places.write_json(latest, {"run": f"runs/{run_id}"})

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest runs, never the one that ``latest.json`` names, nor what is no run of segcore's.

        Returns
        -------
        list of str
            The removed runs' ids.
        """
        try:
            named, finished = latest_run(self.out), finished_runs(self.out)
        except errors.InputNotFoundError:
            return []  # nobody knows which one is read
        runs = [run_id for run_id in finished if is_own_run(self.out, run_id)]
        old = [run_id for run_id in reversed(runs[:-keep]) if run_id != named]
        for run_id in old:
            self._remove_run(run_id)
        if is_url(self.out):
            # What a publication that was killed, and never resumed, has left.
            for name in {*places.list_folders(places.join(self.out, "runs"))} - {*finished}:
                if is_run_id(name):
                    self._remove_run(name)
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
        """Remove all stages, and the clock."""
        if self.store is not None:
            forget(self.store)
        forget(self.folder)

    def _mark(self, stage: str) -> Place:
        return places.join(self.store or self.folder, f"{stage}.json")


def aside(out: Path) -> Path:
    """Return the folder of runs that are half moved into `out`, or half removed from it."""
    folder = out / PART
    folder.mkdir(mode=places.PRIVATE, exist_ok=True)
    return folder
