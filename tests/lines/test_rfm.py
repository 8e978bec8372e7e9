from __future__ import annotations

import numpy as np

from segcore.lines import rfm


def test_fifths_by_hand() -> None:
    values = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    points = rfm.cut_points(values)
    assert points.tolist() == [20, 40, 60, 80]
    assert rfm.scores(values, points).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_equal_values_are_in_one_fifth_the_lower_one() -> None:
    values = np.array([1.0, 1, 1, 1, 2, 3, 3, 9, 9, 9])
    scores = rfm.scores(values, rfm.cut_points(values))
    assert scores.tolist() == [1, 1, 1, 1, 3, 3, 3, 4, 4, 4]


def test_the_ten_groups_are_told_apart_by_recency_and_frequency() -> None:
    r, f = (
        np.array(scores, dtype=np.int32)
        for scores in zip((5, 5), (5, 1), (1, 5), (3, 3), (1, 1), (4, 1), strict=True)
    )
    names = [rfm.GROUPS[place] for place in rfm.groups(r, f)]
    assert names == [
        "Champions",
        "New customers",
        "Cannot lose them",
        "Need attention",
        "Hibernating",
        "Promising",
    ]
    every = {
        int(g) for a in range(1, 6) for b in range(1, 6) for g in rfm.groups(np.array([a]), np.array([b]))
    }
    assert every == set(range(10))
