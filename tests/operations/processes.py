"""Runs of the job in processes of their own, to be killed; forked from one that has imported the engines already."""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.operations import disk_steps

ROOT = Path(__file__).parent.parent.parent
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["segcore.pipeline", "dask_ml.cluster", "sklearn.mixture", "vl_convert"])

# Every stage, and little in each of them.
QUICK: dict[str, Any] = {
    "models.restarts": 3,
    "models.mixture_restarts": 1,
    "models.k_max": 4,
    "stability.splits": 0,
    "stability.resamples": 0,
    "structure_test.copies": 0,
}


def small_dump(folder: Path) -> Path:
    """Copy the first months of the dump that ships."""
    folder.mkdir()
    for path in sorted((ROOT / "data/sample").glob("*.csv"))[:3]:
        shutil.copy2(path, folder)
    return folder


def segment_here(dump: Path, out: Path, **more: Any) -> Path:
    """Run the job in this process and return the run's folder."""
    from segcore.pipeline import segment

    overrides = QUICK | more.pop("overrides", {})
    job = ROOT / "jobs/online-retail.toml"
    return segment(dump, out, job=job, overrides=overrides, quiet=True, **more).folder


def start(dump: Path, out: Path, **more: Any) -> ForkServerProcess:
    """Start the job in a process of its own."""
    process = CONTEXT.Process(target=segment_here, args=(dump, out), kwargs=more)
    process.start()
    return process


def start_dying(dump: Path, out: Path, change: int, *places: Path, **more: Any) -> ForkServerProcess:
    """Start the job in a process that is killed before it changes something below one of the places for the n-th time.

    One that gets through says in ``OUT.changes`` how many times it did.
    """
    process = CONTEXT.Process(target=_segment_dying, args=(dump, out, change, places), kwargs=more)
    process.start()
    return process


def _segment_dying(dump: Path, out: Path, change: int, places: tuple[Path, ...], **more: Any) -> None:
    seen = disk_steps.die_before(change, *places, changes=True)
    segment_here(dump, out, **more)
    out.with_suffix(".changes").write_text(str(seen()))


def contents(run: Path) -> dict[str, str]:
    """Return a digest of every file that should be the same however often the run was killed."""
    parts = [
        run / "model.json",
        *(p for part in ("segments", "features", "model") for p in (run / part).iterdir()),
    ]
    ledger = run / "ledger.json"
    return {
        str(path.relative_to(run)): digest(path)
        for path in sorted([*parts, ledger, run / "segments.csv", run / "profile.parquet"])
    }


def digest(path: Path) -> str:
    """Return a digest of a file of a run but for the run's own id, which no two runs have in common."""
    import polars as pl

    if path.parent.name == "segments":
        data = pl.read_parquet(path).drop("run_id").write_ipc(None).getvalue()
    else:
        data = path.read_bytes()
        if path.name == "segments.csv":
            data = data.replace(path.parent.name.encode(), b"")
    return hashlib.sha256(data).hexdigest()


def files(run: Path) -> set[str]:
    """Return the names of all files of a run."""
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
