from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from segcore.records.changes import Flow
from segcore.report.charts import geometry


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
    flows = [
        Flow(old=old, new=new, customers=customers, money_before=0.0, money=0.0)
        for old, new, customers in ((1, 1, 60), (1, 2, 20), (None, 2, 15), (1, None, 5))
    ]
    bands, blocks = geometry.ribbons(flows)
    widths = bands.group_by("flow").agg((pl.col("y1") - pl.col("y0")).mean(), pl.col("customers").first())
    assert np.allclose(widths["y1"], widths["customers"] / 100)
    sizes = {(row["side"], row["segment"]): row["customers"] for row in blocks.to_dicts()}
    assert sizes == {("old", 1): 85, ("old", -1): 15, ("new", 1): 60, ("new", 2): 35, ("new", -1): 5}
