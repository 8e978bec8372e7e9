from __future__ import annotations

from typing import Any

import pytest

from segcore import job
from segcore.selection.doubt import doubt, in_short

COST: dict[str, Any] = {"sentence": "Without the pin ...", "by_rule": {"admissible": True}}
PINNED = job.Selection(k=3)


@pytest.mark.parametrize(
    ("admissible", "cost", "selection", "words", "short"),
    [
        (True, None, job.Selection(), "", ""),
        (True, COST, PINNED, "The model was set by hand (k = 3 was pinned), not chosen by the rule. Without the pin ...", ""),
        (False, COST, PINNED, "does not pass the rule's checks: its segments may not hold. Without the pin ...", "chosen model not admissible"),
        (False, COST | {"by_rule": {"admissible": False}}, PINNED, "set by hand", "no admissible candidate"),
        (False, None, job.Selection(), "No model passed the rule's checks", "no admissible candidate"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_like_any_other_says_so(
    admissible: bool, cost: dict[str, Any] | None, selection: job.Selection, words: str, short: str
) -> None:
    chosen = {"admissible": admissible}
    text = doubt(chosen, cost, selection)
    assert words in text
    assert bool(words) == bool(text)
    assert in_short(chosen, cost) == short
