"""Other customers of the same population ask for no new fit, however few there are; and a new kind of them does."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from segcore import job
from segcore.arrays import Floats
from segcore.changes import drift
from segcore.changes.drift import Snapshot
from segcore.evaluation import lloyd
from segcore.models.assignment import NearestCentre
from segcore.pipeline.finished import drift_baseline
from segcore.pipeline.models.labels import distance_to


def placed(X: Floats, model: NearestCentre) -> pl.DataFrame:
    labels = model.assign(X)[0]
    return pl.DataFrame(
        {"label": labels, "distance": distance_to(X.astype(np.float32), model.centres, labels)}
    )


def alarm(fitted: Floats, others: Floats, k: int, seed: int) -> bool:
    model = NearestCentre(centres=lloyd.fit(fitted, k, n_init=5, random_state=seed))
    radius, beyond = drift_baseline._radius(placed(fitted, model))
    out = placed(others, model).select(drift_baseline.outside(pl.col("label"), pl.col("distance"), radius))
    then = Snapshot(customers=len(fitted), features={}, segments={}, outside=0, beyond=beyond)
    now = Snapshot(customers=len(others), features={}, segments={}, outside=int(out.to_series().sum()))
    return drift.measure(then, now, in_model=[], rule=job.Drift(), names={}).verdict == "refit"


def customers(n: int, rng: np.random.Generator) -> Floats:
    """One cloud in five features that go together."""
    return np.asarray(rng.multivariate_normal(np.zeros(5), 0.5 * np.eye(5) + 0.5, n))


@pytest.mark.parametrize(("n", "k"), [(30, 2), (30, 4), (100, 4), (1_000, 4)])
def test_other_customers_are_beyond_the_radius_in_one_of_a_hundred_cases_at_most(n: int, k: int) -> None:
    rng = np.random.default_rng((n, k))
    alarms = [alarm(customers(n, rng), customers(n, rng), k, seed) for seed in range(200)]
    # One in a hundred would be two, and five or more of them once in twenty times.
    assert sum(alarms) <= 4


def test_a_tenth_of_another_kind_is_noticed() -> None:
    rng = np.random.default_rng(0)
    for seed in range(20):
        others = customers(500, rng)
        others[:50] += 6
        assert alarm(customers(500, rng), others, 4, seed)
