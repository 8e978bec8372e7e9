"""A run under way, with its stages, and a finished one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from segcore import engine
from segcore.job import Job
from segcore.pipeline.core.plan import Plan
from segcore.progress import Progress, Stage
from segcore.storage import Place, Workspace, read_json, sync_tree, tree_bytes, write_json
from segcore.storage.cache import Cache
from segcore.stores import is_url

_MEASURED = "measured.json"


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What every step of a run needs.

    Attributes
    ----------
    work : Workspace
        Its finished stages.
    run_id : str
    plan : Plan
        What it is made from.
    progress : Progress
        Its log and figures.
    cache : Cache or None
        What earlier runs have kept, where the job reads incrementally.
    """

    work: Workspace
    run_id: str
    plan: Plan
    progress: Progress
    cache: Cache | None = None

    @property
    def settings(self) -> Job:
        """The resolved job."""
        return self.plan.settings

    @property
    def finished(self) -> bool:
        """Whether an earlier start has made all of the run and was stopped while it was published."""
        return self.work.has_run("run", self.run_id)

    def local_files(self, moved: Place) -> Path:
        """Return a folder with the files of the run, which was moved to its place but is not tidied up yet."""
        return moved if isinstance(moved, Path) else self.work.path("run")

    def planned(self, **changes: Any) -> RunContext:
        """Return the run with another plan."""
        return replace(self, plan=replace(self.plan, **changes))

    def stage(self, name: str, make: Callable[[Path], int]) -> Path:
        """Make and measure a stage unless an earlier start has finished it, and return its folder.

        Parameters
        ----------
        name : str
            Of the stage and its folder.
        make : callable
            Writes into a clean folder, and returns how many rows it worked on.
        """

        def measured(folder: Path) -> None:
            with self.measured(name, folder=folder) as stage:
                stage.rows = make(folder)

        return self.checkpoint(name, measured)

    def checkpoint(self, name: str, make: Callable[[Path], None]) -> Path:
        """Make what :meth:`stage` makes, of one or more measured parts.

        What a stage has to tell later ones it leaves in its folder, and they read it from there: a run that resumes
        after a kill takes the same way as one that was left alone.
        """
        if self.work.finished(name):
            self._recall(self.work.path(name))
            return self.work.path(name)
        warned, staged = len(self.progress.warnings), len(self.progress.stages)
        with self.work.stage(name) as folder:
            make(folder)
            measured = [asdict(stage) for stage in self.progress.stages[staged:]]
            write_json(folder / _MEASURED, {"stages": measured, "warnings": self.progress.warnings[warned:]})
        return self.work.path(name)

    @contextmanager
    def measured(self, name: str, *, folder: Path | None = None, rows: int | None = None) -> Iterator[Stage]:
        """Measure a part of the run, on every worker, and what it leaves in a folder, once that is on disk."""
        with self.progress.stage(name) as stage:
            stage.rows = rows
            with engine.count_tasks() as stage.workers:
                yield stage
            if folder is not None:
                sync_tree(folder)
                stage.bytes = tree_bytes(folder)

    def _recall(self, folder: Path) -> None:
        facts = read_json(folder / _MEASURED)
        for text in facts["warnings"]:
            self.progress.warn(text)
        for known in facts["stages"]:
            with self.progress.stage(known["name"]) as stage:
                for key, value in {**known, "resumed": True}.items():
                    setattr(stage, key, value)

    def temporary(self, name: str) -> Path:
        """Return a new folder for what takes this start seconds to make, and no later one reads."""
        folder = self.work.folder / f"{name}.part"
        folder.mkdir(mode=0o700)
        return folder


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a finished run lies.

    Attributes
    ----------
    place : Path or str
        Its folder, or its URL in an object store; the others are for a folder.
    folder : Path
    report : Path
        One HTML file.
    segments, features : Path
        Folders of Parquet files, one row per customer.
    """

    place: Place

    @property
    def folder(self) -> Path:
        """The run's folder."""
        if is_url(self.place):
            raise ValueError(f"{self.place}: the run is in an object store; read it by its place")
        return Path(self.place)

    @property
    def report(self) -> Path:
        """The report."""
        return self.folder / "report.html"

    @property
    def segments(self) -> Path:
        """Every customer's segment."""
        return self.folder / "segments"

    @property
    def features(self) -> Path:
        """Every customer's features."""
        return self.folder / "features"
