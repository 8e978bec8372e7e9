"""A run's customers counted, for those of a later day to be compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segcore import schema
from segcore.changes import drift
from segcore.changes.baseline import DriftBaseline, FeatureCounts
from segcore.changes.drift import Bins, Snapshot
from segcore.matrix.preparation import Preparation, raw_values
from segcore.pipeline.models.labels import Labelled, columns

_CUT_ROWS = 100_000  # customers, the first in hash order, that the bins are cut from


def build(files: Sequence[Path], labelled: Labelled, preparation: Preparation) -> DriftBaseline:
    """Count the customers of a run that has just been labelled.

    Parameters
    ----------
    files : sequence of Path
        Customer features.
    labelled : Labelled
        With the segments' ids.
    preparation : Preparation
        Knows the columns of 0 and 1 that stand for features.
    """
    names = [
        *numbers(pl.read_parquet_schema(files[0])),
        *(name for own in preparation.encodings.values() for name in own),
    ]
    customers = preparation.expand(pl.scan_parquet(list(files)))
    head = raw_values(customers.select(names).head(_CUT_ROWS).collect(), names)
    bins = {name: drift.cut(column) for name, column in zip(names, head.T, strict=True)}
    label = columns(labelled.models)[0]
    labels = pl.scan_parquet(list(labelled.files)).select(label=label, distance="distance")
    radius, beyond = _radius(labels.collect())
    judged = (
        pl.read_parquet(path).select(
            segment=pl.col(label).replace_strict(labelled.segments[0], default=None, return_dtype=pl.Int32),
            outside=outside(pl.col(label), pl.col("distance"), radius),
        )
        for path in labelled.files
    )
    counted = count(files, judged, bins, preparation)
    return DriftBaseline(
        customers=counted.customers,
        outside=counted.outside,
        segments=counted.segments,
        radius=radius,
        beyond=beyond,
        features=tuple(
            FeatureCounts(feature=name, **vars(own), counts=tuple(counted.features[name].tolist()))
            for name, own in bins.items()
        ),
    )


def numbers(there: Mapping[str, pl.DataType]) -> list[str]:
    """Return the features that hold numbers, those of the job's own last."""
    own = [name for name, dtype in there.items() if dtype.is_numeric() and name not in schema.FEATURE_BY_NAME]
    return [*(feature.name for feature in schema.numeric_features(there)), *own]


def _radius(labels: pl.DataFrame) -> tuple[dict[int, float], tuple[int, int]]:
    """Return the radius of each label, and how many of other customers are beyond it, as a `DriftBaseline` holds them.

    A customer of n is, on average, as far from a centre that was made from the n as sqrt((n - 1) / (n + 1)) times another
    one; and of others (n + 1 - r) in (n + 1) are beyond the distance of rank r.
    """
    known = labels.filter(pl.col("distance").is_not_nan(), pl.col("label") >= 0)
    radius, above, below = {}, 0, 0
    for label in known["label"].unique().sort():
        distances = known.filter(pl.col("label") == label)["distance"]
        limit, n = distances.quantile(drift.RADIUS_QUANTILE, "higher") or 0.0, len(distances)
        rank = int((distances <= limit).sum())
        radius[int(label)] = float(limit) * math.sqrt((n + 1) / max(n - 1, 1))
        # A segment by rule has no distances, and nobody who is beyond.
        above += n + 1 - rank if limit > 0 else 0
        below += rank
    return radius, (above, below)


def outside(label: pl.Expr, distance: pl.Expr, radius: Mapping[int, float]) -> pl.Expr:
    """Whether a customer is beyond the radius of their label; who has no label is."""
    limit = label.replace_strict(radius, default=-1.0, return_dtype=pl.Float64)
    return distance.is_nan() | (distance.cast(pl.Float64) > limit)


def count(
    files: Sequence[Path], judged: Iterable[pl.DataFrame], bins: Mapping[str, Bins], preparation: Preparation
) -> Snapshot:
    """Count customers by feature, segment and radius, file by file.

    Parameters
    ----------
    files : sequence of Path
        Customer features.
    judged : iterable of polars.DataFrame
        ``segment`` and ``outside`` of the same rows.
    bins : mapping of str to Bins
    preparation : Preparation
        Knows the columns of 0 and 1 that stand for features.
    """
    there = preparation.expand(pl.scan_parquet(files[0])).collect_schema()
    names = [name for name in bins if name in there]
    counts = {name: bins[name].count(np.array([])) for name in names}
    segments: dict[int, int] = {}
    customers = beyond = 0
    for path, own in zip(files, judged, strict=True):
        described = preparation.expand(pl.scan_parquet(path))
        raw = raw_values(described.select(names).collect(), names)
        for name, column in zip(names, raw.T, strict=True):
            counts[name] += bins[name].count(column)
        for segment, n in own["segment"].fill_null(0).value_counts().rows():
            segments[segment] = segments.get(segment, 0) + n
        customers += own.height
        beyond += int(own["outside"].sum())
    return Snapshot(
        customers=customers, features=counts, segments=dict(sorted(segments.items())), outside=beyond
    )
