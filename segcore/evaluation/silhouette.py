"""The silhouette of many labelings of the same rows, with a standard error that covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from segcore.arrays import Counts, Floats, Indices, Labels, Matrix
from segcore.models import threads

CHUNK_ROWS = 256  # rows of the distance matrix that a thread holds: 20 MB for 10,000 customers


def silhouettes(
    X: Matrix, labelings: Sequence[Labels], *, errors: bool = True, n_jobs: int | None = None
) -> list[tuple[float | None, float | None]]:
    """Return the mean silhouette and its standard error for each labeling.

    The distances are computed chunk by chunk and shared by all labelings, twice: once for the silhouettes
    and once for the errors. Needs 8 n (sum of the numbers of segments) bytes besides the chunks.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Standardised. Euclidean distances, float64.
    labelings : sequence of ndarray of shape (n_customers,)
        Any integers; rows with a negative label are noise and left out of that labeling altogether, so it
        is judged by the rows that it takes. A segment of one row scores 0.
    errors : bool
        Whether to compute the standard errors, which takes as long again; None without.
    n_jobs : int, optional
        Threads. The results do not depend on it.

    Returns
    -------
    list of (silhouette, standard_error)
        (None, None) with fewer than two segments.

    Notes
    -----
    Naively, sd(s) / sqrt(n) forgets that every row is also a point that the others are compared with.
    The infinitesimal jackknife does not: with w the rows' weights, the variance is the sum over rows j of
    (dS/dw_j)^2, where S(w) is the weighted mean of silhouettes from weighted mean distances. The
    error is that of the rows as a sample of all customers, for labels from a model that is given.

    References
    ----------
    Rousseeuw (1987), Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
    Efron (1982), The Jackknife, the Bootstrap and Other Resampling Plans, section 6.3.
    """
    rows = np.asarray(X, dtype=np.float64)
    scored = [_Labeling.of(np.asarray(labels)) for labels in labelings]
    kept = [labeling for labeling in scored if labeling is not None]
    if kept:
        _measure(rows, kept, errors, n_jobs)
    return [(None, None) if labeling is None else labeling.result(errors) for labeling in scored]


@dataclass(kw_only=True, eq=False)
class _Labeling:
    """One labeling on its way through the two passes; arrays have one entry per labelled row."""

    rows: Indices  # the labelled rows
    own: Indices  # segment of each, numbered from 0 without gaps
    sizes: Counts
    within: Floats  # mean distance to the own segment's other rows
    nearest: Indices  # the other segment that is nearest in the mean
    between: Floats  # mean distance to it
    influence_on_others: (
        Floats  # by how much the row's weight changes the others' silhouettes, without constants
    )

    @classmethod
    def of(cls, labels: Labels) -> _Labeling | None:
        rows = np.flatnonzero(labels >= 0)
        names, own = np.unique(labels[rows], return_inverse=True)
        if len(names) < 2:
            return None
        n = len(rows)
        return cls(
            rows=rows,
            own=own,
            sizes=np.bincount(own),
            within=np.zeros(n),
            nearest=np.zeros(n, dtype=np.intp),
            between=np.zeros(n),
            influence_on_others=np.zeros(n),
        )

    def chunk(self, start: int, stop: int) -> slice:
        """Return which of the labelled rows lie between two rows."""
        first, last = np.searchsorted(self.rows, [start, stop])
        return slice(int(first), int(last))

    def add_distances(self, sums: Floats, part: slice) -> None:
        """Turn the sums of distances from some rows to every segment into the means that their silhouettes need."""
        at, own = np.arange(len(sums)), self.own[part]
        self.within[part] = sums[at, own] / np.maximum(self.sizes[own] - 1, 1)
        means = sums / self.sizes
        means[at, own] = np.inf
        nearest = means.argmin(axis=1)
        self.nearest[part] = nearest
        self.between[part] = means[at, nearest]

    def scores(self) -> Floats:
        larger = np.maximum(self.within, self.between)
        counts = (self.sizes[self.own] > 1) & (larger > 0)
        apart = self.between - self.within
        return np.divide(apart, larger, out=np.zeros_like(apart), where=counts)

    def slopes(self) -> tuple[Floats, Floats]:
        """Return the derivative of each silhouette by the row's `within` and by its `between`.

        Each is divided by the weight that a single row has in that mean distance.
        """
        a, b = self.within, self.between
        larger = np.maximum(a, b)
        inverse = np.divide(1, larger, out=np.zeros_like(a), where=(self.sizes[self.own] > 1) & (larger > 0))
        by_within = -np.where(a < b, 1, b * inverse) * inverse
        by_between = np.where(a < b, a * inverse, 1) * inverse
        return by_within / np.maximum(self.sizes[self.own] - 1, 1), by_between / self.sizes[self.nearest]

    def result(self, errors: bool) -> tuple[float, float | None]:
        scores = self.scores()
        return float(scores.mean()), self._error(scores) if errors else None

    def _error(self, scores: Floats) -> float:
        by_within, by_between = self.slopes()
        k = len(self.sizes)
        # A mean distance is divided by the weight of all its rows, which each row's weight changes as well.
        correction = np.bincount(self.own, weights=by_within * self.within, minlength=k)
        correction += np.bincount(self.nearest, weights=by_between * self.between, minlength=k)
        # A row is not among those that its own silhouette is compared with.
        influence = (
            scores - scores.mean() + self.influence_on_others - correction[self.own] + by_within * self.within
        )
        return float(np.sqrt(np.square(influence - influence.mean()).sum()) / len(scores))


def _measure(X: Floats, labelings: Sequence[_Labeling], errors: bool, n_jobs: int | None) -> None:
    ends = np.cumsum([len(labeling.sizes) for labeling in labelings])
    columns = [slice(end - len(labeling.sizes), end) for labeling, end in zip(labelings, ends, strict=True)]
    weights = np.zeros((len(X), ends[-1]))
    starts = range(0, len(X), CHUNK_ROWS)

    def weighted_sums(start: int) -> Iterator[tuple[_Labeling, slice, Floats]]:
        """Give each labeling's rows of a chunk, and their weighted sums of distances for each of its segments."""
        sums = cdist(X[start : start + CHUNK_ROWS], X) @ weights
        for labeling, place in zip(labelings, columns, strict=True):
            part = labeling.chunk(start, start + CHUNK_ROWS)
            yield labeling, part, sums[labeling.rows[part] - start, place]

    def first_pass(start: int) -> None:
        for labeling, part, sums in weighted_sums(start):
            labeling.add_distances(sums, part)

    def second_pass(start: int) -> None:
        for labeling, part, sums in weighted_sums(start):
            labeling.influence_on_others[part] = sums[np.arange(len(sums)), labeling.own[part]]

    for labeling, place in zip(labelings, columns, strict=True):
        weights[labeling.rows, place.start + labeling.own] = 1
    threads.run(first_pass, starts, n_jobs=n_jobs)
    if not errors:
        return
    weights[:] = 0
    for labeling, place in zip(labelings, columns, strict=True):
        by_within, by_between = labeling.slopes()
        weights[labeling.rows, place.start + labeling.own] = by_within
        weights[labeling.rows, place.start + labeling.nearest] = by_between
    threads.run(second_pass, starts, n_jobs=n_jobs)
