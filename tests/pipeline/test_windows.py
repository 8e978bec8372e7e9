"""The real data in two windows of 270 days: who is who, who moved, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import Run, segment
from tests.conftest import QUICK

DAYS = 270
FOUR = {**QUICK, "models.restarts": 20, "models.families": ["kmeans"], "selection.k": 4}


def window(folder: Path, end: date) -> list[Path]:
    """Return the daily files of the window that ends on a day."""
    days = {(end - timedelta(days=back)).isoformat() for back in range(DAYS)}
    return sorted(path for path in folder.glob("*.csv") if path.stem in days)


def read(run: Run, name: str) -> Any:
    return json.loads((run.folder / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def two(online_retail: Path, retail_job: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Run]:
    out = tmp_path_factory.mktemp("windows")
    return [
        segment(window(online_retail, end), out, job=retail_job, overrides=FOUR, quiet=True)
        for end in (date(2011, 9, 30), date(2011, 12, 9))
    ]


def test_the_four_segments_are_kept_though_a_third_of_their_customers_moved(two: Sequence[Run]) -> None:
    lineage = read(two[1], "lineage.json")
    assert {s["verdict"] for s in lineage["segments"]} == {"kept"}
    assert {s["segment"] for s in lineage["segments"]} == {1, 2, 3, 4}
    # By their customers alone two of them would have ended: people change, kinds of customers stay.
    assert min(s["jaccard_history"] for s in lineage["segments"]) < 0.5
    assert min(s["jaccard_same_data"] for s in lineage["segments"]) > 0.5
    spend = [
        pl.read_parquet(run.folder / "profile.parquet")
        .filter(pl.col("segment") > 0)
        .sort("total_spend_median")
        for run in two
    ]
    assert spend[0]["segment"].to_list() == spend[1]["segment"].to_list()


def test_flows_add_up_and_both_matrices_are_in_the_report(two: Sequence[Run]) -> None:
    movement = read(two[1], "movement.json")
    then, now = (pl.read_parquet(run.segments / "*.parquet") for run in two)
    flows = movement["flows"]
    assert sum(f["customers"] for f in flows if f["old"] is not None) == then.height
    assert sum(f["customers"] for f in flows if f["new"] is not None) == now.height
    both = then.join(now, on="customer_id", how="inner").height
    assert sum(f["customers"] for f in movement["behaviour"]) == both
    assert sum(f["customers"] for f in movement["model"]) == both
    moved = pl.read_parquet(two[1].folder / "moved.parquet")
    for causes in (movement["causes"], movement["causes_behaviour_first"]):
        assert sum(causes.values()) == moved.height
    assert dict(moved["changed"].value_counts().rows()) == {k: n for k, n in movement["causes"].items() if n}


def test_who_did_nothing_was_moved_by_time_or_the_model(two: Sequence[Run]) -> None:
    then, now = (
        pl.read_parquet(run.features / "*.parquet", columns=["customer_id", "last_order_at", "return_count"])
        for run in two
    )
    idle = then.join(now, on=then.columns, how="inner")["customer_id"]
    moved = pl.read_parquet(two[1].folder / "moved.parquet")
    still = moved.filter(pl.col("customer_id").is_in(idle.to_list()))
    assert "time" in still["changed"].to_list()
    assert "behaviour" not in still["changed"].to_list()
    assert "behaviour" in moved["changed"].to_list()
    page = two[1].report.read_text(encoding="utf-8")
    titles = ("Because time passed", "Because they bought or sent back", "Because the model changed", "Money")
    for title in titles:
        assert f"<strong>{title}.</strong>" in page


def test_drift_is_measured_by_feature(two: Sequence[Run]) -> None:
    drift = read(two[1], "drift.json")
    found = {feature["feature"]: feature for feature in drift["features"]}
    assert {"days_since_last_order", "order_count", "total_spend", "returned_share"} <= set(found)
    # The second window ends in the busiest weeks of the year.
    assert max(found, key=lambda name: found[name]["psi"]) == "days_since_last_order"
    assert found["days_since_last_order"]["psi"] > found["days_since_last_order"]["chance"]
    assert drift["verdict"] == "score"
    assert 0.005 < drift["out_of_range_share"] < 0.02


@pytest.mark.slow
def test_other_seeds_alone_change_nobodys_behaviour(
    two: Sequence[Run], online_retail: Path, retail_job: Path, tmp_path: Path
) -> None:
    run = segment(
        window(online_retail, date(2011, 12, 9)),
        tmp_path / "out",
        job=retail_job,
        overrides={**FOUR, "seed": 11},
        previous=two[1].folder,
        fresh=True,
        quiet=True,
    )
    behaviour = read(run, "movement.json")["behaviour"]
    assert sum(row["customers"] for row in behaviour) == 3_945
    assert all(row["old"] == row["new"] for row in behaviour)
    assert {s["verdict"] for s in read(run, "lineage.json")["segments"]} == {"kept"}
    moved = pl.read_parquet(run.folder / "moved.parquet")
    assert set(moved["changed"]) <= {"model"}
    assert moved.height < 0.05 * 3_945
