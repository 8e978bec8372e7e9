"""``make bench-incremental``: a night that adds a day's lines to a dump, with what the nights before have kept and without it.

A simulated dump lies in two forms, Parquet and CSV, as one file of all days and one of the last of 365. Each form is run three times in
a folder of its own: over everything; over the first file with ``--incremental``; then over both, which reads the last one alone. The
models are as few as can be, since they take the same time whatever was read. Prints seconds per stage, and CPU seconds and peak memory
of the whole command.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import polars as pl

from tests.benchmarks.measuring import ROOT, measure

_STAGES = ("input", "lines", "customers")
_SHARE = 365
_FEW_MODELS = """
[models]
families = ["kmeans"]
restarts = 5
k_max = 3
[stability]
splits = 0
resamples = 0
[structure_test]
copies = 0
[outlook]
enabled = false
[look_back]
days = 0
"""


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=float, default=5e6, help="lines of the dump")
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--folder", type=Path, default=Path("data/bench"), help="the dump stays here")
    arguments = parser.parse_args()
    rows, base = int(arguments.rows), arguments.folder.resolve()
    dump, work = base / f"dump-{rows}-parquet", base / "scratch-incremental"
    base.mkdir(parents=True, exist_ok=True)
    if not dump.is_dir():
        measure([*_segcore("simulate"), "--rows", str(rows), "--format", "parquet", "--out", str(dump)])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    job = work / "job.toml"
    job.write_text((ROOT / "jobs" / "online-retail.toml").read_text() + _FEW_MODELS)
    print(f"| run | {' | '.join(f'{name}, s' for name in _STAGES)} | CPU, s | peak MB |")
    print(f"| --- |{' ---: |' * (len(_STAGES) + 2)}")
    try:
        for form in ("parquet", "csv"):
            _compare(work, dump, form, [*_given(job, arguments.memory)])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _given(job: Path, memory: str) -> list[str]:
    return ["--job", str(job), "--memory", memory, "--quiet"]


def _compare(work: Path, dump: Path, form: str, given: list[str]) -> None:
    folder = work / form
    folder.mkdir()
    lines = pl.scan_parquet(dump / "*.parquet").sort("InvoiceDate")
    n_lines = int(lines.select(pl.len()).collect().item())
    last = n_lines // _SHARE
    _write(lines.head(n_lines - last), folder / f"1.{form}")
    first, later = folder / f"1.{form}", folder / f"2.{form}"
    runs = {
        "all": ([first, later], ["--out", str(work / f"all-{form}")]),
        "the first night": ([first], ["--out", str(work / f"kept-{form}"), "--incremental"]),
        "the next night": ([first, later], ["--out", str(work / f"kept-{form}"), "--incremental", "--fresh"]),
    }
    _write(lines.tail(last), later)
    for name, (inputs, options) in runs.items():
        done = measure([*_segcore("segment"), *map(str, inputs), *given, *options])
        if done.failure:
            sys.exit(f"{form}, {name}: {done.failure}")
        seconds = _seconds(Path(options[1]))
        cells = [f"{seconds[stage]:.1f}" for stage in _STAGES]
        print(
            f"| {form}, {name} | {' | '.join(cells)} | {done.cpu_seconds:.1f} | {done.peak / 1e6:,.0f} |",
            flush=True,
        )


def _write(lines: pl.LazyFrame, path: Path) -> None:
    if path.suffix == ".csv":
        lines.sink_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")
    else:
        lines.sink_parquet(path)


def _seconds(out: Path) -> dict[str, float]:
    run = out / str(json.loads((out / "latest.json").read_text())["run"])
    return {
        stage["name"]: stage["seconds"] for stage in json.loads((run / "manifest.json").read_text())["stages"]
    }


def _segcore(command: str) -> list[str]:
    return [sys.executable, "-m", "segcore", command]


if __name__ == "__main__":
    main()
