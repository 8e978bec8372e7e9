"""What whoever uses the segments should know of their model before anything else."""

from __future__ import annotations

from segcore import job
from segcore.records.fit_figures import PinnedCost
from segcore.selection import pins


def doubt(admissible: bool, pinned_cost: PinnedCost | None, selection: job.Selection) -> str:
    """Return a sentence on a model that was set by hand or did not pass the checks, empty on any other.

    Parameters
    ----------
    admissible : bool
        Whether the chosen candidate is.
    pinned_cost : PinnedCost or None
    selection : segcore.job.Selection
    """
    pinned = pins.in_words(selection)
    cost = f" {pinned_cost.sentence}" if pinned_cost else ""
    if pinned and admissible:
        return f"The model was set by hand ({pinned}), not chosen by the rule.{cost}"
    if pinned:
        return f"The model was set by hand ({pinned}) and does not pass the rule's checks: its segments may not hold.{cost}"
    if not admissible:
        return "No model passed the rule's checks: these segments are one way to divide the customers, and may not hold."
    return ""


def in_short(admissible: bool, pinned_cost: PinnedCost | None) -> str:
    """Return what a list of runs says of a model that is not admissible, empty on any other."""
    if admissible:
        return ""
    others = bool(pinned_cost and pinned_cost.by_rule.admissible)
    return "chosen model not admissible" if others else "no admissible candidate"
