"""Make tests/runs/format-N: a small finished run of the present format, which later versions have to read.

Run it once for each format, from the top of the repository: ``python -m tests.stored_run``. A run that is there is never
made again: it is what an earlier version has left.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import chdir
from datetime import date
from pathlib import Path

from segcore import pipeline
from segcore.records import FORMAT_VERSION
from segcore.simulate import simulate

RUNS = Path(__file__).parent / "runs"
JOB = Path(__file__).parents[1] / "jobs/online-retail.toml"
# What is large, and what nobody reads again.
_LEFT_OUT = ("report.html", "segments.csv", "rejects", "moved.*", "labels", "look_back.parquet", "tables")
_QUICK = {
    "models.families": ["kmeans"],
    "models.restarts": 3,
    "models.k_max": 4,
    "stability.splits": 0,
    "stability.resamples": 0,
    "structure_test.copies": 0,
    "input.latest": "2024-01-01",
    "features.without": ["return_count", "returned_value", "return_rate", "returned_share", "active_months"],
}


def make(target: Path) -> None:
    """Fit 300 simulated customers, let a second run follow, and keep the second one."""
    if target.exists():
        sys.exit(f"{target}: there already; a stored run is never made again")
    with tempfile.TemporaryDirectory() as name, chdir(name):  # so that no path of this machine is in it
        folder = Path()
        simulate(folder / "dump", rows=4_000, customers=300, seed=0, start=date(2023, 1, 1))
        for seed in (0, 1):
            run = pipeline.segment(
                folder / "dump", folder / "out", job=JOB, overrides={**_QUICK, "seed": seed}, quiet=True
            )
        shutil.copytree(run.folder, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))


if __name__ == "__main__":
    make(RUNS / f"format-{FORMAT_VERSION}")
