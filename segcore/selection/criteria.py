"""The conditions of the selection rule, and how they judge one candidate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segcore import job
from segcore.evaluation.stability import CLEAR
from segcore.models import CandidateKey

Row = dict[str, Any]

USUAL_K = 4
"""The number of segments that people work with, for where the customers give none."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One condition of the rule, applied to one candidate.

    Attributes
    ----------
    passed : bool
    text : str
        The figure against the bar, without a full stop.
    measured : bool
        False where there is no figure to compare with the bar.
    distance : float or None
        From the bar in standard errors, where there is an error.
    """

    passed: bool
    text: str
    measured: bool = True
    distance: float | None = None

    def within(self, standard_errors: float) -> bool:
        """Whether the figure is that close to its bar."""
        return self.distance is not None and self.distance <= standard_errors


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A candidate under the rule.

    Attributes
    ----------
    row : dict
        Of the table of candidates.
    criteria : list of Criterion
        At the bars of the rule.
    binding : list of Criterion
        At the bars that it has to pass: lower by the leeway where it is the previous run's model.
    """

    row: Row
    criteria: list[Criterion]
    binding: list[Criterion]

    @property
    def admissible(self) -> bool:
        """Whether it passes all bars."""
        return bool(self.row["selectable"]) and all(c.passed for c in self.binding)

    @property
    def tenable(self) -> bool:
        """Whether it misses no bar clearly."""
        return bool(self.row["selectable"]) and all(c.passed or c.within(CLEAR) for c in self.binding)

    @property
    def key(self) -> CandidateKey:
        """What identifies it among candidates."""
        return key(self.row)

    @property
    def failures(self) -> str:
        """What failed; that something was not measured is a reason only where nothing else is."""
        failed = self._failed
        return "; ".join(c.text for c in [c for c in failed if c.measured] or failed)

    @property
    def close_call(self) -> bool:
        """Whether the bars would judge otherwise after a change by one standard error."""
        if not self._failed:
            return any(c.within(1.0) for c in self.criteria)
        # A Jaccard left out because the prediction strength failed does not make that failure clearer.
        measured = [c for c in self._failed if c.measured]
        return bool(measured) and all(c.within(1.0) for c in measured)

    @property
    def _failed(self) -> list[Criterion]:
        return [c for c in self.criteria if not c.passed]


def key(row: Row) -> CandidateKey:
    """Return what identifies a row among candidates."""
    return row["family"], row["variant"], row["k"]


def judge(row: Row, rule: job.Selection, *, lenient: bool = False) -> Judged:
    """Apply the rule to a candidate; `lenient` lowers the bars that it has to pass by the leeway."""
    criteria = all_criteria(row, rule)
    binding = all_criteria(row, with_leeway(rule)) if lenient else criteria
    return Judged(row=row, criteria=criteria, binding=binding)


def with_leeway(rule: job.Selection) -> job.Selection:
    """Return the rule with lower bars: of stability by the leeway, of the smallest share by that part of it."""
    bars = ("min_prediction_strength", "min_jaccard")
    lower = {bar: max(0.0, getattr(rule, bar) - rule.leeway) for bar in bars}
    return rule.model_copy(update=lower | {"min_share": rule.min_share * (1 - rule.leeway)})


def cheap_criteria(row: Row, rule: job.Selection) -> list[Criterion]:
    """Return the conditions that need no refit: convergence and the size of the smallest segment."""
    share = number(row["smallest_share"]) or 0.0
    actual, bar = distinct_figures(share, rule.min_share, decimals=1, kind="%")
    error, passed = number(row["smallest_share_se"]), share >= rule.min_share
    text = f"the smallest segment holds {actual} of customers, {'at least' if passed else 'below'} {bar}"
    distance = abs(share - rule.min_share) / error if error else None
    return [
        Criterion(passed=bool(row["converged"]), text="the fit did not converge"),
        Criterion(passed=passed, text=text, distance=distance),
    ]


def all_criteria(row: Row, rule: job.Selection) -> list[Criterion]:
    """Return all conditions of the rule, the cheap ones first."""
    strength = number(row["prediction_strength"]), number(row["prediction_strength_se"])
    jaccard = number(row["jaccard_min"]), number(row["jaccard_se"])
    return [
        *cheap_criteria(row, rule),
        _at_least("prediction strength", *strength, rule.min_prediction_strength),
        _at_least("Jaccard of the least stable segment", *jaccard, rule.min_jaccard),
    ]


def _at_least(what: str, value: float | None, error: float | None, bar: float) -> Criterion:
    if value is None:
        return Criterion(passed=bar == 0, text=f"{what} was not measured", measured=False)
    shown = f"{what} {value:.3f}" if error is None else f"{what} {value:.3f} \u00b1 {error:.3f}"
    side = "reaches" if value >= bar else "is below"
    distance = abs(value - bar) / error if error else None
    return Criterion(passed=value >= bar, text=f"{shown} {side} {bar:.2f}", distance=distance)


def number(value: float | None) -> float | None:
    """Return a finite number as it is, and everything else as None."""
    return None if value is None or not math.isfinite(value) else float(value)


def figure(value: float | None) -> str:
    """Return a figure with three decimals."""
    finite = number(value)
    return "not measured" if finite is None else f"{finite:.3f}"


def distinct_figures(
    first: float | None, second: float | None, *, decimals: int, kind: Literal["f", "%"]
) -> tuple[str, str]:
    """Return two figures with as many decimals as tell them apart, such as ``("4.98%", "5.00%")``; six at most."""
    if first is None or second is None:
        return figure(first), figure(second)
    while True:
        texts = f"{first:.{decimals}{kind}}", f"{second:.{decimals}{kind}}"
        if texts[0] != texts[1] or first == second or decimals == 6:
            return texts
        decimals += 1


def best_first(candidates: Sequence[Judged]) -> list[Judged]:
    """Sort: the largest k first, then the highest silhouette, then K-Means, then by name so that ties are settled."""
    return sorted(candidates, key=lambda candidate: (-candidate.row["k"], *quality_order(candidate.row)))


def usual_first(candidates: Sequence[Judged]) -> list[Judged]:
    """Sort: the k nearest `USUAL_K` first, then K-Means, then the smaller k, then as `best_first` does."""

    def order(candidate: Judged) -> tuple[Any, ...]:
        row = candidate.row
        return (abs(row["k"] - USUAL_K), row["family"] != "kmeans", row["k"], *quality_order(row))

    return sorted(candidates, key=order)


def partition(pool: Sequence[Judged]) -> Judged:
    """Return what is given when nothing is admissible: K-Means, at the number nearest `USUAL_K`."""

    def order(candidate: Judged) -> tuple[Any, ...]:
        row = candidate.row
        kmeans = row["family"] == "kmeans"
        # Away from K-Means the silhouette alone would pick a tree that splits off two customers.
        sound = kmeans or all(criterion.passed for criterion in candidate.criteria[:2])
        return (not kmeans, not sound, abs(row["k"] - USUAL_K), row["k"], *quality_order(row))

    return min(pool, key=order)


def quality_order(row: Row) -> tuple[Any, ...]:
    """Return what sorts candidates of the same k, the best first."""
    silhouette = number(row["silhouette"])
    return (
        2.0 if silhouette is None else -silhouette,
        row["family"] != "kmeans",
        row["family"],
        row["variant"],
    )
