"""One draw of each measure of stability, and how uncertain prediction strength is since the customers are a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from segcore.arrays import Floats, Labels
from segcore.evaluation.matching import best_jaccards, prediction_strength
from segcore.evaluation.refit import Target, refit_each
from segcore.evaluation.sequential import Draw
from segcore.models.assignment import labels_each

SUBSAMPLES, SPLITS_EACH = 8, 4

# What a draw's random numbers are for: the last part of their seed.
_RESAMPLE, _FIT, _SUBSAMPLE = 1, 2, 4


def split_strength(candidates: Sequence[Target], X: Floats, *, seed: int, number: int) -> dict[Target, float]:
    """Return each candidate's prediction strength of one random halving; 0 where a half cannot be fitted."""
    order = np.random.default_rng((seed, number)).permutation(len(X))
    halves = X[order[: len(X) // 2]], X[order[len(X) // 2 :]]
    fits = [refit_each(candidates, half, _state(seed, number, _FIT + i)) for i, half in enumerate(halves)]
    fitted = [c for c in candidates if c in fits[0] and c in fits[1]]
    strength = dict.fromkeys(candidates, 0.0)
    for half, own, other in ((halves[0], fits[0], fits[1]), (halves[1], fits[1], fits[0])):
        predicted = labels_each([other[c].assigner for c in fitted], half)
        for c, labels in zip(fitted, predicted, strict=True):
            strength[c] += prediction_strength(own[c].labels, labels, c[1]) / 2
    return strength


def resample_jaccards(
    candidates: Mapping[Target, Labels], X: Floats, *, seed: int, number: int
) -> dict[Target, Floats]:
    """Return the Jaccard of each segment of each candidate in one bootstrap draw; 0 where it cannot be fitted."""
    drawn = np.random.default_rng((seed, number, _RESAMPLE)).integers(len(X), size=len(X))
    rows = np.unique(drawn)
    fits = refit_each(candidates, X[rows], _state(seed, number, _FIT))
    return {
        c: best_jaccards(labels[rows], fits[c].labels, c[1]) if c in fits else np.zeros(c[1])
        for c, labels in candidates.items()
    }


def halvings(X: Floats, *, seed: int) -> Draw:
    """Return the draws of :func:`split_strength`."""
    return lambda number, open_: {
        c: np.array([strength]) for c, strength in split_strength(open_, X, seed=seed, number=number).items()
    }


def bootstraps(labels: Mapping[Target, Labels], X: Floats, *, seed: int) -> Draw:
    """Return the draws of :func:`resample_jaccards`."""
    return lambda number, open_: resample_jaccards({c: labels[c] for c in open_}, X, seed=seed, number=number)


def sampling_errors(candidates: Sequence[Target], X: Floats, *, seed: int) -> dict[Target, float]:
    """Return the standard error that each candidate's prediction strength has because the rows are a sample.

    By the delete-d jackknife with half of the rows deleted: over random halves of the rows the figure varies as much as over
    samples of all. Each half is halved a few times, and what that adds to the spread is taken off.

    Parameters
    ----------
    candidates : sequence of (ModelSpec, int)
    X : ndarray of shape (n_rows, n_features), float64
    seed : int

    References
    ----------
    Shao and Wu (1989), A general theory for jackknife variance estimation, Annals of Statistics 17.
    """
    if not candidates or len(X) < 8:
        return {}
    strengths: dict[Target, Floats] = {c: np.empty((SUBSAMPLES, SPLITS_EACH)) for c in candidates}
    for subsample in range(SUBSAMPLES):
        order = np.random.default_rng((seed, subsample, _SUBSAMPLE)).permutation(len(X))
        rows = X[np.sort(order[: len(X) // 2])]
        for split in range(SPLITS_EACH):
            number = subsample * SPLITS_EACH + split
            for c, strength in split_strength(candidates, rows, seed=seed, number=number).items():
                strengths[c][subsample, split] = strength
    return {c: _between(own) for c, own in strengths.items()}


def _between(strengths: Floats) -> float:
    """Return the standard deviation of the subsamples' means without what finitely many splits add to it."""
    drawing = strengths.var(axis=1, ddof=1).mean() / strengths.shape[1]
    return float(np.sqrt(max(0.0, strengths.mean(axis=1).var(ddof=1) - drawing)))


def _state(seed: int, number: int, role: int) -> int:
    return int(np.random.SeedSequence((seed, number, role)).generate_state(1)[0])
