"""What sets a segment apart: which features, in which order, in which words."""

from __future__ import annotations

from segcore.profile.marks import Mark, marks_of
from segcore.profile.statistics import Summary


def told(effects: dict[str, float], **more: object) -> list[str]:
    """Return the features that become marks, each with a median on the side of its effect."""
    every = {name: Summary(median=10.0, mean=10.0, effect=0.0) for name in effects}
    own = {
        name: Summary(median=10 + effect, mean=10 + effect, effect=effect) for name, effect in effects.items()
    }
    return [mark.feature for mark in marks_of(own, every, **more)]  # type: ignore[arg-type]


def test_features_of_the_matrix_come_first_then_the_largest_effects_then_the_alphabet() -> None:
    effects = {"tenure_days": 3.0, "total_spend": -1.0, "order_count": 0.5, "unique_products": -2.0}
    assert told(effects) == ["tenure_days", "unique_products", "total_spend"]
    assert told(effects, matrix=["order_count", "total_spend"]) == [
        "total_spend",
        "order_count",
        "tenure_days",
    ]
    assert told(effects, most=1) == ["tenure_days"]
    assert told({"visits": 1.0, "age": 1.0, "income": -1.0, "rooms": 0.5}, most=2) == ["age", "income"]


def test_one_feature_of_each_theme() -> None:
    # Items follow spend, and months follow orders.
    effects = {
        "total_spend": 3.0,
        "item_count": 2.0,
        "order_count": 1.5,
        "active_months": 1.0,
        "tenure_days": 0.5,
    }
    assert told(effects) == ["total_spend", "order_count", "tenure_days"]
    indicators = {"channel=web": 0.9, "channel=tv": 0.8}
    every = {name: Summary(mean=0.1) for name in indicators}
    own = {name: Summary(mean=0.5, effect=effect) for name, effect in indicators.items()}
    assert [mark.feature for mark in marks_of(own, every)] == ["channel=web"]


def test_a_mark_in_full() -> None:
    own = {"order_count": Summary(median=12.0, mean=13.0, effect=1.5)}
    every = {"order_count": Summary(median=3.0, mean=4.0, effect=0.0)}
    assert marks_of(own, every) == [
        Mark(
            feature="order_count",
            text="typically 12 orders, four times the median of all customers (3)",
            effect=1.5,
            value=12.0,
            population=3.0,
        )
    ]
    spend = {"total_spend": Summary(median=20.0, effect=-1.0)}
    every = {"total_spend": Summary(median=40.0, effect=0.0)}
    assert marks_of(spend, every, currency="£")[0].text == (
        "typically £20 spent in total, half the median of all customers (£40)"
    )


def test_a_sentence_that_would_say_nothing_or_the_wrong_thing_is_left_out() -> None:
    every = {"total_spend": Summary(median=10.0, effect=0.0)}
    for own in (
        Summary(median=10.0, effect=1.0),  # the same median
        Summary(median=9.0, effect=1.0),  # below, while its mean is above
        Summary(median=11.0, effect=-1.0),
        Summary(median=11.0, effect=0.0),
        Summary(median=11.0),
        Summary(effect=1.0),
    ):
        assert marks_of({"total_spend": own}, every) == []
    assert marks_of({"total_spend": Summary(median=11.0, effect=1.0)}, {"total_spend": Summary()}) == []
    assert len(marks_of({"total_spend": Summary(median=9.0, effect=-1.0)}, every)) == 1


def test_categories_are_told_by_their_shares_from_five_points_apart() -> None:
    every = {"channel=web": Summary(mean=0.25, median=0.0, effect=0.0)}
    assert marks_of({"channel=web": Summary(mean=0.29, median=0.0, effect=0.3)}, every) == []
    assert marks_of({"channel=web": Summary(mean=0.21, median=0.0, effect=-0.3)}, every) == []
    assert marks_of({"channel=web": Summary(mean=0.75, median=1.0, effect=1.25)}, every) == [
        Mark(
            feature="channel=web",
            text="channel is web for 75%, against 25% of all customers",
            effect=1.25,
            value=0.75,
            population=0.25,
        )
    ]
    fewer = marks_of({"channel=web": Summary(mean=0.125)}, every)
    assert fewer[0].text == "channel is web for 12.5%, against 25% of all customers"
    assert fewer[0].effect == 0.0
    assert marks_of({"channel=web": Summary()}, every) == []
    assert marks_of({"channel=web": Summary(mean=1.0)}, {"channel=web": Summary()}) == []
