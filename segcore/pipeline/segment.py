"""A run from top to bottom: lines, customers, matrix, models, comparison, labels, profile, report, publication."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from segcore import __version__, engine, ingest, storage
from segcore.job import Job
from segcore.pipeline import charts, comparison, jobs, labelling, lines, outputs, population
from segcore.progress import Progress

# Packages whose version can change the answer.
_ENGINES = ("dask", "dask-ml", "numpy", "polars", "pyarrow", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a finished run lies.

    Attributes
    ----------
    folder : Path
    report : Path
        One HTML file.
    segments, features : Path
        Folders of Parquet files, one row per customer.
    """

    folder: Path

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


def segment(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    job: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    memory: int | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> Run:
    """Segment the customers of a dump of transaction lines.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders or globs.
    out : path
        Folder for the runs; created where it is not there.
    job : path, optional
        Job file; the defaults without one.
    overrides : mapping, optional
        Dotted job keys to values, such as ``{"selection.k": 4}``.
    memory : int, optional
        Budget in bytes; half of the machine by default.
    scheduler : str, optional
        Address of a running Dask scheduler.
    workers : int, optional
        Worker processes of a local Dask cluster.
    quiet : bool
        Say nothing on stderr.

    Returns
    -------
    Run

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is published then.
    """
    settings = jobs.load(None if job is None else Path(job), dict(overrides or {}))
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    sources = ingest.discover(given)
    layouts = ingest.layouts(sources, settings.columns)
    mark = storage.fingerprint(
        {"input": [(s.path, s.size, s.modified) for s in sources], "job": settings.model_dump(), **versions()}
    )
    progress = Progress(quiet=quiet)
    budget = memory or engine.default_budget()
    with storage.workspace(Path(out), mark, say=progress.say) as work, engine.cluster(scheduler, workers):
        started = work.begun
        _lines(work, sources, layouts, settings, budget, started, progress)
        found = lines.finished_lines(work)
        with progress.stage("matrix") as stage:
            people = population.prepare(
                found.features, settings, in_memory=lambda size: size <= budget // 8, warn=progress.warn
            )
            stage.rows = people.n_customers
        with progress.stage("models"):
            sweep = comparison.fit(people, settings, progress)
        with progress.stage("comparison"):
            compared = comparison.compare(sweep, people, settings, progress)
        with progress.stage("labels") as stage, work.stage("labels") as folder:
            labelled = labelling.label_everyone(people, compared.published, folder)
            stage.rows = found.customers
        labelled = labelled.moved(work.path("labels"))
        with work.stage("run") as folder:
            with progress.stage("profile"):
                compared = comparison.with_all_rows(compared, people, labelled)
                products = charts.products(work, found, labelled, sources, layouts, settings)
                table = outputs.write(
                    folder, found, people, sweep, compared, labelled, settings, {"products": products}
                )
            run_id = f"{started:%Y%m%dT%H%M%SZ}-{mark[:8]}"
            about = {
                "run_id": run_id,
                "created_at": started.isoformat(timespec="seconds"),
                "fingerprint": mark,
                "versions": versions(),
                "command": _command(),
                **outputs.manifest(folder, found, people, compared, table, settings),
                "warnings": progress.warnings,
                "stages": [asdict(stage) for stage in progress.stages],
            }
            about["input"] |= {"files": len(sources), "bytes": sum(source.size for source in sources)}
            outputs.finish(folder, about)
        published = work.move("run", run_id)
        work.point_to(run_id)
        work.clear()
    return Run(folder=published)


def _lines(
    work: storage.Workspace,
    sources: Sequence[ingest.Source],
    layouts: Sequence[ingest.Layout],
    settings: Job,
    budget: int,
    started: datetime,
    progress: Progress,
) -> None:
    if work.finished("customers"):
        with progress.stage("customers") as stage:
            stage.resumed = True
        return
    with progress.stage("lines") as stage:
        stage.resumed = work.finished("buckets")
        if not stage.resumed:
            n_buckets = lines.plan_buckets(sources, budget)
            now = int(started.timestamp())
            lines.shuffle_lines(work, sources, layouts, settings, now=now, n_buckets=n_buckets)
    with progress.stage("customers") as stage:
        lines.compute_features(work, sources, settings, progress, stage)


def versions() -> dict[str, str]:
    """Return the versions that can change the answer."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    return {"segcore": __version__, "python": python, **{name: version(name) for name in _ENGINES}}


def _command() -> str:
    program, *arguments = sys.argv
    return shlex.join([os.path.basename(program), *arguments])
