"""The previous run's centres as a start of today's K-Means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segcore.arrays import Floats
from segcore.matrix.one_time import one_time_mask
from segcore.matrix.population import Population
from segcore.pipeline.finished import apply_model
from segcore.pipeline.finished.previous_run import Previous


def starts(previous: Previous, population: Population, labels: Path) -> dict[int, Sequence[Floats]]:
    """Return the previous segments' centres in today's matrix, as a start of K-Means with as many clusters.

    Transforms are fitted anew, so the centres are carried over as means of the sample's customers by the old
    model's labels; there is no start where one of its segments has nobody left in the sample.

    Parameters
    ----------
    previous : Previous
    population : Population
    labels : Path
        Folder that `frozen.label` wrote with the previous model, for the same files of features.
    """
    rows = len(population.sample)
    own: list[pl.Series] = []
    for df, path in zip(population.frames(), apply_model.labels(labels), strict=True):
        kept = pl.Series(~one_time_mask(df, population.separate_one_time))
        own.append(pl.read_parquet(path, columns=["segment"])["segment"].filter(kept))
        if sum(map(len, own)) >= rows:
            break
    segments = pl.concat(own).head(rows).fill_null(0).to_numpy()
    clusters = [s for label, s in sorted(previous.model.segments.items()) if label < previous.model.k]
    members = [population.sample[segments == segment].astype(np.float64) for segment in clusters]
    if len(members) < 2 or not all(len(part) for part in members):
        return {}
    return {len(members): [np.stack([part.mean(axis=0) for part in members])]}
