"""RFM's grids beside those of the independent analysis, which parts equal order counts and learns on other halves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from segcore import job
from segcore.arrays import Floats, Labels
from segcore.evaluation import next_period
from segcore.job import Rfm
from segcore.lines import rfm
from segcore.pipeline.lines import read_input
from segcore.pipeline.models import look_back
from tests.transaction_lines import started, taken_through

REFERENCE = {"RFM fifths": 0.7170, "RFM groups": 0.7102}
HALVINGS = 40


@pytest.fixture(scope="module")
def then(online_retail: Path, retail_job: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The customers of the real data 90 days before their end; to the independent analysis carriage is a product."""
    text = retail_job.read_text(encoding="utf-8")
    codes = [code for code in job.resolve(text).cleaning.not_products if code != "23444"]
    settings = job.resolve(text, {"cleaning.not_products": codes})
    folder = tmp_path_factory.mktemp("then")
    run = started(folder, settings, [online_retail])
    return look_back.first_customers(taken_through(read_input.prepare(run), settings, folder).then)


def areas(cells: Labels, n_cells: int, bought: Floats) -> Floats:
    """Return the area under the curve for random halvings of the customers."""
    draws = (np.random.default_rng(seed).permutation(len(cells)) % 2 for seed in range(HALVINGS))
    return np.array(
        [look_back._auc_of_halves(cells, half.astype(np.int32), bought > 0, n_cells).value for half in draws]
    )


def test_areas_of_the_grids_are_those_of_the_reference_but_for_the_halves(then: pl.DataFrame) -> None:
    points = rfm.cut_points(lambda name: [then[name].cast(pl.Float64).to_numpy()], then.height, Rfm())
    r, f, m, groups = look_back._scored(then, points)
    bought = then["bought"].cast(pl.Float64).to_numpy()
    grids = {"RFM fifths": ((r - 1) * 25 + (f - 1) * 5 + m - 1, 125), "RFM groups": (groups, 10)}
    for rule, (cells, n_cells) in grids.items():
        drawn = areas(cells, n_cells, bought)
        own = look_back._auc_of_halves(cells, then["half"].to_numpy(), bought > 0, n_cells).value
        assert abs(own - drawn.mean()) < 2 * drawn.std(), rule
    # Which half learns moves the area of so many cells by more than half of its own error.
    fifths = areas(*grids["RFM fifths"], bought)
    assert fifths.std() == pytest.approx(0.0056, abs=0.0015)
    assert abs(REFERENCE["RFM fifths"] - fifths.mean()) < fifths.std()


def test_with_equal_values_parted_other_cells_are_those_of_the_reference(then: pl.DataFrame) -> None:
    points = rfm.cut_points(lambda name: [then[name].cast(pl.Float64).to_numpy()], then.height, Rfm())
    r, _, _, groups = look_back._scored(then, points)
    bought = then["bought"].cast(pl.Float64).to_numpy()
    parted = np.asarray(rfm.TABLE, dtype=np.int32)[r - 1, steps(then, pl.col("order_count"), 5)]
    assert areas(parted, 10, bought).mean() == pytest.approx(REFERENCE["RFM groups"], abs=1e-3)
    assert areas(groups, 10, bought).mean() > REFERENCE["RFM groups"] + 5e-3
    quarters = steps(then, -pl.col("days_since_last_order"), 4)
    sums = next_period.group_sums(quarters, bought > 0, bought, 4)
    assert next_period.auc(sums, np.arange(4.0)).value == pytest.approx(0.6718, abs=1e-3)


def steps(customers: pl.DataFrame, value: pl.Expr, n: int) -> Labels:
    """Return in which of `n` steps of one size each customer is, equal values in the order of the customers' ids."""
    ranked = customers.select(pl.struct(value, pl.col("customer_id").cast(pl.Int64)).rank("ordinal"))
    return ((ranked.to_series() - 1).cast(pl.Int32) * n // customers.height).to_numpy()
