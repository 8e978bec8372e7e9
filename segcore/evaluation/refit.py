"""Fitting a candidate's model again, cheaply, on part of the rows.

Five restarts where a model has them: that is part of how stability is defined, since restarts that disagree
are part of what is unstable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import Floats, Labels
from segcore.evaluation import em, lloyd
from segcore.models import hierarchical, spectral
from segcore.models.assignment import Assigner, NearestCentre, NearestNeighbours

if TYPE_CHECKING:  # a worker process does without the job and what it imports
    from segcore import job

N_INIT = 5


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What to fit: a family, its variant, and the settings that matter to it.

    Attributes
    ----------
    family, variant : str
    reg_covar : float
        Of mixtures.
    n_neighbors : int
        That vote where a model has no predict of its own.
    """

    family: str
    variant: str = ""
    reg_covar: float = 1e-3
    n_neighbors: int = 15

    @classmethod
    def of(cls, family: str, variant: str, models: job.Models) -> ModelSpec:
        """Return the model of a candidate, with the job's settings."""
        return cls(family=family, variant=variant, reg_covar=models.reg_covar, n_neighbors=models.n_neighbors)


Target = tuple[ModelSpec, int]
"""What to fit, and its number of segments."""
_Starts = dict[int, list[Labels]]  # what mixtures start from, per number of segments


@dataclass(frozen=True, kw_only=True, eq=False)
class Refit:
    """A fitted model: the labels of its own rows, and what labels others."""

    labels: Labels
    assigner: Assigner


def refit(model: ModelSpec, X: Floats, ks: Iterable[int], random_state: int) -> dict[int, Refit]:
    """Fit a model for several k.

    Parameters
    ----------
    model : ModelSpec
        Of a family whose number of segments is set: kmeans, mixture, hierarchical or spectral.
    X : ndarray of shape (n_rows, n_features), float64
    ks : iterable of int
        Numbers of segments; a tree serves all of them.
    random_state : int

    Returns
    -------
    dict of int to Refit
        Without the k that cannot be fitted to these rows: more segments than (distinct) rows, or a mixture
        whose covariance collapses.

    Raises
    ------
    ValueError
        If the family finds its number of segments itself.
    """
    return {k: fit for (_, k), fit in refit_each([(model, k) for k in ks], X, random_state).items()}


def refit_each(candidates: Iterable[Target], X: Floats, random_state: int) -> dict[Target, Refit]:
    """Fit several models to the same rows, each the same as `refit` alone.

    All k of a tree next to each other share it; mixtures of the same k share the partitions that they start from.

    Parameters
    ----------
    candidates : iterable of (ModelSpec, int)
    X : ndarray of shape (n_rows, n_features), float64
    random_state : int
    """
    starts: _Starts = {}
    return {
        (model, k): fit
        for model, same in groupby(candidates, key=itemgetter(0))
        for k, fit in _refit(model, X, [k for _, k in same if k <= len(X)], random_state, starts).items()
    }


def _refit(
    model: ModelSpec, X: Floats, ks: Sequence[int], random_state: int, starts: _Starts
) -> dict[int, Refit]:
    match model.family:
        case "kmeans":
            return {k: _kmeans(X, k, random_state) for k in ks}
        case "mixture":
            for k in ks:
                if k not in starts:
                    starts[k] = _distinct_starts(X, k, random_state)
            fits = {k: _mixture(model, X, k, starts[k]) for k in ks}
            return {k: fit for k, fit in fits.items() if fit is not None}
        case "hierarchical":
            Z = hierarchical.tree(X, model.variant) if len(X) > 1 else np.empty((0, 4))
            return {k: _voting(model, X, hierarchical.cut(Z, k)) for k in ks if k > 1}
        case "spectral":
            return {
                k: _voting(
                    model, X, spectral.fit(X, k, n_neighbors=model.n_neighbors, random_state=random_state)
                )
                for k in ks
                if k < len(X)
            }
    raise ValueError(
        f"family {model.family!r} has no number of segments to set; expected kmeans, mixture ..."
    )


def _kmeans(X: Floats, k: int, random_state: int) -> Refit:
    centres = lloyd.fit(X, k, n_init=N_INIT, random_state=random_state)
    return _assigning(X, NearestCentre(centres=centres))


def _mixture(model: ModelSpec, X: Floats, k: int, starts: list[Labels]) -> Refit | None:
    """Run expectation maximisation from K-Means partitions, as scikit-learn does, but from equal ones once."""
    result = em.fit(X, starts, k, model.variant, model.reg_covar) if starts else None
    return None if result is None else _assigning(X, result[0])


def _distinct_starts(X: Floats, k: int, random_state: int) -> list[Labels]:
    starts = lloyd.starts(X, k, n_init=N_INIT, random_state=random_state)
    partitions: dict[bytes, Labels] = {}
    # Iterated to the end, or the same optimum counts as several by the rows on a border.
    for labels in lloyd.iterate(X, starts, tol=0)[1]:
        _, first = np.unique(labels, return_index=True)
        if len(first) == k:
            rank = np.empty(k, dtype=np.int32)
            rank[labels[np.sort(first)]] = np.arange(k)
            partitions.setdefault(rank[labels].tobytes(), rank[labels])
    return list(partitions.values())


def _assigning(X: Floats, assigner: Assigner) -> Refit:
    return Refit(labels=assigner.assign(X)[0], assigner=assigner)


def _voting(model: ModelSpec, X: Floats, labels: Labels) -> Refit:
    voters = NearestNeighbours(points=X, labels=labels, n_neighbors=model.n_neighbors)
    return Refit(labels=labels, assigner=voters)
