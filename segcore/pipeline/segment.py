"""A run from top to bottom: lines, customers, matrix, models, comparison, labels, profile, report, publication."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segcore import __version__, engine, ingest, logs, storage
from segcore.job import Job
from segcore.pipeline import (
    charts,
    checkpoints,
    comparison,
    jobs,
    labelling,
    lines,
    outputs,
    population,
    publication,
    steps,
)
from segcore.progress import Progress, Stage

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
    resume: bool = True,
    wait: bool = False,
    keep: int | None = None,
    log_format: logs.Format = "text",
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
    resume : bool
        Go on from the stages that a run of the same input and job had finished when it was stopped.
    wait : bool
        Wait while another run is at work in `out`, instead of giving up.
    keep : int, optional
        Remove old runs beyond so many, never the published one; all are kept without it.
    log_format : {"text", "json"}
        Of what is said on stderr.
    quiet : bool
        Say nothing on stderr but errors.

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
    plan = _Plan(
        sources=sources,
        layouts=layouts,
        settings=settings,
        budget=memory or engine.default_budget(),
        mark=mark,
    )
    progress = Progress(quiet=quiet or log_format == "json")
    with (
        logs.to_stderr(log_format, quiet=quiet),
        storage.workspace(Path(out), mark, resume=resume, wait=wait, say=progress.say) as work,
    ):
        run_id = logs.CONTEXT["run"] = f"{work.begun:%Y%m%dT%H%M%SZ}-{mark[:8]}"
        if not (work.run(run_id).is_dir() or work.finished("run")):
            with engine.cluster(scheduler, workers):
                _make(work, run_id, plan, progress)
        return Run(folder=publication.publish(work, "run", run_id, keep=keep, say=progress.say))


@dataclass(frozen=True, kw_only=True)
class _Plan:
    sources: Sequence[ingest.Source]
    layouts: Sequence[ingest.Layout]
    settings: Job
    budget: int
    mark: str


def _make(work: storage.Workspace, run_id: str, plan: _Plan, progress: Progress) -> None:
    """Make the run in ``run``, its last stage, from the stages that are not finished yet."""
    settings = plan.settings

    def step(name: str, make: Callable[[Path, Stage], None]) -> Path:
        return steps.step(work, progress, name, make)

    buckets = step("lines", lambda folder, _: _shuffle(folder, work, plan))
    customers = step(
        "customers",
        lambda folder, stage: lines.compute_features(
            folder, buckets, plan.sources, settings, progress, stage
        ),
    )
    found = lines.finished_lines(customers)
    with progress.stage("matrix") as stage:
        people = population.prepare(
            found.features, settings, in_memory=lambda size: size <= plan.budget // 8, warn=progress.warn
        )
        stage.rows = people.n_customers

    def models(folder: Path, stage: Stage) -> None:
        stage.rows = people.n_customers
        checkpoints.save_sweep(folder, comparison.fit(people, settings, progress))

    sweep = checkpoints.load_sweep(step("models", models))

    def compare(folder: Path, stage: Stage) -> None:
        stage.rows = len(people.evaluation)
        checkpoints.save_compared(folder, comparison.compare(sweep, people, settings, progress))

    compared = checkpoints.load_compared(step("comparison", compare), sweep)

    def label(folder: Path, stage: Stage) -> None:
        stage.rows = found.customers
        checkpoints.save_labelled(folder, labelling.label_everyone(people, compared.published, folder))

    labelled = checkpoints.load_labelled(step("labels", label), compared)
    with work.stage("run") as folder:
        with progress.stage("profile") as stage:
            stage.rows = found.customers
            compared = comparison.with_all_rows(compared, people, labelled)
            products = charts.products(work, found, labelled, plan.sources, plan.layouts, settings)
            table = outputs.write(
                folder, found, people, sweep, compared, labelled, settings, {"products": products}
            )
            stage.bytes = storage.tree_bytes(folder)
        about = {
            "run_id": run_id,
            "created_at": work.begun.isoformat(timespec="seconds"),
            "fingerprint": plan.mark,
            "versions": versions(),
            "command": _command(),
            **outputs.manifest(folder, found, people, compared, table, settings),
            "gate": {
                "broken": publication.broken_bounds(
                    settings.gate, account=found.ledger, profile=table, chosen=compared.chosen
                )
            },
        }
        about["input"] |= {"files": len(plan.sources), "bytes": sum(source.size for source in plan.sources)}
        with progress.stage("report") as stage:
            outputs.finish(folder, about | _measured(progress))
            stage.bytes = (folder / "report.html").stat().st_size
        # Once more, with what the report took.
        storage.write_json(folder / "manifest.json", about | _measured(progress))


def _shuffle(folder: Path, work: storage.Workspace, plan: _Plan) -> None:
    n_buckets = lines.plan_buckets(plan.sources, plan.budget)
    now = int(work.begun.timestamp())
    lines.shuffle_lines(folder, plan.sources, plan.layouts, plan.settings, now=now, n_buckets=n_buckets)


def _measured(progress: Progress) -> dict[str, Any]:
    return {"warnings": progress.warnings, "stages": [asdict(stage) for stage in progress.stages]}


def versions() -> dict[str, str]:
    """Return the versions that can change the answer."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    return {"segcore": __version__, "python": python, **{name: version(name) for name in _ENGINES}}


def _command() -> str:
    program, *arguments = sys.argv
    return shlex.join([os.path.basename(program), *arguments])
