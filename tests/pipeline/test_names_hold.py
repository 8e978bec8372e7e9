"""Every second night of three weeks on the shipped sample: a kept segment keeps its name, also when the model changes."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, segment

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
NIGHTS = [date(2023, 11, 17) + timedelta(days=2 * n) for n in range(12)]


def identities(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((run.folder / "lineage.json").read_text())["segments"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("k_max", [6, 10])
def test_no_segment_that_is_kept_is_renamed(k_max: int, retail_job: Path, tmp_path: Path) -> None:
    runs = [
        segment(
            SAMPLE,
            tmp_path / "out",
            job=retail_job,
            overrides={
                "features.as_of": str(night),
                "features.window": "300d",
                "models.families": ["kmeans"],
                "models.k_max": k_max,
                "stability.splits": 12,
                "stability.resamples": 12,
                "structure_test.copies": 0,
            },
            keep=20,
            quiet=True,
        )
        for night in NIGHTS
    ]
    told = [identity for run in runs[1:] for identity in identities(run)]
    assert sum(identity["verdict"] == "kept" for identity in told) > 20
    assert [identity for identity in told if identity["renamed"]] == []
    tables = [pl.read_parquet(run.folder / "profile.parquet") for run in runs]
    # Medians that names go by did move meanwhile, by a whole order, and the number of segments changed.
    orders = pl.concat(table.select("segment", "order_count_median") for table in tables)
    assert (orders.group_by("segment").agg(pl.all().n_unique())["order_count_median"] > 1).any()
    assert len({table.height for table in tables}) > 1
    for table in tables:
        assert table["segment_name"].is_unique().all()
        assert table["treatment"].is_unique().all()
        assert (table["name_holds"].drop_nulls() >= 0.5).all()
