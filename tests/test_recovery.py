"""Well separated groups are found exactly, by every family that should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from segcore import job, segment
from segcore.models import sweeping
from segcore.models.candidate import Candidate
from segcore.simulate import simulate
from tests.conftest import QUICK

FAMILIES = ["kmeans", "hierarchical", "mixture", "hdbscan", "spectral"]
EVERY = {
    "kmeans",
    "hierarchical-ward",
    "hierarchical-complete",
    "hierarchical-average",
    "mixture-spherical",
    "mixture-diag",
    "mixture-tied",
    "mixture-full",
    "spectral",
    "hdbscan",
}
Planted = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def planted(seed: int, n_groups: int, smallest: float) -> Planted:
    """Return round groups, ten and more of their spreads apart, and which group each row is of."""
    rng = np.random.default_rng(seed)
    centres = 10.0 * np.eye(n_groups) + rng.uniform(-0.5, 0.5, (n_groups, n_groups))
    shares = np.full(n_groups, (1 - smallest) / max(n_groups - 1, 1))
    shares[0] = smallest
    truth = np.repeat(np.arange(n_groups), np.round(600 * shares).astype(int))
    X = centres[truth] + rng.standard_normal((len(truth), n_groups)) * 0.6
    order = rng.permutation(len(truth))
    X, truth = X[order], truth[order]
    return (X - X.mean(axis=0)) / X.std(axis=0), truth


def swept(X: npt.NDArray[np.float64], n_groups: int, **more: Any) -> list[Candidate]:
    models = job.Models(families=FAMILIES, k_min=n_groups, k_max=n_groups, restarts=10, **more)
    rows = da.from_array(X.astype(np.float32), chunks=(100, X.shape[1]))
    return sweeping.sweep(rows, X, models, 0).candidates


@settings(max_examples=3)
@given(seed=st.integers(0, 2**16), n_groups=st.integers(2, 5), smallest=st.sampled_from([0.06, 0.12, 0.2]))
@example(seed=0, n_groups=4, smallest=0.06)
def test_groups_far_apart_are_found_by_every_family(seed: int, n_groups: int, smallest: float) -> None:
    X, truth = planted(seed, n_groups, smallest)
    found = {model.name: model for model in swept(X, n_groups)}
    assert found.keys() == EVERY
    for name, model in found.items():
        labels, confidence = model.assigner.assign(X)
        assert model.k == n_groups, name
        assert adjusted_rand_score(truth, labels) >= 0.99, name
        assert np.isfinite(confidence).all(), name


def test_a_few_rows_far_from_everything_take_a_group_of_their_own() -> None:
    X, truth = planted(0, 3, 0.2)
    X = np.vstack([X, 40 + np.random.default_rng(1).normal(scale=0.1, size=(12, 3))])
    truth = np.append(truth, np.full(12, 3))
    for model in swept(X, 4, min_cluster_size=0.01):
        labels, _ = model.assigner.assign(X)
        assert adjusted_rand_score(truth, labels) >= 0.99, model.name


def test_planted_customers_are_found_through_the_whole_job(retail_job: Path, tmp_path: Path) -> None:
    made = simulate(tmp_path / "dump", rows=30_000, customers=300, noise=0.25, seed=1)
    overrides = {**QUICK, "models.families": FAMILIES, "models.k_min": 4, "models.k_max": 4}
    run = segment(made.out, tmp_path / "out", job=retail_job, overrides=overrides, quiet=True)
    truth = pl.read_parquet(made.truth).rename({"segment": "planted"})
    labels = pl.read_parquet(run.folder / "labels" / "*.parquet")
    found = pl.read_parquet(run.segments / "*.parquet").select("customer_id", "segment")
    found = found.join(labels, on="customer_id", validate="1:1").join(truth, on="customer_id", validate="1:1")
    assert found.height == 300
    models = [name for name in found.columns if name.endswith("_4")]
    assert len(models) == len(EVERY)
    for name in [*models, "segment"]:
        # Customers that HDBSCAN calls noise have no segment; they count as one more.
        assert adjusted_rand_score(found["planted"], found[name].fill_null(-1)) >= 0.99, name
