"""A cluster that is lost while it works: noticed, and reported in one line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from segcore import errors

_WORKERS_SECONDS = 60  # time for workers to come (back), where Dask's settings name none
_LOOK_SECONDS = 1.0
_AGAIN = "run the same command again to go on"


@contextmanager
def reported(client: Any, address: str) -> Iterator[None]:
    """Turn the loss of a cluster into one line, and end what waits for workers that do not come.

    Raises
    ------
    segcore.errors.UnreachableError
    """
    from distributed.scheduler import KilledWorker, NoValidWorkerError

    finished, deserted = threading.Event(), threading.Event()
    watch = threading.Thread(target=_close_deserted, args=(client, finished, deserted), daemon=True)
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


def no_workers(address: str) -> str:
    """Return the message for a cluster without workers."""
    return f"{address}: no Dask worker for {workers_seconds():g} seconds; start some and {_AGAIN}"


def workers_seconds() -> float:
    """Return how long to wait for workers: Dask's own setting, or a minute."""
    import dask
    from dask.utils import parse_timedelta

    setting = dask.config.get("distributed.scheduler.no-workers-timeout", None)
    return _WORKERS_SECONDS if setting is None else float(parse_timedelta(setting))
