from __future__ import annotations

from dataclasses import replace

import pytest

from segcore import job
from segcore.records.fit_figures import CandidateFigures, PinnedCost
from segcore.selection.doubt import doubt, in_short

THREE = CandidateFigures(
    family="kmeans",
    variant="",
    k=3,
    admissible=True,
    silhouette=0.2,
    prediction_strength=0.9,
    smallest_share=0.2,
)
COST = PinnedCost(sentence="Without the pin ...", pinned=THREE, by_rule=THREE)
PINNED = job.Selection(k=3)


@pytest.mark.parametrize(
    ("admissible", "cost", "selection", "words", "short"),
    [
        (True, None, job.Selection(), "", ""),
        (True, COST, PINNED, "The model was set by hand (k = 3 was pinned), not chosen by the rule. Without the pin ...", ""),
        (False, COST, PINNED, "does not pass the rule's checks: its segments may not hold. Without the pin ...", "chosen model not admissible"),
        (False, replace(COST, by_rule=replace(THREE, admissible=False)), PINNED, "set by hand", "no admissible candidate"),
        (False, None, job.Selection(), "No model passed the rule's checks", "no admissible candidate"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_like_any_other_says_so(
    admissible: bool, cost: PinnedCost | None, selection: job.Selection, words: str, short: str
) -> None:
    text = doubt(admissible, cost, selection)
    assert words in text
    assert bool(words) == bool(text)
    assert in_short(admissible, cost) == short
