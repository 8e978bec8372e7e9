from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.cluster.hierarchy import linkage

from segcore import tables
from tests.profile.customers import FEATURES, customers


def test_a_histogram_by_hand() -> None:
    df = pl.DataFrame({"segment": [1, 1, 2, 2, None], "days_since_last_order": [0, 1, 3, 3, 2]})
    assert tables.histogram(df.lazy(), ["days_since_last_order"]).rows() == [
        ("days_since_last_order", segment, left, left + 1, customers)
        for segment, counts in ((1, [1, 1, 0, 0]), (2, [0, 0, 0, 2]))
        for left, customers in enumerate(counts)
    ]


@given(st.integers(1, 5), st.integers(0, 10_000), st.sampled_from(FEATURES))
def test_a_histogram_counts_everybody_once(k: int, seed: int, feature: str) -> None:
    df = customers(80, k, seed)
    found = tables.histogram(df.lazy(), [feature])
    known = df.filter(pl.col(feature).is_not_null())
    by_segment = found.group_by("segment").agg(pl.col("customers").sum()).filter(pl.col("customers") > 0)
    assert dict(by_segment.rows()) == dict(known.group_by("segment").len().rows())
    assert (found["left"] < found["right"]).all()
    edges = found.select("left", "right").unique()
    assert edges.height <= 25
    assert edges["left"].n_unique() == edges.height


def test_a_long_tail_gets_bins_of_equal_ratio_and_others_of_equal_width() -> None:
    rng = np.random.default_rng(0)
    df = pl.DataFrame(
        {"segment": [1] * 5000, "total_spend": rng.lognormal(5, 1.5, 5000), "return_rate": rng.random(5000)}
    )
    found = tables.histogram(df.lazy(), ["total_spend", "return_rate"])
    spend, rate = (part for _, part in found.group_by("feature", maintain_order=True))
    assert np.ptp(np.log((spend["right"] / spend["left"]).to_numpy())) < 1e-9
    assert np.ptp((rate["right"] - rate["left"]).to_numpy()) < 1e-9


def test_a_constant_and_an_empty_feature() -> None:
    df = pl.DataFrame(
        {"segment": [1, 2], "order_count": [3, 3], "total_spend": pl.Series([None, None], dtype=pl.Float64)}
    )
    found = tables.histogram(df.lazy(), ["order_count", "total_spend"])
    assert found.rows() == [("order_count", 1, 3, 4, 1), ("order_count", 2, 3, 4, 1)]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_months_by_hand_in_parts_of_any_size(size: int) -> None:
    first, second = date(2011, 1, 1), date(2011, 2, 1)
    df = pl.DataFrame(
        {
            "segment": [1, 1, 1, 2, None],
            "month": [first, first, second, first, first],
            "amount": [10_000, 25_000, 1, 2**62, 5],
            "orders": [1, 2, 1, 1, 1],
        }
    )
    assert tables.monthly(df.iter_slices(size)).rows() == [
        (1, first, 3.5, 3, 2),
        (1, second, 0.0001, 1, 1),
        (2, first, 2**62 / 10_000, 1, 1),
    ]


def countries(*counts: tuple[int, str, int]) -> list[tuple[object, ...]]:
    rows = [(segment, country) for segment, country, n in counts for _ in range(n)]
    lf = pl.LazyFrame(rows, schema=["segment", "country"], orient="row")
    return tables.countries(lf).rows()


def test_what_is_over_represented_by_hand() -> None:
    assert countries((1, "A", 30), (1, "B", 10), (2, "A", 10), (2, "B", 46), (2, "C", 4)) == [
        (1, "A", 30, 0.75, 0.4, 0.75 / 0.4),
        (2, "B", 46, 46 / 60, 0.56, 46 / 60 / 0.56),
    ]


def test_tiny_counts_are_not_over_represented() -> None:
    assert [row[1] for row in countries((1, "A", 5000), (1, "some", 50), (2, "A", 5000))] == ["some"]
    assert not countries((1, "A", 5000), (1, "few", 49), (2, "A", 5000))
    assert [row[1] for row in countries((1, "A", 50), (1, "some", 10), (2, "A", 60))] == ["some"]
    assert not countries((1, "A", 50), (1, "few", 9), (2, "A", 60))


def test_each_buyer_counts_once() -> None:
    lines = pl.LazyFrame(
        {"row": [0, 0, 1, 2, 3], "segment": [1, 1, 1, 2, None], "product_id": ["X", "X", "X", None, "X"]}
    )
    assert tables.buyers(lines, "product_id").collect().rows() == [(1, "X", 2)]


@given(st.integers(0, 10_000))
def test_counts_of_parts_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = pl.DataFrame(
        {"row": rng.integers(0, 30, 200), "product_id": rng.choice(list("ABCDEF"), 200)}
    ).with_columns(segment=pl.col("row") % 3 + 1)
    halves = [lines.filter(pl.col("row") < 15), lines.filter(pl.col("row") >= 15)]
    parts = [tables.buyers(part.lazy(), "product_id").collect() for part in halves]
    whole = tables.add_up([tables.buyers(lines.lazy(), "product_id").collect()], "product_id")
    assert_frame_equal(tables.add_up(parts, "product_id"), whole)


def kinds(counts: list[tuple[int, str, int]], sizes: dict[int, int]) -> dict[tuple[int, str], list[str]]:
    bought = pl.DataFrame(counts, schema=["segment", "product_id", "customers"], orient="row")
    customers = pl.DataFrame({"segment": list(sizes), "customers": list(sizes.values())})
    ranked = tables.products(bought, customers)
    return {
        (segment, kind): part["product_id"].to_list()
        for (segment, kind), part in ranked.group_by("segment", "kind", maintain_order=True)
    }


def test_products_by_hand() -> None:
    counts = [(1, "A", 60), (1, "B", 50), (2, "A", 40), (2, "B", 10)]
    bought = pl.DataFrame(counts, schema=["segment", "product_id", "customers"], orient="row")
    ranked = tables.products(bought, pl.DataFrame({"segment": [1, 2], "customers": [200, 300]}))
    assert ranked.rows() == [
        (1, "best seller", "A", 60, 0.3, 0.2, pytest.approx(1.5)),
        (1, "best seller", "B", 50, 0.25, 0.12, pytest.approx(0.25 / 0.12)),
        (1, "unusual", "B", 50, 0.25, 0.12, pytest.approx(0.25 / 0.12)),
        (1, "unusual", "A", 60, 0.3, 0.2, pytest.approx(1.5)),
        (2, "best seller", "A", 40, pytest.approx(40 / 300), 0.2, pytest.approx(2 / 3)),
        (2, "best seller", "B", 10, pytest.approx(10 / 300), 0.12, pytest.approx(1 / 3.6)),
    ]


@pytest.mark.parametrize(
    ("buyers", "size", "unusual"),
    [(30, 600, True), (29, 100, False), (30, 601, False)],  # thirty buyers, and 5% of the segment
)
def test_what_few_bought_is_not_called_unusual(buyers: int, size: int, unusual: bool) -> None:
    found = kinds([(1, "A", buyers), (2, "B", 1)], {1: size, 2: size})
    assert found[1, "best seller"] == ["A"]
    assert ((1, "unusual") in found) == unusual


def test_customers_who_bought_nothing_that_has_a_code_count_too() -> None:
    found = kinds([(1, "A", 40), (2, "A", 40)], {1: 100, 2: 1000})
    assert (1, "unusual") in found
    assert (2, "unusual") not in found


def test_what_was_sent_back_by_hand() -> None:
    df = pl.DataFrame(
        {
            "segment": [1, 1, 2, None],
            "total_spend": [100.0, 50.25, 10.0, 7.0],
            "returned_value": [90.0, 0.25, None, 7.0],
            "returned_share": [0.9, 0.005, None, 1.0],
        }
    )
    assert tables.returns(df.lazy()).rows() == [
        (0, 167.25, 97.25, 2, 107.0, 97.0),
        (1, 150.25, 90.25, 1, 100.0, 90.0),
        (2, 10.0, 0.0, 0, 0.0, 0.0),
    ]
    assert tables.returns(df.lazy().drop("returned_share")).is_empty()


def test_countries_come_from_customers() -> None:
    df = pl.DataFrame(
        {
            "customer_id": range(100),
            "segment": [1] * 50 + [2] * 50,
            "country": ["A"] * 30 + ["B"] * 20 + ["B"] * 50,
        }
    )
    first, second = tables.countries(df.lazy()).rows()
    assert first == (1, "A", 30, 0.6, 0.3, 2.0)
    assert second == pytest.approx((2, "B", 50, 1.0, 0.7, 1 / 0.7))


def test_examples_are_the_nearest_customers() -> None:
    df = pl.DataFrame(
        {
            "customer_id": list("abcdef"),
            "segment": [2, 1, 1, 1, 2, None],
            "distance": [0.5, 0.2, 0.1, 0.2, float("nan"), 0.0],
            "order_count": range(6),
        }
    )
    assert tables.examples(df, ["order_count"], most=2).rows() == [
        (1, "c", 0.1, 2),
        (1, "b", 0.2, 1),
        (2, "a", 0.5, 0),
    ]


def test_the_map_by_hand() -> None:
    X = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    df = pl.DataFrame({"segment": [1, 1, 2, 2], "order_count": [1, 2, 3, 4]})
    points, loadings = tables.segment_map(X, df, ["first", "second"])
    assert points.columns == ["pc1", "pc2", "segment", "order_count"]
    assert points["pc1"].to_list() == pytest.approx([3, -3, 0, 0])
    assert points["pc2"].to_list() == pytest.approx([0, 0, 1, -1])
    assert loadings["explained"].to_list() == pytest.approx([0.9, 0.9, 0.1, 0.1])
    assert loadings["loading"].to_list() == pytest.approx([1, 0, 0, 1])


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_the_map_keeps_its_side_and_its_size(d: int, seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(50, d))
    df = pl.DataFrame({"segment": [1] * 50})
    columns = [f"f{i}" for i in range(d)]
    points, loadings = tables.segment_map(X, df, columns, most=20)
    assert points.height == 20
    largest = loadings.group_by("component").agg(pl.col("loading").sort_by(pl.col("loading").abs()).last())
    assert (largest["loading"] > 0).all()
    assert loadings.unique("component")["explained"].sum() <= 1 + 1e-9


def test_a_map_of_equal_customers() -> None:
    points, loadings = tables.segment_map(np.ones((3, 2)), pl.DataFrame({"segment": [1, 1, 2]}), ["a", "b"])
    assert points.select("pc1", "pc2").rows() == [(0, 0)] * 3
    assert loadings["explained"].to_list() == [0] * 4


def test_the_top_of_a_tree() -> None:
    Z = linkage(np.random.default_rng(0).normal(size=(50, 3)), "ward")
    top = tables.tree(Z, "ward", most=30)
    assert top.height == 30
    assert top.row(-1)[:3] == ("ward", int(Z[-1, 0]), int(Z[-1, 1]))
    assert top["size"][-1] == 50
    assert tables.tree(Z[:0], "ward").is_empty()
