"""K-Means: many restarts on the sample with scikit-learn, then every row with Dask-ML.

A pass over all rows may read them from disk, so passes are what is saved: a start from the sample leaves few
iterations, and with many more rows than the sample a step over ten times the sample comes between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segcore.models import threads
from segcore.models.assignment import Floats, Matrix, NearestCentre

STEP = 10  # the middle step sees this many times the sample


@dataclass(frozen=True, kw_only=True)
class KMeansFit:
    """K-Means on all rows for one k.

    Attributes
    ----------
    k : int
    centres : ndarray of shape (k, n_features), float64
    inertia_start, inertia : float
        Sum of squared distances of all rows to their nearest centre, at the given start and at the end;
        summed in float64 in the order of the blocks.
    n_iter : int
        Dask-ML's iterations over all rows.
    converged : bool
        Whether the centres stood still before `max_iter`, and every cluster has a row.
    counts : ndarray of shape (k,), int64
        Rows of each cluster.
    n_repaired : int
        Empty clusters that were seeded again.
    n_passes : int
        Times that every row was read.
    seconds : float
        Wall time of this k's own iterations; the evaluation passes serve all k at once.
    """

    k: int
    centres: Floats
    inertia_start: float
    inertia: float
    n_iter: int
    converged: bool
    counts: npt.NDArray[np.int64]
    n_repaired: int
    n_passes: int
    seconds: float


def fit_sample(
    X: Matrix,
    k: int,
    *,
    n_init: int,
    random_state: int,
    starts: Sequence[Floats] = (),
    tolerance: float = 0.0,
) -> Floats:
    """Return the best centres of many restarts.

    Parameters
    ----------
    X : ndarray of shape (n_sample, n_features)
        Standardised; with at least k distinct rows.
    k : int
        Number of clusters.
    n_init : int
        Restarts from k-means++ (Arthur and Vassilvitskii 2007).
    random_state : int
        Seed of the restarts.
    starts : sequence of ndarray of shape (k, n_features)
        Further starts, such as a previous run's centres.
    tolerance : float
        The best of the further starts wins unless a restart's sum of squares is smaller by more than this share:
        noise does not move segments that are as good as any.

    Returns
    -------
    ndarray of shape (k, n_features), float64
        Of the run with the least sum of squares, iterated until no label changes: the usual tolerance
        leaves rows on the border with a neighbour.

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding, SODA.
    """
    X = np.asarray(X, dtype=np.float64)
    with threadpool_limits(1), threads.quiet():
        fits = [KMeans(k, n_init=n_init, random_state=random_state).fit(X)]
        fits += [KMeans(k, init=np.asarray(start, dtype=np.float64), n_init=1).fit(X) for start in starts]
        best = min(fits, key=lambda fit: fit.inertia_)
        continued = min(fits[1:], key=lambda fit: fit.inertia_, default=best)
        if best.inertia_ >= (1 - tolerance) * continued.inertia_:
            best = continued
        return np.asarray(KMeans(k, init=best.cluster_centers_, n_init=1, tol=0).fit(X).cluster_centers_)


def fit_all(
    X: da.Array,
    starts: Mapping[int, Floats],
    *,
    n_sample: int | None = None,
    tol: float = 1e-4,
    max_iter: int = 100,
) -> dict[int, KMeansFit]:
    """Go on from given centres over all rows, block by block; X is never in memory as a whole.

    Parameters
    ----------
    X : dask array of shape (n_customers, n_features)
        Standardised, with known chunks: its blocks of rows. Sums are added in their order, so the same blocks
        give the same bytes under every scheduler and number of threads.
    starts : mapping of int to ndarray of shape (k, n_features)
        Centres to start from, per k.
    n_sample : int, optional
        Rows that the starts were fitted on, the first ones of X. Where X has many more, ten times as many
        come first.
    tol : float
        Stop when the squared shift of all centres is below tol x the mean variance of a feature.
    max_iter : int
        Iterations at most.

    Returns
    -------
    dict of int to KMeansFit
        Per k, in the order of `starts`.

    Notes
    -----
    Dask-ML's `inertia_` mixes squared and plain distances, an empty cluster's centre silently becomes the
    origin and its `tol` is absolute: hence the sums of squares, repairs and tolerance of our own.
    """
    X = X.rechunk({1: -1})
    centres = {k: np.asarray(start, dtype=np.float64) for k, start in starts.items()}
    with _one_thread_per_task():
        if n_sample is not None and len(X) > 2 * STEP * n_sample:
            first = _fit(X[: STEP * n_sample], centres, tol=tol, max_iter=max_iter)
            centres = {k: fit.centres for k, fit in first.items()}
        return _fit(X, centres, tol=tol, max_iter=max_iter)


@dataclass(frozen=True, kw_only=True)
class _Totals:
    """One evaluation pass over all rows for one k."""

    counts: npt.NDArray[np.int64]  # rows of each cluster
    sse: Floats  # sum of squared distances of each cluster
    far: Floats  # squared distance of each cluster's farthest row
    far_rows: Floats  # those rows, of shape (k, n_features)

    @property
    def inertia(self) -> float:
        return float(self.sse.sum())

    def __add__(self, later: _Totals) -> _Totals:
        farther = later.far > self.far  # of equally far rows the first in hash order stays
        return _Totals(
            counts=self.counts + later.counts,
            sse=self.sse + later.sse,
            far=np.where(farther, later.far, self.far),
            far_rows=np.where(farther[:, None], later.far_rows, self.far_rows),
        )


def _fit(X: da.Array, starts: Mapping[int, Floats], *, tol: float, max_iter: int) -> dict[int, KMeansFit]:
    """Run every k from its start, and again where a cluster came out empty."""
    before, variance = _evaluate(X, starts)
    totals, centres = dict(before), dict(starts)
    n_iter, seconds = dict.fromkeys(starts, 0), dict.fromkeys(starts, 0.0)
    n_repaired, n_passes = dict.fromkeys(starts, 0), dict.fromkeys(starts, 1)
    todo = list(starts)
    while todo:
        for k in todo:
            began = time.perf_counter()
            centres[k], repaired = _repair(centres[k], totals[k])
            model = _dask_kmeans(X, centres[k], tol=tol * variance, max_iter=max_iter)
            centres[k] = np.asarray(model.cluster_centers_, dtype=np.float64)
            n_iter[k] += model.n_iter_
            n_repaired[k] += repaired
            n_passes[k] += model.n_iter_ + 3  # Dask-ML's check and inertia, and the evaluation below
            seconds[k] += time.perf_counter() - began
        totals |= _evaluate(X, {k: centres[k] for k in todo})[0]
        todo = [k for k in todo if _repairable(totals[k]) and n_repaired[k] < k]
    return {
        k: KMeansFit(
            k=k,
            centres=centres[k],
            inertia_start=before[k].inertia,
            inertia=totals[k].inertia,
            n_iter=n_iter[k],
            converged=n_iter[k] < max_iter and bool(totals[k].counts.all()),
            counts=totals[k].counts,
            n_repaired=n_repaired[k],
            n_passes=n_passes[k],
            seconds=seconds[k],
        )
        for k in starts
    }


def _dask_kmeans(X: da.Array, start: Floats, *, tol: float, max_iter: int) -> Any:
    """Fit Dask-ML's KMeans; float64 blocks cost it no more time and keep its sums exact."""
    from dask_ml.cluster import KMeans as DaskKMeans  # two seconds, where only this function needs it

    return DaskKMeans(n_clusters=len(start), init=start, tol=tol, max_iter=max_iter).fit(X.astype(np.float64))


def _repairable(totals: _Totals) -> bool:
    """Say whether a cluster is empty and there is a row away from its centre to seed it with."""
    return bool((totals.counts == 0).any() and (totals.far > 0).any())


def _repair(centres: Floats, totals: _Totals) -> tuple[Floats, int]:
    """Seed each empty cluster with the farthest row of the next worst cluster."""
    empty = np.flatnonzero(totals.counts == 0)
    worst = [c for c in np.argsort(-totals.sse, kind="stable") if totals.far[c] > 0]
    pairs = list(zip(empty, worst, strict=False))
    centres = centres.copy()
    for cluster, donor in pairs:
        centres[cluster] = totals.far_rows[donor]
    return centres, len(pairs)


def _evaluate(X: da.Array, centres: Mapping[int, Floats]) -> tuple[dict[int, _Totals], float]:
    """Measure every k's centres in one pass, and the mean variance of the features."""
    blocks = X.to_delayed().ravel()
    parts = dask.compute(*[dask.delayed(_measure)(block, dict(centres)) for block in blocks])
    totals, (n, sums, squares) = parts[0]
    for later, (n_later, sums_later, squares_later) in parts[1:]:
        totals = {k: totals[k] + later[k] for k in totals}
        n, sums, squares = n + n_later, sums + sums_later, squares + squares_later
    return totals, float(np.mean(np.maximum(squares / n - (sums / n) ** 2, 0)))


def _measure(
    block: Matrix, centres: Mapping[int, Floats]
) -> tuple[dict[int, _Totals], tuple[int, Floats, Floats]]:
    """Measure one block: per k the totals; number, sum and sum of squares of the rows."""
    rows = np.asarray(block, dtype=np.float64)
    totals = {k: _measure_one(rows, c) for k, c in centres.items()}
    return totals, (len(rows), rows.sum(axis=0), (rows * rows).sum(axis=0))


def _measure_one(rows: Floats, centres: Floats) -> _Totals:
    k = len(centres)
    labels, _ = NearestCentre(centres=centres).assign(rows)
    squared = ((rows - centres[labels]) ** 2).sum(axis=1)
    far, far_rows = np.zeros(k), np.zeros_like(centres)
    for cluster in range(k):
        members = np.flatnonzero(labels == cluster)
        if len(members):
            farthest = members[squared[members].argmax()]
            far[cluster], far_rows[cluster] = squared[farthest], rows[farthest]
    return _Totals(
        counts=np.bincount(labels, minlength=k),
        sse=np.asarray(np.bincount(labels, weights=squared, minlength=k), dtype=np.float64),
        far=far,
        far_rows=far_rows,
    )


@contextmanager
def _one_thread_per_task() -> Iterator[None]:
    """Give Dask's threaded scheduler threads that keep BLAS and OpenMP to one thread each.

    Under a distributed client the workers compute and this pool stays idle; Dask's nanny sets the same limits.
    """
    n_threads = dask.config.get("num_workers", None) or threads.available_cpus()
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(n_threads, initializer=threads.limit_this_thread) as pool,
        dask.config.set(pool=pool),
    ):
        yield
