"""The Dask cluster of a run: one that runs already, or workers on this machine, or none."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcore import errors
from segcore.cpus import available_cpus
from segcore.engine import environment, loss, memory

_CONNECT_SECONDS = 15
_SHARE = 8  # an eighth of a budget is for holding an array that is read many times


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Dask cluster that is fit to work for a run.

    Attributes
    ----------
    client : distributed.Client
    budget : int
        Bytes of memory, for each worker.
    """

    client: Any
    budget: int

    @property
    def n_workers(self) -> int:
        """Workers that are there at this moment."""
        return int(self.client.scheduler_info(n_workers=0)["n_workers"])


_ACTIVE: ContextVar[Cluster | None] = ContextVar("segcore cluster", default=None)


def active_cluster() -> Cluster | None:
    """Return the cluster that works for the caller; None on a laptop."""
    return _ACTIVE.get()


def n_workers() -> int:
    """Return how many workers the cluster has that works for the caller; 0 on a laptop."""
    active = active_cluster()
    return 0 if active is None else active.n_workers


def fits_in_memory(size: int, budget: int) -> bool:
    """Whether this process holds an array of so many bytes in memory; with a cluster it stays small."""
    return active_cluster() is None and size <= budget // _SHARE


def persist(X: Any) -> Any:
    """Let the workers of the cluster hold a lazy Dask array, if it fits into what they have together.

    Parameters
    ----------
    X : dask array
        Its blocks come from files that every worker sees: none goes through this process.

    Returns
    -------
    dask array
        The same on a laptop, and where it does not fit: then every pass reads the files again.
    """
    active = active_cluster()
    if active is None or X.nbytes > active.budget // _SHARE * active.n_workers:
        return X
    return active.client.persist(X)


@contextmanager
def cluster(
    scheduler: str | None = None,
    workers: int | None = None,
    *,
    memory_budget: int | None = None,
    scratch: Path | None = None,
    log: Callable[[str], object] = lambda text: None,
) -> Iterator[Cluster | None]:
    """Connect to a running Dask scheduler, or start local workers; without either this process does the work.

    Inside the block Dask computes there and nowhere else, whatever client the calling program has; after it
    Dask is set as before.

    Parameters
    ----------
    scheduler : str, optional
        Address such as ``tcp://10.0.0.1:8786``; for ``tls://`` Dask's own settings name the certificates.
    workers : int, optional
        Worker processes of a local cluster.
    memory_budget : int, optional
        Bytes for each worker. Without it, half of the smallest worker's limit, or of the machine shared out.
    scratch : Path, optional
        Where local workers put what does not fit in memory; in a private folder, since it is customers' data.
    log : callable
        Called with where the dashboard is.

    Yields
    ------
    Cluster or None

    Raises
    ------
    segcore.errors.UnreachableError
        If the scheduler does not answer, has no workers or other versions; and on the way out of the block, if
        they were lost in it.
    segcore.errors.UsageError
        If certificates are missing, or a worker's memory is too small for the budget.
    """
    if scheduler is None and workers is None:
        import dask

        with dask.config.set(scheduler="threads"):
            yield None
        return
    with ExitStack() as stack:
        if scheduler is not None:
            client = stack.enter_context(_connected(scheduler))
        else:
            memory_budget = memory_budget or memory.default_budget() // (workers or 1)
            client = stack.enter_context(_local(workers or 1, memory_budget, scratch))
        address = client.scheduler.address
        with loss.reported(client, address, log):
            active = stack.enter_context(_set_up(client, address, memory_budget))
            log(f"{active.n_workers} Dask workers at {address}, dashboard {client.dashboard_link}")
            token = _ACTIVE.set(active)
            try:
                yield active
            finally:
                _ACTIVE.reset(token)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    _check_certificates(address)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", VersionMismatchWarning
        )  # environment.check reports it better in a moment
        try:
            _check_address(address)
            # As Dask's default it would stay so when it fails: whatever computes later would wait for it for ever.
            client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except Exception as exc:  # an address of no known kind fails in many ways
            raise errors.UnreachableError(
                f"{address}: no Dask scheduler answers there; check the address, tcp:// or tls://, and that it runs"
            ) from exc
    with client, client.as_current():
        yield client


def _check_address(address: str) -> None:
    """Raise an error where Dask cannot reach such an address at all: its client, half made, would wait at the end and complain."""
    from distributed.comm.addressing import get_address_host_port, parse_address
    from distributed.comm.registry import get_backend

    get_backend(parse_address(address)[0]).get_connector()
    get_address_host_port(address, strict=True)


def _check_certificates(address: str) -> None:
    if not address.startswith("tls://"):
        return
    import dask

    for name in ("ca-file", "client.cert", "client.key"):
        setting = f"distributed.comm.tls.{name}"
        value = dask.config.get(setting)
        if value and "\n" not in value and not Path(value).is_file():
            raise errors.UsageError(f"{value}: no such file; Dask's setting {setting} names it")
        if not value and name != "client.key":  # a certificate may hold its key
            raise errors.UsageError(
                f"{address} needs certificates: Dask's setting {setting} is not set; write it in Dask's "
                f"configuration, or set DASK_{setting.upper().replace('.', '__').replace('-', '_')}"
            )


@contextmanager
def _local(n_workers: int, budget: int, scratch: Path | None) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    needed, limit = n_workers * memory.worker_limit(budget), memory.memory_limit()
    if needed > limit:
        raise errors.UsageError(
            f"{n_workers} workers with a budget of {budget / 1e9:.2f} GB each need {needed / 1e9:.2f} GB, this machine has "
            f"{limit / 1e9:.2f} GB; ask for fewer --workers or a smaller --memory, which is for each"
        )
    if scratch is not None:
        scratch.mkdir(mode=0o700, exist_ok=True)
    cpus = int(os.environ.get("POLARS_MAX_THREADS", "0")) or available_cpus()
    try:
        local = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=max(1, cpus // n_workers),
            memory_limit=memory.worker_limit(budget),
            local_directory=None if scratch is None else str(scratch),
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
    except (RuntimeError, OSError, TimeoutError) as exc:
        raise errors.UnreachableError(
            f"local Dask workers did not start: {exc.__cause__ or exc}; a script of your own has to ask for them below "
            'if __name__ == "__main__":'
        ) from exc
    with local, Client(local, set_as_default=False) as client, client.as_current():
        yield client


@contextmanager
def _set_up(client: Any, address: str, budget: int | None) -> Iterator[Cluster]:
    from segcore.engine import workers

    try:
        client.wait_for_workers(1, timeout=loss.workers_seconds())
    except TimeoutError as exc:
        raise errors.UnreachableError(loss.no_workers(address)) from exc
    own = environment.check(client)
    limits = {name: facts["memory_limit"] for name, facts in client.scheduler_info()["workers"].items()}
    budget = budget or min(
        (min(limit // 2, memory.worker_budget(limit)) for limit in limits.values() if limit),
        default=memory.default_budget(),
    )
    for worker, limit in limits.items():
        if text := workers.too_small(budget, worker, limit):
            raise errors.UsageError(text)
    client.register_plugin(workers.Setup(budget, own))
    try:
        yield Cluster(client=client, budget=budget)
    finally:
        if client.status == "running":
            # Else it would hold later workers, of another version perhaps, to this run.
            client.unregister_worker_plugin(workers.NAME)
