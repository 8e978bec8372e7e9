"""A cluster that is lost while it works: noticed, and said in one line."""

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


class Watch:
    """Ends what waits for a cluster on which nobody works any more; Dask would wait for ever."""

    def __init__(self, client: Any, address: str) -> None:
        self.reason = ""
        self.client, self._address = client, address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        missing, patience = 0.0, workers_seconds()
        while not self._stop.wait(_LOOK_SECONDS) and self.client.status == "running":
            info = self.client.scheduler_info(n_workers=0)
            missing = 0.0 if info.get("n_workers") else missing + _LOOK_SECONDS
            if missing >= patience:
                self.reason = no_workers(self._address)
                self.client.close()
                return


@contextmanager
def watching(client: Any, address: str) -> Iterator[Watch]:
    """Watch over a cluster while it works."""
    watch = Watch(client, address)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


@contextmanager
def told(watch: Watch, address: str) -> Iterator[None]:
    """Turn what Dask says when a cluster is lost into one line."""
    from distributed.scheduler import KilledWorker, NoValidWorkerError

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
    except NoValidWorkerError as exc:
        raise errors.UnreachableError(no_workers(address)) from exc
    except (Exception, CancelledError) as exc:
        if watch.reason:
            raise errors.UnreachableError(watch.reason) from exc
        if isinstance(exc, CancelledError) or watch.client.status != "running":
            raise errors.UnreachableError(
                f"{address}: the connection to the Dask scheduler was lost; see that it runs and {_AGAIN}"
            ) from exc
        raise


def no_workers(address: str) -> str:
    """Say that nobody works."""
    return f"{address}: no Dask worker for {workers_seconds():g} seconds; start some and {_AGAIN}"


def workers_seconds() -> float:
    """Return how long to wait for workers: what Dask's own setting says, or a minute."""
    import dask
    from dask.utils import parse_timedelta

    setting = dask.config.get("distributed.scheduler.no-workers-timeout", None)
    return _WORKERS_SECONDS if setting is None else float(parse_timedelta(setting))
