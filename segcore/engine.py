"""The machine and the cluster: how much memory there is, and who does the work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segcore import errors

_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_CONNECT_SECONDS = 15


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``"1GB"``, ``"512MiB"`` or ``"2e9"``.

    Raises
    ------
    segcore.errors.UsageError
        If the text is no size.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmgt]?i?)b?\s*", text.lower())
    if not match or match.group(2) not in _UNITS:
        raise errors.UsageError(f"{text!r} is no size; write it like 512MB, 1GB or 2GiB")
    try:
        size = int(float(match.group(1)) * _UNITS[match.group(2)])
    except ValueError as exc:
        raise errors.UsageError(f"{text!r} is no size; write it like 512MB, 1GB or 2GiB") from exc
    if size <= 0:
        raise errors.UsageError(f"{text!r} should be more than zero; write it like 512MB, 1GB or 2GiB")
    return size


def memory_limit() -> int:
    """Return the bytes that this machine or container may use (cgroup v2 included)."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for line in _read("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            group = Path("/sys/fs/cgroup" + line[3:])
            for folder in (group, *group.parents):
                text = _read(folder / "memory.max").strip()
                if text.isdigit():
                    limits.append(int(text))
    return min(limits)


def default_budget() -> int:
    """Return half of what the machine or the container may use."""
    return memory_limit() // 2


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


@contextmanager
def cluster(
    scheduler: str | None = None, workers: int | None = None, *, scratch: Path | None = None
) -> Iterator[Any]:
    """Connect to a running Dask scheduler, or start local workers; without either nothing is started.

    Parameters
    ----------
    scheduler : str, optional
        Address such as ``tcp://10.0.0.1:8786``.
    workers : int, optional
        Worker processes of a local cluster.
    scratch : Path, optional
        Where its workers put what does not fit in memory; in a private folder, since it is customers' data.

    Yields
    ------
    distributed.Client or None

    Raises
    ------
    segcore.errors.UnreachableError
        If the scheduler does not answer.
    """
    if scheduler is None and workers is None:
        yield None
        return
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as exc:
            raise errors.UnreachableError(
                f"{scheduler}: no Dask scheduler answers there; check the address and that it runs"
            ) from exc
        with client:
            yield client
        return
    local_directory = None if scratch is None else str(scratch)
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, local_directory=local_directory) as local,
        Client(local) as client,
    ):
        yield client
