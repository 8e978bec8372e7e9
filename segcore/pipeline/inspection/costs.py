"""What a job would cost: time and memory, roughly."""

from __future__ import annotations

import time

import numpy as np

from segcore.job import Job
from segcore.pipeline.inspection.look import Inspection
from segcore.pipeline.lines import memory_plan

# Measured on two cores: a line from text to features and what is told of it; a start; and what a customer adds who is in the
# models' sample, with the five columns of the default matrix and for each further one.
_SECONDS_A_LINE, _SECONDS_AT_LEAST = 1.5e-6, 22
_SECONDS_A_CUSTOMER, _COLUMNS, _SECONDS_A_COLUMN = 0.014, 5, 0.0024
_YARDSTICK_SECONDS = 0.039  # what :func:`yardstick` was there


def describe(inspection: Inspection, settings: Job, memory: int) -> list[str]:
    """Return what the job would cost on this machine as it is now, in lines for people.

    Parameters
    ----------
    inspection : Inspection
    settings : Job
    memory : int
        Budget in bytes.
    """
    seconds = _seconds(inspection, settings) * yardstick() / _YARDSTICK_SECONDS
    partitions = memory_plan.plan(inspection.n_lines, memory)
    return [
        "what the job would cost, roughly, on two cores such as these:",
        f"  time    {_duration(seconds / 2)} to {_duration(seconds * 2)}",
        f"  {memory_plan.summary(inspection.n_lines, memory, partitions, settings, n_files=len(inspection.sources))}",
    ]


def yardstick() -> float:
    """Return the seconds that a fixed piece of work of the models' kind takes here: machines differ by a factor of four."""
    X, centres = np.random.default_rng(0).normal(size=(2, 4_000, 5))
    took = []
    for _ in range(3):
        began = time.perf_counter()
        for first in range(0, 200, 10):
            np.exp(-((X[:, None] - centres[first : first + 10]) ** 2).sum(axis=2)).sum()
        took.append(time.perf_counter() - began)
    return min(took)


def _seconds(inspection: Inspection, settings: Job) -> float:
    in_sample = min(inspection.n_customers, settings.models.sample)
    width = len(settings.matrix.columns) + sum(table["matrix_columns"] for table, _ in inspection.extra)
    a_customer = _SECONDS_A_CUSTOMER + max(width - _COLUMNS, 0) * _SECONDS_A_COLUMN
    return float(inspection.n_lines * _SECONDS_A_LINE + in_sample * a_customer + _SECONDS_AT_LEAST)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:,.0f} minutes"
