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
from segcore.selection import rule
from tests.benchmarks import planted

Row = dict[str, Any]
Rule = Callable[[pl.DataFrame], Row]
FOUR = ("kmeans", "", 4)
RULE = job.Selection()


def key(row: Row) -> tuple[str, str, int]:
    """Return what identifies a candidate."""
    return row["family"], row["variant"], row["k"]


def largest_admissible(table: pl.DataFrame) -> Row:
    """Choose without asking whether there are groups."""
    return rule.chosen(rule.select(planted.undecided(table), RULE))


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


def nearest_stable(row: Row) -> tuple[float, ...]:
    """Order: the number of segments nearest to four first, then those that come back most often."""
    return abs(row["k"] - 4), -row["prediction_strength"]


def nearest_four(row: Row) -> tuple[float, ...]:
    """Order: the number of segments nearest to four first, then K-Means."""
    return abs(row["k"] - 4), row["family"] != "kmeans"


def best_told(
    condition: Callable[[Row], bool], order: Callable[[Row], tuple[float, ...]], *, told: bool = True
) -> Rule:
    """Return a rule: of what passes, and tells the next period as well as the best within one standard error, by an order."""

    def choose(table: pl.DataFrame) -> Row:
        left = [row for row in table.to_dicts() if condition(row)]
        if not left:
            return largest_admissible(table)
        if told:
            best = max(left, key=lambda row: row["next_period_auc"])
            bar = best["next_period_auc"] - best["next_period_auc_se"]
            left = [row for row in left if row["next_period_auc"] >= bar]
        return min(left, key=lambda row: (*order(row), -row["silhouette"]))

    return choose


def groups_first(condition: Callable[[Row], bool], order: Callable[[Row], tuple[float, ...]]) -> Rule:
    """Return a rule: the largest admissible number where its segments stand apart, else of what passes by an order."""
    usual = best_told(condition, order, told=False)
    return lambda table: (usual if planted.stand_apart(table) is False else largest_admissible)(table)


BARS, LEEWAY, CLEAR = passes(), passes(leeway=RULE.leeway), passes(errors=2)
RULES: dict[str, Rule] = {
    "the rule": planted.chosen,
    "groups, or bars; nearest four": groups_first(BARS, nearest_four),
    "groups, or leeway; nearest four": groups_first(LEEWAY, nearest_four),
    "groups, or two errors; nearest four, most stable": groups_first(CLEAR, nearest_stable),
    "groups, or two errors; largest": groups_first(CLEAR, largest),
    "the largest admissible": largest_admissible,
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


def figures(
    choose: Rule, dates: list[pl.DataFrame], seeds: list[pl.DataFrame], sets: list[pl.DataFrame]
) -> str:
    """Return a rule's row of the table."""
    chosen = [choose(table) for table in dates]
    fours = [next(row for row in table.to_dicts() if key(row) == FOUR) for table in dates]
    # After the last date there are no orders to tell.
    worse = [a["after_auc"] - b["after_auc"] for a, b in zip(chosen[:-1], fours[:-1], strict=True)]
    changes = sum(key(a) != key(b) for a, b in pairwise(chosen))
    others = [choose(table) for table in seeds]
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
    sets = [pl.read_parquet(path) for path in sorted((folder / "planted").glob("*.parquet"))]
    print("| rule | changes | AUC after, less K-Means 4's | planted | dates | other seeds |")
    print("| --- | ---: | ---: | ---: | --- | --- |")
    for name, choose in RULES.items():
        print(f"| {name} | {figures(choose, dates, seeds, sets)}")


if __name__ == "__main__":
    main()
