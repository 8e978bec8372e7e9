from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.evaluation.matching import best_jaccards, prediction_strength

labelings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


def test_prediction_strength_by_hand() -> None:
    # Of the 3 pairs of cluster 0 one stays together, of the 6 of cluster 1 three do.
    own = np.array([0, 0, 0, 1, 1, 1, 1])
    predicted = np.array([0, 0, 1, 1, 1, 1, 0])
    assert prediction_strength(own, predicted, 2) == pytest.approx(1 / 3)
    assert prediction_strength(predicted, own, 2) == pytest.approx(1 / 3)
    assert prediction_strength(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 1]), 2) == 0.5


@pytest.mark.parametrize("n", [1, 2, 30])
def test_prediction_strength_of_one_cluster_is_1(n: int) -> None:
    assert prediction_strength(np.zeros(n, dtype=int), np.zeros(n, dtype=int), 1) == 1


def test_a_cluster_of_one_and_one_that_did_not_come_out_score_0() -> None:
    assert prediction_strength(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), 2) == 0
    assert prediction_strength(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 0]), 2) == 0


@given(labelings)
def test_prediction_strength_counts_pairs(pairs: Any) -> None:
    own, predicted = np.array(pairs).T
    together = predicted[:, None] == predicted
    worst = 1.0
    for cluster in range(4):
        members = np.flatnonzero(own == cluster)
        n = len(members)
        kept = (together[np.ix_(members, members)].sum() - n) / (n * (n - 1)) if n > 1 else 0.0
        worst = min(worst, kept)
    assert prediction_strength(own, predicted, 4) == pytest.approx(worst)


def test_jaccard_by_hand() -> None:
    original = np.array([0, 0, 0, 1, 1, 1])
    other = np.array([2, 2, 0, 0, 0, 0])
    assert best_jaccards(original, other, 3) == pytest.approx([2 / 3, 3 / 4, 0])


def test_the_jaccard_of_clusters_that_overlap_is_over_the_union_of_both() -> None:
    # The first shares 2 of its 3 rows with another of 3: 4 are in either. The second shares 3 of 4 with one of 4.
    original = np.array([0, 0, 0, 1, 1, 1, 1])
    other = np.array([1, 1, 0, 1, 0, 0, 0])
    assert best_jaccards(original, other, 2) == pytest.approx([2 / 4, 3 / 5])


@given(labelings, st.permutations(range(4)))
def test_names_do_not_matter(pairs: Any, names: list[int]) -> None:
    a, b = np.array(pairs).T
    renamed = np.array(names)[b]
    assert best_jaccards(a, renamed, 4).tolist() == best_jaccards(a, b, 4).tolist()
    assert prediction_strength(a, renamed, 4) == prediction_strength(a, b, 4)
    assert prediction_strength(renamed, a, 4) == prediction_strength(b, a, 4)


@given(st.lists(st.integers(0, 4), min_size=1), st.permutations(range(5)))
def test_the_same_partition_has_jaccard_1(labels: list[int], names: list[int]) -> None:
    a = np.array(labels)
    found = best_jaccards(a, np.array(names)[a], 5)
    assert found.tolist() == [1.0 if (a == c).any() else 0.0 for c in range(5)]
