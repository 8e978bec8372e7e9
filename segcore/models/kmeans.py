"""K-Means: many restarts on the sample with scikit-learn, then every row with Dask-ML.

A pass over all rows may read them from disk, so passes are what is saved: a start from the sample leaves few
iterations, and with many more rows than the sample a step over ten times the sample comes between.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dask
import dask.array as da
import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from segcore.arrays import Counts, Floats, Matrix
from segcore.models import dask_kmeans, threads
from segcore.models.totals import Spread, Totals, measure

STEP = 10  # the middle step sees this many times the sample
_TOGETHER, _OFTEN, _ALIKE = 10, 4, 1e-4  # tests/benchmarks/README.md has what other rules lose and save
_ROUNDING = 1e-12
_TOL = 1e-5  # stop when the squared shift of all centres is below that x the mean variance of a feature


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
        Times that this k went through all rows; each pass serves all k.
    seconds : float
        Wall time until its iterations ended; all k go through the rows together.
    """

    k: int
    centres: Floats
    inertia_start: float
    inertia: float
    n_iter: int
    converged: bool
    counts: Counts
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
        Restarts from k-means++ (Arthur and Vassilvitskii 2007) at most: they are made ten at a time, and end when four tens have
        come to the least sum of squares, within .01%.
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
    with threadpool_limits(1), threads.ignoring_known_warnings():
        fits = [_best_restart(X, k, n_init, random_state)]
        fits += [KMeans(k, init=np.asarray(start, dtype=np.float64), n_init=1).fit(X) for start in starts]
        best = min(fits, key=lambda fit: fit.inertia_)
        continued = min(fits[1:], key=lambda fit: fit.inertia_, default=best)
        if best.inertia_ >= (1 - tolerance) * continued.inertia_:
            best = continued
        return np.asarray(KMeans(k, init=best.cluster_centers_, n_init=1, tol=0).fit(X).cluster_centers_)


def _best_restart(X: Floats, k: int, n_init: int, random_state: int) -> KMeans:
    """Return the best of many restarts; those that are made are the first of all, the same ones however many there are."""
    best, least, met = None, np.inf, 0
    draws = np.random.RandomState(random_state)
    for first in range(0, n_init, _TOGETHER):
        fit = KMeans(k, n_init=min(_TOGETHER, n_init - first), random_state=draws).fit(X)
        if fit.inertia_ < (1 - _ALIKE) * least:
            met = 0
        met += fit.inertia_ <= (1 + _ALIKE) * least
        # What differs by rounding alone is the same clusters in another order.
        if fit.inertia_ < (1 - _ROUNDING) * least:
            best, least = fit, fit.inertia_
        if met == _OFTEN:
            break
    return best


def fit_all(
    X: da.Array, starts: Mapping[int, Floats], *, n_sample: int | None = None, max_iter: int = 300
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
    given = {k: np.asarray(start, dtype=np.float64) for k, start in starts.items()}
    centres, n_repaired = dict(given), dict.fromkeys(given, 0)
    with dask_kmeans.one_thread_per_task():
        if n_sample is not None and len(X) > 2 * STEP * n_sample:
            for k, fit in _fit(X[: STEP * n_sample], given, given, max_iter=max_iter).items():
                centres[k], n_repaired[k] = fit.centres, fit.n_repaired
        fits = _fit(X, given, centres, max_iter=max_iter)
    return {k: replace(fit, n_repaired=fit.n_repaired + n_repaired[k]) for k, fit in fits.items()}


@dataclass(kw_only=True)
class _Running:
    """The fit of one k on its way."""

    centres: Floats
    totals: Totals
    n_iter: int = 0
    stood_still: bool = False
    n_repaired: int = 0
    n_passes: int = 1
    seconds: float = 0.0


def _fit(
    X: da.Array, given: Mapping[int, Floats], starts: Mapping[int, Floats], *, max_iter: int
) -> dict[int, KMeansFit]:
    """Run every k from its start, and again where a cluster came out empty."""
    same = all(starts[k] is given[k] for k in given)
    at_start, spread = _evaluate(X, given) if same else _evaluate(X, given, starts)
    running = {k: _Running(centres=starts[k], totals=totals[-1]) for k, totals in at_start.items()}
    todo = dict(running)
    while todo:
        for run in todo.values():
            run.centres, n_repaired = run.totals.fill_empty(run.centres)
            run.n_repaired += n_repaired
        began = time.perf_counter()
        fits = dask_kmeans.fit_each(
            X, [run.centres for run in todo.values()], spread, tol=_TOL, max_iter=max_iter
        )
        for run, (centres, n_iter, ended) in zip(todo.values(), fits, strict=True):
            run.centres, run.stood_still = centres, n_iter < max_iter
            run.n_iter += n_iter
            run.n_passes += n_iter + 1  # and the evaluation below
            run.seconds += ended - began
        at_end, _ = _evaluate(X, {k: run.centres for k, run in todo.items()})
        for k, (of_fit,) in at_end.items():
            running[k].totals = of_fit
        # Each repair fills a cluster, so k of them are enough unless rows go back and forth.
        todo = {k: run for k, run in todo.items() if run.totals.can_fill and run.n_repaired < k}
    return {
        k: KMeansFit(
            k=k,
            centres=run.centres,
            inertia_start=at_start[k][0].inertia,
            inertia=run.totals.inertia,
            n_iter=run.n_iter,
            converged=run.stood_still and bool(run.totals.counts.all()),
            counts=run.totals.counts,
            n_repaired=run.n_repaired,
            n_passes=run.n_passes,
            seconds=run.seconds,
        )
        for k, run in running.items()
    }


def _evaluate(X: da.Array, *centres: Mapping[int, Floats]) -> tuple[dict[int, tuple[Totals, ...]], Spread]:
    """Measure several centres for every k, and the rows' spread, in one pass."""
    sets = {k: [each[k] for each in centres] for k in centres[0]}
    parts = dask.compute(*[dask.delayed(measure)(block, sets) for block in X.to_delayed().ravel()])
    totals, spread = parts[0]
    for later, more in parts[1:]:  # one after the other, in the order of the blocks
        totals = {k: [a + b for a, b in zip(totals[k], later[k], strict=True)] for k in totals}
        spread = spread + more
    return {k: tuple(each) for k, each in totals.items()}, spread
