"""Each bound of the gate by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from segcore.job import Gate
from segcore.records import DriftReport
from segcore.records.changes import FeatureDrift
from segcore.records.fit_figures import ChosenModel
from segcore.selection.quality_gate import broken_bounds, drift_by_feature, reject_share

ROWS = {"purchase": 700, "return": 50, "missing_customer": 150, "duplicate": 80, "non_positive_price": 20}
PROFILE = pl.DataFrame({"segment": [0, 1, 2, 3], "customer_share": [1.0, 0.5, 0.46, 0.04]})
CHOSEN = ChosenModel(
    family="kmeans", variant="", k=3, admissible=False, prediction_strength=0.79, jaccard_min=None, reason=""
)
DRIFT = {"order_count": 0.05, "total_spend": 0.31}


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ({}, []),
        ({"max_reject_share": 0.1}, []),
        (
            {"max_reject_share": 0.09},
            ["share of rejected lines is 0.1, expected at most gate.max_reject_share = 0.09"],
        ),
        ({"min_segment_share": 0.04}, []),
        (
            {"min_segment_share": 0.05},
            [
                "share of customers in the smallest segment is 0.04, expected at least gate.min_segment_share = 0.05"
            ],
        ),
        (
            {"min_prediction_strength": 0.8},
            [
                "prediction strength of the chosen model is 0.79, "
                "expected at least gate.min_prediction_strength = 0.8"
            ],
        ),
        (
            {"min_jaccard": 0.5},
            ["Jaccard of the least stable segment was not measured, and gate.min_jaccard = 0.5 asks for it"],
        ),
        ({"min_prediction_strength": 0.79}, []),
        ({"max_moved_share": 0.2}, []),
        (
            {"max_moved_share": 0.19},
            ["share of customers who moved is 0.2, expected at most gate.max_moved_share = 0.19"],
        ),
        ({"max_drift": 0.31}, []),
        ({"max_drift": 0.25}, ["drift (PSI) of total_spend is 0.31, expected at most gate.max_drift = 0.25"]),
        (
            {"require_admissible": True, "max_drift": 0.4},
            ["no candidate is admissible, and gate.require_admissible asks for one"],
        ),
    ],
)
def test_each_bound_by_hand(gate: dict[str, Any], expected: list[str]) -> None:
    found = broken_bounds(
        Gate.model_validate(gate), rows=ROWS, profile=PROFILE, chosen=CHOSEN, drift=DRIFT, moved_share=0.2
    )
    assert found == expected


def test_without_a_previous_run_there_is_no_drift() -> None:
    gate = Gate(max_drift=0.01, max_moved_share=0.0)
    assert broken_bounds(gate, rows=ROWS, profile=PROFILE, chosen=CHOSEN) == []


def test_every_broken_bound_is_told() -> None:
    gate = Gate(
        max_reject_share=0.01,
        min_segment_share=0.1,
        max_drift=0.1,
        require_admissible=True,
        min_prediction_strength=0.9,
        min_jaccard=0.5,
    )
    found = broken_bounds(gate, rows=ROWS, profile=PROFILE, chosen=CHOSEN, drift=DRIFT)
    words = [
        "rejected lines",
        "smallest segment",
        "drift",
        "no candidate is admissible",
        "strength",
        "Jaccard",
    ]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_an_admissible_model_and_measured_figures_pass() -> None:
    gate = Gate(require_admissible=True, min_prediction_strength=0.8, min_jaccard=0.75)
    chosen = replace(CHOSEN, admissible=True, prediction_strength=0.8, jaccard_min=0.75)
    assert broken_bounds(gate, rows=ROWS, profile=PROFILE, chosen=chosen) == []
    below = replace(chosen, jaccard_min=0.7)
    assert broken_bounds(gate, rows=ROWS, profile=PROFILE, chosen=below) == [
        "Jaccard of the least stable segment is 0.7, expected at least gate.min_jaccard = 0.75"
    ]


def test_lines_outside_of_the_window_are_in_no_share() -> None:
    assert reject_share(ROWS | {"outside_window": 500}) == 0.1
    assert reject_share({"outside_window": 500}) == 0


def test_only_what_the_model_sees_drifts() -> None:
    features = tuple(
        FeatureDrift(feature=name, psi=psi, chance=0.1, in_model=in_model, verdict="drifted")
        for name, psi, in_model in (("total_spend", 0.5, True), ("tenure_days", 0.9, False))
    )
    drift = DriftReport(
        verdict="refit",
        reasons=(),
        customers_then=10,
        customers_now=10,
        out_of_range_share=0.0,
        out_of_range_then=0.0,
        features=features,
        segments_psi=0.0,
        segments_chance=0.0,
        segments=(),
    )
    assert drift_by_feature(drift) == {"total_spend": 0.5}
    assert drift_by_feature(None) == {}
