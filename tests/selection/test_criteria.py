"""The conditions of the rule and what they say of one candidate."""

from __future__ import annotations

from typing import Any

import pytest

from segcore import job
from segcore.selection.criteria import (
    Criterion,
    Judged,
    all_criteria,
    cheap_criteria,
    distinct_figures,
    figure,
    judge,
    number,
)
from tests.selection.candidates import row

RULE = job.Selection()


@pytest.mark.parametrize(
    ("value", "finite", "text"),
    [
        (0.12345, 0.12345, "0.123"),
        (0, 0.0, "0.000"),
        (None, None, "not measured"),
        (float("nan"), None, "not measured"),
        (float("inf"), None, "not measured"),
    ],
)
def test_figures(value: float | None, finite: float | None, text: str) -> None:
    assert number(value) == finite
    assert figure(value) == text


def test_two_figures_are_told_apart_by_no_more_than_six_decimals() -> None:
    assert distinct_figures(0.4, 0.5, decimals=1, kind="f") == ("0.4", "0.5")
    assert distinct_figures(0.41, 0.42, decimals=1, kind="f") == ("0.41", "0.42")
    assert distinct_figures(0.0498, 0.05, decimals=1, kind="%") == ("4.98%", "5.00%")
    assert distinct_figures(0.5, 0.5, decimals=1, kind="f") == ("0.5", "0.5")
    assert distinct_figures(0.5, 0.5 + 1e-6, decimals=1, kind="f") == ("0.500000", "0.500001")
    assert distinct_figures(0.5, 0.5 + 1e-9, decimals=1, kind="f") == ("0.500000", "0.500000")
    assert distinct_figures(None, 0.5, decimals=1, kind="f") == ("not measured", "0.500")


def four(**changes: Any) -> dict[str, Any]:
    figures = {"prediction_strength_se": 0.02, "jaccard_min": 0.8, "jaccard_se": None}
    return row("kmeans", "", 4) | figures | changes


def test_the_conditions_in_their_order() -> None:
    converged, size, strength, jaccard = all_criteria(four(), RULE)
    assert (converged.passed, converged.text) == (True, "the fit did not converge")
    assert (size.passed, size.text) == (True, "the smallest segment holds 20.0% of customers, at least 5.0%")
    assert strength.text == "prediction strength 0.900 ± 0.020 reaches 0.80"
    assert strength.distance == pytest.approx(5)
    assert jaccard == Criterion(passed=True, text="Jaccard of the least stable segment 0.800 reaches 0.75")
    assert cheap_criteria(four(), RULE) == [converged, size]
    below = all_criteria(four(jaccard_min=0.5, jaccard_se=0.1), RULE)[3]
    assert (below.passed, below.text) == (
        False,
        "Jaccard of the least stable segment 0.500 ± 0.100 is below 0.75",
    )
    assert below.distance == pytest.approx(2.5)


def test_without_a_figure_there_is_no_distance_and_an_error_of_0_is_none() -> None:
    unmeasured = all_criteria(four(prediction_strength=None), RULE)[2]
    assert unmeasured == Criterion(passed=False, text="prediction strength was not measured", measured=False)
    assert not unmeasured.within(1e9)
    exact = all_criteria(four(prediction_strength_se=0.0), RULE)[2]
    assert (exact.text, exact.distance) == ("prediction strength 0.900 ± 0.000 reaches 0.80", None)


def test_leniency_lowers_the_bars_of_stability_for_being_admissible_and_for_nothing_else() -> None:
    short = four(prediction_strength=0.76, jaccard_min=0.71)
    assert not judge(short, RULE).admissible
    lenient = judge(short, RULE, lenient=True)
    assert lenient.admissible
    assert lenient.criteria == judge(short, RULE).criteria == all_criteria(short, RULE)
    assert not judge(short | {"smallest_share": 0.04}, RULE, lenient=True).admissible
    assert not judge(short | {"selectable": False}, RULE, lenient=True).admissible
    assert judge(four(), RULE).key == ("kmeans", "", 4)


def test_tenable_is_what_misses_no_bar_by_more_than_two_standard_errors() -> None:
    # In binary fractions: two standard errors are a quarter.
    half = job.Selection(min_prediction_strength=0.5, min_jaccard=0.5, leeway=0.25)

    def tenable(lenient: bool = False, **changes: Any) -> bool:
        figures = {"prediction_strength_se": 0.125, "jaccard_se": 0.125} | changes
        return judge(four(**figures), half, lenient=lenient).tenable

    assert tenable()
    assert tenable(prediction_strength=0.25)
    assert not tenable(prediction_strength=0.249)
    assert tenable(jaccard_min=0.25)
    assert not tenable(jaccard_min=0.249)
    assert tenable(smallest_share=0.031, smallest_share_se=0.01)
    assert not tenable(smallest_share=0.029, smallest_share_se=0.01)
    # Without an error, or a figure, a bar that is missed is missed clearly.
    assert not tenable(prediction_strength=0.499, prediction_strength_se=None)
    assert not tenable(jaccard_min=None)
    assert not tenable(converged=False)
    assert not tenable(selectable=False)
    # From bars that are lower by the leeway.
    assert tenable(lenient=True, prediction_strength=0.0)
    assert not tenable(lenient=True, smallest_share=0.02, smallest_share_se=0.001)


def test_the_smallest_share_has_an_error_a_close_call_and_the_leeways_part_of_its_bar() -> None:
    # 500 of 10,000 customers: an error of .22 points, so that 4.8% are within one and 4.7% are not.
    error = (0.05 * 0.95 / 10_000) ** 0.5
    size = cheap_criteria(four(smallest_share=0.048, smallest_share_se=error), RULE)[1]
    assert size.distance == pytest.approx(0.92, abs=0.01)
    assert judge(four(smallest_share=0.048, smallest_share_se=error), RULE).close_call
    assert not judge(four(smallest_share=0.047, smallest_share_se=error), RULE).close_call
    # 0.05 x (1 - 0.05) = 0.0475
    assert judge(four(smallest_share=0.0476), RULE, lenient=True).admissible
    assert not judge(four(smallest_share=0.0474), RULE, lenient=True).admissible
    assert not judge(four(smallest_share=0.0476), RULE).admissible


def judged(*criteria: Criterion) -> Judged:
    return Judged(row=four(), criteria=list(criteria), binding=list(criteria))


PASSED = Criterion(passed=True, text="a", distance=5.0)
NARROW = Criterion(passed=True, text="b", distance=1.5)
CLOSE = Criterion(passed=True, text="c", distance=0.5)
FAILED = Criterion(passed=False, text="d", distance=3.0)
CLOSELY = Criterion(passed=False, text="e", distance=0.5)
UNMEASURED = Criterion(passed=False, text="f", measured=False)


@pytest.mark.parametrize(
    ("criteria", "close"),
    [
        ([PASSED], False),
        ([PASSED, NARROW], False),
        ([PASSED, CLOSE], True),
        ([PASSED, CLOSELY], True),
        ([CLOSELY, CLOSELY], True),
        ([CLOSELY, FAILED], False),
        ([CLOSELY, UNMEASURED], True),
        ([CLOSE, FAILED], False),
        ([CLOSE, UNMEASURED], False),
    ],
)
def test_a_close_call(criteria: list[Criterion], close: bool) -> None:
    assert judged(*criteria).close_call is close


def test_what_failed_is_told_and_what_was_not_measured_only_where_nothing_else_did() -> None:
    assert judged(PASSED, FAILED, CLOSELY, UNMEASURED).failures == "d; e"
    assert judged(PASSED, UNMEASURED).failures == "f"
    assert judged(PASSED).failures == ""
