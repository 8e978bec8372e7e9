"""``make bench-incremental``: a night that adds a day's lines to a dump, with what the nights before have kept and without it.

A simulated dump lies in two forms, Parquet and CSV, as one file of all days but the last of 365 and one of that. Each form is taken
through the stages that read: over everything; over the first file with ``--incremental``; then over both, which reads the last one
alone; and once more on a day on which nothing is new. Prints processor seconds, which other work on the machine does not change much,
wall seconds, and peak memory; each of them of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import polars as pl

from segcore import engine
from segcore.pipeline import open_run
from segcore.pipeline.core import job_file
from segcore.pipeline.core.options import RunOptions
from segcore.pipeline.core.plan import Places
from segcore.pipeline.customers import lines_to_customers
from segcore.pipeline.lines import read_input
from tests.benchmarks import simulated
from tests.benchmarks.measuring import ROOT, measure

_SHARE = 365
_HEAD = ("input, CPU s", "lines and customers, CPU s", "both, CPU s", "both, wall s", "peak MB")


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=float, default=5e6, help="lines of the dump")
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--folder", type=Path, default=Path("data/bench"), help="the dump stays here")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        out, incremental, *inputs = arguments.one
        print(json.dumps(_read(inputs, out, memory=arguments.memory, incremental=incremental == "yes")))
        return
    rows, base = int(arguments.rows), arguments.folder.resolve()
    work = base / "scratch-incremental"
    base.mkdir(parents=True, exist_ok=True)
    dump = simulated.dump(base, rows)
    shutil.rmtree(work, ignore_errors=True)
    print(f"| run | {' | '.join(_HEAD)} |\n| --- |{' ---: |' * len(_HEAD)}")
    try:
        for form in ("parquet", "csv"):
            _compare(work / form, dump, form, arguments.memory)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compare(folder: Path, dump: Path, form: str, memory: str) -> None:
    folder.mkdir(parents=True)
    lines = pl.scan_parquet(dump / "*.parquet").sort("InvoiceDate").collect()
    last = lines.height // _SHARE
    first, later = folder / f"1.{form}", folder / f"2.{form}"
    for some, path in ((lines.head(lines.height - last), first), (lines.tail(last), later)):
        if form == "csv":
            some.write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")
        else:
            some.write_parquet(path)
    del lines
    runs = {
        "all, nothing kept": ("no", [first, later]),
        "the first night": ("yes", [first]),
        "the next night": ("yes", [first, later]),
        "nothing new": ("yes", [first, later]),
    }
    for name, (incremental, inputs) in runs.items():
        given = [str(folder / f"out-{incremental}"), incremental, *map(str, inputs)]
        command = [sys.executable, "-m", "tests.benchmarks.incremental", "--memory", memory, "--one", *given]
        done = measure(command)
        if done.failure:
            sys.exit(f"{form}, {name}: {done.failure}")
        (told,) = done.told()
        figures = [*told["cpu"], sum(told["cpu"]), told["wall"]]
        cells = [*(f"{seconds:.1f}" for seconds in figures), f"{done.peak / 1e6:,.0f}"]
        print(f"| {form}, {name} | {' | '.join(cells)} |", flush=True)


def _read(inputs: list[str], out: str, *, memory: str, incremental: bool) -> dict[str, object]:
    """Take files through the stages that read, and return seconds: of the processor in each of them, and of the clock."""
    options = RunOptions(memory=engine.parse_size(memory), quiet=True, resume=False)
    places = Places.given(out)
    settings = job_file.load(ROOT / "jobs" / "online-retail.toml", {"input.incremental": incremental})
    plan = open_run.plan(inputs, settings, places, budget=options.budget, refresh="fit")
    with open_run.opened(plan, places, options, None) as run:
        began, start = time.monotonic(), time.process_time()
        read_input.prepare(run)
        prepared = time.process_time()
        lines_to_customers.describe(run)
        ended = time.process_time()
        return {"cpu": [prepared - start, ended - prepared], "wall": time.monotonic() - began}


if __name__ == "__main__":
    main()
