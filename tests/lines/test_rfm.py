from __future__ import annotations

import polars as pl

from segcore.job import Rfm
from segcore.lines import rfm
from segcore.records.manifest import RfmCutPoints


def scored(points: RfmCutPoints, recency: list[int], orders: list[int], spend: list[float]) -> pl.DataFrame:
    features = {"days_since_last_order": recency, "order_count": orders, "total_spend": spend}
    return pl.DataFrame(features).select(rfm.columns(points))


POINTS = RfmCutPoints(recency=(10, 20, 30, 40), frequency=(1, 2, 4, 8), monetary=(0.5, 5, 50, 500))


def test_scores_by_hand_a_customer_at_a_cut_point_is_below_it() -> None:
    df = scored(
        POINTS, [0, 10, 11, 20, 30, 40, 41], [1, 2, 3, 4, 8, 9, 99], [0.5, 0.51, 5, 50, 500, 501, 1e9]
    )
    assert df["r_score"].to_list() == [5, 5, 4, 4, 3, 2, 1]
    assert df["f_score"].to_list() == [1, 2, 3, 3, 4, 5, 5]
    assert df["m_score"].to_list() == [1, 2, 2, 3, 4, 5, 5]
    assert df.schema["r_score"] == pl.Int8
    assert df.schema["m_score"] == pl.Int8


def test_the_ten_groups_are_told_apart_by_recency_and_frequency() -> None:
    df = scored(POINTS, [0, 0, 99, 25, 99, 15], [9, 1, 9, 3, 1, 1], [1.0] * 6)
    assert df["rfm_group"].to_list() == [
        "Champions",
        "New customers",
        "Cannot lose them",
        "Need attention",
        "Hibernating",
        "Promising",
    ]


def test_every_pair_of_scores_has_a_group_and_every_group_a_pair() -> None:
    recency, orders = zip(*((a, b) for a in (5, 15, 25, 35, 45) for b in (1, 2, 3, 5, 9)), strict=True)
    df = scored(POINTS, list(recency), list(orders), [1.0] * 25)
    assert set(df["rfm_group"]) == set(rfm.GROUPS)
    assert df.null_count().row(0) == (0, 0, 0, 0)


def test_the_jobs_own_cut_points_come_before_fifths() -> None:
    own = Rfm(frequency=[1, 3, 5, 7])
    points = rfm.cut_points(lambda name: [pl.Series(range(10), dtype=pl.Float64).to_numpy()], 10, own)
    assert points == RfmCutPoints(recency=(1, 3, 5, 7), frequency=(1, 3, 5, 7), monetary=(1, 3, 5, 7))
    own = Rfm(recency=[30, 90, 180, 365], monetary=[-1, 0, 1, 2])
    points = rfm.cut_points(lambda name: [pl.Series(range(10), dtype=pl.Float64).to_numpy()], 10, own)
    assert points == RfmCutPoints(recency=(30, 90, 180, 365), frequency=(1, 3, 5, 7), monetary=(-1, 0, 1, 2))
