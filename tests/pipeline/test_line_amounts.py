from __future__ import annotations

import random
from pathlib import Path

import polars as pl

from segcore import job, pipeline
from segcore.storage import read_json

QUICK = {
    "models.families": ["kmeans"],
    "models.k_max": 3,
    "models.restarts": 2,
    "stability.splits": 0,
    "structure_test.copies": 0,
}


def test_customers_dates_and_amounts_are_enough_for_a_run(tmp_path: Path) -> None:
    draw = random.Random(7)
    lines = [
        f"{draw.randrange(60)};2011-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02};{draw.uniform(1, 99):.2f}"
        for _ in range(600)
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["customer;date;amount", *lines, "3;2011-05-05;-7.50"]) + "\n")
    run = pipeline.segment(path, tmp_path / "out", overrides=QUICK, quiet=True)
    features = pl.read_parquet(run.features)
    assert {"item_count", "mean_basket_items", "unique_products"}.isdisjoint(features.columns)
    days = {text.rsplit(";", 1)[0] for text in lines if text.startswith("3;")}
    row = features.row(by_predicate=pl.col("customer_id") == "3", named=True)
    assert (row["order_count"], row["return_count"], row["returned_value"]) == (len(days), 1, 7.5)
    warnings = " ".join(read_json(run.folder / "manifest.json")["warnings"])
    for said in ("one order per customer and day", "no feature unique_products", "item_count", "do without"):
        assert said in warnings
    settings = job.resolve((run.folder / "job.toml").read_text())
    assert "unique_products" not in settings.matrix.columns
    assert settings.input.latest is not None


def test_equal_lines_count_once_or_all(tmp_path: Path) -> None:
    lines = [f"{customer};2011-05-0{1 + customer % 9};{customer + 1}.00" for customer in range(20)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["customer;date;amount", *lines, *lines[:5], lines[0]]) + "\n")

    def rows(choice: str) -> tuple[dict[str, int], float]:
        overrides = QUICK | {"cleaning.duplicates": choice}
        run = pipeline.segment(path, tmp_path / choice, overrides=overrides, quiet=True)
        classes = {
            e["class"]: e["rows"] for e in read_json(run.folder / "ledger.json")["classes"] if e["rows"]
        }
        return classes, float(pl.read_parquet(run.features)["total_spend"].sum())

    assert rows("drop") == ({"purchase": 20, "duplicate": 6}, 210.0)
    assert rows("keep") == ({"purchase": 26}, 210.0 + 15.0 + 1.0)
