"""``make bench-self``: this code beside that of an earlier commit, by turns; seconds of each stage and their ratio.

Both run the earlier commit's job file on the same input in the same environment. Medians over the turns are compared,
since one run alone differs from the next by more than what is looked for.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measuring import ROOT, measure

_JOB = "jobs/online-retail.toml"
_ALL = "all, imports included"


def main() -> None:
    """Run both by turns and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("input", nargs="?", default="data/sample", help="a dump")
    parser.add_argument("--base", required=True, help="the earlier commit")
    parser.add_argument("--turns", type=int, default=3, help="runs of each")
    parser.add_argument("--memory", default="1GB", help="the budget of both")
    given = parser.parse_args()
    seconds: dict[str, dict[str, list[float]]] = {"base": defaultdict(list), "now": defaultdict(list)}
    peaks: dict[str, list[float]] = {"base": [], "now": []}
    with _tree_of(given.base) as base, tempfile.TemporaryDirectory() as scratch:
        for code in (base, ROOT):
            # As an installed package is; else every run and each of its processes would compile what it imports.
            subprocess.run([sys.executable, "-m", "compileall", "-q", str(code / "segcore")], check=True)
        for turn in range(given.turns):
            # Who runs second finds the input in the cache of the system.
            for name in ("base", "now") if turn % 2 else ("now", "base"):
                out = Path(scratch) / "out"
                code = base if name == "base" else ROOT
                stages, peak = _run(code, Path(given.input).resolve(), base / _JOB, out, given.memory)
                peaks[name].append(peak)
                for stage, took in stages.items():
                    seconds[name][stage].append(took)
                shutil.rmtree(out)
                print(f"turn {turn + 1}, {name}: {stages[_ALL]:.1f} s", file=sys.stderr)
    print(f"{given.turns} turns on {given.input} at {given.memory}, medians; base is {given.base}\n")
    print("| stage | base s | now s | ratio |\n| --- | ---: | ---: | ---: |")
    for stage in seconds["now"]:
        was, took = (statistics.median(seconds[name].get(stage, [0.0])) for name in ("base", "now"))
        print(f"| {stage} | {was:.2f} | {took:.2f} | {f'{took / was:.2f}' if was else ''} |")
    was, took = (statistics.median(peaks[name]) / 1e6 for name in ("base", "now"))
    print(f"| peak, MB | {was:,.0f} | {took:,.0f} | {took / was:.2f} |")


@contextmanager
def _tree_of(commit: str) -> Iterator[Path]:
    """Give a folder with the code of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _run(code: Path, source: Path, job: Path, out: Path, memory: str) -> tuple[dict[str, float], float]:
    """Run a tree's code, and return the seconds of each stage and the peak of its memory in bytes."""
    # -P: the folder that the command is started in has code too.
    command = ["env", f"PYTHONPATH={code}", sys.executable, "-P", "-m", "segcore", "segment", str(source)]
    command += ["--out", str(out), "--job", str(job), "--memory", memory, "--quiet"]
    measured = measure(command, log=out.with_name("log"))
    if measured.failure:
        sys.exit(f"{code}: {measured.failure}")
    (manifest,) = out.glob("runs/*/manifest.json")
    stages = json.loads(manifest.read_text(encoding="utf-8"))["stages"]
    return {one["name"]: one["seconds"] for one in stages} | {_ALL: measured.seconds}, measured.peak


if __name__ == "__main__":
    main()
