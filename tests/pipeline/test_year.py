"""A simulated year of runs over a sliding window, with a kind of customer that is born and one that dies out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import Run, segment
from segcore.simulate import PlantedSegment, simulate
from tests.conftest import QUICK

START, DAYS, WINDOW = date(2022, 1, 1), 730, 180
BORN, DIED = 540, 440  # days
SPREAD: Any = {"orders_spread": 0.2, "basket_spread": 0.2, "quantity_spread": 0.3}
KINDS = (
    PlantedSegment(name="regular", share=1, orders=60, basket=2, quantity=3, recency=4, **SPREAD),
    PlantedSegment(name="rare", share=1, orders=8, basket=3, quantity=4, recency=20, **SPREAD),
    PlantedSegment(
        name="born",
        share=1,
        orders=10,
        basket=1,
        quantity=300,
        price=3,
        recency=6,
        starts=START + timedelta(days=BORN),
        **SPREAD,
    ),
    PlantedSegment(
        name="dying",
        share=1,
        orders=16,
        basket=30,
        quantity=6,
        recency=4,
        ends=START + timedelta(days=DIED),
        **SPREAD,
    ),
)
AUTO = {**QUICK, "models.families": ["kmeans"], "stability.splits": 12, "stability.resamples": 10}


@dataclass(frozen=True)
class Night:
    """One run of the year: its lineage, and the planted kind of most customers in each segment."""

    run: Run
    lineage: list[dict[str, Any]]
    kinds: dict[int, tuple[str, float]]

    def changed(self, verdict: str) -> list[dict[str, Any]]:
        return [row for row in self.lineage if row["verdict"] == verdict]


def year(folder: Path, job: Path, ends: Sequence[int]) -> list[Night]:
    """Run the job on the windows that end on these days, one after the other into one folder."""
    dump = simulate(
        folder / "dump",
        rows=60_000,
        segments=KINDS,
        start=START,
        days=DAYS,
        defects=0,
        format="parquet",
        seed=1,
    )
    lines = pl.concat([pl.read_parquet(path) for path in dump.paths])
    truth = pl.read_parquet(dump.truth).rename({"segment": "kind"})
    nights = []
    for end in ends:
        last = datetime.combine(START + timedelta(days=end + 1), time())
        at = pl.col("InvoiceDate")
        window = folder / f"{end}.parquet"
        lines.filter(at >= last - timedelta(days=WINDOW), at < last).write_parquet(window)
        run = segment(window, folder / "out", job=job, overrides=AUTO, quiet=True)
        known = pl.read_parquet(run.segments / "*.parquet").join(truth, on="customer_id")
        path = run.folder / "lineage.json"
        nights.append(
            Night(
                run=run,
                lineage=json.loads(path.read_text())["segments"] if path.is_file() else [],
                kinds={
                    segment_id: (kind, share)
                    for segment_id, kind, share in known.group_by("segment")
                    .agg(
                        kind=pl.col("kind").mode().first(),
                        share=pl.col("kind").unique_counts().max() / pl.len(),
                    )
                    .rows()
                },
            )
        )
    return nights


def names(night: Night) -> dict[int, str]:
    table = pl.read_parquet(night.run.folder / "profile.parquet").filter(pl.col("segment") > 0)
    return dict(table.select("segment", "segment_name").rows())


def check(nights: list[Night], *, calm: int) -> None:
    """One birth, one death, every other identity kept, and names that held over the last runs.

    Those who die out may fall apart for a week on their way; nobody else does.
    """
    first, last = nights[0], nights[-1]
    by_kind = {kind: number for number, (kind, _) in first.kinds.items()}
    assert set(by_kind) == {"regular", "rare", "dying"}
    births = [(night, row) for night in nights for row in night.changed("new")]
    deaths = [(night, row) for night in nights for row in night.changed("retired")]
    assert len(births) == len(deaths) == 1
    dying = {number for night in nights for number, (kind, _) in night.kinds.items() if kind == "dying"}
    parted = [row for night in nights for v in ("split", "merged") for row in night.changed(v)]
    assert {row[key] for row in parted for key in ("segment", "previous")} <= dying
    night, row = births[0]
    assert night.kinds[row["segment"]][0] == "born"
    assert row["segment"] == 4
    assert deaths[0][1]["previous"] in dying
    assert not dying & set(last.kinds)
    assert nights.index(deaths[0][0]) > nights.index(night)
    # Whoever was there all year has the id of the first run in the last one.
    assert {kind: number for number, (kind, _) in last.kinds.items()} == {
        "regular": by_kind["regular"],
        "rare": by_kind["rare"],
        "born": 4,
    }
    assert min(share for _, share in last.kinds.values()) > 0.85
    assert all(names(night) == names(last) for night in nights[-calm:])
    assert not any(row["renamed"] for night in nights[-calm + 1 :] for row in night.lineage)


@pytest.mark.slow
def test_a_year_in_nine_runs(tmp_path: Path, retail_job: Path) -> None:
    check(year(tmp_path, retail_job, range(364, DAYS, 42)), calm=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_year_of_weekly_runs(tmp_path: Path, retail_job: Path) -> None:
    nights = year(tmp_path, retail_job, range(364, DAYS, 7))
    assert len(nights) == 53
    check(nights, calm=12)
