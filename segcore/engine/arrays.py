"""Where an array that is read many times is held: in memory here, in the workers' memory, or in its files."""

from __future__ import annotations

from typing import Any

from segcore.engine import connection

_SHARE = 8  # an eighth of a budget is for holding an array


def fits_in_memory(size: int, budget: int) -> bool:
    """Whether this process holds an array of so many bytes; with a cluster it does not, and stays small."""
    return connection.active_cluster() is None and size <= budget // _SHARE


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
    active = connection.active_cluster()
    if active is None or X.nbytes > active.budget // _SHARE * active.n_workers:
        return X
    return active.client.persist(X)
