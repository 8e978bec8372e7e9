"""Pins: a number of segments or a family that the job sets by hand."""

from __future__ import annotations

from collections.abc import Sequence

from segcore import errors, job
from segcore.selection.criteria import Judged, Row


def in_words(rule: job.Selection) -> str:
    """Return what was pinned, in words; an empty string without a pin."""
    parts = [f"k = {rule.k}"] if rule.k is not None else []
    parts += [f"the family {rule.family}"] if rule.family is not None else []
    return f"{' and '.join(parts)} {'were' if len(parts) > 1 else 'was'} pinned" if parts else ""


def allow(row: Row, rule: job.Selection) -> bool:
    """Whether a candidate may be chosen under the pins."""
    return rule.k in (None, row["k"]) and rule.family in (None, *_names(row))


def pool(judged: Sequence[Judged], rule: job.Selection) -> list[Judged]:
    """Return the candidates that may be chosen under the pins."""
    free = [candidate for candidate in judged if candidate.row["selectable"]]
    if not free:
        raise errors.DataError(
            f"none of the {len(judged)} candidates can be chosen: expected one with a set number of segments;"
            " add kmeans to models.families, or check that the customers differ"
        )
    named = [candidate for candidate in free if rule.family in (None, *_names(candidate.row))]
    if not named:
        known = {name for candidate in free for name in _names(candidate.row)}
        raise errors.JobError(
            f"selection.family={rule.family!r} is no candidate that can be chosen"
            f"{errors.did_you_mean(str(rule.family), known)}; there are {errors.listing(known, most=20)}"
        )
    sized = [candidate for candidate in named if rule.k in (None, candidate.row["k"])]
    if not sized:
        there = ", ".join(str(k) for k in sorted({candidate.row["k"] for candidate in named}))
        raise errors.DataError(
            f"no candidate has {rule.k} segments, as selection.k asks; there are k = {there}:"
            " pin one of these, or widen models.k_min and k_max if the customers allow it"
        )
    return sized


def _names(row: Row) -> tuple[str, ...]:
    """Return what a pin may call a candidate's model: its family, or family-variant."""
    family, variant = row["family"], row["variant"]
    return (family, f"{family}-{variant}") if variant else (family,)
