"""The rule that picks a winner from the candidates table: a pure function, with a reason for every row.

A candidate is admissible when it converged, its smallest segment is large enough, its prediction
strength (Tibshirani and Walther, 2005) and the bootstrap Jaccard of its least stable segment (Hennig,
2007) reach their bars. The winner is the largest admissible k; between candidates at that k, the
highest silhouette.

A run that follows another keeps its model until the evidence is clear, or a figure that hovers at its bar would
move everybody from night to night: of that model the bars of stability ask a little less (the leeway), of one that
replaces it two standard errors more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from segcore import errors, job
from segcore.selection import verdicts
from segcore.selection.verdicts import Gate, Row

Key = tuple[str, str, int]
"""Family, variant and k of a candidate."""

CLEAR = 2.0
"""Standard errors by which a candidate is clearly better than the model of the run before."""

PARTITION_K = 4
"""The number of segments that is given, as a partition, when no candidate is admissible."""

COLUMNS = (
    "family",
    "variant",
    "k",
    "n_clusters",
    "selectable",
    "converged",
    "noise_share",
    "smallest_share",
    "silhouette",
    "silhouette_se",
    "prediction_strength",
    "prediction_strength_se",
    "jaccard_min",
    "jaccard_se",
)
"""What `select` reads of a candidate."""

_DECIDED = {
    "admissible": pl.Boolean,
    "close_call": pl.Boolean,
    "verdict": pl.String,
    "reason": pl.String,
    "chosen": pl.Boolean,
}


def worth_measuring(candidates: pl.DataFrame, rule: job.Selection) -> list[Key]:
    """Return the (family, variant, k) that pass the cheap conditions, so that only they are refitted.

    Parameters
    ----------
    candidates : DataFrame
        With family, variant, k, selectable, converged and smallest_share.
    rule : job.Selection
    """
    return [
        key(row)
        for row in candidates.iter_rows(named=True)
        if row["selectable"] and all(gate.passed for gate in verdicts.cheap_gates(row, rule))
    ]


def select(candidates: pl.DataFrame, rule: job.Selection, before: Key | None = None) -> pl.DataFrame:
    """Give every candidate a verdict and a reason, and choose one.

    Parameters
    ----------
    candidates : DataFrame
        One row per (family, variant, k) with at least `COLUMNS`; null (or NaN) where something was not
        measured. A bar of 0 is passed without a measurement, any other is not.
    rule : job.Selection
        The bars, and `k` or `family` where they are pinned by hand.
    before : (family, variant, k), optional
        The model of the run before. Where it may be chosen, it is admissible within the rule's leeway below the bars
        of prediction strength and Jaccard as well, and stays unless another one passes them by more than two
        standard errors, and has more segments, or as many and a silhouette higher by more than two standard errors.

    Returns
    -------
    DataFrame
        The same rows in the same order with admissible, close_call (a change by one standard error would
        turn the verdict), verdict ("chosen", "admissible", "ruled out" or "shown only"), reason (a
        sentence) and chosen added. Exactly one row is chosen. When nothing is admissible that is
        K-Means with `PARTITION_K` segments, or the nearest number there is.

    Raises
    ------
    segcore.errors.DataError
        If there is nothing to choose from, or not at the pinned k.
    segcore.errors.JobError
        If the pinned family is not among the candidates, or finds its number of segments itself.
    """
    rows = list(candidates.iter_rows(named=True))
    gates = [verdicts.gates(row, rule) for row in rows]
    old = next((i for i, row in enumerate(rows) if key(row) == before), None)
    admissible = [
        bool(row["selectable"])
        and all(gate.passed for gate in (_leniently(row, rule) if i == old else found))
        for i, (row, found) in enumerate(zip(rows, gates, strict=True))
    ]
    pool = _pool(rows, rule)
    good = [i for i in pool if admissible[i]]
    first = min(good, key=lambda i: _best_first(rows[i]), default=None)
    best = _partition(rows, pool, gates) if first is None else first
    if old in good:
        clear = [i for i in good if _replaces(rows[i], gates[i], rows[old])]
        best = min(clear, key=lambda i: _best_first(rows[i]), default=old)
    told = [
        _why_not(row, found, rows[best], rule, admissible=fine)
        for row, found, fine in zip(rows, gates, admissible, strict=True)
    ]
    reason = _why_chosen(rows[best], gates[best], [rows[i] for i in good], rule)
    if first is not None and old in good and (best != first or verdicts.failures(gates[best])):
        reason = _chosen(verdicts.followed(rows[best], rows[old], rows[first]), gates[best], rule)
    elif old is not None and old in pool and old != best:
        reason += verdicts.succeeded(rows[old], gates[old], admissible=admissible[old])
    told[best] = "chosen", reason
    decided: dict[str, list[Any]] = {
        "admissible": admissible,
        "close_call": [r["selectable"] and verdicts.close_call(g) for r, g in zip(rows, gates, strict=True)],
        "verdict": [verdict for verdict, _ in told],
        "reason": [reason for _, reason in told],
        "chosen": [i == best for i in range(len(rows))],
    }
    return candidates.with_columns(pl.Series(c, decided[c], dtype=dtype) for c, dtype in _DECIDED.items())


def chosen(decided: pl.DataFrame) -> Row:
    """Return the chosen row of a table that `select` decided."""
    return decided.row(decided["chosen"].to_list().index(True), named=True)


def pinned_cost(
    decided: pl.DataFrame, rule: job.Selection, before: Key | None = None
) -> dict[str, Any] | None:
    """Say what a pin cost: the chosen candidate beside the one that the rule would have chosen.

    Parameters
    ----------
    decided : DataFrame
        From `select` under `rule`.
    rule : job.Selection
    before : (family, variant, k), optional
        The model of the run before.

    Returns
    -------
    dict or None
        None without a pin; else ``pinned`` and ``by_rule`` (family, variant, k, admissible, silhouette,
        prediction_strength, smallest_share) and a ``sentence``.
    """
    if not verdicts.pin(rule):
        return None
    free = chosen(select(decided, rule.model_copy(update={"k": None, "family": None}), before))
    pinned = chosen(decided)
    kept = ("family", "variant", "k", "admissible", "silhouette", "prediction_strength", "smallest_share")
    what = f"{verdicts.called(free)} (silhouette {verdicts.figure(free['silhouette'])})"
    if key(free) == key(pinned):
        sentence = f"The pin costs nothing: the rule would have chosen {what} as well."
    else:
        sentence = (
            f"Without the pin the rule would have chosen {what}; {verdicts.called(pinned)} (silhouette"
            f" {verdicts.figure(pinned['silhouette'])}) is {'' if pinned['admissible'] else 'not '}admissible."
        )
    return {
        "pinned": {column: pinned[column] for column in kept},
        "by_rule": {column: free[column] for column in kept},
        "sentence": sentence,
    }


def _leniently(row: Row, rule: job.Selection) -> list[Gate]:
    """Return the conditions as they are for the model of the run before."""
    bars = {
        name: max(0.0, getattr(rule, name) - rule.leeway)
        for name in ("min_prediction_strength", "min_jaccard")
    }
    return verdicts.gates(row, rule.model_copy(update=bars))


def _replaces(row: Row, found: Sequence[Gate], kept: Row) -> bool:
    """Say whether an admissible candidate is clearly better than the model of the run before."""
    if any(gate.within(CLEAR) for gate in found) or row["k"] < kept["k"]:
        return False
    if row["k"] > kept["k"]:
        return True
    figures = [verdicts.number(one) for one in (row["silhouette"], kept["silhouette"], row["silhouette_se"])]
    higher, lower, error = figures
    return higher is not None and lower is not None and error is not None and higher - lower > CLEAR * error


def _pool(rows: Sequence[Row], rule: job.Selection) -> list[int]:
    """Return the rows that may be chosen under the pins."""
    free = [i for i, row in enumerate(rows) if row["selectable"]]
    if not free:
        raise errors.DataError(
            f"none of the {len(rows)} candidates can be chosen: expected one with a set number of segments;"
            " add kmeans to models.families, or check that the customers differ"
        )
    named = [i for i in free if rule.family in (None, *_names(rows[i]))]
    if not named:
        known = {name for i in free for name in _names(rows[i])}
        raise errors.JobError(
            f"selection.family={rule.family!r} is no candidate that can be chosen"
            f"{errors.did_you_mean(str(rule.family), known)}; there are {errors.listing(known, most=20)}"
        )
    sized = [i for i in named if rule.k in (None, rows[i]["k"])]
    if not sized:
        there = ", ".join(str(k) for k in sorted({rows[i]["k"] for i in named}))
        raise errors.DataError(
            f"no candidate has {rule.k} segments, as selection.k asks; there are k = {there}:"
            " pin one of these, or widen models.k_min and k_max if the customers allow it"
        )
    return sized


def _best_first(row: Row) -> tuple[Any, ...]:
    """Sort the largest k first, then the highest silhouette, then by name so that ties are settled."""
    silhouette = verdicts.number(row["silhouette"])
    quality = -2.0 if silhouette is None else silhouette
    return (-row["k"], -quality, row["family"] != "kmeans", row["family"], row["variant"])


def _partition(rows: Sequence[Row], pool: Iterable[int], gates: Sequence[Sequence[Gate]]) -> int:
    """Return what is given when nothing is admissible: K-Means, at the number nearest `PARTITION_K`."""

    def order(i: int) -> tuple[Any, ...]:
        row = rows[i]
        kmeans = row["family"] == "kmeans"
        # Away from K-Means the silhouette alone would pick a tree that splits off two customers.
        sound = kmeans or all(gate.passed for gate in gates[i][:2])
        return (not kmeans, not sound, abs(row["k"] - PARTITION_K), row["k"], *_best_first(row)[1:])

    return min(pool, key=order)


def _why_chosen(row: Row, found: Sequence[Gate], good: Sequence[Row], rule: job.Selection) -> str:
    pin = verdicts.pin(rule)
    if not good and pin:
        return f"Chosen because {pin}, although the rule rules it out: {verdicts.failures(found)}."
    if not good:
        return verdicts.partition(row, found)
    rivals = sum(other["k"] == row["k"] for other in good)
    if rule.k is None:
        why = f"the largest admissible number of segments{' in it' if rule.family else ''}"
        why += f", and the highest silhouette of the {rivals} candidates there" if rivals > 1 else ""
    else:
        why = f"the highest silhouette of {rivals} admissible ones" if rivals > 1 else "admissible as well"
    return _chosen(why, found, rule)


def _chosen(why: str, found: Sequence[Gate], rule: job.Selection) -> str:
    pin = verdicts.pin(rule)
    remarks = verdicts.within_leeway(found, rule) + verdicts.remark(found)
    return f"Chosen{f' because {pin}' if pin else ''}: {why}.{remarks}"


def _why_not(
    row: Row, found: Sequence[Gate], best: Row, rule: job.Selection, *, admissible: bool
) -> tuple[str, str]:
    if not row["selectable"]:
        return "shown only", verdicts.shown_only(row)
    if not admissible:
        return "ruled out", verdicts.ruled_out(found)
    if not (rule.k in (None, row["k"]) and rule.family in (None, *_names(row))):
        why = f"Admissible, but {verdicts.pin(rule)}."
    elif _best_first(row) < _best_first(best):
        why = "Admissible, but not clearly better than the model of the run before."
    else:
        why = verdicts.beaten(row, best)
    return "admissible", why + verdicts.within_leeway(found, rule) + verdicts.remark(found)


def key(row: Row) -> Key:
    """Return what identifies a row among candidates."""
    return row["family"], row["variant"], row["k"]


def _names(row: Row) -> tuple[str, ...]:
    """Return what a pin may call a candidate's model: its family, or family-variant."""
    family, variant = row["family"], row["variant"]
    return (family, f"{family}-{variant}") if variant else (family,)
