"""``python -m tests.benchmarks.rules FOLDER``: rules of choice on what ``tests.benchmarks.dates`` has collected.

For each rule: how often the model changes from date to date, how much worse its segments tell who buys in the 90 days after than
those of K-Means with four do, what it chooses at the dates and under other seeds, and how many planted numbers it finds. Nothing
is fitted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from segcore import job
from segcore.selection import rule as of_today

Row = dict[str, Any]
Rule = Callable[[pl.DataFrame], Row]
FOUR = ("kmeans", "", 4)
RULE = job.Selection()


def key(row: Row) -> tuple[str, str, int]:
    """Return what identifies a candidate."""
    return row["family"], row["variant"], row["k"]


def today(table: pl.DataFrame) -> Row:
    """Choose by the rule of the code."""
    decided = {"admissible", "close_call", "verdict", "reason", "chosen"} & {*table.columns}
    return of_today.chosen(of_today.select(table.drop(decided), RULE))


def passes(errors: float = 0.0, leeway: float = 0.0) -> Callable[[Row], bool]:
    """Return a condition: no bar is missed by more than a leeway, or so many of the figure's standard errors."""

    def condition(row: Row) -> bool:
        if not row["selectable"] or not row["converged"] or row["prediction_strength"] is None:
            return False

        def short(name: str, bar: float, less: float) -> bool:
            value, error = row[name], row[name.removesuffix("_min") + "_se"] or 0.0
            return value is not None and bool(value < bar - max(less, errors * error))

        return not (
            short("smallest_share", RULE.min_share, leeway * RULE.min_share)
            or short("prediction_strength", RULE.min_prediction_strength, leeway)
            or short("jaccard_min", RULE.min_jaccard, leeway)
        )

    return condition


def fewest(row: Row) -> tuple[float, ...]:
    """Order: K-Means first, then the fewest segments."""
    return row["family"] != "kmeans", row["k"]


def largest(row: Row) -> tuple[float, ...]:
    """Order: K-Means first, then the most segments."""
    return row["family"] != "kmeans", -row["k"]


def stable(row: Row) -> tuple[float, ...]:
    """Order: the most segments first, then those that come back most often."""
    return -row["k"], -row["prediction_strength"]


def nearest_four(row: Row) -> tuple[float, ...]:
    """Order: K-Means first, then the number of segments nearest to four."""
    return row["family"] != "kmeans", abs(row["k"] - 4)


def best_told(condition: Callable[[Row], bool], order: Callable[[Row], tuple[float, ...]]) -> Rule:
    """Return a rule: of what passes and tells the next period as well as the best within one standard error, by an order."""

    def choose(table: pl.DataFrame) -> Row:
        left = [row for row in table.to_dicts() if condition(row)]
        if not left:
            return today(table)
        best = max(left, key=lambda row: row["next_period_auc"])
        bar = best["next_period_auc"] - best["next_period_auc_se"]
        left = [row for row in left if row["next_period_auc"] >= bar]
        return min(left, key=lambda row: (*order(row), -row["silhouette"]))

    return choose


BARS, LEEWAY, CLEAR = passes(), passes(leeway=RULE.leeway), passes(errors=2)
RULES: dict[str, Rule] = {
    "the rule": today,
    "bars; next period; largest": best_told(BARS, largest),
    "bars; next period; fewest": best_told(BARS, fewest),
    "bars; next period; largest, most stable": best_told(BARS, stable),
    "leeway; next period; largest": best_told(LEEWAY, largest),
    "leeway; next period; fewest": best_told(LEEWAY, fewest),
    "leeway; next period; largest, most stable": best_told(LEEWAY, stable),
    "two errors; next period; largest": best_told(CLEAR, largest),
    "two errors; next period; fewest": best_told(CLEAR, fewest),
    "two errors; next period; largest, most stable": best_told(CLEAR, stable),
    "two errors; next period; nearest four": best_told(CLEAR, nearest_four),
}


def load(folder: Path, pattern: str) -> list[pl.DataFrame]:
    """Return the candidates of several runs, by the name of their folder."""
    return [pl.read_parquet(path / "candidates.parquet") for path in sorted(folder.glob(pattern))]


def figures(choose: Rule, dates: list[pl.DataFrame], seeds: list[pl.DataFrame], planted: list[Path]) -> str:
    """Return a rule's row of the table."""
    chosen = [choose(table) for table in dates]
    fours = [next(row for row in table.to_dicts() if key(row) == FOUR) for table in dates]
    # After the last date there are no orders to tell.
    worse = [a["after_auc"] - b["after_auc"] for a, b in zip(chosen[:-1], fours[:-1], strict=True)]
    changes = sum(key(a) != key(b) for a, b in pairwise(chosen))
    others = [choose(table) for table in seeds]
    sets = [pl.read_parquet(path) for path in planted]
    found = sum(choose(table)["k"] == table["planted"][0] for table in sets)
    names = [
        " ".join(f"{(row['variant'] or 'k')[:4]}{row['k']}" for row in rows) for rows in (chosen, others)
    ]
    return f"{changes} | {np.mean(worse):+.4f} | {found} of {len(sets)} | {names[0]} | {names[1]} |"


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    dates, seeds = load(folder, "*-0"), load(folder, "*-[1-9]")
    planted = sorted((folder / "planted").glob("*.parquet"))
    print("| rule | changes | AUC after, less K-Means 4's | planted | dates | other seeds |")
    print("| --- | ---: | ---: | ---: | --- | --- |")
    for name, choose in RULES.items():
        print(f"| {name} | {figures(choose, dates, seeds, planted)}")


if __name__ == "__main__":
    main()
