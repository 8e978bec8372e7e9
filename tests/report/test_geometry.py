from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from segcore.report.charts import geometry


def points(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "pc1": rng.normal(size=n),
            "pc2": rng.normal(size=n),
            "segment": rng.integers(1, 4, n),
            "order_count": rng.integers(1, 9, n),
        }
    )


@given(st.integers(1, 400), st.integers(0, 99))
def test_a_halftone_counts_everybody_once(n: int, seed: int) -> None:
    df = points(n, seed)
    cells = geometry.halftone(df, ["order_count"])
    assert cells["customers"].sum() == n
    assert cells.height <= geometry.ROWS * (geometry.COLUMNS + 1)
    assert cells["purity"].is_between(1 / 3, 1).all()
    assert cells.equals(geometry.halftone(df.reverse(), ["order_count"]))


def test_a_halftone_of_equal_customers_is_one_dot() -> None:
    df = pl.DataFrame({"pc1": [2.0] * 3, "pc2": [1.0] * 3, "segment": [2, 1, 2], "order_count": [1, 2, 9]})
    [cell] = geometry.halftone(df, ["order_count"]).to_dicts()
    assert (cell["customers"], cell["segment"], cell["order_count"]) == (3, 2, 2)
    assert cell["purity"] == pytest.approx(2 / 3)


def test_only_stragglers_are_left_out() -> None:
    df = points(2000, 0)
    far = df.head(1).with_columns(pc1=pl.lit(500.0))
    assert geometry.without_stragglers(pl.concat([df, far]))["pc1"].max() < 10  # type: ignore[operator]
    assert geometry.without_stragglers(df).height > 1950


def tree(n: int, shown: int) -> tuple[np.ndarray, pl.DataFrame]:
    Z = linkage(np.random.default_rng(1).normal(size=(n, 2)), "ward")
    last = Z[-shown:]
    return Z, pl.DataFrame(
        {
            "left": last[:, 0].astype(int),
            "right": last[:, 1].astype(int),
            "height": last[:, 2],
            "size": last[:, 3].astype(int),
        }
    )


def test_a_small_dendrogram() -> None:
    merges = pl.DataFrame({"left": [0, 2], "right": [1, 3], "height": [1.0, 3.0], "size": [2, 3]})
    corners = geometry.dendrogram(merges)
    top = corners.filter(pl.col("merge") == 4).sort("order").select("x", "y").rows()
    assert top == [(0.0, 0.0), (0.0, 3.0), (1.5, 3.0), (1.5, 1.0)]


@pytest.mark.parametrize(("n", "shown"), [(40, 30), (12, 11)])
def test_a_dendrogram_has_four_corners_for_each_merge_and_no_crossing(n: int, shown: int) -> None:
    _, merges = tree(n, shown)
    corners = geometry.dendrogram(merges)
    assert corners.height == 4 * shown
    assert corners["x"].is_between(0, shown).all()
    leaves = corners.filter(pl.col("y") == 0)["x"].sort().to_list()
    assert leaves == [float(i) for i in range(shown + 1)]


@pytest.mark.parametrize("k", [2, 3, 7])
def test_the_cut_leaves_k_clusters(k: int) -> None:
    Z, merges = tree(40, 30)
    height = geometry.cut_height(merges, k)
    assert len(set(fcluster(Z, height, "distance"))) == k


def test_a_cut_below_what_is_shown_is_not_drawn() -> None:
    assert geometry.cut_height(tree(40, 5)[1], 9) is None


def test_bands_are_as_wide_as_their_flows() -> None:
    flows: list[dict[str, Any]] = [
        {"old": 1, "new": 1, "customers": 60},
        {"old": 1, "new": 2, "customers": 20},
        {"old": None, "new": 2, "customers": 15},
        {"old": 1, "new": None, "customers": 5},
    ]
    bands, blocks = geometry.ribbons(flows)
    widths = bands.group_by("flow").agg((pl.col("y1") - pl.col("y0")).mean(), pl.col("customers").first())
    assert np.allclose(widths["y1"], widths["customers"] / 100)
    sizes = {(row["side"], row["segment"]): row["customers"] for row in blocks.to_dicts()}
    assert sizes == {("old", 1): 85, ("old", -1): 15, ("new", 1): 60, ("new", 2): 35, ("new", -1): 5}
