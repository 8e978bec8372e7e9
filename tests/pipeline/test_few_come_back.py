"""Shops where few customers come back: who did is told from who did not, and nothing that is published is no number."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, segment
from segcore.pipeline import score
from tests.conftest import QUICK
from tests.transaction_lines import few_come_back, line, write_csv


def joined(run: Run) -> pl.DataFrame:
    features = pl.read_parquet(run.features / "*.parquet")
    return pl.read_parquet(run.segments / "*.parquet").join(features, on="customer_id", validate="1:1")


@pytest.mark.parametrize(
    "share", [0.03, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.01, 0.08, 0.2, 0.5))]
)
def test_who_came_back_is_in_segments_that_say_so(share: float, tmp_path: Path) -> None:
    dump = write_csv(tmp_path / "a.csv", few_come_back(600, share))
    once_apart = {**QUICK, "models.one_time_buyers": "separate", "models.k_max": 3}
    run = segment(dump, tmp_path / "apart", overrides=once_apart, quiet=True)
    called = joined(run).with_columns(once=pl.col("segment_name").str.to_lowercase().str.contains("one-time"))
    assert called.filter(pl.col("once") != (pl.col("order_count") == 1)).height == 0

    run = segment(dump, tmp_path / "divided", overrides={**QUICK, "models.k_max": 3}, quiet=True)
    model = json.loads((run.folder / "model.json").read_text())
    assert "order_count" in [feature["name"] for feature in model["preparation"]["features"]]
    warnings = json.loads((run.folder / "manifest.json").read_text())["warnings"]
    said = [text for text in warnings if "order_count is nearly the same for most customers" in text]
    assert len(said) == (share < 0.5)
    assert said == [] or "order_count is nearly the same" in run.report.read_text(encoding="utf-8")


def test_a_customer_far_beyond_the_fit_has_figures(tmp_path: Path) -> None:
    run = segment(
        write_csv(tmp_path / "a.csv", few_come_back(300, 0.03)), tmp_path / "out", overrides=QUICK, quiet=True
    )
    beyond = [
        *few_come_back(40, 0.03),
        line(CustomerID="enormous", InvoiceNo="e", Quantity="80000000", UnitPrice="900000"),
        *(
            line(CustomerID="often", InvoiceNo=f"o{n}", InvoiceDate=f"2011-06-{1 + n % 28:02} 10:00:00")
            for n in range(3_000)
        ),
    ]
    scored = score(write_csv(tmp_path / "b.csv", beyond), tmp_path / "out", model=run.folder, quiet=True)
    table = joined(scored)
    figures = table.select("confidence", "distance")
    assert figures.select(pl.all().is_finite().all()).row(0) == (True, True)
    assert table.filter(pl.col("customer_id").is_in(["enormous", "often"]))["segment"].null_count() == 0
    assert not {"inf", "NaN"} & set(
        (scored.folder / "segments.csv").read_text().replace("\n", ",").split(",")
    )
