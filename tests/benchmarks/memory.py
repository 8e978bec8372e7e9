"""``make bench-memory``: what memory ``segcore segment`` takes at a budget, on dumps of ordinary and of hostile shapes.

Prints a table with a row as each dump is done: seconds, the peak of every stage as the run's manifest has it, and the largest of
those and of what is seen from outside, of all processes together (PSS, sampled several times a second). One that fails or takes too
much is said, and the next one is run. K-Means alone, as the peers of ``make bench-scale`` fit it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import polars as pl

from segcore.engine import memory_limit
from segcore.storage import read_json
from tests.benchmarks.hostile_dumps import SHAPES, dump
from tests.benchmarks.measuring import Measured, measure
from tests.benchmarks.scale_systems import RETAIL, SAME_WORK

_STAGES = (
    "input", "lines", "customers", "matrix", "models", "comparison", "labels", "outlook", "profile", "report",
)  # fmt: skip
_HEAD = ("lines", "customers", "seconds", "CPU s", "peak MB", *_STAGES)


def main() -> None:
    """Run what was asked for, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=float, default=1, help="how many times the usual lines")
    parser.add_argument("--folder", type=Path, default=Path("data/bench"), help="dumps and logs stay here")
    parser.add_argument("--memory", default="1GB", help="segcore's budget")
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=[*SHAPES], help="some of the shapes")
    parser.add_argument("--seconds", type=float, default=1_200, help="time limit of each run")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"| shape | {' | '.join(_HEAD)} |\n| --- |{' ---: |' * len(_HEAD)}", flush=True)
    for name in arguments.only:
        source = dump(name, folder, arguments.times)
        scratch = folder / f"scratch-{name}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            measured = run(name, source, scratch, memory=arguments.memory, most_seconds=arguments.seconds)
            print(row(name, source, scratch / "out", measured), flush=True)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def run(name: str, source: Path, scratch: Path, *, memory: str, most_seconds: float) -> Measured:
    """Segment a dump in an empty folder; its log stays beside that."""
    job = scratch / "job.toml"
    job.write_text(RETAIL.read_text(encoding="utf-8") + SAME_WORK + SHAPES[name].job, encoding="utf-8")
    command = ["segment", str(source), "--out", str(scratch / "out"), "--job", str(job), "--memory", memory]
    return measure(
        [sys.executable, "-m", "segcore", *command],
        log=scratch.parent / f"memory-{name}.log",
        most_seconds=most_seconds,
        most_memory=memory_limit() * 3 // 4,
    )


def row(name: str, source: Path, out: Path, measured: Measured) -> str:
    """Return a row of the table."""
    lines = pl.scan_parquet(source / "*.parquet").select(pl.len()).collect().item()
    customers = ""
    stages: dict[str, int] = {}
    if not measured.failure:
        manifest = read_json(out / read_json(out / "latest.json")["run"] / "manifest.json")
        customers = f"{manifest['customers']:,}"
        stages = {stage["name"]: stage["peak_memory"] for stage in manifest["stages"]}
    cells = [
        SHAPES[name].title + (f": {measured.failure}" if measured.failure else ""),
        f"{lines:,}",
        customers,
        f"{measured.seconds:,.0f}",
        f"{measured.cpu_seconds:,.0f}",
        _megabytes(max(measured.peak, *stages.values(), 0)),
        *(_megabytes(stages[stage]) if stage in stages else "" for stage in _STAGES),
    ]
    return f"| {' | '.join(cells)} |"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"


if __name__ == "__main__":
    main()
