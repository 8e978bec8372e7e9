"""``make bench``: segcore beside the plain pandas and scikit-learn script, in one run, on one simulated dump.

Prints seconds, lines per second and peak memory (the sum over all processes, each page counted once), and the
ratios. Nothing is asserted: what a machine does is read, not tested.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import ROOT, Measured, measure

SAME_WORK = "[stability]\nsplits = 0\nresamples = 0\n[structure_test]\ncopies = 0\n"


def measured(command: Sequence[str]) -> Measured:
    """Measure Python with some arguments, and end when it fails."""
    found = measure([sys.executable, *command])
    if found.failure:
        raise SystemExit(f"{' '.join(command[:3])} {found.failure}")
    return found


def segcore(dump: Path, out: Path, job: Path, memory: str) -> tuple[Measured, dict[str, Any]]:
    """Run the job and read what it measured of itself."""
    command = ["-m", "segcore", "segment", str(dump), "--out", str(out)]
    found = measured([*command, "--job", str(job), "--memory", memory, "--quiet"])
    run = out / json.loads((out / "latest.json").read_text())["run"]
    return found, json.loads((run / "manifest.json").read_text())


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
        made = measured(["-m", "segcore", "simulate", "--rows", str(rows), "--out", str(dump)])
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
        peer = measured(["-m", "tests.benchmarks.peer_pandas", str(dump), str(work), "--start", n_init])
        show(f"pandas + scikit-learn, n_init={n_init}", peer, ours)
        steps = [line for line in peer.told() if "step" in line]
        print("  " + ", ".join(f"{line['step']} {line['ended'] - line['began']:.1f} s" for line in steps))
    if arguments.folder is None:
        shutil.rmtree(work)


def show(name: str, theirs: Measured, ours: Measured) -> None:
    """Print a row with its ratios to the same work in segcore."""
    print(
        f"{name:<34} {theirs.seconds:9.1f} {theirs.peak / 1e6:9,.0f}"
        f" {theirs.seconds / ours.seconds:6.1f}x {theirs.peak / ours.peak:6.1f}x"
    )


if __name__ == "__main__":
    main()
