"""Ties, pins and bars of the choice, and the reason that is given for each."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import pytest

from segcore import errors, job
from segcore.models import CandidateKey
from segcore.selection.rule import chosen, pinned_cost, select
from tests.selection.candidates import row, table

RULE = job.Selection()
FOUR = ("kmeans", "", 4)
POOR: dict[str, Any] = {"prediction_strength": 0.5}


def decided(
    *rows: dict[str, Any], rule: job.Selection = RULE, previous: CandidateKey | None = None
) -> dict[str, Any]:
    return chosen(select(table(*rows), rule, previous))


def name(found: dict[str, Any]) -> CandidateKey:
    return found["family"], found["variant"], found["k"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # At the same k and silhouette K-Means comes first, then the families and their variants by name.
        (("kmeans", "", 4), ("hierarchical", "ward", 4)),
        (("hierarchical", "ward", 4), ("mixture", "diag", 4)),
        (("mixture", "diag", 4), ("mixture", "full", 4)),
    ],
)
def test_ties_go_by_name(first: CandidateKey, second: CandidateKey) -> None:
    assert name(decided(row(*second), row(*first))) == first
    assert name(decided(row(*first, silhouette=0.2), row(*second))) == second
    assert name(decided(row(*second, **POOR), row(*first, **POOR))) == first


def test_without_a_silhouette_a_candidate_comes_last() -> None:
    assert name(
        decided(row("kmeans", "", 4, silhouette=None), row("mixture", "full", 4, silhouette=-0.9))
    ) == ("mixture", "full", 4)


def test_a_partition_prefers_sound_segments_then_the_nearest_k_then_the_smaller_one() -> None:
    tiny = {"smallest_share": 0.01, "silhouette": 0.9} | POOR
    assert name(decided(row("mixture", "full", 4, **tiny), row("mixture", "full", 9, **POOR)))[2] == 9
    adrift = {"converged": False, "silhouette": 0.9} | POOR
    assert name(decided(row("mixture", "full", 4, **adrift), row("mixture", "full", 9, **POOR)))[2] == 9
    # K-Means is taken however small its segments are.
    assert name(decided(row("mixture", "full", 4, **POOR), row("kmeans", "", 9, **tiny)))[0] == "kmeans"
    assert name(decided(row("kmeans", "", 6, **POOR), row("kmeans", "", 2, **POOR)))[2] == 2
    higher = row("mixture", "full", 3, silhouette=0.4, **POOR)
    assert name(decided(row("mixture", "diag", 3, **POOR), higher))[1] == "full"


def test_of_several_that_are_clearly_better_the_rule_takes_its_best() -> None:
    better = [row("kmeans", "", k) for k in (5, 7, 6)]
    assert name(decided(row(*FOUR), *better, previous=FOUR)) == ("kmeans", "", 7)


def test_fewer_segments_never_replace_the_model_of_the_previous_run() -> None:
    three = row("mixture", "full", 3, silhouette=0.9, prediction_strength=1.0, jaccard_min=1.0)
    assert name(decided(three, row(*FOUR, prediction_strength=0.76), previous=FOUR)) == FOUR


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        # In binary fractions: the bars are at 0.5, and two standard errors are a quarter.
        ({"silhouette": 0.5}, False),
        ({"silhouette": 0.501}, True),
        ({"silhouette": 0.75, "prediction_strength": 0.75}, False),
        ({"silhouette": 0.75, "prediction_strength": 0.751}, True),
        ({"silhouette": 0.75, "jaccard_min": 0.75}, False),
        ({"silhouette": 0.75, "jaccard_min": 0.751}, True),
        ({"silhouette": 0.75, "silhouette_se": None}, False),
    ],
)
def test_just_two_standard_errors_are_not_clear(changes: dict[str, Any], replaces: bool) -> None:
    rule = job.Selection(min_prediction_strength=0.5, min_jaccard=0.5)
    errors_ = dict.fromkeys(("silhouette_se", "prediction_strength_se", "jaccard_se"), 0.125)
    rival = row("mixture", "full", 4, **{**errors_, "prediction_strength": 1.0, "jaccard_min": 1.0} | changes)
    assert name(decided(row(*FOUR), rival, rule=rule, previous=FOUR)) == (
        ("mixture", "full", 4) if replaces else FOUR
    )


def test_bars_below_the_leeway_are_none_for_the_model_of_the_previous_run() -> None:
    low = job.Selection(min_prediction_strength=0.03, min_jaccard=0.03)
    lost: dict[str, Any] = {"prediction_strength": None, "jaccard_min": None}
    assert name(decided(row("kmeans", "", 3), row(*FOUR, **lost), rule=low, previous=FOUR)) == FOUR
    assert name(decided(row("kmeans", "", 3), row(*FOUR, **lost), rule=low)) == ("kmeans", "", 3)


TWO_OF_FOUR = (
    row(*FOUR, silhouette=0.3),
    row("mixture", "full", 4),
    row("kmeans", "", 3),
    row("kmeans", "", 6, **POOR),
)


@pytest.mark.parametrize(
    ("pins", "reason"),
    [
        (
            {},
            "Chosen: the largest admissible number of segments,"
            " and the highest silhouette of the 2 candidates there.",
        ),
        (
            {"family": "kmeans"},
            "Chosen because the family kmeans was pinned: the largest admissible number of segments in it.",
        ),
        ({"k": 4}, "Chosen because k = 4 was pinned: the highest silhouette of 2 admissible ones."),
        ({"k": 3}, "Chosen because k = 3 was pinned: admissible as well."),
        (
            {"k": 6},
            "Chosen because k = 6 was pinned, although the rule rules it out:"
            " prediction strength 0.500 ± 0.010 is below 0.80.",
        ),
        (
            {"k": 4, "family": "mixture-full"},
            "Chosen because k = 4 and the family mixture-full were pinned: admissible as well.",
        ),
    ],
)
def test_why_it_was_chosen(pins: dict[str, Any], reason: str) -> None:
    assert decided(*TWO_OF_FOUR, rule=job.Selection(**pins))["reason"] == reason


def test_why_the_others_were_not() -> None:
    noise = row("hdbscan", "", 3, selectable=False, n_clusters=3)
    narrow = row("kmeans", "", 2, prediction_strength=0.81)
    table_ = select(table(*TWO_OF_FOUR, noise, narrow), job.Selection(k=4))
    assert table_.select("verdict", "reason").rows()[1:] == [
        (
            "admissible",
            "Admissible, but K-Means has the higher silhouette at 4 segments (0.300 against 0.250).",
        ),
        ("admissible", "Admissible, but k = 4 was pinned."),
        ("ruled out", "Ruled out: prediction strength 0.500 ± 0.010 is below 0.80."),
        ("shown only", "Shown only: HDBSCAN finds the number of segments itself (3 found)."),
        (
            "admissible",
            "Admissible, but k = 4 was pinned. Narrowly: prediction strength 0.810 ± 0.010 reaches 0.80,"
            " within two standard errors.",
        ),
    ]
    assert table_["chosen"].to_list() == [True, False, False, False, False, False]


def test_what_is_pinned_away_has_not_been_replaced() -> None:
    found = decided(*TWO_OF_FOUR, rule=job.Selection(k=3), previous=FOUR)
    assert found["reason"] == "Chosen because k = 3 was pinned: admissible as well."


def test_the_cost_of_a_pin_in_figures() -> None:
    rule = job.Selection(k=3, family="kmeans")
    figures = {"admissible": True, "prediction_strength": 0.9, "smallest_share": 0.2}
    cost = pinned_cost(select(table(*TWO_OF_FOUR), rule), rule)
    assert cost is not None
    assert asdict(cost) == {
        "pinned": {"family": "kmeans", "variant": "", "k": 3, "silhouette": 0.25} | figures,
        "by_rule": {"family": "kmeans", "variant": "", "k": 4, "silhouette": 0.3} | figures,
        "sentence": "Without the pin the rule would have chosen K-Means with 4 segments (silhouette 0.300);"
        " K-Means with 3 segments (silhouette 0.250) is admissible.",
    }


@pytest.mark.parametrize("pins", [{"family": "mixture"}, {"k": 3}, {"k": 4, "family": "mixture-full"}])
def test_the_cost_is_against_no_pin_at_all(pins: dict[str, Any]) -> None:
    rule = job.Selection(**pins)
    cost = pinned_cost(select(table(*TWO_OF_FOUR), rule), rule)
    assert cost is not None
    assert name(vars(cost.by_rule)) == FOUR
    assert name(vars(cost.pinned)) != FOUR


def test_the_cost_of_a_pin_is_against_what_the_previous_run_lets_the_rule_choose() -> None:
    rule = job.Selection(k=3)
    rows = table(row("kmeans", "", 3), row(*FOUR), row("kmeans", "", 5, prediction_strength=0.81))
    for previous, k in ((None, 5), (FOUR, 4)):
        cost = pinned_cost(select(rows, rule, previous), rule, previous)
        assert cost is not None
        assert cost.by_rule.k == k
    same = job.Selection(k=5)
    told = pinned_cost(select(rows, same), same)
    assert told is not None
    assert told.sentence == (
        "The pin costs nothing: the rule would have chosen K-Means with 5 segments (silhouette 0.250) as well."
    )


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        (
            {"k": 9},
            "no candidate has 9 segments, as selection.k asks; there are k = 3, 4, 6: pin one of these, or widen"
            " models.k_min and k_max if the customers allow it",
        ),
        (
            {"family": "mixture-ful"},
            "selection.family='mixture-ful' is no candidate that can be chosen (did you mean 'mixture-full'?);"
            " there are kmeans, mixture, mixture-full",
        ),
    ],
)
def test_pins_that_cannot_be_kept(pins: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.SegcoreError, match=f"^{re.escape(message)}$"):
        decided(*TWO_OF_FOUR, rule=job.Selection(**pins))


def test_there_has_to_be_something_to_choose() -> None:
    message = (
        "none of the 1 candidates can be chosen: expected one with a set number of segments; add kmeans to"
        " models.families, or check that the customers differ"
    )
    with pytest.raises(errors.DataError, match=f"^{re.escape(message)}$"):
        decided(row("dbscan", "", 3, selectable=False))
