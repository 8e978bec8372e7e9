"""New data through a finished run's model: the same cleaning, features, transforms and centres, nothing fitted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Unpack

from segcore import records
from segcore.pipeline import open_run
from segcore.pipeline.core.job_file import reading_all
from segcore.pipeline.core.options import Options, RunOptions
from segcore.pipeline.core.plan import Places
from segcore.pipeline.core.run import Run, RunContext
from segcore.pipeline.customers import lines_to_customers, previous_labels
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.customers.previous_labels import PreviousLabels
from segcore.pipeline.finished import previous_run
from segcore.pipeline.finished.finished_run import local_copy
from segcore.pipeline.outputs import feature_files, publish, scored_files
from segcore.stores import place


def score(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: str | Path,
    as_of: date | datetime | None = None,
    with_report: bool = False,
    **options: Unpack[Options],
) -> Run:
    """Label the customers of a dump with the model of a finished run.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders, globs or URLs.
    out : path or URL
        Folder for the runs.
    model : path or URL
        The finished run, or a folder with latest.json. Its job says how lines are cleaned.
    as_of : date or datetime, optional
        The day that recency counts from; the job's by default, else one day after the last line.
    with_report : bool
        Draw the report too, which takes longer than the labels; `segcore report` does it later as well.
    **options
        As for :func:`segcore.segment`.

    Raises
    ------
    segcore.errors.SegcoreError
        One of its kinds, with a message of one line; nothing is published then.
    """
    chosen = RunOptions(**options)
    places = Places.given(out, chosen.scratch)
    with local_copy(place(model)) as folder:
        settings = reading_all(previous_run.load(folder).settings)
        if as_of is not None:
            features = settings.features.model_copy(update={"as_of": as_of})
            settings = settings.model_copy(update={"features": features})
        plan = open_run.plan(inputs, settings, places, budget=chosen.budget, refresh="score")
        with open_run.opened(plan, places, chosen, folder) as run:
            if not run.finished:
                _make(run, with_report=with_report)
            return publish.publish(run, keep=chosen.keep, keep_history=chosen.keep_history)


def _make(run: RunContext, *, with_report: bool) -> None:
    run, customers = lines_to_customers.describe(run)
    known = previous_labels.label(run, customers)
    if known is None:
        raise ValueError("there is no model to score with")
    score_with_previous(run, customers, known, with_report=with_report)


def score_with_previous(
    run: RunContext, customers: Customers, known: PreviousLabels, *, with_report: bool = True
) -> None:
    """Make the stage ``run`` of a run that scores with the model of the one that it follows."""
    previous, drift = known.previous, known.drift
    if drift.verdict == "refit":
        run.progress.warn(
            f"the model of {previous.fitted} no longer fits these customers: {'; '.join(drift.reasons)}; fit one with segcore segment"
        )
    with run.work.stage("run") as folder:
        with run.measured("profile", rows=customers.customers):
            rfm = feature_files.cut_points(customers, run.settings, previous.manifest.rfm)
            table = scored_files.write(run, folder, customers, known.folder, previous, rfm)
        records.write(folder, drift)
        facts = {
            **scored_files.manifest(customers, table, previous),
            "rfm": rfm,
            "identity": previous_run.identity(previous, previous.next_segment, previous.fitted),
            "refresh": {
                "asked": run.plan.refresh,
                "did": "score",
                "reasons": list(drift.reasons),
                "drift": drift.verdict,
            },
        }
        publish.finish(run, folder, customers, table, facts, with_report=with_report)
