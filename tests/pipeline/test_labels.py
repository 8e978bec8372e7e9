"""The models on the customers: labels, distances, and the run before as a start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from segcore import job
from segcore.matrix import population
from segcore.models.assignment import Assigner, NearestCentre
from segcore.models.keeping import Keeping
from segcore.pipeline.models import labels, model_selection
from segcore.progress import Progress
from tests.matrix.test_population import prepared


def test_the_distance_is_euclidean() -> None:
    X = np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 13.0]], dtype=np.float32)
    centres = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert labels.distance_to(X, centres, np.array([0, 0, 1], dtype=np.int32)).tolist() == [5, 0, 12]


def test_a_published_distance_is_from_the_own_centre_in_standardised_units(tmp_path: Path) -> None:
    clustered = prepared(40, tmp_path, one_time_buyers="separate")
    centres = np.array([[-1.0], [1.0]])
    assigner: Assigner = NearestCentre(centres=centres)
    df = pl.concat(clustered.frames())
    keeping = Keeping(margins=(0.0, 1.0), shares=(0.5, 0.75))
    (own,), figures = labels.label_frame(
        df, [assigner], centres, clustered.preparation, keeping, separate=True
    )
    confidence, margin, distance = (figures[name].to_numpy() for name in ("confidence", "margin", "distance"))
    one_time = (df["order_count"] == 1).to_numpy()
    assert set(own[one_time]) == {2}
    assert set(distance[one_time]) == {0.0}
    # By rule is for certain, whatever the model's map says of its margins.
    assert set(confidence[one_time]) == set(margin[one_time]) == {1.0}
    assert confidence[~one_time] == pytest.approx(0.5 + margin[~one_time] / 4)
    assert 0 < margin[~one_time].min() < 1
    z = clustered.preparation.block(df.filter(pl.col("order_count") > 1))[:, 0]
    assert distance[~one_time] == pytest.approx(np.abs(np.abs(z) - 1), abs=1e-6)
    assert (own[~one_time] == (z > 0)).all()


@pytest.mark.parametrize(("tolerance", "stays"), [(0.01, True), (0.005, False)])
def test_the_previous_centres_stay_within_the_tolerance_of_the_job(
    tolerance: float, stays: bool, tmp_path: Path
) -> None:
    # 50 at 1 go to 100 at 0, or to 102 at 2 with a sum of squares that is larger by 0.7%: both are optima.
    spend = np.repeat([0.0, 1.0, 2.0], [100, 50, 102])
    path = tmp_path / "part-00000.parquet"
    pl.DataFrame({"total_spend": spend, "order_count": [2] * len(spend)}).write_parquet(path)
    settings = job.Job.model_validate(
        {
            "matrix": {"columns": {"total_spend": "none"}},
            "models": {"families": ["kmeans"], "k_max": 2, "restarts": 20},
            "lineage": {"tolerance": tolerance},
        }
    )
    clustered = population.prepare([path], settings, in_memory=lambda size: True, warn=lambda text: None)
    start = (np.array([[0.0], [1.7]]) - clustered.preparation.means) / clustered.preparation.scales
    found = model_selection.fit(clustered, settings, Progress(quiet=True), starts={2: [start]})
    assert sorted(found.kmeans[2].counts) == ([100, 152] if stays else [102, 150])
