"""Tasks for tests: what workers run has to be in a module that they can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from segcore import errors


def environment(_: int) -> dict[str, Any]:
    """Tell what the worker was set up with, and how many threads Polars really has."""
    import polars as pl
    from threadpoolctl import threadpool_info

    spill = Path(os.environ["POLARS_OOC_SPILL_DIR"])
    return {
        "pid": os.getpid(),
        "threads": pl.thread_pool_size(),
        "prefetch": os.environ["POLARS_ROW_GROUP_PREFETCH_SIZE"],
        "budget_mb": int(os.environ["POLARS_OOC_MEMORY_BUDGET_MB"]),
        "modes": [oct(path.stat().st_mode & 0o777) for path in (spill, spill.parent)],
        "blas": [pool["num_threads"] for pool in threadpool_info()],
    }


def square_somewhere(item: tuple[int, float]) -> tuple[int, int]:
    """Return the square and the process that worked it out, after some seconds."""
    number, seconds = item
    time.sleep(seconds)
    return number * number, os.getpid()


def seconds_at_work(_: int) -> tuple[int, float, float]:
    """Return the process and when it was at work."""
    began = time.time()
    time.sleep(0.2)
    return os.getpid(), began, time.time()


def write_slowly(path: str) -> str:
    """Write a file of this name in a while; tell that it has begun."""
    Path(path + f".begun-{os.getpid()}").touch()
    time.sleep(0.5)
    part = Path(f"{path}.{os.getpid()}")
    part.write_text("whole")
    part.replace(path)
    return path


def refuse(number: int) -> int:
    """Fail at the third."""
    if number == 3:
        raise errors.DataError("the third file is not what its name says")
    return number


def die(_: int) -> None:
    """End the worker, as the kernel does when a task takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)
