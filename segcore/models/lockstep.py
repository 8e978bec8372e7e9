"""Several iterative fits over the same blocks, in step, so that a block is read once for all of them.

Each fit runs in a thread of its own and asks a Dask scheduler for results as always. What they ask for is held
until every running fit has asked; then the graphs are computed as one. They name the same blocks by the same
keys, so that a pass over the data serves all fits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Get = Callable[..., Any]  # a Dask scheduler: get(graph, keys) -> results


class LockstepScheduler:
    """A Dask scheduler that waits for all running fits and then computes for all at once.

    Parameters
    ----------
    get : callable
        The scheduler that does the work.
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self._lock = threading.Lock()
        self._running = 0
        self._asked: list[tuple[Any, Any, Future[Any]]] = []
        self._cancelled = False

    def get(self, graph: Any, keys: Any, **_: Any) -> Any:
        """Compute keys of a graph together with what the other fits ask for."""
        answer: Future[Any] = Future()
        with self._lock:
            self._asked.append((graph, keys, answer))
            complete = self._complete()
        self._compute(complete)
        return answer.result()

    def run(self, fit: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Run a fit for every item, all in step, and return the results in the items' order."""
        if not items:
            return []
        self._running = len(items)

        def one(item: T) -> R:
            try:
                return fit(item)
            finally:
                self._leave()

        with ThreadPoolExecutor(len(items)) as pool:
            try:
                # Not pool.map: it cancels what has not begun when one fails, and the others would wait for that.
                return [future.result() for future in [pool.submit(one, item) for item in items]]
            except BaseException:
                self._cancelled = True  # the others stop at their next round instead of going on for nobody
                raise

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            complete = self._complete()
        self._compute(complete)

    def _complete(self) -> list[tuple[Any, Any, Future[Any]]]:
        """Take what was asked for if every running fit has asked."""
        if len(self._asked) < self._running:
            return []
        complete, self._asked = self._asked, []
        return complete

    def _compute(self, asked: list[tuple[Any, Any, Future[Any]]]) -> None:
        if not asked:
            return
        try:
            if self._cancelled:
                raise CancelledError
            merged: dict[Any, Any] = {}
            for graph, _, _ in asked:
                merged.update(_materialised(graph))
            results = self._get(merged, [keys for _, keys, _ in asked])
        except BaseException as exc:
            for _, _, answer in asked:
                answer.set_exception(exc)
        else:
            for (_, _, answer), result in zip(asked, results, strict=True):
                answer.set_result(result)


def _materialised(graph: Any) -> Mapping[Any, Any]:
    """Return the tasks of what Dask hands to a scheduler: a mapping, or an expression that makes one."""
    tasks: Mapping[Any, Any] = graph.__dask_graph__() if hasattr(graph, "__dask_graph__") else graph
    return tasks
