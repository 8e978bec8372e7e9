"""The machine and the cluster: how much memory there is, and who does the work."""

from segcore.engine.arrays import holds, on_workers
from segcore.engine.connection import Cluster, cluster, n_workers
from segcore.engine.environment import versions
from segcore.engine.memory import default_budget, hold_polars, memory_limit, parse_size
from segcore.engine.tasks import run_tasks, shares, work

__all__ = [
    "Cluster",
    "cluster",
    "default_budget",
    "hold_polars",
    "holds",
    "memory_limit",
    "n_workers",
    "on_workers",
    "parse_size",
    "run_tasks",
    "shares",
    "versions",
    "work",
]
