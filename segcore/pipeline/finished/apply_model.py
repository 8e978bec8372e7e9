"""A finished run's model on other customers: labels file by file, and how far they have drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore import job, schema, storage
from segcore.changes import drift
from segcore.pipeline.finished import drift_baseline
from segcore.pipeline.finished.model_files import Model
from segcore.pipeline.models.labels import label_frame


def missing(files: Sequence[Path], model: Model) -> list[str]:
    """Return the features that the model needs and these customers do not have, or not as what they were."""
    there = pl.read_parquet_schema(files[0])
    columns = model.preparation.columns
    texts = {
        feature
        for feature, value in map(schema.parts_of, filter(schema.is_indicator, columns))
        if value != schema.MISSING
    }
    return [
        name
        for name in model.preparation.features
        if name not in there
        or (name in columns and not there[name].is_numeric())
        or (name in texts and there[name] != pl.String)
    ]


def label(files: Sequence[Path], model: Model, folder: Path) -> None:
    """Label customers with a finished run's model and write a file for each file of features, the same rows.

    Parameters
    ----------
    files : sequence of Path
        Customer features.
    model : Model
    folder : Path
        Gets ``segment`` (the model's ids; null without one), ``confidence``, ``distance`` and ``outside``.
    """
    for number, path in enumerate(files):
        df = pl.read_parquet(path)
        (own,), confidence, distance = label_frame(
            df, [model.assigner], model.centres, model.preparation, separate=model.separate_one_time
        )
        known = pl.DataFrame({"label": own, "confidence": confidence, "distance": distance})
        known.select(
            segment=pl.col("label").replace_strict(model.segments, default=None, return_dtype=pl.Int32),
            confidence="confidence",
            distance=pl.col("distance").fill_nan(None),
            outside=drift_baseline.outside(pl.col("label"), pl.col("distance"), model.reference.radius),
        ).write_parquet(folder / f"part-{number:05d}.parquet")


def labels(folder: Path) -> list[Path]:
    """Return the files that :func:`label` wrote, in order."""
    return sorted(folder.glob("part-*.parquet"))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Whether a model still fits.

    Attributes
    ----------
    verdict : {"score", "refit"}
    reasons : tuple of str
    state : dict
        What drift.json holds.
    """

    verdict: str
    reasons: tuple[str, ...]
    state: dict[str, Any]


def drifted(files: Sequence[Path], folder: Path, model: Model, rule: job.Drift) -> Fit:
    """Compare customers that were labelled into `folder` with those that the model was fitted on."""
    then = model.reference.then
    judged = (pl.read_parquet(path) for path in labels(folder))
    now = drift_baseline.count(files, judged, model.reference.bins, model.preparation.encodings)
    found = drift.measure(then, now, in_model=model.preparation.columns, rule=rule)
    state = drift.to_state(found, then, now, model.names)
    return Fit(verdict=found.verdict, reasons=found.reasons, state=state)


def write_drift(folder: Path, fit: Fit, *, against: str, added: Sequence[str] = ()) -> None:
    """Write drift.json: the verdict, against which run it was measured, and why a new fit is needed all the same."""
    state = fit.state | {"against": against}
    if added:
        state |= {"verdict": "refit", "reasons": [*added, *(fit.reasons if fit.verdict == "refit" else ())]}
    storage.write_json(folder / "drift.json", state)
