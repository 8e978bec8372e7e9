from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import errors, job
from segcore.models import CandidateKey
from segcore.selection.rule import chosen, pinned_cost, select, worth_measuring
from tests.selection.candidates import row, table

RULE = job.Selection()


def winner(
    candidates: pl.DataFrame, rule: job.Selection = RULE, before: CandidateKey | None = None
) -> CandidateKey:
    found = chosen(select(candidates, rule, before))
    return found["family"], found["variant"], found["k"]


def reasons(candidates: pl.DataFrame, rule: job.Selection = RULE) -> list[str]:
    return select(candidates, rule)["reason"].to_list()


REAL = table(
    row("kmeans", "", 2, silhouette=0.355, prediction_strength=0.941, jaccard_min=0.986),
    row("kmeans", "", 3, silhouette=0.265, prediction_strength=0.816, prediction_strength_se=0.0152),
    row("kmeans", "", 4, silhouette=0.243, prediction_strength=0.836, prediction_strength_se=0.0091),
    row("kmeans", "", 5, silhouette=0.233, prediction_strength=0.586, jaccard_min=None, jaccard_se=None),
    row("hierarchical", "average", 2, silhouette=0.597, smallest_share=0.001, prediction_strength=None),
    row("hierarchical", "ward", 2, silhouette=0.308, prediction_strength=0.614, jaccard_min=None),
    row("mixture", "diag", 3, silhouette=0.218, prediction_strength=0.865),
    row("mixture", "full", 2, silhouette=0.273, prediction_strength=0.819),
    row("hdbscan", "", 2, selectable=False, noise_share=0.03, prediction_strength=None, jaccard_min=None),
)


def test_the_largest_admissible_k_wins_whatever_the_silhouette() -> None:
    decided = select(REAL, RULE)
    assert winner(REAL) == ("kmeans", "", 4)
    assert decided["admissible"].to_list() == [True, True, True, False, False, False, True, True, False]
    assert decided["verdict"].to_list() == [
        "admissible",
        "admissible",
        "chosen",
        "ruled out",
        "ruled out",
        "ruled out",
        "admissible",
        "admissible",
        "shown only",
    ]
    assert decided.drop("admissible", "close_call", "verdict", "reason", "chosen").equals(REAL)


def test_every_row_gets_one_sentence_that_says_why() -> None:
    told = reasons(REAL)
    assert told[0] == "Admissible, but so is K-Means with 4 segments, which has more segments."
    assert told[1].endswith("prediction strength 0.816 ± 0.015 reaches 0.80, within two standard errors.")
    assert told[2] == "Chosen: the largest admissible number of segments."
    assert told[3] == "Ruled out: prediction strength 0.586 ± 0.010 is below 0.80."
    assert told[4] == "Ruled out: the smallest segment holds 0.1% of customers, below 5.0%."
    assert told[8] == (
        "Shown only: HDBSCAN finds the number of segments itself (2 found, 3.0% of customers in none)."
    )


def test_at_the_same_k_the_highest_silhouette_wins() -> None:
    candidates = table(
        row("kmeans", "", 4, silhouette=0.243), row("mixture", "spherical", 4, silhouette=0.244)
    )
    assert winner(candidates) == ("mixture", "spherical", 4)
    assert reasons(candidates)[0] == (
        "Admissible, but spherical mixture has the higher silhouette at 4 segments (0.244 against 0.243)."
    )
    assert "highest silhouette of the 2 candidates there" in reasons(candidates)[1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"converged": False}, "the fit did not converge"),
        ({"smallest_share": 0.049}, "the smallest segment holds 4.9% of customers, below 5.0%"),
        ({"smallest_share": None}, "the smallest segment holds 0.0% of customers"),
        ({"prediction_strength": 0.79}, "prediction strength 0.790 ± 0.010 is below 0.80"),
        ({"jaccard_min": 0.7, "jaccard_se": None}, "Jaccard of the least stable segment 0.700 is below 0.75"),
        ({"prediction_strength": None, "jaccard_min": None}, "prediction strength was not measured; Jaccard"),
        ({"prediction_strength": float("nan")}, "prediction strength was not measured"),
    ],
)
def test_each_condition_rules_out_alone(changes: dict[str, Any], says: str) -> None:
    decided = select(table(row("kmeans", "", 2), row("kmeans", "", 6, **changes)), RULE)
    assert decided["verdict"].to_list() == ["chosen", "ruled out"]
    assert says in decided["reason"][1]


@pytest.mark.parametrize(
    "at_the_bar", [{"smallest_share": 0.05}, {"prediction_strength": 0.8}, {"jaccard_min": 0.75}]
)
def test_a_figure_that_is_just_at_its_bar_passes(at_the_bar: dict[str, Any]) -> None:
    decided = select(table(row("kmeans", "", 2), row("kmeans", "", 6, **at_the_bar)), RULE)
    assert decided["verdict"].to_list() == ["admissible", "chosen"]
    assert "is below" not in decided["reason"][1]
    cheap = table(row("kmeans", "", 6, **at_the_bar))
    assert worth_measuring(cheap, RULE) == [("kmeans", "", 6)]


def test_a_figure_just_so_many_standard_errors_away_is_within_them() -> None:
    # 0.75 is one of 0.25, and two of 0.125, from a bar of 0.5: exact in binary.
    half = job.Selection(min_prediction_strength=0.5, min_jaccard=0)

    def decided(error: float) -> pl.DataFrame:
        figures = {"prediction_strength": 0.75, "prediction_strength_se": error}
        return select(table(row("kmeans", "", 3, **figures)), half)

    assert decided(0.25)["close_call"].to_list() == [True]
    assert decided(0.125)["close_call"].to_list() == [False]
    assert decided(0.125)["reason"][0].endswith("within two standard errors.")
    assert "Narrowly" not in decided(0.124)["reason"][0]


@pytest.mark.parametrize(
    ("changes", "close"),
    [
        ({}, False),
        ({"prediction_strength": 0.809}, True),
        ({"prediction_strength": 0.791}, True),
        ({"prediction_strength": 0.791, "jaccard_min": None}, True),
        ({"prediction_strength": 0.789}, False),
        ({"jaccard_min": 0.745}, True),
        ({"prediction_strength": 0.795, "jaccard_min": 0.3}, False),
        ({"prediction_strength": 0.795, "smallest_share": 0.01}, False),
        ({"prediction_strength": None, "jaccard_min": None}, False),
    ],
)
def test_a_close_call_is_a_verdict_that_one_standard_error_would_turn(
    changes: dict[str, Any], close: bool
) -> None:
    decided = select(table(row("kmeans", "", 3, **changes)), RULE)
    assert decided["close_call"].to_list() == [close]


def test_without_an_admissible_candidate_kmeans_4_is_given_as_a_partition() -> None:
    poor = {"prediction_strength": 0.5}
    candidates = table(
        row("hierarchical", "average", 4, silhouette=0.9, **poor),
        *[row("kmeans", "", k, **poor) for k in (2, 3, 4, 5)],
    )
    decided = select(candidates, RULE)
    assert winner(candidates) == ("kmeans", "", 4)
    assert not decided["admissible"].any()
    assert "partition only" in chosen(decided)["reason"]
    assert "no stable segments" in chosen(decided)["reason"]


@pytest.mark.parametrize(("ks", "expected"), [((2, 3), 3), ((5, 6), 5), ((3, 5), 3), ((2,), 2)])
def test_the_partition_takes_the_nearest_k_there_is(ks: tuple[int, ...], expected: int) -> None:
    candidates = table(*[row("kmeans", "", k, prediction_strength=0.1) for k in ks])
    assert winner(candidates) == ("kmeans", "", expected)


def test_without_kmeans_the_partition_avoids_tiny_segments() -> None:
    candidates = table(
        row("hierarchical", "average", 4, silhouette=0.6, smallest_share=0.001, prediction_strength=None),
        row("hierarchical", "ward", 4, silhouette=0.2, prediction_strength=0.4),
    )
    assert winner(candidates) == ("hierarchical", "ward", 4)


def test_a_bar_of_zero_needs_no_measurement() -> None:
    bare = job.Selection(min_prediction_strength=0, min_jaccard=0)
    candidates = table(row("kmeans", "", 3, prediction_strength=None, jaccard_min=None))
    assert select(candidates, bare)["admissible"].to_list() == [True]


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ({"k": 3}, ("kmeans", "", 3)),
        ({"k": 5}, ("kmeans", "", 5)),
        ({"family": "mixture"}, ("mixture", "diag", 3)),
        ({"family": "mixture-full"}, ("mixture", "full", 2)),
        ({"family": "hierarchical"}, ("hierarchical", "ward", 2)),
        ({"family": "mixture", "k": 2}, ("mixture", "full", 2)),
    ],
)
def test_pins_narrow_the_choice(pins: dict[str, Any], expected: tuple[str, str, int]) -> None:
    rule = job.Selection(**pins)
    assert winner(REAL, rule) == expected
    assert "pinned" in chosen(select(REAL, rule))["reason"]
    assert select(REAL, rule)["admissible"].equals(select(REAL, RULE)["admissible"])


def test_what_a_pin_costs_is_told() -> None:
    rule = job.Selection(k=5)
    cost = pinned_cost(select(REAL, rule), rule)
    assert cost is not None
    assert (cost.pinned.k, cost.by_rule.k) == (5, 4)
    assert cost.sentence == (
        "Without the pin the rule would have chosen K-Means with 4 segments (silhouette 0.243);"
        " K-Means with 5 segments (silhouette 0.233) is not admissible."
    )
    same = job.Selection(k=4)
    told = pinned_cost(select(REAL, same), same)
    assert told is not None
    assert told.sentence.startswith("The pin costs nothing")
    assert pinned_cost(select(REAL, RULE), RULE) is None


@pytest.mark.parametrize(
    ("rule", "error", "says"),
    [
        (job.Selection(k=9), errors.DataError, "no candidate has 9 segments"),
        (job.Selection(family="kmean"), errors.JobError, "did you mean 'kmeans'"),
        (job.Selection(family="hdbscan"), errors.JobError, "no candidate that can be chosen"),
        (job.Selection(family="mixture-diag", k=4), errors.DataError, "there are k = 3"),
    ],
)
def test_a_pin_that_cannot_be_kept_is_one_clear_line(
    rule: job.Selection, error: type[errors.SegcoreError], says: str
) -> None:
    with pytest.raises(error, match=re.escape(says)):
        select(REAL, rule)


@pytest.mark.parametrize("candidates", [table(), table(row("dbscan", "", 3, selectable=False))])
def test_nothing_to_choose_from_is_one_clear_line(candidates: pl.DataFrame) -> None:
    with pytest.raises(errors.DataError, match="can be chosen: expected one with a set number of segments"):
        select(candidates, RULE)


THREE, FOUR, FIVE, MIXTURE = ("kmeans", "", 3), ("kmeans", "", 4), ("kmeans", "", 5), ("mixture", "full", 4)
NO: dict[str, Any] = {"prediction_strength": 0.5}
SHORT: dict[str, Any] = {"prediction_strength": 0.751}  # within the leeway
NARROWLY: dict[str, Any] = {"prediction_strength": 0.819}  # within two standard errors
HIGHER: dict[str, Any] = {"silhouette": 0.259}  # by more than two of them


@pytest.mark.parametrize(
    ("four", "five", "mixture", "expected"),
    [
        # While it is short of a bar by less than the leeway, and not when by more.
        (SHORT, NO, NO, FOUR),
        ({"jaccard_min": 0.701}, NO, NO, FOUR),
        ({"prediction_strength": 0.749}, NO, NO, THREE),
        ({"jaccard_min": 0.699}, NO, NO, THREE),
        (SHORT | {"jaccard_min": None}, NO, NO, THREE),
        ({"smallest_share": 0.0476}, NO, NO, FOUR),
        ({"smallest_share": 0.0474}, NO, NO, THREE),
        ({"converged": False}, NO, NO, THREE),
        # Until more segments are clearly stable,
        ({}, NARROWLY, NO, FOUR),
        (SHORT, NARROWLY, NO, FOUR),
        ({}, {"prediction_strength": 0.821}, NO, FIVE),
        # or another one with as many is, and has a clearly higher silhouette,
        ({}, NO, {"silhouette": 0.257}, FOUR),
        ({}, NO, HIGHER, MIXTURE),
        (SHORT, NO, HIGHER, MIXTURE),
        ({}, NO, HIGHER | NARROWLY, FOUR),
        ({}, NO, HIGHER | {"silhouette_se": None}, FOUR),
        ({}, NO, {"silhouette": None}, FOUR),
        # whatever is better than both and narrow.
        ({}, NARROWLY, HIGHER, MIXTURE),
    ],
)
def test_the_model_of_the_run_before_stays_until_the_evidence_is_clear(
    four: dict[str, Any], five: dict[str, Any], mixture: dict[str, Any], expected: CandidateKey
) -> None:
    candidates = table(row(*THREE), row(*FOUR, **four), row(*FIVE, **five), row(*MIXTURE, **mixture))
    assert winner(candidates, before=FOUR) == expected


def told(*candidates: dict[str, Any], before: CandidateKey = FOUR) -> list[str]:
    return select(table(*candidates), RULE, before)["reason"].to_list()


def test_why_the_model_of_the_run_before_stays_is_told() -> None:
    assert told(row(*THREE), row(*FOUR, **SHORT)) == [
        "Admissible, but so is K-Means with 4 segments, which has more segments.",
        "Chosen: the run before had it."
        " Within the leeway of 0.05: prediction strength 0.751 ± 0.010 is below 0.80.",
    ]
    narrow = " Narrowly: prediction strength 0.819 ± 0.010 reaches 0.80, within two standard errors."
    assert told(row(*FOUR), row(*FIVE, **NARROWLY)) == [
        "Chosen: the run before had it, and K-Means with 5 segments is not clearly better.",
        "Admissible, but not clearly better than the model of the run before." + narrow,
    ]
    # Where it is what the rule gives anyway, nothing more is said.
    assert told(row(*THREE), row(*FOUR))[1] == "Chosen: the largest admissible number of segments."


def test_what_became_of_the_model_of_the_run_before_is_told() -> None:
    assert told(row(*THREE), row(*FOUR), row(*FIVE, **NARROWLY), before=THREE)[1] == (
        "Chosen: clearly better than K-Means with 3 segments, which the run before had,"
        " as K-Means with 5 segments is not."
    )
    assert told(row(*FOUR, **SHORT), row(*FIVE)) == [
        "Admissible, but so is K-Means with 5 segments, which has more segments."
        " Within the leeway of 0.05: prediction strength 0.751 ± 0.010 is below 0.80.",
        "Chosen: the largest admissible number of segments."
        " It replaces K-Means with 4 segments, which the run before had.",
    ]
    assert told(row(*THREE), row(*FOUR, **NO))[0] == (
        "Chosen: the largest admissible number of segments. The run before had K-Means with 4 segments,"
        " which is ruled out: prediction strength 0.500 ± 0.010 is below 0.80."
    )


def test_figures_are_told_apart() -> None:
    almost = select(table(row(*THREE), row(*FOUR, smallest_share=0.04996)), RULE)["reason"][1]
    assert "holds 4.996% of customers, below 5.000%" in almost
    close = [row(*FOUR, silhouette=0.30004), row(*MIXTURE, silhouette=0.3)]
    assert "(0.30004 against 0.30000)" in select(table(*close), RULE)["reason"][1]


def test_a_pin_is_kept_whatever_the_run_before_had() -> None:
    assert winner(REAL, job.Selection(k=3), before=FOUR) == ("kmeans", "", 3)
    assert winner(REAL, job.Selection(family="mixture"), before=FOUR) == ("mixture", "diag", 3)


def test_only_what_passes_the_cheap_conditions_is_worth_measuring() -> None:
    bare = REAL.drop("prediction_strength", "prediction_strength_se", "jaccard_min", "jaccard_se")
    left = worth_measuring(bare, RULE)
    assert ("hierarchical", "average", 2) not in left
    assert ("hdbscan", "", 2) not in left
    assert len(left) == REAL.height - 2


shares = st.floats(0, 1)
measured = st.none() | shares
candidate_tables = st.lists(
    st.builds(
        row,
        st.sampled_from(["kmeans", "mixture", "spectral"]),
        st.just(""),
        st.integers(2, 6),
        converged=st.booleans(),
        smallest_share=shares,
        silhouette=st.none() | st.floats(-1, 1),
        prediction_strength=measured,
        jaccard_min=measured,
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda r: (r["family"], r["k"]),
).map(lambda rows: table(*rows))
bars = st.tuples(st.floats(0, 0.99), shares, shares)


def rule_of(bar: tuple[float, float, float]) -> job.Selection:
    return job.Selection(min_share=bar[0], min_prediction_strength=bar[1], min_jaccard=bar[2])


@given(candidate_tables, bars, bars)
def test_the_rule_is_monotone_in_its_thresholds(
    candidates: pl.DataFrame, some: tuple[float, float, float], others: tuple[float, float, float]
) -> None:
    lower = select(candidates, rule_of(tuple(map(min, some, others))))  # type: ignore[arg-type]
    higher = select(candidates, rule_of(tuple(map(max, some, others))))  # type: ignore[arg-type]
    assert not (higher["admissible"] & ~lower["admissible"]).any()
    if higher["admissible"].any():
        assert chosen(higher)["k"] <= chosen(lower)["k"]


@given(candidate_tables, st.integers(0, 7), bars)
def test_the_same_figures_give_the_same_model_the_night_after(
    candidates: pl.DataFrame, number: int, bar: tuple[float, float, float]
) -> None:
    before = candidates.select("family", "variant", "k").row(number % candidates.height)
    tonight = winner(candidates, rule_of(bar), before)
    assert winner(candidates, rule_of(bar), tonight) == tonight


near_the_bars = st.builds(
    row,
    st.sampled_from(["kmeans", "mixture", "spectral"]),
    st.just(""),
    st.integers(3, 6),
    smallest_share=st.floats(0.04, 0.3),
    silhouette=st.floats(0.2, 0.3),
    prediction_strength=st.floats(0.76, 0.85),
    prediction_strength_se=st.just(0.025),
    jaccard_min=st.floats(0.71, 0.8),
    jaccard_se=st.just(0.025),
)


@given(st.lists(near_the_bars, max_size=8, unique_by=lambda r: (r["family"], r["k"])), st.data())
def test_a_change_within_the_leeway_moves_nobody(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    candidates = table(row("kmeans", "", 2), *rows)
    last_night = winner(candidates)
    errors_off = st.lists(st.floats(-1.9, 1.9), min_size=candidates.height, max_size=candidates.height)
    tonight = candidates.with_columns(
        pl.col(figure) + pl.col(error) * pl.Series(data.draw(errors_off))
        for figure, error in (
            ("prediction_strength", "prediction_strength_se"),
            ("jaccard_min", "jaccard_se"),
        )
    )
    assert winner(tonight, before=last_night) == last_night


@given(candidate_tables, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(candidates: pl.DataFrame, random: Any) -> None:
    order = list(range(candidates.height))
    random.shuffle(order)
    assert select(candidates[order], RULE).equals(select(candidates, RULE)[order])


@given(candidate_tables)
def test_exactly_one_is_chosen_and_every_row_has_a_reason(candidates: pl.DataFrame) -> None:
    decided = select(candidates, RULE)
    assert decided["chosen"].sum() == 1
    assert (decided["verdict"] == "chosen").equals(decided["chosen"], check_names=False)
    assert all(reason.endswith(".") and "\n" not in reason for reason in decided["reason"])
    assert decided["reason"].str.contains("nan|None").sum() == 0
