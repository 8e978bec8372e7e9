"""The machine and the cluster: how much memory there is, and who does the work."""

from segcore.engine.connection import Cluster, cluster, fits_in_memory, n_workers, persist
from segcore.engine.environment import versions
from segcore.engine.memory import default_budget, limit_polars, memory_limit, parse_size
from segcore.engine.queries import in_memory
from segcore.engine.tasks import batches, count_tasks, run_tasks

__all__ = [
    "Cluster",
    "batches",
    "cluster",
    "count_tasks",
    "default_budget",
    "fits_in_memory",
    "in_memory",
    "limit_polars",
    "memory_limit",
    "n_workers",
    "parse_size",
    "persist",
    "run_tasks",
    "versions",
]
