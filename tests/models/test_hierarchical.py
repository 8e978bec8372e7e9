from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from segcore.models import hierarchical

LINKAGES = ("ward", "complete", "average")


def test_a_line_by_hand() -> None:
    X = np.array([[0.0], [1.0], [5.0], [7.0]])
    Z = hierarchical.tree(X, "complete")
    assert Z[:, 2].tolist() == [1.0, 2.0, 7.0]  # 0-1, 5-7, then all: the farthest pair
    assert hierarchical.cut(Z, 1).tolist() == [0, 0, 0, 0]
    two = hierarchical.cut(Z, 2)
    assert two[0] == two[1] != two[2] == two[3]
    three = hierarchical.cut(Z, 3)
    assert three[0] == three[1]
    assert len(set(three)) == 3
    assert sorted(hierarchical.cut(Z, 4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("k", [2, 5])
def test_cuts_are_scikit_learns(linkage: str, k: int) -> None:
    X = np.random.default_rng(0).normal(size=(300, 4))
    own = hierarchical.cut(hierarchical.tree(X, linkage), k)
    theirs = AgglomerativeClustering(k, linkage=linkage).fit_predict(X)
    assert adjusted_rand_score(own, theirs) == 1


@given(
    values=st.lists(st.integers(0, 3), min_size=4, max_size=40),
    linkage=st.sampled_from(LINKAGES),
    k=st.integers(1, 4),
)
def test_exactly_k_clusters_come_out_of_heavy_ties(values: list[int], linkage: str, k: int) -> None:
    X = np.array(values, dtype=np.float64).reshape(-1, 1)
    labels = hierarchical.cut(hierarchical.tree(X, linkage), k)
    assert sorted(set(labels)) == list(range(k))
    if k <= len(set(values)):  # equal rows stay together while there is anything else to cut
        assert len({(value, label) for value, label in zip(values, labels, strict=True)}) == len(set(values))


def test_cuts_are_nested() -> None:
    X = np.random.default_rng(1).integers(0, 6, size=(200, 2)).astype(np.float64)
    Z = hierarchical.tree(X, "average")
    for k in range(2, 10):
        pairs = set(zip(hierarchical.cut(Z, k + 1), hierarchical.cut(Z, k), strict=True))
        assert len(pairs) == k + 1  # each smaller cluster lies in one larger one
