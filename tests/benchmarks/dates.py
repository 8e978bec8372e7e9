"""``python -m tests.benchmarks.dates INPUT FOLDER``: candidates of fresh runs at many dates, to judge rules of choice by.

Runs the job as if each date were today, and keeps of each run the table of candidates, the matrix, and what every
candidate would tell of who buys in the 90 days after (as many of them as there are): so that a rule can be judged
without fitting anything again. Other seeds are run at the last date; planted groups are kept beside them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from segcore import segment
from segcore.evaluation.next_period import auc, group_sums
from segcore.models.assignment import assign_each
from segcore.pipeline.models import candidate_metrics, model_selection
from tests.benchmarks import planted
from tests.benchmarks.lean import LEAN, undrawn

ROOT = Path(__file__).parent.parent.parent
JOB = ROOT / "jobs" / "online-retail.toml"
FIRST, LAST = date(2011, 6, 1), date(2011, 12, 9)
N_DATES, N_SEEDS, AHEAD = 15, 9, timedelta(days=90)


def dates(first: date = FIRST, last: date = LAST, n: int = N_DATES) -> list[date]:
    """Return `n` dates at equal distances."""
    return [first + (last - first) * i / (n - 1) for i in range(n)]


def orders(dump: str) -> pl.DataFrame:
    """Return when each customer bought, returns and what is not sold left out, from the lines themselves."""
    lines = pl.scan_csv(f"{dump}/*.csv", infer_schema=False)
    return (
        lines.filter(
            pl.col("Quantity").cast(pl.Float64) > 0,
            pl.col("UnitPrice").cast(pl.Float64) > 0,
            pl.col("InvoiceNo").str.contains(r"^\d+$"),
            pl.col("StockCode").str.contains(r"^\d{5}"),
        )
        .select(
            customer_id=pl.col("CustomerID").cast(pl.Float64, strict=False).cast(pl.Int64).cast(pl.String),
            day=pl.col("InvoiceDate").str.slice(0, 10).str.to_date(strict=False),
        )
        .drop_nulls("customer_id")
        .unique()
        .collect()
    )


def collect(dump: str, folder: Path, today: date, seed: int, bought: pl.DataFrame) -> None:
    """Run one date and keep what a rule needs to be judged."""
    held: dict[str, Any] = {}
    original, tested = model_selection.select, candidate_metrics.structure_figures

    def structure_figures(*args: Any, **kwargs: Any) -> Any:
        test = tested(*args, **kwargs)
        held.setdefault(
            "structure", test
        )  # of the candidate that leads; another one that wins is tested after it
        return test

    def select(sweep: Any, population: Any, *args: Any, **kwargs: Any) -> Any:
        held["sweep"], held["population"] = sweep, population
        held["ids"] = pl.concat([df.select("customer_id") for df in population.frames()])
        held["X"] = np.concatenate(list(population.blocks()))
        return original(sweep, population, *args, **kwargs)

    model_selection.select, candidate_metrics.structure_figures = select, structure_figures
    overrides = LEAN | {"features.as_of": str(today), "seed": seed}
    try:
        with tempfile.TemporaryDirectory() as out, undrawn():
            run = segment(dump, out, job=JOB, overrides=overrides, quiet=True)
            table = pl.read_parquet(run.folder / "candidates.parquet")
    finally:
        model_selection.select, candidate_metrics.structure_figures = original, tested
    after = bought.filter(pl.col("day") >= today, pl.col("day") < today + AHEAD)["customer_id"].unique()
    ids = held["ids"]["customer_id"].cast(pl.String).str.strip_suffix(".0")
    told = ids.is_in(after.implode()).to_numpy()
    labels = assign_each([c.assigner for c in held["sweep"].candidates], held["X"])
    areas = [auc(group_sums(own + 1, told, told.astype(float), int(own.max()) + 2)) for own, _ in labels]
    later = pl.DataFrame(
        [(*c.key, area.value, area.error) for c, area in zip(held["sweep"].candidates, areas, strict=True)],
        schema=["family", "variant", "k", "after_auc", "after_auc_se"],
        orient="row",
    )
    folder.mkdir(parents=True)
    np.save(folder / "X.npy", held["X"])
    pl.DataFrame(
        {"customer_id": ids}
        | {
            "-".join(map(str, c.key)): own
            for c, (own, _) in zip(held["sweep"].candidates, labels, strict=True)
        }
    ).write_parquet(folder / "labels.parquet")
    table = planted.with_structure(table, held["structure"])
    table.join(later, on=["family", "variant", "k"], how="left").write_parquet(folder / "candidates.parquet")
    print(
        today,
        seed,
        table.filter("chosen")["family", "variant", "k"].row(0),
        len(ids),
        int(told.sum()),
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Collect all dates, then all seeds, then planted groups; what is there already is left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("input")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args(argv)
    bought = orders(asked.input)
    wanted = [(day, 0) for day in dates()] + [(LAST, seed) for seed in range(1, N_SEEDS)]
    for day, seed in wanted:
        folder = asked.folder / f"{day}-{seed}"
        if not folder.exists():
            collect(asked.input, folder, day, seed, bought)
    planted.collect(asked.folder / "planted")


if __name__ == "__main__":
    main()
