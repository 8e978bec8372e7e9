from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import explain, profile
from segcore.explain import whatif
from segcore.matrix.preparation import Preparation, PreparedColumn, raw_values
from segcore.models.assignment import NearestCentre, NearestNeighbours, Posterior
from segcore.models.segment_model import SegmentModel
from tests.profile.customers import customers

NAMES = {1: "Big spenders", 2: "Small fry"}


def plain(columns: tuple[str, ...], fills: tuple[float, ...] | None = None) -> Preparation:
    """Leave every feature as it is."""
    return Preparation(
        prepared=tuple(
            PreparedColumn(name=name, transform="none", fill=fill)
            for name, fill in zip(columns, fills or (0.0,) * len(columns), strict=True)
        )
    )


def two_centres() -> SegmentModel:
    """Cut at 5 orders: centres at 2 and 8 orders, the second is segment 1."""
    centres = np.array([[2.0], [8.0]])
    return SegmentModel(
        preparation=plain(("order_count",)),
        assigner=NearestCentre(centres=centres),
        centres=centres,
        segments={0: 2, 1: 1},
    )


def customer(**values: float) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["c1"], **{name: [value] for name, value in values.items()}})


def explained(
    df: pl.DataFrame, model: SegmentModel, limits: dict[str, tuple[float, float]]
) -> explain.Explanation:
    everyone = customers(50, 2, 0)
    table = profile.build(everyone.lazy(), transforms={})
    return explain.explain(df, model=model, names=NAMES, profile=table, limits=limits)


def worth(revenue: dict[int, float]) -> pl.DataFrame:
    """A profile in which a customer of each segment brings so much."""
    return pl.DataFrame(
        {"segment": [*revenue], "customers": [2] * len(revenue), "revenue": [2 * r for r in revenue.values()]}
    )


def test_the_way_leads_to_segments_that_bring_more_and_never_through_less() -> None:
    """Centres at 2, 8 and 12 orders and days; who has 8 orders is told of 12 and of fewer days, not of 2 or of more."""
    centres = np.array([[2.0], [8.0], [12.0]])
    orders, days = (
        SegmentModel(
            preparation=plain((name,)),
            assigner=NearestCentre(centres=centres),
            centres=centres,
            segments={0: 1, 1: 2, 2: 3},
        )
        for name in ("order_count", "days_since_last_order")
    )
    names = {1: "One", 2: "Two", 3: "Three"}

    def told(model: SegmentModel, feature: str, revenue: dict[int, float]) -> list[tuple[int, float]]:
        found = explain.explain(
            customer(**{feature: 8}),
            model=model,
            names=names,
            profile=worth(revenue),
            limits={feature: (1, 40)},
        )
        return [(change.segment, change.new) for change in found.changes]

    rising, falling = {1: 1.0, 2: 2.0, 3: 3.0}, {1: 3.0, 2: 2.0, 3: 1.0}
    assert told(orders, "order_count", rising) == [(3, 11)]
    assert told(orders, "order_count", falling) == []
    # 5 days are as near to 2 as to 8, and the first label wins.
    assert told(days, "days_since_last_order", falling) == [(1, 5)]
    assert told(days, "days_since_last_order", rising) == []


def test_a_customer_by_hand() -> None:
    df = customer(order_count=3, average_order_value=20.0, total_spend=60.0)
    explanation = explained(df, two_centres(), {"order_count": (1, 40)})
    assert (explanation.segment, explanation.segment_name) == (2, "Small fry")
    assert explanation.distances == {2: 1.0, 1: 5.0}
    assert explanation.confidence == pytest.approx(0.8)
    assert explanation.changes[0].feature == "order_count"
    # 5 orders are as near to the one as to the other, and the first label wins.
    assert (explanation.changes[0].old, explanation.changes[0].new, explanation.changes[0].step) == (
        3,
        6,
        3.0,
    )
    text = explanation.text(currency="£")
    assert "Customer c1: Small fry (segment 2 of 2, confidence 80%)" in text
    assert (
        "To Big spenders, whose customers bring more, everything else equal leads any one of:\n  6 orders instead of 3"
        in text
    )
    assert explanation.features["total_spend"][0] == 60


def test_what_follows_by_definition_is_told() -> None:
    centres = np.array([[1.0, 100.0], [1.0, 300.0]])
    model = SegmentModel(
        preparation=plain(("order_count", "total_spend")),
        assigner=NearestCentre(centres=centres),
        centres=centres,
        segments={0: 2, 1: 1},
    )
    df = customer(order_count=2, average_order_value=50.0, total_spend=100.0)
    explanation = explained(df, model, {"order_count": (1, 50), "total_spend": (0, 1000)})
    by_feature = {change.feature: change for change in explanation.changes}
    assert by_feature["order_count"].new == 5
    assert by_feature["order_count"].follows == {"total_spend": 250}
    assert by_feature["total_spend"].new == pytest.approx(210, abs=10)
    assert "5 orders instead of 2, which makes £250 spent in total" in explanation.text(currency="£")


def test_order_value_and_spend_are_one_lever() -> None:
    assert whatif.levers(["total_spend", "average_order_value", "order_count"]) == [
        "average_order_value",
        "order_count",
    ]
    assert whatif.levers(["total_spend", "order_count"]) == ["total_spend", "order_count"]


def test_a_segment_that_no_single_change_reaches_is_said() -> None:
    explanation = explained(customer(order_count=3), two_centres(), {"order_count": (1, 4)})
    assert explanation.changes == ()
    assert explanation.unreachable == (1,)
    assert "No single step leads to Big spenders." in explanation.text()


def test_one_segment_has_no_next() -> None:
    model = SegmentModel(
        preparation=plain(("order_count",)),
        assigner=NearestCentre(centres=np.array([[2.0]])),
        centres=np.array([[2.0]]),
        segments={0: 1},
    )
    explanation = explained(customer(order_count=3), model, {"order_count": (1, 40)})
    assert explanation.changes == ()
    assert "No other segment's customers bring more." in explanation.text()


def test_one_time_buyers_by_rule() -> None:
    centres = np.array([[2.0], [8.0]])
    model = SegmentModel(
        preparation=plain(("order_count",)),
        assigner=NearestCentre(centres=centres),
        centres=centres,
        segments={0: 2, 1: 1, 2: 3},
        separate_one_time=True,
    )
    df = customer(order_count=1)
    table = worth({1: 30.0, 2: 20.0, 3: 10.0})
    explanation = explain.explain(
        df, model=model, names={**NAMES, 3: "One-time"}, profile=table, limits={"order_count": (1, 40)}
    )
    assert (explanation.segment, explanation.confidence) == (3, 1.0)
    assert set(explanation.distances) == {1, 2}
    assert (explanation.changes[0].segment, explanation.changes[0].new) == (2, 2)


def test_an_empty_feature_stays_empty() -> None:
    columns = ("order_count", "mean_days_between_orders")
    centres = np.array([[2.0, 30.0], [8.0, 30.0]])
    model = SegmentModel(
        preparation=plain(columns, fills=(0.0, 30.0)),
        assigner=NearestCentre(centres=centres),
        centres=centres,
        segments={0: 2, 1: 1},
    )
    df = customer(order_count=3).with_columns(mean_days_between_orders=pl.lit(None, dtype=pl.Float64))
    explanation = explained(df, model, {"order_count": (1, 40), "mean_days_between_orders": (1, 300)})
    assert {change.feature for change in explanation.changes} == {"order_count"}
    assert explanation.distances[2] == 1
    assert "none (" in explanation.text()


def test_the_rule_that_covers_the_customer_is_told() -> None:
    df = customers(300, 1, 0)
    truth = np.where(df["order_count"].to_numpy() > 5, 1, 2).astype(np.int32)
    rules = profile.fit_rules(df, truth, ["order_count"])
    table = profile.build(customers(50, 2, 0).lazy(), transforms={})
    model = two_centres()
    for orders, words in ((3, "Because: at most 5 orders"), (6, "Because: at least 6 orders")):
        explanation = explain.explain(
            customer(order_count=orders), model=model, names=NAMES, profile=table, limits={}, rules=rules
        )
        assert words in explanation.text()
    wrong = profile.fit_rules(df, (3 - truth).astype(np.int32), ["order_count"])
    explanation = explain.explain(
        customer(order_count=3), model=model, names=NAMES, profile=table, limits={}, rules=wrong
    )
    assert "An exception: at most 5 orders usually means Big spenders" in explanation.text()


def test_limits_are_the_smallest_and_largest_values() -> None:
    df = customers(50, 2, 0)
    limits = explain.limits_of(df.lazy(), two_centres())
    assert limits == {"order_count": (df["order_count"].min(), df["order_count"].max())}


ASSIGNERS = ["centres", "mixture", "neighbours"]


def model_of(kind: str, df: pl.DataFrame, seed: int) -> SegmentModel:
    columns = ("order_count", "total_spend", "average_order_value", "days_since_last_order")
    raw = raw_values(df, columns)
    preparation = Preparation(
        prepared=(
            *(PreparedColumn(name=name, transform="log1p") for name in columns[:3]),
            PreparedColumn(name=columns[3], transform="none", scale=float(raw[:, 3].std())),
        )
    )
    X = preparation.block(df)
    rows = np.random.default_rng(seed).choice(len(X), 3, replace=False)
    centres = X[rows].astype(np.float64)
    nearest = NearestCentre(centres=centres)
    assigner: NearestCentre | Posterior | NearestNeighbours = nearest
    if kind == "mixture":
        assigner = Posterior(
            weights=np.full(3, 1 / 3),
            means=centres,
            covariances=np.array([0.5, 1.0, 2.0]),
            covariance_type="spherical",
        )
    if kind == "neighbours":
        assigner = NearestNeighbours(points=X.astype(np.float64), labels=nearest.assign(X)[0], n_neighbors=5)
    return SegmentModel(
        preparation=preparation, assigner=assigner, centres=centres, segments={0: 1, 1: 2, 2: 3}
    )


@pytest.mark.parametrize("kind", ASSIGNERS)
@given(seed=st.integers(0, 10_000))
def test_a_change_lands_where_it_says(kind: str, seed: int) -> None:
    everyone = customers(120, 3, seed)
    model = model_of(kind, everyone, seed)
    df = everyone.slice(seed % 120, 1)
    table = profile.build(everyone.lazy(), transforms={})
    names = {1: "One", 2: "Two", 3: "Three"}
    explanation = explain.explain(
        df, model=model, names=names, profile=table, limits=explain.limits_of(everyone.lazy(), model)
    )
    assert explanation.segment == model.assign(df)[0][0]
    assert [c.step for c in explanation.changes] == sorted(c.step for c in explanation.changes)
    for change in explanation.changes:
        new = {change.feature: change.new, **change.follows}
        moved = df.with_columns(pl.lit(value, dtype=pl.Float64).alias(f) for f, value in new.items())
        assert model.assign(moved)[0][0] == change.segment != explanation.segment
        identity = moved["order_count"][0] * moved["average_order_value"][0]
        assert moved["total_spend"][0] == pytest.approx(identity)
