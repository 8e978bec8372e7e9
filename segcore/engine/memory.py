"""How much memory there is, and how Polars is held to its share of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from segcore import errors

# Resident bytes of a worker that has done each kind of task on next to nothing: what it has imported and compiled.
IMPORTS = 500 * 10**6


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``"1GB"``, ``"512MiB"`` or ``"2e9"``.

    Raises
    ------
    segcore.errors.UsageError
        If the text is no size.
    """
    from dask.utils import parse_bytes

    try:  # a text without a number, such as GB, is one of them to Dask
        size = parse_bytes(text) if re.match(r"\s*[0-9.]", text) else 0
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise errors.UsageError(f"{text!r} is no size above zero; write it like 512MB, 1GB or 2GiB")
    return int(size)


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


def worker_budget(limit: int) -> int:
    """Return the largest budget that a Dask worker can keep to; below 1 where it has no room for any.

    Parameters
    ----------
    limit : int
        The worker's memory limit. At 80% of it Dask stops giving it work, at 95% it ends it.
    """
    return limit * 8 // 10 - IMPORTS


def worker_limit(budget: int) -> int:
    """Return the memory limit that a Dask worker needs for a budget."""
    return (budget + IMPORTS) * 10 // 8 + 1


def default_budget() -> int:
    """Return half of what the machine or the container may use."""
    return memory_limit() // 2


def peak() -> int:
    """Return the largest resident memory of this process so far, in bytes; 0 where the system does not tell."""
    line = re.search(r"VmHWM:\s+([0-9]+) kB", _read("/proc/self/status"))
    return int(line.group(1)) * 1024 if line else 0


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


def limit_polars(budget: int, *, spill: Path, threads: int | None = None) -> None:
    """Hold Polars in this process to a budget; it reads the environment when it is first used.

    Parameters
    ----------
    budget : int
        Bytes of memory. Half of it for what Polars keeps track of: it goes over by up to 250 MB.
    spill : Path
        Private folder for what does not fit.
    threads : int, optional
        Threads; as the environment says without it.
    """
    # Worth more than any budget: a shuffle of 54 million lines peaked at 580 MB instead of 1,834, no slower.
    os.environ["POLARS_ROW_GROUP_PREFETCH_SIZE"] = "1"
    # In bytes: reading 10 million lines of CSV peaked at 515 MB instead of 905, no slower.
    os.environ["POLARS_CSV_CHUNK_SIZE"] = "1000000"
    os.environ["POLARS_OOC_MEMORY_BUDGET_MB"] = str(max(1, budget // 2 // 10**6))
    os.environ["POLARS_OOC_SPILL_DIR"] = str(spill)
    if threads is not None:
        os.environ["POLARS_MAX_THREADS"] = str(threads)
