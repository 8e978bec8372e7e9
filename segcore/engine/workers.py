"""What is set up in each worker before it works, and what it reports of itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin
from threadpoolctl import threadpool_limits

from segcore import errors
from segcore.engine import environment, memory

NAME = "segcore"
_PRIVATE = 0o700  # customers' data


class Setup(WorkerPlugin):  # type: ignore[misc]  # Dask has no types
    """Gives a worker its share of memory, its threads and a private folder, and counts its tasks.

    Dask runs it in the workers that are there and in those that join later, before they get a task. A late one that
    does not fit (other versions, too little memory) is closed.

    Parameters
    ----------
    budget : int
        Bytes of memory, for each worker.
    own : mapping of str to str
        The versions that a worker has to have.
    """

    name = NAME

    def __init__(self, budget: int, own: Mapping[str, str]) -> None:
        self.done = 0
        self._budget = budget
        self._own = dict(own)

    async def setup(self, worker: Any) -> None:
        """Set the process up, before Polars is used in it."""
        text = environment.mismatch(self._own, environment.installed(), worker.address)
        text = text or too_small(self._budget, worker.address, worker.memory_manager.memory_limit)
        if text:
            await worker.close(reason=text)
            raise errors.UnreachableError(text)
        os.chmod(worker.local_directory, _PRIVATE)
        spill = Path(worker.local_directory) / NAME
        spill.mkdir(mode=_PRIVATE, exist_ok=True)
        memory.limit_polars(self._budget, spill=spill, threads=worker.state.nthreads)
        # Dask's nanny does this as well; a worker that was started without one would add in another order.
        os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
        threadpool_limits(1)

    def teardown(self, worker: Any) -> None:
        """Leave nothing of the run's data behind."""
        shutil.rmtree(Path(worker.local_directory) / NAME, ignore_errors=True)

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Count a task that was done here."""
        if (start, finish) == ("executing", "memory"):
            self.done += 1


def too_small(budget: int, address: str, limit: int | None) -> str:
    """Return why a worker has too little memory for a budget; empty where it has enough."""
    if not limit or budget <= memory.worker_budget(limit):
        return ""
    needed = memory.worker_limit(budget) / 1e9
    most = memory.worker_budget(limit) // 10**6
    remedy = f"--memory {most}MB" if most > 0 else "workers with more memory"
    return (
        f"worker {address} has a memory limit of {limit / 1e9:.2f} GB, a budget of {budget / 1e9:.2f} GB needs {needed:.2f} GB; "
        f"ask for {remedy}, or start workers with --memory-limit {needed:.2f}GB"
    )


def _facts(dask_worker: Any) -> dict[str, int]:  # Dask fills in an argument of this name
    plugin = dask_worker.plugins[NAME]
    return {"pid": os.getpid(), "tasks": plugin.done, "peak_memory": memory.peak()}


def facts(client: Any) -> dict[str, dict[str, int]]:
    """Return by address the process id, the tasks done and the largest resident memory so far of every worker."""
    by_address: dict[str, dict[str, int]] = client.run(_facts, on_error="ignore")
    return by_address


@contextmanager
def counting(client: Any, into: list[dict[str, Any]]) -> Iterator[None]:
    """Note what each worker did meanwhile; one that has died took its count with it."""
    before = facts(client)
    yield
    for address, now in facts(client).items():
        earlier = before.get(address, {"tasks": 0})["tasks"]
        if now["tasks"] > earlier:
            into.append({"address": address, **now, "tasks": now["tasks"] - earlier})
