"""What one pass over the rows tells about centres: sums of squares, sizes and the farthest rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segcore.arrays import Counts, Floats, Matrix
from segcore.models.assignment import CHUNK_ROWS, NearestCentre


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Clusters of some rows, by the nearest of k centres; parts are added in the order of the rows.

    Attributes
    ----------
    counts : ndarray of shape (k,), int64
        Rows of each cluster.
    sse : ndarray of shape (k,)
        Sum of squared distances of each cluster.
    far : ndarray of shape (k,)
        Squared distance of each cluster's farthest row.
    far_rows : ndarray of shape (k, n_features)
        Those rows; of equally far ones the first.
    """

    counts: Counts
    sse: Floats
    far: Floats
    far_rows: Floats

    @property
    def inertia(self) -> float:
        """Sum of squared distances."""
        return float(self.sse.sum())

    @property
    def can_fill(self) -> bool:
        """Whether a cluster is empty and there is a row away from its centre to seed it with."""
        return bool((self.counts == 0).any() and (self.far > 0).any())

    def fill_empty(self, centres: Floats) -> tuple[Floats, int]:
        """Return centres with each empty cluster's at the farthest row of the next worst cluster, and how many."""
        empty = np.flatnonzero(self.counts == 0)
        worst = [c for c in np.argsort(-self.sse, kind="stable") if self.far[c] > 0]
        filled, donors = empty[: len(worst)], worst[: len(empty)]
        centres = centres.copy()
        centres[filled] = self.far_rows[donors]
        return centres, len(filled)

    def __add__(self, later: Totals) -> Totals:
        farther = later.far > self.far
        return Totals(
            counts=self.counts + later.counts,
            sse=self.sse + later.sse,
            far=np.where(farther, later.far, self.far),
            far_rows=np.where(farther[:, None], later.far_rows, self.far_rows),
        )


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far some rows reach; parts are added in the order of the rows.

    Attributes
    ----------
    n : int
        Rows.
    sums, squares : ndarray of shape (n_features,)
        Sums of the values and of their squares.
    largest : float
        The largest absolute value.
    """

    n: int
    sums: Floats
    squares: Floats
    largest: float

    @property
    def variance(self) -> float:
        """Mean population variance of a feature."""
        return float(np.mean(np.maximum(self.squares / self.n - (self.sums / self.n) ** 2, 0)))

    def __add__(self, later: Spread) -> Spread:
        return Spread(
            n=self.n + later.n,
            sums=self.sums + later.sums,
            squares=self.squares + later.squares,
            largest=max(self.largest, later.largest),
        )


def measure(block: Matrix, sets: Mapping[int, Sequence[Floats]]) -> tuple[dict[int, list[Totals]], Spread]:
    """Measure a block of rows against several centres for every k, in float64."""
    rows = np.asarray(block, dtype=np.float64)
    totals = {k: [_measure_one(rows, centres) for centres in each] for k, each in sets.items()}
    spread = Spread(
        n=len(rows),
        sums=rows.sum(axis=0),
        squares=(rows * rows).sum(axis=0),
        largest=float(np.abs(rows).max(initial=0)),
    )
    return totals, spread


def _measure_one(rows: Floats, centres: Floats) -> Totals:
    k, nearest = len(centres), NearestCentre(centres=centres)
    labels, squared = np.empty(len(rows), dtype=np.int32), np.empty(len(rows))
    for start in range(0, len(rows), CHUNK_ROWS):  # what is worked on stays in the cache
        some = slice(start, start + CHUNK_ROWS)
        labels[some] = nearest.labels(rows[some])
        squared[some] = ((rows[some] - centres[labels[some]]) ** 2).sum(axis=1)
    far, far_rows = np.zeros(k), np.zeros_like(centres)
    for cluster in range(k):
        members = np.flatnonzero(labels == cluster)
        if len(members):
            farthest = members[squared[members].argmax()]
            far[cluster], far_rows[cluster] = squared[farthest], rows[farthest]
    return Totals(
        counts=np.bincount(labels, minlength=k),
        sse=np.asarray(np.bincount(labels, weights=squared, minlength=k), dtype=np.float64),
        far=far,
        far_rows=far_rows,
    )
