from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import errors, job, profile
from segcore.matrix import fit
from segcore.profile.statistics import summarise
from segcore.profile.wording import number
from segcore.schema import FEATURE_BY_NAME
from tests.profile.customers import FEATURES, customers, log1p

TRANSFORMS = {"order_count": log1p, "total_spend": log1p}


def build(df: pl.DataFrame) -> pl.DataFrame:
    return profile.build(df.lazy(), transforms=TRANSFORMS, currency="£")


def numbers_of(labels: npt.NDArray[np.int32], spend: npt.NDArray[np.float64]) -> dict[int, int]:
    return profile.order_segments(pl.LazyFrame({"label": labels, "total_spend": spend}), "label")


def test_a_table_by_hand() -> None:
    df = pl.DataFrame(
        {
            "segment": pl.Series([1, 1, 1, 2], dtype=pl.Int32),
            "order_count": [2, 4, 6, 1],
            "total_spend": [10.10, 20.20, 30.30, 0.40],
        }
    )
    table = profile.build(df.lazy(), transforms={"order_count": lambda x: x})
    every, first, second = table.to_dicts()
    assert (every["segment"], every["segment_name"], every["customers"]) == (0, "All customers", 4)
    assert (first["revenue"], second["revenue"], every["revenue"]) == (60.6, 0.4, 61.0)
    assert first["revenue_share"] == 60.6 / 61
    assert (first["n_orders"], first["customer_share"], first["one_order_share"]) == (12, 0.75, 0.0)
    assert (first["order_count_median"], first["order_count_p25"], first["order_count_p75"]) == (4, 3, 5)
    assert (first["order_count_mean"], second["order_count_mean"]) == (4, 1)
    # Mean 13/4, deviation sqrt(57/4 - 169/16) of all: (4 - 3.25) / 1.9203 and (1 - 3.25) / 1.9203.
    assert first["effect_order_count"] == pytest.approx(0.75 / math.sqrt(59) * 4)
    assert second["effect_order_count"] == pytest.approx(-2.25 / math.sqrt(59) * 4)
    # Ranks in fourths less a half: 0.25, 0.5, 0.75 and 0, so -0.125 + 0.625 and so on.
    assert second["effect_total_spend"] == pytest.approx(-0.375 / math.sqrt(5 / 64))
    assert every["effect_total_spend"] == 0
    assert second["segment_name"] == "One-time buyers"
    assert second["marks"][0]["text"] == "typically 1 order, a third of the median of all customers (3)"


def test_segments_are_numbered_by_revenue() -> None:
    labels = np.array([7, 2, -1, 2, 5], dtype=np.int32)
    spend = np.array([10.0, 1.0, 99.0, 1.5, 3.0])
    assert numbers_of(labels, spend) == {7: 1, 5: 2, 2: 3}


def test_equal_revenue_goes_by_size_and_then_by_first_member() -> None:
    labels = np.array([0, 1, 1, 2], dtype=np.int32)
    assert numbers_of(labels, np.array([3.0, 1.0, 2.0, 3.0])) == {1: 1, 0: 2, 2: 3}


@given(st.integers(1, 6), st.integers(0, 100))
def test_numbers_do_not_depend_on_labels(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 40).astype(np.int32)
    spend = rng.integers(0, 3, 40).astype(float)  # ties are common
    other = rng.permutation(k).astype(np.int32)
    plain, renamed = numbers_of(labels, spend), numbers_of(other[labels], spend)
    assert {label: renamed[int(other[label])] for label in plain} == plain


@given(st.integers(1, 8), st.integers(0, 10_000))
def test_relabelling_changes_nothing(k: int, seed: int) -> None:
    df = customers(60, k, seed)
    labels, spend = df["segment"].to_numpy() - 1, df["total_spend"].to_numpy()
    other = np.random.default_rng(seed).permutation(k).astype(np.int32)[labels]
    tables = []
    for given_labels in (labels, other):
        numbers = numbers_of(given_labels, spend)
        segment = pl.Series("segment", [numbers[int(x)] for x in given_labels], dtype=pl.Int32)
        tables.append(build(df.with_columns(segment)))
    assert_frame_equal(*tables, check_exact=True)


@given(st.integers(1, 8), st.integers(0, 10_000))
def test_row_order_changes_nothing_to_the_last_bit(k: int, seed: int) -> None:
    df = customers(60, k, seed)
    assert_frame_equal(build(df), build(df.sample(fraction=1, shuffle=True, seed=seed)), check_exact=True)


@given(st.integers(1, 10), st.integers(0, 10_000))
def test_tables_hold_no_nan_and_names_differ(k: int, seed: int) -> None:
    table = build(customers(k + 5, k, seed))
    assert table.height == k + 1
    assert table["segment_name"].n_unique() == k + 1
    assert not table.select(pl.selectors.float().is_nan().any()).row(0).count(True)
    assert not table.select(pl.selectors.float().is_infinite().any()).row(0).count(True)
    shares = table.filter(pl.col("segment") > 0).select("customer_share", "revenue_share").sum().row(0)
    assert shares == pytest.approx((1, 1))


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_marks_repeat_the_numbers_of_the_table(k: int, seed: int) -> None:
    table = build(customers(80, k, seed))
    every = table.row(0, named=True)
    for row in table.to_dicts():
        assert len(row["marks"]) <= 3
        for mark in row["marks"]:
            feature, unit = mark["feature"], FEATURE_BY_NAME[mark["feature"]].unit
            assert mark["value"] == row[f"{feature}_median"]
            assert mark["population"] == every[f"{feature}_median"]
            assert mark["effect"] == row[f"effect_{feature}"]
            assert (mark["value"] > mark["population"]) == (mark["effect"] > 0)
            assert f"typically {number(mark['value'], unit, currency='£')} " in mark["text"]
            assert number(mark["population"], unit, currency="£") in mark["text"]


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_figures_agree_with_numpy(k: int, seed: int) -> None:
    df = customers(50, k, seed)
    for row in build(df).filter(pl.col("segment") > 0).to_dicts():
        own = df.filter(pl.col("segment") == row["segment"])
        values = own["total_spend"].to_numpy()
        assert row["total_spend_median"] == np.median(values)
        assert row["total_spend_p25"] == np.quantile(values, 0.25)
        assert row["total_spend_mean"] == pytest.approx(values.mean())
        assert row["confidence"] == pytest.approx(own["confidence"].mean())
        z = np.log1p(df["total_spend"].to_numpy())
        effect = (np.log1p(values).mean() - z.mean()) / z.std()
        assert row["effect_total_spend"] == pytest.approx(effect)


def test_one_segment_is_everybody() -> None:
    every, only = build(customers(30, 1, 3)).to_dicts()
    assert only["marks"] == []
    assert only["customer_share"] == 1
    assert {f: only[f"effect_{f}"] for f in FEATURES} == pytest.approx(dict.fromkeys(FEATURES, 0.0))
    assert only["total_spend_median"] == every["total_spend_median"]


def test_constant_features_have_no_effect_and_make_no_marks() -> None:
    df = customers(30, 3, 0).with_columns(
        order_count=pl.lit(2), total_spend=pl.lit(0.1), return_rate=pl.lit(0.3)
    )
    table = build(df)
    for feature in ("order_count", "total_spend", "return_rate"):
        assert table[f"effect_{feature}"].to_list() == [0, 0, 0, 0]
        assert all(mark["feature"] != feature for marks in table["marks"] for mark in marks)


def test_segments_of_one_customer() -> None:
    table = build(customers(6, 6, 1))
    assert table["customers"].to_list() == [6, 1, 1, 1, 1, 1, 1]
    assert table["segment_name"].n_unique() == 7


def test_a_feature_that_nobody_in_a_segment_has_is_empty() -> None:
    df = customers(40, 2, 0).with_columns(
        pl.when(pl.col("segment") == 1).then("mean_days_between_orders").alias("mean_days_between_orders")
    )
    row = build(df).row(2, named=True)
    assert row["mean_days_between_orders_median"] is None
    assert row["effect_mean_days_between_orders"] is None


def test_customers_without_a_segment_count_among_all_only() -> None:
    df = customers(40, 2, 0).with_columns(
        pl.when(pl.col("customer_id") != "c000007").then("segment").alias("segment")
    )
    table = build(df)
    assert table["segment"].to_list() == [0, 1, 2]
    assert table["customers"][0] == 40
    assert table["customers"][1:].sum() == 39
    assert table["total_spend_mean"][0] == pytest.approx(df["total_spend"].mean())


def test_money_is_summed_exactly() -> None:
    df = pl.DataFrame({"segment": [1] * 10, "order_count": [1] * 10, "total_spend": [0.1] * 10})
    assert profile.build(df.lazy(), transforms={})["revenue"].to_list() == [1.0, 1.0]


def test_a_transform_that_overflows_falls_back_to_ranks() -> None:
    df = customers(30, 2, 0)
    overflown = summarise(df.lazy(), "total_spend", [1, 2], transform=lambda x: x * np.inf)
    assert overflown == summarise(df.lazy(), "total_spend", [1, 2])


def test_given_names_hold() -> None:
    names = {s: profile.Name(name=f"Name {s}", treatment="Do.") for s in (1, 2, 3)}
    table = profile.build(customers(30, 2, 0).lazy(), transforms={}, names=names)
    assert table["segment_name"].to_list() == ["All customers", "Name 1", "Name 2"]
    assert profile.names_of(table) == {1: names[1], 2: names[2]}


def test_transforms_of_a_preparation_are_those_of_the_matrix() -> None:
    df = customers(200, 3, 0)
    preparation = fit.fit(lambda: [df], job.Matrix(), warn=pytest.fail)
    table = profile.build(df.lazy(), transforms=profile.transforms_of(preparation))
    X = preparation.block(df)
    for place, feature in enumerate(preparation.columns):
        for s in (1, 2, 3):
            own = X[(df["segment"] == s).to_numpy(), place].mean()
            assert table[f"effect_{feature}"][s] == pytest.approx(own, abs=1e-5)


def test_labels_beside_features_in_files(tmp_path: Path) -> None:
    df = customers(500, 4, 0)
    for i, part in enumerate(df.iter_slices(90)):
        part.drop("segment", "confidence").write_parquet(tmp_path / f"f{i}.parquet")
        part.select("segment", "confidence").write_parquet(tmp_path / f"s{i}.parquet")
    lf = pl.concat(
        [pl.scan_parquet(tmp_path / "f*.parquet"), pl.scan_parquet(tmp_path / "s*.parquet")], how="horizontal"
    )
    table = profile.build(lf, transforms=TRANSFORMS, currency="£")
    assert_frame_equal(table, build(df), check_exact=True)


def test_nobody_is_an_error() -> None:
    with pytest.raises(errors.DataError, match="no customers to profile"):
        build(customers(5, 1, 0).head(0))


def test_categories_are_marks_by_their_shares() -> None:
    df = pl.DataFrame(
        {
            "segment": pl.Series([1] * 10 + [2] * 10, dtype=pl.Int32),
            "order_count": [2] * 20,
            "total_spend": [3.0] * 10 + [1.0] * 10,
            "channel=web": [1.0] * 6 + [0.0] * 4 + [0.0] * 10,
            "channel=tv": [0.0] * 6 + [1.0] * 4 + [1.0] * 10,
        }
    )
    features = ["channel=web", "channel=tv"]
    transforms = {name: lambda x: x for name in features}
    _, first, second = profile.build(df.lazy(), transforms=transforms, features=features).to_dicts()
    assert first["channel=web_mean"] == 0.6
    (mark,) = first["marks"]  # the two say the same
    assert mark["text"] in (
        "channel is web for 60%, against 30% of all customers",
        "channel is tv for 40%, against 70% of all customers",
    )
    assert {m["feature"] for m in second["marks"]} <= set(features)
