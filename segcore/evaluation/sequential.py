"""Random draws that go on until it is clear on which side of a bar their mean lies.

After at least `least` draws, every `LOOK_EVERY` more, a model whose mean is `CLEAR` of its standard errors from the bar
is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from segcore.arrays import Floats
from segcore.evaluation.refit import Target

LOOK_EVERY = 6
CLEAR = 3.0  # standard errors from the bar

Draw = Callable[[int, Sequence[Target]], dict[Target, Floats]]


def until_clear(
    draw: Draw, targets: Sequence[Target], bar: float, most: int, least: int
) -> dict[Target, Floats]:
    """Draw until every model is settled, and return each one's scores, of shape (n_draws, n_scores).

    Parameters
    ----------
    draw : callable
        From the number of a draw and the models that are not settled to the scores of each, of shape (n_scores,).
    targets : sequence of Target
    bar : float
        That the mean of every score is held against.
    most, least : int
        Draws, at most, and before the first look.
    """
    scores: dict[Target, list[Floats]] = {c: [] for c in targets}
    left = list(targets)
    for number in range(most):
        if not left:
            break
        for c, score in draw(number, left).items():
            scores[c].append(score)
        n = number + 1
        if n >= least and (n - least) % LOOK_EVERY == 0:
            left = [c for c in left if not _clear(np.array(scores[c]), bar)]
    return {c: np.array(rows) for c, rows in scores.items()}


def _clear(scores: Floats, bar: float) -> bool:
    """Whether one score is clearly below the bar, or all are clearly above it."""
    if len(scores) < 2:
        return False
    mean, error = scores.mean(axis=0), standard_error(scores)
    return bool((mean + CLEAR * error < bar).any() or (mean - CLEAR * error > bar).all())


def standard_error(scores: Floats) -> Floats:
    """Return the Monte Carlo standard error of the mean over the draws."""
    return np.asarray(scores.std(axis=0, ddof=1) / np.sqrt(len(scores)))
