"""Recency, frequency and monetary value in fifths, and the ten names that marketers give their combinations."""

from __future__ import annotations

import numpy as np

from segcore.arrays import Floats, Labels

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
_TABLE = np.array(
    [
        [9, 9, 7, 7, 8],
        [9, 9, 7, 7, 8],
        [6, 6, 5, 1, 1],
        [4, 2, 2, 1, 1],
        [3, 2, 2, 0, 0],
    ],
    dtype=np.int32,
)


def cut_points(values: Floats) -> Floats:
    """Return the four values at which fifths end: the smallest that at least a fifth, two fifths ... do not exceed."""
    return np.asarray(np.quantile(values, [0.2, 0.4, 0.6, 0.8], method="inverted_cdf"), dtype=np.float64)


def scores(values: Floats, points: Floats) -> Labels:
    """Return 1 to 5, of shape (n,): the fifth that a value is in; equal values are in one fifth, the lower one."""
    return (1 + np.searchsorted(points, values, side="left")).astype(np.int32)


def groups(r_score: Labels, f_score: Labels) -> Labels:
    """Return the place in :data:`GROUPS`, of shape (n,), of customers with scores from 1 to 5."""
    return np.asarray(_TABLE[r_score - 1, f_score - 1])
