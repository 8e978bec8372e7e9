"""Every second night of three weeks on the shipped sample: a kept segment keeps its name while the model stays."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
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
def test_kept_segments_are_renamed_no_more_often_than_the_model_changes(
    retail_job: Path, tmp_path: Path
) -> None:
    runs = [
        segment(
            SAMPLE,
            tmp_path / "out",
            job=retail_job,
            overrides={
                "features.as_of": str(night),
                "features.window": "300d",
                "models.families": ["kmeans"],
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
    models = [json.loads((run.folder / "manifest.json").read_text())["chosen"] for run in runs]
    changes = sum(before["k"] != now["k"] for before, now in pairwise(models))
    assert sum(bool(identity["renamed"]) for identity in told) <= changes
    tables = [pl.read_parquet(run.folder / "profile.parquet") for run in runs]
    # Medians that names go by did move meanwhile, by a whole order.
    orders = pl.concat(table.select("segment", "order_count_median") for table in tables)
    assert (orders.group_by("segment").agg(pl.all().n_unique())["order_count_median"] > 1).any()
    for table in tables:
        assert table["segment_name"].is_unique().all()
        assert table["treatment"].is_unique().all()
