"""The conditions of the selection rule for one candidate, and the sentences that tell a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segcore import job

Row = dict[str, Any]

_LABELS = {
    "kmeans": "K-Means",
    "hierarchical": "{variant} linkage",
    "mixture": "{variant} mixture",
    "dbscan": "DBSCAN",
    "hdbscan": "HDBSCAN",
    "spectral": "spectral clustering",
}

_VARIANTS = {"ward": "Ward", "diag": "diagonal"}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition of the rule, applied to one candidate.

    Attributes
    ----------
    passed : bool
    text : str
        What was found against what is asked, without a full stop.
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


def cheap_gates(row: Row, rule: job.Selection) -> list[Gate]:
    """Return the conditions that need no refit: convergence and the size of the smallest segment."""
    share = number(row["smallest_share"]) or 0.0
    held, asked = apart(share, rule.min_share, decimals=1, kind="%")
    found = f"the smallest segment holds {held} of customers, below {asked}"
    return [
        Gate(passed=bool(row["converged"]), text="the fit did not converge"),
        Gate(passed=share >= rule.min_share, text=found),
    ]


def gates(row: Row, rule: job.Selection) -> list[Gate]:
    """Return all conditions of the rule."""
    strength = number(row["prediction_strength"]), number(row["prediction_strength_se"])
    jaccard = number(row["jaccard_min"]), number(row["jaccard_se"])
    return [
        *cheap_gates(row, rule),
        _bar("prediction strength", *strength, rule.min_prediction_strength),
        _bar("Jaccard of the least stable segment", *jaccard, rule.min_jaccard),
    ]


def _bar(what: str, value: float | None, error: float | None, bar: float) -> Gate:
    if value is None:
        return Gate(passed=bar == 0, text=f"{what} was not measured", measured=False)
    shown = f"{what} {value:.3f}" if error is None else f"{what} {value:.3f} \u00b1 {error:.3f}"
    side = "reaches" if value >= bar else "is below"
    distance = abs(value - bar) / error if error else None
    return Gate(passed=value >= bar, text=f"{shown} {side} {bar:.2f}", distance=distance)


def close_call(found: Sequence[Gate]) -> bool:
    """Whether the bars would judge otherwise after a change by one standard error."""
    failed = [gate for gate in found if not gate.passed]
    if failed:
        # A Jaccard left out because the prediction strength failed does not make that failure clearer.
        measured = [gate for gate in failed if gate.measured]
        return bool(measured) and all(gate.within(1.0) for gate in measured)
    return any(gate.within(1.0) for gate in found)


def failures(found: Sequence[Gate]) -> str:
    """Join what failed; that something was not measured is a reason only where nothing else is."""
    failed = [gate for gate in found if not gate.passed]
    return "; ".join(gate.text for gate in [gate for gate in failed if gate.measured] or failed)


def ruled_out(found: Sequence[Gate]) -> str:
    """Say why a candidate is not admissible."""
    close = " A close call: within one standard error." if close_call(found) else ""
    return f"Ruled out: {failures(found)}.{close}"


def remark(found: Sequence[Gate]) -> str:
    """Say which bars an admissible candidate passes narrowly, within one or two standard errors."""
    near = [gate for gate in found if gate.passed and gate.within(2.0)]
    if not near:
        return ""
    off = "one standard error" if any(gate.within(1.0) for gate in near) else "two standard errors"
    return f" Narrowly: {'; '.join(gate.text for gate in near)}, within {off}."


def shown_only(row: Row) -> str:
    """Say why a family that finds its number of segments itself is not a candidate."""
    found = f"{row['n_clusters']} found"
    if noise := number(row["noise_share"]):
        found += f", {percent(noise)} of customers in none"
    return f"Shown only: {name(row['family'], row['variant'])} finds the number of segments itself ({found})."


def beaten(row: Row, best: Row) -> str:
    """Say what an admissible candidate was passed over for."""
    if row["k"] < best["k"]:
        return f"Admissible, but so is {called(best)}, which has more segments."
    higher, lower = apart(number(best["silhouette"]), number(row["silhouette"]), decimals=3, kind="f")
    return (
        f"Admissible, but {name(best['family'], best['variant'])} has the higher silhouette at {row['k']} segments"
        f" ({higher} against {lower})."
    )


def within_leeway(found: Sequence[Gate], rule: job.Selection) -> str:
    """Say what the model of the run before lacks and may lack, or return an empty string."""
    failed = failures(found)
    return f" Within the leeway of {rule.leeway:g}: {failed}." if failed else ""


def followed(row: Row, before: Row, first: Row) -> str:
    """Say why a run that follows another did not choose what it would have chosen alone.

    Parameters
    ----------
    row : dict
        The chosen candidate.
    before : dict
        The model of the run before.
    first : dict
        What the rule gives without a run before.
    """
    if row is not before:
        return f"clearly better than {called(before)}, which the run before had, as {called(first)} is not"
    if row is not first:
        return f"the run before had it, and {called(first)} is not clearly better"
    return "the run before had it"


def succeeded(before: Row, found: Sequence[Gate], *, admissible: bool) -> str:
    """Say what became of the model of the run before, where another one is chosen."""
    if admissible:
        return f" It replaces {called(before)}, which the run before had."
    return f" The run before had {called(before)}, which is ruled out: {failures(found)}."


def partition(row: Row, found: Sequence[Gate]) -> str:
    """Say that the chosen candidate is no more than a partition."""
    return (
        "Chosen as a partition only: no candidate is admissible, so the data carry no stable segments at"
        f" this size; of {called(row)} the rule says: {failures(found)}."
    )


def pin(rule: job.Selection) -> str:
    """Say what was pinned, or return an empty string."""
    parts = [f"k = {rule.k}"] if rule.k is not None else []
    parts += [f"the family {rule.family}"] if rule.family is not None else []
    return f"{' and '.join(parts)} {'were' if len(parts) > 1 else 'was'} pinned" if parts else ""


def name(family: str, variant: str) -> str:
    """Return what a model is called in a sentence, such as ``"full mixture"``."""
    return _LABELS.get(family, family).format(variant=_VARIANTS.get(variant, variant))


def called(row: Row) -> str:
    """Return what a candidate is called in a sentence, such as ``"K-Means with 4 segments"``."""
    return f"{name(row['family'], row['variant'])} with {row['k']} segments"


def number(value: float | None) -> float | None:
    """Return a finite number as it is, and everything else as None."""
    return None if value is None or not math.isfinite(value) else float(value)


def figure(value: float | None) -> str:
    """Return a criterion with three decimals."""
    found = number(value)
    return "not measured" if found is None else f"{found:.3f}"


def apart(
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


def percent(share: float) -> str:
    """Return a share with one decimal."""
    return f"{100 * share:.1f}%"
