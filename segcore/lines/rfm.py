"""Recency, frequency and monetary value in five steps each, and the ten names that marketers give their combinations.

A score of 5 is the best: the most recent, the most orders, the most money. Customers with the same value have the same
score: one that is equal to a cut point is on the side of the smaller values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import polars as pl

from segcore import schema
from segcore.arrays import Floats
from segcore.job import Rfm
from segcore.lines.quantiles import fifths
from segcore.lookup import looked_up
from segcore.records.manifest import RfmCutPoints

RECENCY, FREQUENCY, MONETARY, GROUP = (feature.name for feature in schema.RFM)
SCORED = {"recency": "days_since_last_order", "frequency": "order_count", "monetary": "total_spend"}
GROUPS = (
    "Champions",
    "Loyal customers",
    "Potential loyalists",
    "New customers",
    "Promising",
    "Need attention",
    "About to sleep",
    "At risk",
    "Cannot lose them",
    "Hibernating",
)
# The group of recency score 1 to 5 (rows) and frequency score 1 to 5 (columns), by its place in the names.
TABLE = ((9, 9, 7, 7, 8), (9, 9, 7, 7, 8), (6, 6, 5, 1, 1), (4, 2, 2, 1, 1), (3, 2, 2, 0, 0))


def columns(points: RfmCutPoints) -> list[pl.Expr]:
    """Return :data:`segcore.schema.RFM` as expressions over customer features."""
    above = {
        scale: pl.sum_horizontal(
            (pl.col(feature) > point).cast(pl.Int8) for point in getattr(points, scale)
        ).cast(pl.Int8)
        for scale, feature in SCORED.items()
    }
    r, f, m = 5 - above["recency"], 1 + above["frequency"], 1 + above["monetary"]
    names = {10 * i + j: GROUPS[TABLE[i - 1][j - 1]] for i in range(1, 6) for j in range(1, 6)}
    group = looked_up(r * 10 + f, names, pl.String, strict=True)
    return [r.alias(RECENCY), f.alias(FREQUENCY), m.alias(MONETARY), group.alias(GROUP)]


def cut_points(values: Callable[[str], Iterable[Floats]], n: int, own: Rfm) -> RfmCutPoints:
    """Return the job's own cut points, and the fifths of the customers where it has none.

    Parameters
    ----------
    values : callable
        Given a feature, returns its values in parts; it is called several times.
    n : int
        How many customers there are.
    own : segcore.job.Rfm
    """
    own_points = own_cut_points(own)
    return RfmCutPoints(
        **{
            scale: own_points.get(scale) or fifths(partial(values, feature), n)
            for scale, feature in SCORED.items()
        }
    )


def own_cut_points(own: Rfm) -> dict[str, tuple[float, ...]]:
    """Return the scales that the job has cut points for, and these."""
    return {scale: points for scale in SCORED if (points := tuple(getattr(own, scale)))}
