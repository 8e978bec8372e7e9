from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.profile import naming, wording
from segcore.profile.naming import Name, Position, name_segments

AXES = [axis["features"][0] for axis in wording.templates()["axes"].values()]
MEASURES = ["total_spend", "order_count", "average_order_value", "days_since_last_order", "tenure_days"]


def position(segment: int, one: float, *pairs: tuple[float, float]) -> Position:
    return Position(
        segment=segment,
        medians={f: p[0] for f, p in zip(MEASURES, pairs, strict=True)},
        positions={f: p[1] for f, p in zip(MEASURES, pairs, strict=True)},
        one_order_share=one,
    )


# Medians and positions of four segments of a real gift wholesaler, rounded.
FOUR = [
    position(1, 0.00, (2976, 0.87), (7, 0.86), (423, 0.75), (15, 0.21), (293, 0.83)),
    position(2, 0.02, (776, 0.55), (3, 0.60), (234, 0.40), (30, 0.38), (187, 0.64)),
    position(3, 0.72, (478, 0.40), (1, 0.17), (389, 0.70), (134, 0.74), (0, 0.18)),
    position(4, 0.74, (160, 0.11), (1, 0.17), (136, 0.14), (146, 0.75), (0, 0.18)),
]


def test_four_segments_get_the_names_that_their_medians_say() -> None:
    names = {s: n.name for s, n in name_segments(FOUR).items()}
    assert names == {
        1: "Big spenders",
        2: "Frequent buyers, smaller orders",
        3: "Mostly one-time buyers, larger orders",
        4: "Mostly one-time buyers, small orders",
    }


def test_words_that_are_not_true_of_two_thirds_are_not_in_a_name() -> None:
    def holds(segment: int, claims: Sequence[tuple[str, str]]) -> float:
        untrue = {
            2: ("average_order_value", "low"),
            3: ("average_order_value", "high"),
            4: ("average_order_value", "bottom"),
        }
        return 0.66 if untrue[segment] in claims else 0.67

    names = {s: n.name for s, n in name_segments(FOUR[1:], holds=holds).items()}
    assert names == {
        2: "Loyal regulars",
        3: "Mostly one-time buyers",
        4: "Mostly one-time buyers, smaller orders",
    }


def test_names_that_stay_are_told_apart_from_new_ones() -> None:
    stays = Name(name="Mostly one-time buyers", treatment="Wait.", claims=(("mostly_one_order", "yes"),))
    names = name_segments([*FOUR[3:], replace(FOUR[2], segment=5)], given={4: stays})
    assert names[4] == stays
    assert names[5].name == "Mostly one-time buyers, larger orders"
    same = name_segments([FOUR[0], replace(FOUR[0], segment=2)], given={1: name_segments(FOUR[:1])[1]})
    assert (same[1].name, same[2].name) == ("Big spenders", "Big spenders (2nd by revenue)")
    assert same[1].treatment != same[2].treatment


@pytest.mark.parametrize(
    ("share", "name"),
    [(0.9, "One-time buyers"), (0.89, "Mostly one-time buyers"), (0.66, "Typical customers")],
)
def test_one_time_is_said_of_nine_in_ten(share: float, name: str) -> None:
    middle = position(1, share, *[(1.0, 0.5)] * 5)
    assert name_segments([middle])[1].name == name


@pytest.mark.parametrize(
    ("one", "pairs", "name"),
    [
        (0.7, [(900, 0.6), (1, 0.2), (700, 0.9), (85, 0.6), (0, 0.2)], "Mostly one-time big-ticket buyers"),
        (0.7, [(250, 0.2), (1, 0.2), (190, 0.3), (25, 0.3), (0, 0.2)], "Mostly recent one-time buyers"),
        (0.0, [(3000, 0.9), (7, 0.9), (423, 0.8), (200, 0.8), (293, 0.8)], "Lapsing big spenders"),
        (0.0, [(700, 0.5), (4, 0.7), (262, 0.5), (95, 0.7), (160, 0.6)], "Lapsing regulars"),
        (0.0, [(300, 0.3), (5, 0.7), (60, 0.1), (20, 0.3), (160, 0.6)], "Small but frequent buyers"),
        (0.0, [(1046, 0.64), (4, 0.7), (265, 0.46), (32, 0.39), (223, 0.7)], "Loyal regulars"),
        (0.45, [(318, 0.27), (2, 0.5), (197, 0.3), (25, 0.33), (13, 0.38)], "New customers"),
        (0.0, [(376, 0.33), (2, 0.5), (148, 0.17), (67, 0.58), (112, 0.53)], "Repeat buyers, smaller orders"),
        (0.3, [(663, 0.5), (2, 0.5), (290, 0.5), (51, 0.5), (92, 0.5)], "Typical customers"),
        # Two orders are rare here, and still not frequent.
        (0.0, [(663, 0.5), (2, 0.9), (290, 0.5), (51, 0.5), (92, 0.5)], "Repeat buyers"),
    ],
)
def test_a_position_gives_its_name(one: float, pairs: list[tuple[float, float]], name: str) -> None:
    assert name_segments([position(1, one, *pairs)])[1].name == name


def test_equal_names_are_told_apart_by_the_axis_on_which_they_differ_most() -> None:
    first = position(1, 0, (4524, 0.93), (11, 0.93), (407, 0.77), (8, 0.13), (342, 0.91))
    second = position(2, 0, (2184, 0.82), (4, 0.70), (465, 0.79), (48, 0.49), (221, 0.70))
    names = {s: n.name for s, n in name_segments([first, second]).items()}
    assert names == {1: "Very active big spenders", 2: "Big spenders"}


def test_equal_levels_are_compared_with_each_other() -> None:
    first = position(1, 0, (4524, 0.93), (11, 0.93), (407, 0.77), (8, 0.13), (342, 0.91))
    second = position(2, 0, (4524, 0.93), (11, 0.83), (407, 0.77), (8, 0.13), (342, 0.91))
    names = {s: n.name for s, n in name_segments([first, second]).items()}
    assert names == {1: "More frequent big spenders", 2: "Less frequent big spenders"}


def test_segments_that_differ_in_nothing_are_told_apart_by_revenue() -> None:
    same = [(663.0, 0.5), (2.0, 0.5), (290.0, 0.5), (51.0, 0.5), (92.0, 0.5)]
    names = {s: n.name for s, n in name_segments([position(s, 0.3, *same) for s in (1, 2)]).items()}
    assert names == {1: "Typical customers (1st by revenue)", 2: "Typical customers (2nd by revenue)"}


def test_no_axis_at_all_still_gives_a_name() -> None:
    bare = Position(segment=1, medians={}, positions={}, one_order_share=0.0)
    assert name_segments([bare])[1].name == "Typical customers"


def test_every_template_has_a_sentence_to_act_on() -> None:
    for template in wording.templates()["templates"]:
        assert template["treatment"].endswith(".")
        assert template["treatment"].count(".") == 1
        assert 2 <= len(template["name"].split()) <= 5
    assert wording.templates()["templates"][-1]["when"] == {}


def test_template_names_differ() -> None:
    names = [template["name"] for template in wording.templates()["templates"]]
    assert len(names) == len(set(names))


# Coarse values, so that ties and equal levels are common.
places = st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.43, 0.5, 0.56, 0.6, 0.8, 0.9, 1.0])


@st.composite
def profiles(draw: st.DrawFn) -> list[Position]:
    k = draw(st.integers(1, 10))
    found = []
    for segment in range(1, k + 1):
        at = {f: draw(places) for f in AXES if draw(st.booleans())}
        medians = {f: draw(st.sampled_from([1.0, 2.0, 3.0, 50.0])) for f in at}
        one = draw(st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]))
        found.append(Position(segment=segment, medians=medians, positions=at, one_order_share=one))
    return found


@given(profiles())
def test_names_are_unique_and_never_a_number(found: list[Position]) -> None:
    names = name_segments(found)
    assert set(names) == {p.segment for p in found}
    assert len({name.name for name in names.values()}) == len(found)
    assert len({name.treatment for name in names.values()}) == len(found)
    assert all(
        name.treatment and "Segment" not in name.name and "{}" not in name.name for name in names.values()
    )


@given(profiles(), st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_of_segments(found: list[Position], rng: random.Random) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    assert name_segments(shuffled) == name_segments(found)


@given(profiles())
def test_what_a_name_says_of_frequency_and_spend_is_true(found: list[Position]) -> None:
    names = name_segments(found)
    for p in found:
        first = names[p.segment].name
        if "Big spenders" in first:
            assert p.positions["total_spend"] >= 0.75
            assert p.positions["average_order_value"] >= 0.55
        if "ne-time" in first:
            assert p.one_order_share >= 2 / 3
            assert p.medians["order_count"] == 1
        if first.startswith("Frequent buyers, smaller"):
            assert p.medians["order_count"] >= 3
            assert p.positions["average_order_value"] <= 0.45


def test_levels_follow_the_limits() -> None:
    at = [0.25, 0.45, 0.5, 0.55, 0.75]
    found = [
        Position(segment=1, medians={"total_spend": 9.0}, positions={"total_spend": x}, one_order_share=0)
        for x in at
    ]
    assert [naming.level(p, "total_spend") for p in found] == ["bottom", "low", "middle", "high", "top"]
