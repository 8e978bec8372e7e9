"""Shops where few come back, and customers far beyond the fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from segcore import Run, segment
from segcore.pipeline import score
from tests.benchmarks.audit.data import Data, Figure
from tests.conftest import QUICK
from tests.transaction_lines import few_come_back, line, write_csv

SHARES = (0.01, 0.03, 0.08, 0.2, 0.5)
CUSTOMERS = 2_000
THREE = {**QUICK, "models.k_max": 3}


def repeaters(data: Data) -> Iterator[Figure]:
    """Say how many of those who came back are called one-time buyers, and what becomes of the number of orders."""
    for share in SHARES:
        folder = data.folder / f"repeaters-{share}"
        folder.mkdir(parents=True)
        dump = write_csv(folder / "lines.csv", few_come_back(CUSTOMERS, share))
        apart = segment(
            dump, folder / "apart", overrides=THREE | {"models.one_time_buyers": "separate"}, quiet=True
        )
        divided = segment(dump, folder / "divided", overrides=THREE, quiet=True)
        model = json.loads((divided.folder / "model.json").read_text(encoding="utf-8"))
        used = {own["name"]: own["transform"] for own in model["preparation"]["features"]}
        yield Figure(
            f"{CUSTOMERS:,} customers of whom {share:.0%} have 2 to 9 orders: how the number of orders is transformed;"
            " who came back and is called a one-time buyer, apart from them by rule, and divided with them",
            'dropped as "the same" below 8%; a customer with nine orders' if share < 0.08 else "",
            f"{used.get('order_count', 'dropped')}; {_called_once(apart)}; {_called_once(divided)}",
        )


def _called_once(run: Run) -> str:
    """Count who came back and is in a segment of one-time buyers; "Mostly" says that not all of them are."""
    features = pl.read_parquet(run.features / "*.parquet", columns=["customer_id", "order_count"])
    segments = pl.read_parquet(run.segments / "*.parquet", columns=["customer_id", "segment_name"])
    back = segments.join(features, on="customer_id").filter(pl.col("order_count") > 1)
    called = back.filter(pl.col("segment_name").str.starts_with("One-time"))
    return f"{called.height} of {back.height}"


def beyond(data: Data) -> Iterator[Figure]:
    """Count figures that are not finite when customers far beyond the fit are scored."""
    folder = data.folder / "beyond"
    folder.mkdir(parents=True)
    fitted = write_csv(folder / "fit.csv", few_come_back(300, 0.03))
    run = segment(fitted, folder / "out", overrides=QUICK, quiet=True)
    lines = [
        line(CustomerID="enormous", InvoiceNo="e", Quantity="80000000", UnitPrice="900000"),
        *(
            line(CustomerID="often", InvoiceNo=f"o{n}", InvoiceDate=f"2011-06-{1 + n % 28:02} 10:00:00")
            for n in range(3_000)
        ),
    ]
    far = write_csv(folder / "far.csv", [*few_come_back(40, 0.03), *lines])
    scored = score(far, folder / "out", model=run.folder, quiet=True)
    yield Figure(
        "scored customers of 72 million times the usual spend, and of 3,000 orders: figures that are inf or NaN",
        "inf and NaN",
        str(_not_finite(scored.segments)),
    )


def _not_finite(segments: Path) -> int:
    df = pl.read_parquet(segments / "*.parquet").select(pl.selectors.float())
    return int(df.select(pl.sum_horizontal((~pl.all().is_finite()).sum())).item())
