from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from segcore.errors import InputNotFoundError
from segcore.outlook import fitting, states
from segcore.outlook.model import Outlook
from segcore.pipeline.finished import outlook_file


@pytest.fixture(scope="module")
def customers() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    orders = rng.integers(1, 9, 600)
    gaps = pl.Series(np.where(orders > 1, rng.integers(5, 90, 600), -1).astype(float))
    return pl.DataFrame(
        {
            "order_count": orders,
            "mean_days_between_orders": gaps.replace(-1.0, None),
            "bought": rng.random(600) < orders / 10,
            "revenue": rng.lognormal(mean=3, size=600),
        }
    )


@pytest.fixture(scope="module")
def outlook(customers: pl.DataFrame) -> Outlook:
    features = ("order_count", "mean_days_between_orders")
    X = customers.select(pl.col(features).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    bought, revenue = customers["bought"].to_numpy(), customers["revenue"].to_numpy()
    return Outlook.of(
        fitting.fit_chance(X, bought),
        fitting.fit_log_spend(X[bought], revenue[bought]),
        X,
        bought,
        revenue,
        {"days": 30, "features": features, "money_decimals": 2},
    )


def test_what_is_read_again_predicts_the_same(
    customers: pl.DataFrame, outlook: Outlook, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    outlook_file.save(tmp_path, outlook.in_season(1.7))
    again = outlook_file.load(tmp_path)
    assert again is not None
    assert again.about == outlook.in_season(1.7).about
    for column, own in zip(again.columns(customers), outlook.in_season(1.7).columns(customers), strict=True):
        assert column.equals(own)


def test_a_run_without_an_outlook_has_none_and_a_damaged_one_is_told(
    outlook: Outlook, tmp_path: Path
) -> None:
    assert outlook_file.load(tmp_path) is None
    (tmp_path / "model").mkdir()
    outlook_file.save(tmp_path, outlook)
    (tmp_path / "model/outlook_chance.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputNotFoundError, match=r"outlook_chance\.parquet: damaged"):
        outlook_file.load(tmp_path)


def test_the_season_multiplies_the_odds_and_spend_follows_the_chance(
    customers: pl.DataFrame, outlook: Outlook
) -> None:
    chance, spend = outlook.predict(customers)
    more, more_spend = outlook.in_season(3.0).predict(customers)
    assert more / (1 - more) == pytest.approx(3 * chance / (1 - chance))
    assert more_spend / more == pytest.approx(spend / chance)


def test_expected_spend_has_the_level_of_what_buyers_spent(customers: pl.DataFrame, outlook: Outlook) -> None:
    buyers = customers.filter("bought")
    chance, spend = outlook.predict(buyers)
    assert (spend / chance).mean() == pytest.approx(buyers["revenue"].mean(), rel=0.05)


def test_an_effect_is_what_the_median_in_its_place_would_take_away(
    customers: pl.DataFrame, outlook: Outlook
) -> None:
    assert outlook.about.medians[0] == customers["order_count"].median()
    assert outlook.about.medians[1] == customers["mean_days_between_orders"].median()
    one = customers.filter(pl.col("mean_days_between_orders").is_null()).head(1)
    usual = one.with_columns(order_count=pl.lit(outlook.about.medians[0]))
    effects = outlook.effects(one)
    expected = outlook.predict(one)[0][0] - outlook.predict(usual)[0][0]
    assert effects["order_count"] == pytest.approx(expected)
    assert expected < -0.05
    assert list(effects) == sorted(effects, key=lambda name: -abs(effects[name]))


def test_features_that_are_not_there_or_no_numbers_are_lacking(outlook: Outlook) -> None:
    there = {"order_count": pl.String()}
    assert outlook.lacking(there) == ["order_count", "mean_days_between_orders"]


def test_states_by_hand() -> None:
    segments = pl.LazyFrame(
        {
            "segment": [1, 1, 1, 1, 2, 2],
            "chance_to_buy": [0.5, 0.49, 0.49, 0.49, 0.1, 0.09],
            "expected_spend": [10.4, 1.0, 1.0, 1.0, 2.0, 0.4],
        }
    )
    features = pl.LazyFrame(
        {
            "days_since_last_order": [1, 31, 30, 91, 91, 5],
            "mean_days_between_orders": [30.0, 30.0, 30.0, None, None, 1.0],
        }
    )
    counted = states.count(segments, features, days=90).collect().rows()
    assert counted == [
        (1, "due", 1, 10),
        (1, "not yet due", 1, 1),
        (1, "overdue", 2, 2),
        (2, "gone", 1, 0),
        (2, "overdue", 1, 2),
    ]
    # Without the rhythm of each customer the period stands for it.
    without = states.count(segments, features.drop("mean_days_between_orders"), days=90).collect().rows()
    assert (1, "not yet due", 2, 2) in without
