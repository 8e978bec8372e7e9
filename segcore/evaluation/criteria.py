"""Criteria of a partition over all rows: exact, in two passes over blocks, several labelings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from segcore.arrays import Counts, Floats, Labels, Matrix
from segcore.models.assignment import CHUNK_ROWS


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """How compact and how separate the segments of one labeling are.

    Attributes
    ----------
    counts : ndarray of shape (n_clusters,), int64
        Rows of each segment.
    n_noise : int
        Rows with label -1, which are left out of everything else.
    inertia : float
        Sum of squared distances to the segments' means, in standardised units.
    calinski_harabasz : float or None
        Larger is better. None with fewer than two segments, or without spread inside them.
    davies_bouldin : float or None
        Smaller is better. None with fewer than two segments, or where two means coincide.
    """

    counts: Counts
    n_noise: int
    inertia: float
    calinski_harabasz: float | None
    davies_bouldin: float | None

    @property
    def smallest_share(self) -> float:
        """Share of the smallest segment, of all rows; 0 where a segment is empty."""
        n = int(self.counts.sum()) + self.n_noise
        return float(self.counts.min(initial=n) / n) if n and len(self.counts) else 0.0


def partition_criteria(
    blocks: Callable[[], Iterable[Matrix]],
    label: Callable[[int, Matrix], Sequence[Labels]],
    n_clusters: Sequence[int],
) -> list[Criteria]:
    """Compute the sum of squares, Calinski-Harabasz and Davies-Bouldin of several labelings.

    The first pass adds up the segments' means, the second the distances to them; float64, block after
    block, so the same blocks give the same bits.

    Parameters
    ----------
    blocks : callable
        Starts a pass: an iterable of ndarrays of shape (n_rows, n_features). Called twice.
    label : callable
        From the number of a block, counted from 0, and the block to one array of shape (n_rows,) for each
        labeling: 0..n_clusters-1, or -1 for noise. Called in both passes.
    n_clusters : sequence of int
        Of each labeling.

    References
    ----------
    Calinski and Harabasz (1974), A dendrite method for cluster analysis.
    Davies and Bouldin (1979), A cluster separation measure.
    """
    tallies = [_Tally(k) for k in n_clusters]
    for number, X in enumerate(blocks()):
        for tally, labels in zip(tallies, label(number, X), strict=True):
            tally.add_rows(X, labels)
    for number, X in enumerate(blocks()):
        for tally, labels in zip(tallies, label(number, X), strict=True):
            tally.add_distances(X, labels)
    return [tally.criteria() for tally in tallies]


def of_arrays(X: Matrix, labelings: Sequence[Labels], n_clusters: Sequence[int]) -> list[Criteria]:
    """Compute the same for a matrix that is in memory.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
    labelings : sequence of ndarray of shape (n_customers,)
    n_clusters : sequence of int
    """
    return partition_criteria(lambda: [X], lambda _, __: labelings, n_clusters)


def _with_segment(X: Matrix, labels: Labels) -> tuple[Matrix, Labels]:
    kept = labels >= 0
    return (X, labels) if kept.all() else (X[kept], labels[kept])


class _Tally:
    """The running sums of one labeling."""

    def __init__(self, n_clusters: int) -> None:
        self.n_clusters = n_clusters
        self.counts = np.zeros(n_clusters, dtype=np.int64)
        self.n_noise = 0
        self.sums: Floats | None = None
        self.squares = np.zeros(n_clusters)
        self.distances = np.zeros(n_clusters)

    def add_rows(self, X: Matrix, labels: Labels) -> None:
        if self.sums is None:
            self.sums = np.zeros((self.n_clusters, X.shape[1]))
        X, own = _with_segment(X, labels)
        self.n_noise += len(labels) - len(own)
        self.counts += np.bincount(own, minlength=self.n_clusters)
        for j, column in enumerate(X.T):
            self.sums[:, j] += np.bincount(own, weights=column, minlength=self.n_clusters)

    def add_distances(self, X: Matrix, labels: Labels) -> None:
        X, own = _with_segment(X, labels)
        means, squares = self.means(), np.empty(len(own))
        for start in range(0, len(own), CHUNK_ROWS):  # what is worked on stays in the cache
            some = slice(start, start + CHUNK_ROWS)
            apart = X[some] - means[own[some]]
            squares[some] = np.einsum("ij,ij->i", apart, apart)
        self.squares += np.bincount(own, weights=squares, minlength=self.n_clusters)
        self.distances += np.bincount(own, weights=np.sqrt(squares), minlength=self.n_clusters)

    def means(self) -> Floats:
        sums = np.zeros((self.n_clusters, 0)) if self.sums is None else self.sums
        return sums / np.maximum(self.counts, 1)[:, None]

    def criteria(self) -> Criteria:
        filled = self.counts > 0
        return Criteria(
            counts=self.counts,
            n_noise=self.n_noise,
            inertia=float(self.squares.sum()),
            calinski_harabasz=_calinski_harabasz(
                self.means()[filled], self.counts[filled], self.squares.sum()
            ),
            davies_bouldin=_davies_bouldin(
                self.means()[filled], self.distances[filled] / self.counts[filled]
            ),
        )


def _calinski_harabasz(means: Floats, counts: Counts, within: float) -> float | None:
    n, k = int(counts.sum()), len(counts)
    if k < 2 or n <= k or (within / n) ** 0.5 <= _rounding(means):
        return None
    apart = means - counts @ means / n
    between = float(counts @ np.einsum("ij,ij->i", apart, apart))
    return _finite(between / within * ((n - k) / (k - 1)))


def _davies_bouldin(means: Floats, spread: Floats) -> float | None:
    """Return the mean over segments of the worst (spread + spread) / distance between the means."""
    from scipy.spatial.distance import cdist

    k = len(means)
    if k < 2:
        return None
    others = ~np.eye(k, dtype=bool)
    between = cdist(means, means)
    if between[others].min() <= _rounding(means):
        return None
    ratio = np.divide(spread[:, None] + spread, between, out=np.zeros((k, k)), where=others)
    return _finite(float(ratio.max(axis=1).mean()))


def _rounding(means: Floats) -> float:
    """Return a distance that is no more than the rounding of a mean: equal rows are this far apart."""
    return 1e-12 * float(np.abs(means).max())


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
