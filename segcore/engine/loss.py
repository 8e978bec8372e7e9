"""A cluster that is lost while it works: noticed, and reported in one line; a worker that stands still is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from segcore import errors

_WORKERS_SECONDS = 60  # time for workers to come (back), where Dask's settings name none
_LOOK_SECONDS = 1.0
# A worker tells twice a second that it is there, whatever it works on. One that does not is named, then given up: Dask
# itself waits for five minutes.
_SILENT_SECONDS = 15.0
_STILL_SECONDS = 60.0
_AGAIN = "run the same command again to go on"


@contextmanager
def reported(client: Any, address: str, log: Callable[[str], object]) -> Iterator[None]:
    """Turn the loss of a cluster into one line, and end what waits for workers that do not come or stand still.

    Raises
    ------
    segcore.errors.UnreachableError
    """
    from distributed.scheduler import KilledWorker, NoValidWorkerError

    finished, deserted = threading.Event(), threading.Event()
    watches = [
        threading.Thread(target=_close_deserted, args=(client, finished, deserted), daemon=True),
        threading.Thread(target=_give_up_still, args=(client, finished, log), daemon=True),
    ]
    for watch in watches:
        watch.start()
    try:
        yield
    except errors.SegcoreError:
        raise
    except KilledWorker as exc:
        raise errors.UnreachableError(
            f"{exc.allowed_failures + 1} workers died one after the other at task {exc.task}, the last "
            f"{exc.last_worker.address}; for want of memory most often: ask for a smaller --memory, or start "
            f"workers with more, and {_AGAIN}"
        ) from exc
    except (Exception, CancelledError) as exc:
        if deserted.is_set() or isinstance(exc, NoValidWorkerError):
            raise errors.UnreachableError(no_workers(address)) from exc
        if isinstance(exc, CancelledError) or client.status != "running":
            raise errors.UnreachableError(
                f"{address}: the connection to the Dask scheduler was lost; see that it runs and {_AGAIN}"
            ) from exc
        raise
    finally:
        finished.set()
        for watch in watches:
            watch.join()


def _close_deserted(client: Any, finished: threading.Event, deserted: threading.Event) -> None:
    """Close the client of a cluster that has had no worker for too long: Dask would wait for ever."""
    missing, patience = 0.0, workers_seconds()
    while not finished.wait(_LOOK_SECONDS) and client.status == "running":
        info = client.scheduler_info(n_workers=0)
        missing = 0.0 if info.get("n_workers") else missing + _LOOK_SECONDS
        if missing >= patience:
            deserted.set()
            client.close()
            return


def _give_up_still(client: Any, finished: threading.Event, log: Callable[[str], object]) -> None:
    """Name the workers that the cluster waits for, and take those from it that stand still for too long."""
    named: set[str] = set()
    while not finished.wait(_LOOK_SECONDS) and client.status == "running":
        try:
            silent = client.run_on_scheduler(_silent_workers, _SILENT_SECONDS, _STILL_SECONDS)
        except Exception:  # the scheduler is gone, which is noticed where it is waited for
            return
        for worker, seconds in silent.items():
            if seconds > _STILL_SECONDS:
                log(
                    f"worker {worker} stood still for {seconds:.0f} seconds and was given up: others do its tasks"
                )
            elif worker not in named:
                log(
                    f"waiting for worker {worker}, silent for {seconds:.0f} seconds; given up after {_STILL_SECONDS:g}"
                )
        named = {*silent}


async def _silent_workers(
    patience: float, limit: float, dask_scheduler: Any = None
) -> dict[str, float]:  # Dask fills in an argument of this name
    """Return the seconds of silence of workers beyond a patience, and remove those beyond the limit."""
    from distributed.metrics import time

    now = time()
    silent = {worker.address: now - worker.last_seen for worker in dask_scheduler.workers.values()}
    silent = {address: seconds for address, seconds in silent.items() if seconds > patience}
    for address, seconds in silent.items():
        if seconds > limit:
            await dask_scheduler.remove_worker(address, stimulus_id="segcore: it stands still")
    return silent


def no_workers(address: str) -> str:
    """Return the message for a cluster without workers."""
    return f"{address}: no Dask worker for {workers_seconds():g} seconds; start some and {_AGAIN}"


def workers_seconds() -> float:
    """Return how long to wait for workers: Dask's own setting, or a minute."""
    import dask
    from dask.utils import parse_timedelta

    setting = dask.config.get("distributed.scheduler.no-workers-timeout", None)
    return _WORKERS_SECONDS if setting is None else float(parse_timedelta(setting))
