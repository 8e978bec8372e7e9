"""How often the rule's bars let as many segments pass on customers without clusters: what passing them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segcore.arrays import Floats
from segcore.evaluation.halving import bootstraps, halvings
from segcore.evaluation.refit import Target, refit
from segcore.evaluation.sequential import until_clear

FIRST_LOOK, LOOK_EVERY = 19, 20  # copies; 0 of 19 is p = 0.05
CLEARLY_OFTEN = 0.2
LEVEL = 0.05
# Draws for each candidate of a copy: fewer than for the customers, since only the count over the copies matters.
_LEAST, _MOST = 6, 18
_HOPELESS = 0.25  # below the bar by that much in its first halving, which differ by about 0.1


@dataclass(frozen=True, kw_only=True)
class Bars:
    """What the rule asks of a candidate."""

    min_share: float
    min_prediction_strength: float
    min_jaccard: float


def next_look(done: int, copies: int) -> int:
    """Return after how many copies it is looked next whether the answer is clear."""
    return min(done + (LOOK_EVERY if done else FIRST_LOOK), copies)


def p_value(reached: int, copies: int) -> float:
    """Return (1 + copies that reach as many segments) / (1 + copies)."""
    return (1 + reached) / (1 + copies)


def clear(reached: int, copies: int) -> bool:
    """Whether more copies would hardly change what is said of the count."""
    p = p_value(reached, copies)
    return p <= LEVEL or p >= CLEARLY_OFTEN


def reaches(candidates: Sequence[Target], X: Floats, bars: Bars, *, seed: int) -> bool:
    """Whether any of the candidates is admissible on a table.

    Parameters
    ----------
    candidates : sequence of (ModelSpec, int)
        In the order in which they are tried; the first one that passes settles it.
    X : ndarray of shape (n_rows, n_features), float64
        Standardised.
    bars : Bars
    seed : int

    Notes
    -----
    The conditions are those of the rule, with five restarts for the fit, and 6 to 18 halvings and bootstrap draws.
    """
    return any(_admissible(candidate, X, bars, seed) for candidate in candidates)


def _admissible(candidate: Target, X: Floats, bars: Bars, seed: int) -> bool:
    model, k = candidate
    bar = bars.min_prediction_strength
    halved = halvings(X, seed=seed)
    first = halved(0, [candidate])
    if first[candidate] < bar - _HOPELESS:
        return False
    fit = refit(model, X, [k], seed).get(k)
    if fit is None or np.bincount(fit.labels, minlength=k).min() < bars.min_share * len(X):
        return False
    strengths = until_clear(
        lambda number, left: halved(number, left) if number else first, [candidate], bar, _MOST, _LEAST
    )
    if strengths[candidate].mean() < bar:
        return False
    drawn = bootstraps({candidate: fit.labels}, X, seed=seed)
    jaccards = until_clear(drawn, [candidate], bars.min_jaccard, _MOST, _LEAST)[candidate]
    return bool(jaccards.mean(axis=0).min() >= bars.min_jaccard)
