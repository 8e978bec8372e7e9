"""How many CPUs there are for this process."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Return how many CPUs this process may use: those it is bound to, not all of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
