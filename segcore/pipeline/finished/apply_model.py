"""A finished run's model on other customers: labels file by file, and how far they have drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from segcore import job, records, schema
from segcore.changes import drift
from segcore.pipeline.finished import drift_baseline
from segcore.pipeline.finished.model_files import StoredModel
from segcore.pipeline.models.labels import label_frame
from segcore.records import DriftReport
from segcore.times import SECONDS_A_DAY


def missing(files: Sequence[Path], model: StoredModel) -> list[str]:
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


def label(files: Sequence[Path], model: StoredModel, folder: Path) -> None:
    """Label customers with a finished run's model and write a file for each file of features, the same rows.

    Parameters
    ----------
    files : sequence of Path
        Customer features.
    model : StoredModel
    folder : Path
        Gets ``segment`` (the model's ids; null without one), ``confidence``, ``margin``, ``distance`` and ``outside``.
    """
    for number, path in enumerate(files):
        _labelled(pl.read_parquet(path), model).select(
            "segment",
            "confidence",
            "margin",
            distance=pl.col("distance").fill_nan(None),
            outside=drift_baseline.outside(pl.col("label"), pl.col("distance"), model.baseline.radius),
        ).write_parquet(folder / f"part-{number:05d}.parquet")


def label_as_of(
    files: Sequence[Path], model: StoredModel, as_of: datetime, folder: Path, name: str
) -> pl.LazyFrame:
    """Label customers as if it were another time, with all that they did: a column of segments, in their order.

    Parameters
    ----------
    files : sequence of Path
        Customer features.
    model : StoredModel
    as_of : datetime
        Recency counts from it; an order after it is as recent as can be.
    folder : Path
        Where to write.
    name : str
        Of the column and the files.
    """
    days = (pl.lit(as_of) - pl.col("last_order_at")).dt.total_seconds() // SECONDS_A_DAY
    written = []
    for number, path in enumerate(files):
        df = pl.read_parquet(path).with_columns(days_since_last_order=days.clip(lower_bound=0))
        written.append(folder / f"{name}-{number:05d}.parquet")
        _labelled(df, model).select(pl.col("segment").alias(name)).write_parquet(written[-1])
    return pl.scan_parquet(written)


def _labelled(df: pl.DataFrame, model: StoredModel) -> pl.DataFrame:
    """Return the model's ``label`` and ``segment`` of customers, and the figures of :func:`label_frame`."""
    (own,), figures = label_frame(
        df,
        [model.assigner],
        model.centres,
        model.preparation,
        model.keeping,
        separate=model.separate_one_time,
    )
    segment = pl.col("label").replace_strict(model.segments, default=None, return_dtype=pl.Int32)
    return figures.with_columns(label=pl.Series(own)).with_columns(segment=segment)


def labels(folder: Path) -> list[Path]:
    """Return the files that :func:`label` wrote, in order."""
    return sorted(folder.glob("part-*.parquet"))


def drifted(files: Sequence[Path], folder: Path, model: StoredModel, rule: job.Drift) -> DriftReport:
    """Compare customers that were labelled into `folder` with those that the model was fitted on."""
    then = model.baseline.snapshot
    judged = (pl.read_parquet(path) for path in labels(folder))
    now = drift_baseline.count(files, judged, model.baseline.bins, model.preparation)
    return drift.measure(then, now, in_model=model.preparation.columns, rule=rule, names=model.names)


def write_drift(folder: Path, report: DriftReport, *, against: str, added: Sequence[str] = ()) -> None:
    """Write drift.json with the run that it was measured against, and why a new fit is needed all the same."""
    if added:
        of_drift = report.reasons if report.verdict == "refit" else ()
        report = replace(report, verdict="refit", reasons=(*added, *of_drift))
    records.write(folder, replace(report, against=against))
