"""A stage of a run: made once, measured, and found again by the start that goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from segcore import engine
from segcore.progress import Progress, Stage
from segcore.storage import Workspace, read_json, sync_tree, tree_bytes, write_json

_MEASURED = "measured.json"


def run_stage(work: Workspace, progress: Progress, name: str, make: Callable[[Path, Stage], None]) -> Path:
    """Make a stage unless an earlier start has finished it, and return its folder.

    What the stage has to say to later ones it leaves in its folder, and they read it from there: a run that went on
    after a kill takes the same way as one that was left alone.

    Parameters
    ----------
    work : Workspace
    progress : Progress
    name : str
        Of the stage and its folder.
    make : callable
        Given a clean folder to write into, and the stage's figures to fill in the rows.
    """
    with progress.stage(name) as stage:
        if work.finished(name):
            _recall(work.path(name), stage, progress)
            return work.path(name)
        seen = len(progress.warnings)
        with work.stage(name) as folder:
            with engine.count_tasks() as stage.workers:
                make(folder, stage)
            sync_tree(folder)  # here already, so that the stage's seconds hold it
            stage.bytes = tree_bytes(folder)
            progress.measure(stage)
            write_json(folder / _MEASURED, {**asdict(stage), "warnings": progress.warnings[seen:]})
    return work.path(name)


def _recall(folder: Path, stage: Stage, progress: Progress) -> None:
    facts = read_json(folder / _MEASURED)
    for text in facts.pop("warnings"):
        progress.warn(text)
    for key, value in {**facts, "resumed": True}.items():
        setattr(stage, key, value)
