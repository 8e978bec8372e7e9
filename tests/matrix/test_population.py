"""The customers as the models see them: which rows are whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from segcore import errors, job
from segcore.matrix import population
from segcore.matrix.population import Population


def customers(n: int, folder: Path) -> list[Path]:
    """Write customers in two files: the n-th has spent n, and every third has one order."""
    df = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "total_spend": np.arange(n, dtype=np.float64),
            "order_count": [1 if i % 3 == 0 else 2 for i in range(n)],
        }
    )
    paths = []
    for number, part in enumerate((df[: n // 2], df[n // 2 :])):
        paths.append(folder / f"part-{number:05d}.parquet")
        part.write_parquet(paths[-1])
    return paths


def prepared(n: int, folder: Path, **models: Any) -> Population:
    settings = job.Job.model_validate(
        {
            "matrix": {"columns": {"total_spend": "none"}},
            "models": {"sample": 20, "evaluation_sample": 15, "tree_sample": 10} | models,
        }
    )
    return population.prepare(
        customers(n, folder), settings, in_memory=lambda size: False, warn=lambda text: None
    )


def spent(clustered: Population, X: Any) -> list[int]:
    """Return what the customers in rows of the matrix have spent."""
    means, scales = clustered.preparation.means, clustered.preparation.scales
    return [round(float(x) * scales[0] + means[0]) for x in X[:, 0]]


def test_the_evaluation_sample_is_of_customers_whom_no_fit_has_seen(tmp_path: Path) -> None:
    clustered = prepared(50, tmp_path)
    assert spent(clustered, clustered.sample) == list(range(20))
    assert spent(clustered, clustered.evaluation) == list(range(20, 35))
    assert clustered.evaluation_start == 20
    assert clustered.rows(20, 35)["total_spend"].to_list() == list(range(20, 35))


@pytest.mark.parametrize(("n", "start", "size"), [(35, 20, 15), (34, 0, 15), (12, 0, 12)])
def test_it_is_the_first_ones_where_there_are_too_few_for_one_of_its_own(
    n: int, start: int, size: int, tmp_path: Path
) -> None:
    clustered = prepared(n, tmp_path)
    assert clustered.evaluation_start == start
    assert spent(clustered, clustered.evaluation) == list(range(start, start + size))
    assert len(clustered.sample) == min(n, 20)


def test_separate_one_time_buyers_are_in_no_sample(tmp_path: Path) -> None:
    clustered = prepared(60, tmp_path, one_time_buyers="separate")
    several = [i for i in range(60) if i % 3]
    assert clustered.n_customers == 40
    assert clustered.counts == (20, 20)
    assert spent(clustered, clustered.sample) == several[:20]
    assert spent(clustered, clustered.evaluation) == several[20:35]
    assert spent(clustered, clustered.rows_of_matrix(100)) == several
    assert clustered.rows(18, 23)["total_spend"].to_list() == several[18:23]
    assert sum(df.height for df in clustered.frames()) == 60


def test_blocks_are_the_files_in_order_wherever_they_are_read_from(tmp_path: Path) -> None:
    clustered = prepared(60, tmp_path, one_time_buyers="separate")
    blocks = list(clustered.blocks())
    assert [len(block) for block in blocks] == [20, 20]
    assert spent(clustered, np.concatenate(blocks)) == [i for i in range(60) if i % 3]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in clustered.files:
        path.rename(elsewhere / path.name)
    X = clustered.read_from(lambda path: str(elsewhere / path.name))
    assert np.array_equal(X.compute(scheduler="sync"), np.concatenate(blocks))
    assert X.chunks == clustered.X.chunks


def test_a_matrix_that_fits_in_memory_is_read_once(tmp_path: Path) -> None:
    asked: list[int] = []
    settings = job.Job.model_validate({"matrix": {"columns": {"total_spend": "none"}}})

    def in_memory(size: int) -> bool:
        asked.append(size)
        return True

    files = customers(10, tmp_path)
    clustered = population.prepare(files, settings, in_memory=in_memory, warn=lambda text: None)
    assert asked == [10 * 4]  # ten customers, one feature, four bytes
    for path in files:
        path.unlink()
    assert spent(clustered, np.concatenate(list(clustered.blocks()))) == list(range(10))


def test_constant_features_are_warned_about(tmp_path: Path) -> None:
    told: list[str] = []
    columns = {"total_spend": "none", "order_count": "none"}
    settings = job.Job.model_validate(
        {"matrix": {"columns": columns}, "models": {"one_time_buyers": "separate"}}
    )
    population.prepare(customers(10, tmp_path), settings, in_memory=lambda size: False, warn=told.append)
    assert told == ["feature order_count is the same for every customer and is left out"]


@pytest.mark.parametrize(
    ("n", "models", "message"),
    [
        (1, {}, "1 customer cannot make 2 segments"),
        (
            3,
            {"one_time_buyers": "separate", "k_min": 3},
            "2 customers with more than one order cannot make 3",
        ),
    ],
)
def test_fewer_customers_than_segments_are_refused(
    n: int, models: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(errors.DataError, match=message):
        prepared(n, tmp_path, **models)


def told_of(n_once: int, folder: Path, **models: Any) -> list[str]:
    """Return what is said of twelve customers of whom some have one order."""
    told: list[str] = []
    df = pl.DataFrame(
        {"total_spend": np.arange(12.0), "order_count": [1 if i < n_once else 2 for i in range(12)]}
    )
    df.write_parquet(folder / "part.parquet")
    settings = job.Job.model_validate({"matrix": {"columns": {"total_spend": "none"}}, "models": models})
    population.prepare([folder / "part.parquet"], settings, in_memory=lambda size: False, warn=told.append)
    return told


def test_many_one_time_buyers_are_said_to_fit_a_segment_by_rule(tmp_path: Path) -> None:
    (text,) = told_of(9, tmp_path, k_max=2)
    assert text.startswith('75% of the customers have one order: models.one_time_buyers = "separate" fits')
    assert told_of(6, tmp_path, k_max=2) == []
    # Too few would be left to divide.
    assert told_of(9, tmp_path, k_max=3) == []
    # A job that says what they are to be has heard it.
    assert told_of(9, tmp_path, k_max=2, one_time_buyers="cluster") == []
    assert told_of(9, tmp_path, k_max=2, one_time_buyers="separate") == []
