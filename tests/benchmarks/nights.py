"""``python -m tests.benchmarks.nights INPUT --last 2011-11-24``: how often a nightly run changes its mind, and whom that moves.

Runs the job on a window that ends one day later each night, once so that every run follows the one before and once with
``fresh``, which chooses as if there were none; segments keep their numbers in both. Prints what was chosen each night
and the share of customers whose segment is another one than the night before; then changes of model, renames, new ids, and
movers by cause. Nothing is asserted. ``--quick`` leaves out what changes none of that: families that never win, what is told of
the next period, and charts; ``--lines following`` the other line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from segcore import Run, profile, records, segment
from segcore.records import MovementReport
from tests.benchmarks.lean import NIGHTLY, undrawn

ROOT = Path(__file__).parent.parent.parent
JOB = ROOT / "jobs" / "online-retail.toml"


@dataclass
class Line:
    """A line of nightly runs."""

    out: Path
    fresh: bool
    without: dict[str, Any]
    model: str = ""
    segments: pl.DataFrame | None = None
    changes: int = 0
    renames: int = 0
    new_ids: int = 0
    moved: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    names: dict[int, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def night(self, dump: str, end: date, window: str) -> str:
        """Run one night, and return its model, the share of customers who moved, and renames and new ids up to now."""
        overrides = self.without | {"features.as_of": str(end), "features.window": window}
        run = segment(dump, self.out, job=JOB, overrides=overrides, fresh=self.fresh, keep=2, quiet=True)
        model, segments = (
            _chosen(run),
            pl.read_parquet(run.segments / "*.parquet", columns=["customer_id", "segment"]),
        )
        moved = 0.0
        if self.segments is not None:
            both = segments.join(self.segments, on="customer_id", suffix="_before")
            moved = 1 - float((both["segment"] == both["segment_before"]).mean())  # type: ignore[arg-type]
            self.changes += model != self.model
            self.moved += moved
            self._count(run)
        self.model, self.segments = model, segments
        self.names = names = _names(run)
        self.seen |= {*names}
        return f"{model} {100 * moved:5.1f}% {self.renames} {self.new_ids}"

    def _count(self, run: Run) -> None:
        """Count ids that no night before has had, names that others had, and movers by cause."""
        names = _names(run)
        self.new_ids += len({*names} - self.seen)
        self.renames += sum(self.names.get(number, name) != name for number, name in names.items())
        movement = records.read(MovementReport, run.folder)
        if movement.causes is not None:
            self.causes.update(asdict(movement.causes))


def _names(run: Run) -> dict[int, str]:
    return {number: name.name for number, name in profile.names_of(profile.load(run.folder)).items()}


def _chosen(run: Run) -> str:
    chosen = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))["chosen"]
    return f"{'-'.join(filter(None, (chosen['family'], chosen['variant'])))} {chosen['k']}"


def main() -> None:
    """Run the nights and print them as they are done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("input")
    parser.add_argument("--nights", type=int, default=40)
    parser.add_argument(
        "--last", type=date.fromisoformat, required=True, help="day on which the last window ends"
    )
    parser.add_argument("--window", default="270d")
    parser.add_argument("--quick", action="store_true", help="leave out what never wins, and charts")
    parser.add_argument("--lines", nargs="+", choices=("following", "fresh"), default=["following", "fresh"])
    asked = parser.parse_args()
    without = NIGHTLY if asked.quick else {"structure_test.copies": 0}
    with tempfile.TemporaryDirectory() as folder, undrawn() if asked.quick else nullcontext():
        lines = [Line(Path(folder) / name, fresh=name == "fresh", without=without) for name in asked.lines]
        print(f"{'night':12}{''.join(f'{name:28}' for name in asked.lines)}")
        for left in reversed(range(asked.nights)):
            end = asked.last - timedelta(days=left)
            told = [line.night(asked.input, end, asked.window) for line in lines]
            print(f"{end!s:12}{''.join(f'{own:28}' for own in told)}", flush=True)
        for line in lines:
            name = "fresh" if line.fresh else "following"
            share = line.moved / max(asked.nights - 1, 1)
            print(
                f"{name}: {line.changes} changes of model, {line.renames} renames, {line.new_ids} new ids,"
                f" {100 * share:.1f}% of customers moved a night; movers by cause: {dict(line.causes)}"
            )


if __name__ == "__main__":
    main()
