"""Tasks of a stage: one after the other in this process, or on the workers of a Dask cluster."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from segcore.engine import connection

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")
Tick = Callable[[int, int, str], object]  # tasks done, tasks in all, the name of the last one

# Tasks handed out for each worker: one to work on, and some to go on with while the first in order takes long.
_AHEAD = 4
_TASKS_A_WORKER = 4
_alone = threading.Lock()


def batches(items: Sequence[T], size: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Split items into batches, in their order: one on a laptop, a few of about equal size for each worker.

    Parameters
    ----------
    items : sequence
    size : callable
        How much work an item is.
    """
    n_batches = min(len(items), max(1, connection.n_workers() * _TASKS_A_WORKER))
    share = sum(map(size, items)) / max(n_batches, 1)
    start, work = 0, 0
    for end, item in enumerate(items, start=1):
        work += size(item)
        if end == len(items) or (work >= share and n_batches > 1):
            yield items[start:end]
            start, work = end, 0


def run_tasks(
    function: Callable[[T], R], items: Sequence[T], *, label: str, tick: Tick | None = None, at_once: int = 1
) -> Iterator[R]:
    """Apply a function to every item and give the results in the items' order.

    Without a cluster it is applied in this process. With one the workers do it, one task at a time in each of them:
    whatever it calls has all threads and the whole budget.

    Parameters
    ----------
    function : callable
        Picklable, as are items and results, and the results small: they go through this process. A task whose worker
        dies is run again on another, perhaps while the first is still at it, so running it twice has to leave the same.
    items : sequence
    label : str
        What the tasks are called on Dask's dashboard and in messages.
    tick : callable, optional
        Called after each task with how many of how many are done.
    at_once : int
        Items that this process works on at the same time, each in a thread, where there is no cluster.

    Yields
    ------
    object
        What the function returned.

    Raises
    ------
    Exception
        What the function raised, on whatever machine. The tasks that are not done are given up then.
    """
    active = connection.active_cluster()
    results = (
        _here(function, items, at_once) if active is None else _on_workers(active, function, items, label)
    )
    for done, result in enumerate(results, start=1):
        if tick is not None:
            tick(done, len(items), label)
        yield result


def _here(function: Callable[[T], R], items: Sequence[T], at_once: int) -> Iterator[R]:
    if at_once == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            yield from _in_order(
                lambda item: pool.submit(function, item), items, waiting, lambda: at_once + 1
            )
        finally:  # after a failure those that have not begun are given up
            for one in waiting:
                one.cancel()


def _on_workers(
    active: connection.Cluster, function: Callable[[T], R], items: Sequence[T], label: str
) -> Iterator[R]:
    client, run = active.client, uuid.uuid4().hex[:8]
    waiting: deque[Any] = deque()

    def submit(numbered: tuple[int, T]) -> Any:
        number, item = numbered
        return client.submit(_one_at_a_time, function, item, key=f"{label}-{run}-{number}", pure=False)

    try:
        # Workers may come and go: as many tasks as there is work for at this moment.
        yield from _in_order(submit, enumerate(items), waiting, lambda: _AHEAD * max(1, active.n_workers))
    finally:
        if client.status == "running":
            client.cancel(list(waiting))


def _in_order(
    submit: Callable[[S], Any], items: Iterable[S], waiting: deque[Any], ahead: Callable[[], int]
) -> Iterator[Any]:
    """Give results in the items' order, no further ahead of whoever takes them than so many tasks: results wait in memory."""
    pending = iter(items)
    while True:
        waiting.extend(map(submit, islice(pending, max(0, ahead() - len(waiting)))))
        if not waiting:
            return
        yield waiting.popleft().result()


def _one_at_a_time(function: Callable[[T], R], item: T) -> R:
    with _alone:
        return function(item)


@contextmanager
def count_tasks() -> Iterator[list[dict[str, Any]]]:
    """Give a list that at the end holds what each worker of the cluster did meanwhile; empty on a laptop.

    Yields
    ------
    list of dict
        ``address``, ``pid``, ``tasks`` done and ``peak_memory``, the largest resident memory of the process so far.
        A worker that has died took its count with it.
    """
    done: list[dict[str, Any]] = []
    if (active := connection.active_cluster()) is None:
        yield done
        return
    from segcore.engine import workers

    with workers.counting(active.client, done):
        yield done
