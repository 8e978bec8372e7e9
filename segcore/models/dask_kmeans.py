"""Dask-ML's K-Means, from several starts at once over the same blocks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dask
import dask.array as da
import numpy as np
from threadpoolctl import threadpool_limits

from segcore.arrays import Floats
from segcore.cpus import available_cpus
from segcore.models import lockstep, threads
from segcore.models.totals import Spread

MOST_BLOCKS = 2_048  # blocks x fits in one graph, which takes about 40 kB each: 80 MB


def fit_each(
    X: da.Array, starts: Sequence[Floats], spread: Spread, *, tol: float, max_iter: int
) -> list[tuple[Floats, int, float]]:
    """Fit Dask-ML's K-Means from every start; return centres, iterations and the time each ended.

    Its function and not its class, which goes through all rows twice more: to see that they are finite, as every iteration does, and
    for a sum of squares that nobody asks for.

    Rows are moved so far from the origin that it is never the nearest centre: a cluster that loses its rows on
    the way, and gets the origin for its centre, then stays empty and is found at the end. Blocks in float64 cost
    no more time and keep Dask-ML's sums exact. Without fusion of tasks a block has the same key for every fit,
    and is read once for all.
    """
    from dask_ml.cluster.k_means import k_means  # two seconds, where only this function needs it

    away = 4 * spread.largest or 1.0
    blocks = X.astype(np.float64) + away

    def fit(start: Floats) -> tuple[Floats, int, float]:
        begin = start + away
        _, centres, _, n_iter = k_means(
            blocks, len(start), init=begin, tol=tol * spread.variance, max_iter=max_iter, return_n_iter=True
        )
        return start + (centres - begin), n_iter, time.perf_counter()

    at_once = max(1, MOST_BLOCKS // X.numblocks[0])
    fits = []
    for first in range(0, len(starts), at_once):
        together = lockstep.LockstepScheduler(dask.base.get_scheduler(collections=[X]))
        with dask.config.set({"scheduler": together.get, "optimization.fuse.active": False}):
            fits += together.run(fit, starts[first : first + at_once])
    return fits


@contextmanager
def one_thread_per_task() -> Iterator[None]:
    """Give Dask's threaded scheduler threads that keep BLAS and OpenMP to one thread each.

    Under a distributed client the workers compute and this pool stays idle; Dask's nanny sets the same limits.
    """
    n_threads = dask.config.get("num_workers", None) or available_cpus()
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(n_threads, initializer=threads.limit_this_thread) as pool,
        dask.config.set(pool=pool),
    ):
        yield
