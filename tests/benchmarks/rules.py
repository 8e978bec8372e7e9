"""``python -m tests.benchmarks.rules FOLDER``: rules of choice on what ``tests.benchmarks.dates`` has collected.

For each rule: how often the model changes from date to date, how much worse its segments tell who buys in the 90 days after than
those of K-Means with four do, and what it chooses. Nothing is fitted but what the error of prediction strength takes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from segcore import job
from segcore.evaluation.halving import sampling_errors
from segcore.evaluation.refit import ModelSpec

Row = dict[str, Any]
FOUR = ("kmeans", "", 4)
LIKELY = [("kmeans", "", 3), FOUR, ("kmeans", "", 5), ("mixture", "diag", 3)]
RULE = job.Selection()


def key(row: Row) -> tuple[str, str, int]:
    """Return what identifies a candidate."""
    return row["family"], row["variant"], row["k"]


def load(folder: Path) -> list[Row]:
    """Return a date's candidates, with the error of the customers as a sample of those that win."""
    rows = pl.read_parquet(folder / "candidates.parquet").to_dicts()
    near = [row for row in rows if key(row) in LIKELY and row["prediction_strength"] is not None]
    X = np.load(folder / "X.npy").astype(np.float64)
    of = {key(row): (ModelSpec(family=row["family"], variant=row["variant"]), row["k"]) for row in near}
    with threadpool_limits(1):
        errors = sampling_errors(list(of.values()), X, seed=7)
    for row in rows:
        own = errors[of[key(row)]] if key(row) in of else 0.0
        row["error"] = math.hypot(row["prediction_strength_mc"] or 0.0, own)
    return rows


def passes(short: Callable[[Row], float]) -> Callable[[Row], bool]:
    """Return a condition: the bars of stability, missed by no more than `short` says."""

    def condition(row: Row) -> bool:
        if not row["selectable"] or not row["converged"] or row["prediction_strength"] is None:
            return False
        jaccard = row["jaccard_min"]
        return bool(
            row["smallest_share"] >= RULE.min_share * (1 - RULE.leeway)
            and row["prediction_strength"] >= RULE.min_prediction_strength - short(row)
            and (jaccard is None or jaccard >= RULE.min_jaccard - short(row))
        )

    return condition


STRICT, LEEWAY, CLEAR = (
    passes(lambda row: 0.0),
    passes(lambda row: RULE.leeway),
    passes(lambda row: 2 * row["error"]),
)


def fewest(row: Row) -> int:
    """Order by the number of segments."""
    return int(row["k"])


def largest(row: Row) -> int:
    """Order by the number of segments, the largest first."""
    return -int(row["k"])


def nearest_four(row: Row) -> int:
    """Order by how far the number of segments is from four."""
    return abs(int(row["k"]) - 4)


RULES: dict[str, tuple[Callable[[Row], bool], Callable[[Row], int]] | None] = {
    "the rule": None,
    "bars, next period, largest": (STRICT, largest),
    "bars, next period, fewest": (STRICT, fewest),
    "leeway, next period, largest": (LEEWAY, largest),
    "leeway, next period, fewest": (LEEWAY, fewest),
    "two errors, next period, largest": (CLEAR, largest),
    "two errors, next period, fewest": (CLEAR, fewest),
    "two errors, next period, nearest four": (CLEAR, nearest_four),
}


def choose(rows: list[Row], condition: Callable[[Row], bool], order: Callable[[Row], int]) -> Row:
    """Return, of what passes and tells the next period best within one standard error, K-Means before others."""
    left = [row for row in rows if condition(row)] or [row for row in rows if key(row) == FOUR]
    best = max(left, key=lambda row: row["next_period_auc"])
    bar = best["next_period_auc"] - best["next_period_auc_se"]
    left = [row for row in left if row["next_period_auc"] >= bar]
    return min(left, key=lambda row: (row["family"] != "kmeans", order(row), -row["silhouette"]))


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    dates = [load(folder) for folder in sorted(parser.parse_args().folder.glob("*-0"))]
    print("| rule | changes | AUC after, less K-Means 4's | chosen |\n| --- | ---: | ---: | --- |")
    for name, rule in RULES.items():
        chosen = [
            next(r for r in rows if r["chosen"]) if rule is None else choose(rows, *rule) for rows in dates
        ]
        fours = [next(row for row in rows if key(row) == FOUR) for rows in dates]
        # After the last date there are no orders to tell.
        worse = [a["after_auc"] - b["after_auc"] for a, b in zip(chosen[:-1], fours[:-1], strict=True)]
        called = [f"{(row['variant'] or 'k')[:4]}{row['k']}" for row in chosen]
        changes = sum(a != b for a, b in pairwise(called))
        print(f"| {name} | {changes} | {np.mean(worse):+.4f} | {' '.join(called)} |")


if __name__ == "__main__":
    main()
