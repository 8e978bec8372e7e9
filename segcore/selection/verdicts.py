"""The sentences that explain a verdict of the selection rule."""

from __future__ import annotations

from collections.abc import Sequence

from segcore import job
from segcore.evaluation.stability import CLEAR
from segcore.selection import pins
from segcore.selection.criteria import USUAL_K, Judged, Row, distinct_figures, number

_LABELS = {
    "kmeans": "K-Means",
    "hierarchical": "{variant} linkage",
    "mixture": "{variant} mixture",
    "dbscan": "DBSCAN",
    "hdbscan": "HDBSCAN",
    "spectral": "spectral clustering",
}

_VARIANTS = {"ward": "Ward", "diag": "diagonal"}


def name(family: str, variant: str) -> str:
    """Return what a model is called in a sentence, such as ``"full mixture"``."""
    return _LABELS.get(family, family).format(variant=_VARIANTS.get(variant, variant))


def called(row: Row) -> str:
    """Return what a candidate is called in a sentence, such as ``"K-Means with 4 segments"``."""
    return f"{name(row['family'], row['variant'])} with {row['k']} segments"


def chosen(best: Judged, left: Sequence[Judged], rule: job.Selection, *, continuum: bool = False) -> str:
    """Return why the rule chose a candidate.

    Parameters
    ----------
    best : Judged
    left : sequence of Judged
        Those that it was chosen from; where there are none it is a partition only.
    rule : job.Selection
    continuum : bool
        Whether it was chosen for its number being the usual one, or near it.
    """
    pinned = pins.in_words(rule)
    if not left and pinned:
        return f"Chosen because {pinned}, although the rule rules it out: {best.failures}."
    if not left:
        return (
            "Chosen as a partition only: no candidate is admissible, so the data carry no stable segments at"
            f" this size; of {called(best.row)} the rule says: {best.failures}."
        )
    rivals = sum(other.row["k"] == best.row["k"] for other in left)
    if rule.k is None and continuum:
        why = "customers shade into one another, so that the number of segments is a matter of use: "
        usual = best.row["k"] == USUAL_K
        why += f"{USUAL_K}, which" if usual else f"the nearest to {USUAL_K} that"
        why += " no check clearly rules out"
        why += ", and K-Means before other families" if rivals > 1 and best.row["family"] == "kmeans" else ""
    elif rule.k is None:
        why = f"the largest admissible number of segments{' in it' if rule.family else ''}"
        why += f", and the highest silhouette of the {rivals} candidates there" if rivals > 1 else ""
    else:
        why = f"the highest silhouette of {rivals} admissible ones" if rivals > 1 else "admissible as well"
    return _chosen_for(why, best, rule)


def chosen_after(best: Judged, previous: Judged, first: Judged, rule: job.Selection) -> str:
    """Return why a run that follows another did not choose what it would have chosen alone.

    Parameters
    ----------
    best, previous, first : Judged
        The chosen candidate, the model of the previous run, and what the rule gives without a previous run.
    rule : job.Selection
    """
    if best is not previous:
        why = f"clearly better than {called(previous.row)}, which the run before had, as {called(first.row)} is not"
    elif best is not first:
        why = f"the run before had it, and {called(first.row)} is not clearly better"
    else:
        why = "the run before had it"
    return _chosen_for(why, best, rule)


def _chosen_for(why: str, best: Judged, rule: job.Selection) -> str:
    pinned = pins.in_words(rule)
    return f"Chosen{f' because {pinned}' if pinned else ''}: {why}.{remarks(best, rule)}"


def succeeded(previous: Judged) -> str:
    """Return what became of the previous run's model, where another one is chosen."""
    if previous.admissible:
        return f" It replaces {called(previous.row)}, which the run before had."
    return f" The run before had {called(previous.row)}, which is ruled out: {previous.failures}."


def shown_only(row: Row) -> str:
    """Return why a family that finds its number of segments itself is not a candidate."""
    result = f"{row['n_clusters']} found"
    if noise := number(row["noise_share"]):
        result += f", {100 * noise:.1f}% of customers in none"
    return (
        f"Shown only: {name(row['family'], row['variant'])} finds the number of segments itself ({result})."
    )


def ruled_out(candidate: Judged) -> str:
    """Return why a candidate is not admissible."""
    close = " A close call: within one standard error." if candidate.close_call else ""
    return f"Ruled out: {candidate.failures}.{close}"


def beaten(row: Row, best: Row, *, continuum: bool = False) -> str:
    """Return what an admissible candidate was passed over for."""
    if continuum and (why := _less_usual(row, best)):
        return f"Admissible, but {called(best)} {why}, and customers shade into one another."
    if row["k"] < best["k"]:
        return f"Admissible, but so is {called(best)}, which has more segments."
    higher, lower = distinct_figures(
        number(best["silhouette"]), number(row["silhouette"]), decimals=3, kind="f"
    )
    return (
        f"Admissible, but {name(best['family'], best['variant'])} has the higher silhouette at {row['k']} segments"
        f" ({higher} against {lower})."
    )


def _less_usual(row: Row, best: Row) -> str:
    """Return in what another candidate comes before one where customers are a continuum, but for its silhouette."""
    if abs(row["k"] - USUAL_K) != abs(best["k"] - USUAL_K):
        return f"is nearer to {USUAL_K}"
    if row["family"] != "kmeans" and best["family"] == "kmeans":
        return f"is as near to {USUAL_K} and comes before other families"
    return f"is as near to {USUAL_K} with fewer" if row["k"] != best["k"] else ""


def remarks(candidate: Judged, rule: job.Selection) -> str:
    """Return which bars a chosen or admissible candidate misses, though not clearly, or passes within two standard errors."""
    failures = candidate.failures
    missed = ""
    if failures and candidate.admissible:
        missed = f" Within the leeway of {rule.leeway:g}: {failures}."
    elif failures:
        missed = f" Missed, but not clearly: {failures}."
    near = [c for c in candidate.criteria if c.passed and c.within(CLEAR)]
    if not near:
        return missed
    off = "one standard error" if any(c.within(1.0) for c in near) else "two standard errors"
    return f"{missed} Narrowly: {'; '.join(c.text for c in near)}, within {off}."
