"""Refits in worker processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from threadpoolctl import threadpool_limits

from segcore import errors
from segcore.cpus import available_cpus
from segcore.evaluation.standstill import GIVEN_UP_SECONDS, Standstill
from segcore.models import threads

IDLE_SECONDS = 10  # a worker process that has nothing to do for so long ends and frees its memory

T = TypeVar("T")
R = TypeVar("R")


def in_processes(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    n_jobs: int | None = None,
    log: Callable[[str], object] = str,
) -> Iterator[R]:
    """Apply a function to every item in worker processes, with results in the items' order.

    Processes and not threads: these fits are so small that Python's own lock leaves a second thread no gain.
    They are started afresh, not forked, since a fork after Polars started its threads can hang; and by loky,
    which needs no ``if __name__ == "__main__"`` in the caller's script.

    Parameters
    ----------
    function : callable
        At the top level of a module; limited to one BLAS and OpenMP thread, a worker process by its environment.
    items : iterable
        Started in this order: put the longest first. Drawn when a process is soon free for it.
    n_jobs : int, optional
        Processes; all available CPUs by default, and none but this one for 1. The results do not depend on it.
    log : callable
        Told of processes that stand still.

    Raises
    ------
    segcore.errors.BusyError
        If a worker process is killed, or the last ones stand still for a minute.
    """
    from joblib import Parallel, delayed, parallel_config

    jobs = n_jobs or available_cpus()
    if jobs == 1:
        with threadpool_limits(1):
            yield from map(function, items)
        return
    with (
        threads.ignoring_known_warnings(),
        parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1, idle_worker_timeout=IDLE_SECONDS),
    ):
        # Without max_nbytes large arrays go through files, which a killed run would leave behind.
        work = Parallel(batch_size=1, pre_dispatch="2*n_jobs", return_as="generator", max_nbytes=None)
        standstill = Standstill(log)
        try:
            with standstill.watched():
                yield from work(
                    delayed(_alone)(function, item, os.getpid()) for item in standstill.drawn(items)
                )
        except BrokenProcessPool as exc:
            if standstill.given_up.is_set():
                raise errors.BusyError(
                    f"the worker processes that refit models stood still for {GIVEN_UP_SECONDS:g} seconds and were given up; "
                    "run the same command again to go on"
                ) from exc
            raise errors.BusyError(
                "a worker process that refits models was killed, for want of memory most often; run the same command "
                "again to go on, with a smaller --memory (fewer of them work at once) or on a machine with more"
            ) from exc


@contextmanager
def starting_processes(n_jobs: int | None = None) -> Iterator[None]:
    """Let the worker processes of `in_processes` start, and import what they need, beside other work.

    Parameters
    ----------
    n_jobs : int, optional
        As for `in_processes`; nothing is started for 1.
    """
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: list(in_processes(_ready, range(n_jobs or available_cpus()), n_jobs=n_jobs)))
        yield


def _ready(_: int) -> None:
    """Import what refits need, and do nothing."""
    import segcore.evaluation.refit  # noqa: F401


def _alone(function: Callable[[T], R], item: T, parent: int) -> R:
    _end_with(parent)
    return function(item)


@cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that it works for is gone: a kill gives that one no chance to tell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
