"""``make bench``: segcore beside the plain pandas and scikit-learn script, in one run, on one simulated dump.

Prints seconds, lines per second and peak memory (the sum over all processes, each page counted once), and the
ratios. Nothing is asserted: what a machine does is read, not tested.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent.parent
SAME_WORK = "[stability]\nsplits = 0\nresamples = 0\n[structure_test]\ncopies = 0\n"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One command, measured from outside."""

    seconds: float
    peak: int
    output: str


def measure(command: Sequence[str]) -> Measured:
    """Run a command and sample the memory of its process tree."""
    start = time.perf_counter()
    peak = 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=sys.stderr, text=True, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise SystemExit(f"{command[:3]} ended with {process.returncode}")
    return Measured(seconds=seconds, peak=peak, output=output)


def tree_memory(pid: int) -> int:
    """Return the proportional set size of a process and its descendants."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for member in family:
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def segcore(dump: Path, out: Path, job: Path, memory: str) -> tuple[Measured, dict[str, Any]]:
    """Run the job and read what it measured of itself."""
    command = [sys.executable, "-m", "segcore", "segment", str(dump), "--out", str(out)]
    measured = measure([*command, "--job", str(job), "--memory", memory, "--quiet"])
    run = out / json.loads((out / "latest.json").read_text())["run"]
    return measured, json.loads((run / "manifest.json").read_text())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=float, default=5e6)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--folder", type=Path, help="work here and leave the dump for the next time")
    arguments = parser.parse_args()
    rows = int(arguments.rows)
    work = arguments.folder or Path(tempfile.mkdtemp(prefix="segcore-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    dump = work / f"dump-{rows}"
    if not dump.is_dir():
        simulate = [sys.executable, "-m", "segcore", "simulate", "--rows", str(rows), "--out", str(dump)]
        made = measure(simulate)
        print(
            f"simulate      {made.seconds:7.1f} s  {rows / made.seconds:12,.0f} lines/s  {made.peak / 1e6:7,.0f} MB"
        )
    retail = (ROOT / "jobs/online-retail.toml").read_text()
    same = work / "same-work.toml"
    same.write_text(retail + SAME_WORK)
    whole, _ = segcore(dump, work / "out-whole", ROOT / "jobs/online-retail.toml", arguments.memory)
    ours, manifest = segcore(dump, work / "out", same, arguments.memory)
    print(f"\n{rows:,} lines, {manifest['customers']:,} customers; segcore by stage:")
    for stage in manifest["stages"]:
        print(
            f"  {stage['name']:<12} {stage['seconds']:7.1f} s  {rows / max(stage['seconds'], 1e-3):14,.0f} lines/s"
            f"  {stage['peak_memory'] / 1e6:7,.0f} MB"
        )
    print(f"\n{'':34} {'seconds':>9} {'peak MB':>9} {'time':>7} {'memory':>7}")
    show("segcore, the same work", ours, ours)
    show("segcore, the whole job", whole, ours)
    for n_init in ("10", "auto"):
        peer = measure(
            [sys.executable, str(Path(__file__).parent / "peer_pandas.py"), str(dump), n_init, str(work)]
        )
        show(f"pandas + scikit-learn, n_init={n_init}", peer, ours)
        print("  " + ", ".join(f"{k} {v:.1f} s" for k, v in json.loads(peer.output)["seconds"].items()))
    if arguments.folder is None:
        shutil.rmtree(work)


def show(name: str, measured: Measured, ours: Measured) -> None:
    """Print a row with its ratios to the same work in segcore."""
    print(
        f"{name:<34} {measured.seconds:9.1f} {measured.peak / 1e6:9,.0f}"
        f" {measured.seconds / ours.seconds:6.1f}x {measured.peak / ours.peak:6.1f}x"
    )


if __name__ == "__main__":
    main()
