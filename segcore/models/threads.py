"""Fits in parallel across threads, each fit with one BLAS and OpenMP thread of its own.

Threads and not processes: scikit-learn's loops release the GIL (two threads fit the default sweep on 10,000
rows 1.7 times as fast as one), while every further process would cost the memory of all imports again.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from segcore.cpus import available_cpus

T = TypeVar("T")
R = TypeVar("R")

_lock = threading.Lock()
_depth = 0
_filters = ExitStack()


def limit_this_thread() -> None:
    """Keep OpenMP to one thread in the calling thread: its limit is per thread, unlike that of BLAS."""
    threadpool_limits(1)


def run(function: Callable[[T], R], items: Iterable[T], *, n_jobs: int | None = None) -> list[R]:
    """Apply a function to every item, in parallel, with results in the items' order.

    Parameters
    ----------
    function : callable
        Must not depend on which thread runs it or on what runs beside it.
    items : iterable
        Started in this order: put the longest first.
    n_jobs : int, optional
        Threads; all available CPUs by default, and none but the caller's for 1. The results do not depend on it.

    Notes
    -----
    `ignoring_known_warnings` holds from before the first thread to after the last: libraries catch warnings inside a
    fit, too, and one that began earlier would put back the filters of that time in the middle of another fit.
    """
    if n_jobs == 1:
        with ignoring_known_warnings(), threadpool_limits(1):
            return [function(item) for item in items]
    with (
        ignoring_known_warnings(),
        threadpool_limits(1),
        ThreadPoolExecutor(n_jobs or available_cpus(), initializer=limit_this_thread) as pool,
    ):
        return list(pool.map(function, items))


@contextmanager
def ignoring_known_warnings() -> Iterator[None]:
    """Silence what scikit-learn and joblib say about work that its caller judges by the result instead.

    That is: no convergence, fewer distinct clusters than asked, a neighbour graph in several parts, an idle worker
    that ended just when there was work again (joblib starts another; raised as an error it would end the thread that
    does so, and the caller would wait for ever).
    ``warnings.catch_warnings`` swaps a list that all threads share, so that two overlapping ones can
    restore it in the wrong order: here the first fit to start sets the filters and the last one to end
    takes them away.
    """
    global _depth, _filters  # noqa: PLW0603 - the interpreter's filters are global too
    with _lock:
        if _depth == 0:
            _filters = ExitStack()
            _filters.enter_context(warnings.catch_warnings())
            _ignore()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _filters.close()


def _ignore() -> None:
    if "sklearn" in sys.modules:  # half a second that a worker process without its fits is spared
        from sklearn.exceptions import ConvergenceWarning

        warnings.filterwarnings("ignore", category=ConvergenceWarning)
    warnings.filterwarnings("ignore", message="Graph is not fully connected", category=UserWarning)
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
