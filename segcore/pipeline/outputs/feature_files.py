"""The customers' features as a run publishes them: with the scores of RFM, which no model has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from segcore import schema
from segcore.job import Job
from segcore.lines import rfm
from segcore.pipeline.customers.customers import Customers
from segcore.records.manifest import RfmCutPoints


def cut_points(
    customers: Customers, settings: Job, fitted: RfmCutPoints | None = None
) -> RfmCutPoints | None:
    """Return where the scores of RFM change; None where the job wants none of them.

    Parameters
    ----------
    customers : Customers
    settings : Job
        Its own cut points come first.
    fitted : RfmCutPoints, optional
        Of the run whose model labels the customers: nothing is fitted to them then.
    """
    if {feature.name for feature in schema.RFM} <= {*settings.features.without}:
        return None
    own = rfm.own_cut_points(settings.rfm)
    if fitted is not None:
        return replace(fitted, **own)

    return rfm.cut_points(customers.values, customers.customers, settings.rfm)


def write(folder: Path, customers: Customers, settings: Job, points: RfmCutPoints | None) -> None:
    """Write features/*.parquet: the rows of the stage's files, file by file, with the scores beside them."""
    (folder / "features").mkdir()
    scores = [] if points is None else rfm.columns(points)
    scores = [score for score in scores if score.meta.output_name() not in settings.features.without]
    for path in customers.features:
        df = pl.read_parquet(path).with_columns(scores)
        df.write_parquet(folder / "features" / path.name, compression="zstd")
