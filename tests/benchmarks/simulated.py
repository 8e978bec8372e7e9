"""Simulated dumps, which stay in a folder from one bench to the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measuring import ROOT


def place(folder: Path, rows: int, form: str = "parquet") -> Path:
    """Return where the dump of so many lines in a format lies, or would."""
    return folder / f"dump-{rows}-{form}"


def dump(folder: Path, rows: int, form: str = "parquet") -> Path:
    """Return the dump, which is made where it is not there."""
    out = place(folder, rows, form)
    if not out.is_dir():
        print(f"simulating {rows:,} lines as {form} ...", file=sys.stderr, flush=True)
        command = ["simulate", "--rows", str(rows), "--format", form, "--out", str(out)]
        made = subprocess.run(
            [sys.executable, "-m", "segcore", *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
        )
        if made.returncode:
            raise SystemExit(f"no dump: simulate ended with {made.returncode}")
    return out
