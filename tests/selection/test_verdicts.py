"""What a verdict says, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from segcore import job
from segcore.selection import pins, verdicts
from segcore.selection.criteria import Criterion, Judged
from tests.selection.candidates import row

RULE = job.Selection()


@pytest.mark.parametrize(
    ("family", "variant", "name"),
    [
        ("kmeans", "", "K-Means"),
        ("hierarchical", "ward", "Ward linkage"),
        ("hierarchical", "average", "average linkage"),
        ("mixture", "diag", "diagonal mixture"),
        ("mixture", "full", "full mixture"),
        ("dbscan", "", "DBSCAN"),
        ("hdbscan", "", "HDBSCAN"),
        ("spectral", "", "spectral clustering"),
        ("another", "", "another"),
    ],
)
def test_models_have_names(family: str, variant: str, name: str) -> None:
    assert verdicts.name(family, variant) == name
    assert verdicts.called({"family": family, "variant": variant, "k": 3}) == f"{name} with 3 segments"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, ""),
        ({"k": 3}, "k = 3 was pinned"),
        ({"family": "kmeans"}, "the family kmeans was pinned"),
        ({"k": 3, "family": "kmeans"}, "k = 3 and the family kmeans were pinned"),
    ],
)
def test_pins_are_told(given: dict[str, Any], text: str) -> None:
    assert pins.in_words(job.Selection(**given)) == text


def judged(*criteria: Criterion, **changes: Any) -> Judged:
    return Judged(row=row("kmeans", "", 4, **changes), criteria=list(criteria), binding=[])


PASSED = Criterion(passed=True, text="a", distance=5.0)
NARROW = Criterion(passed=True, text="b", distance=1.5)
CLOSE = Criterion(passed=True, text="c", distance=0.5)
FAILED = Criterion(passed=False, text="d", distance=3.0)
CLOSELY = Criterion(passed=False, text="e", distance=0.5)
UNMEASURED = Criterion(passed=False, text="f", measured=False)


def test_what_rules_out_is_told() -> None:
    assert verdicts.ruled_out(judged(FAILED, UNMEASURED)) == "Ruled out: d."
    assert verdicts.ruled_out(judged(CLOSELY)) == "Ruled out: e. A close call: within one standard error."


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ([PASSED], ""),
        ([PASSED, CLOSELY], " Within the leeway of 0.05: e."),
        ([PASSED, NARROW], " Narrowly: b, within two standard errors."),
        ([CLOSE, NARROW], " Narrowly: c; b, within one standard error."),
        ([FAILED, NARROW], " Within the leeway of 0.05: d. Narrowly: b, within two standard errors."),
    ],
)
def test_bars_that_are_missed_within_the_leeway_or_passed_narrowly_are_remarked(
    criteria: list[Criterion], text: str
) -> None:
    assert verdicts.remarks(judged(*criteria), RULE) == text


def test_bars_that_are_missed_by_what_is_not_ruled_out_clearly_are_remarked() -> None:
    missed = Judged(row=row("kmeans", "", 4), criteria=[PASSED, CLOSELY], binding=[PASSED, CLOSELY])
    assert verdicts.remarks(missed, RULE) == " Missed, but not clearly: e."


def test_families_that_find_their_number_of_segments_are_shown_only() -> None:
    hdbscan = row("hdbscan", "", 3)
    assert verdicts.shown_only(hdbscan) == (
        "Shown only: HDBSCAN finds the number of segments itself (3 found)."
    )
    assert verdicts.shown_only(hdbscan | {"noise_share": 0.25}) == (
        "Shown only: HDBSCAN finds the number of segments itself (3 found, 25.0% of customers in none)."
    )


def test_an_admissible_candidate_is_beaten_by_more_segments_or_a_higher_silhouette() -> None:
    kmeans = row("kmeans", "", 4, silhouette=0.3)
    ward = row("hierarchical", "ward", 4)
    assert verdicts.beaten(row("kmeans", "", 3), ward) == (
        "Admissible, but so is Ward linkage with 4 segments, which has more segments."
    )
    assert verdicts.beaten(ward, kmeans) == (
        "Admissible, but K-Means has the higher silhouette at 4 segments (0.300 against 0.250)."
    )
    assert verdicts.beaten(ward | {"silhouette": None}, kmeans) == (
        "Admissible, but K-Means has the higher silhouette at 4 segments (0.300 against not measured)."
    )


def test_a_partition_says_what_it_lacks() -> None:
    poor = Judged(row=row("kmeans", "", 4), criteria=[PASSED, FAILED], binding=[FAILED])
    assert verdicts.chosen(poor, [], RULE) == (
        "Chosen as a partition only: no candidate is admissible, so the data carry no stable segments at this size;"
        " of K-Means with 4 segments the rule says: d."
    )
