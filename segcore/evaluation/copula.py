"""Customers without clusters: copies of a table with the same margins and rank correlations, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from segcore.arrays import Floats, Indices
from segcore.feature_identities import IDENTITIES, Identity

Columns = Mapping[str, Floats]

CALIBRATION_ROWS = 20_000
CALIBRATION_STEPS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Copula:
    """A Gaussian copula with the margins of a table.

    Attributes
    ----------
    margins : dict of str to ndarray of shape (n_customers,)
        Each column's values in increasing order.
    lower : ndarray of shape (n_columns, n_columns)
        Cholesky factor of the normal scores' correlations.
    """

    margins: dict[str, Floats]
    lower: Floats

    def draw(self, rng: np.random.Generator) -> dict[str, Indices]:
        """Draw one copy: for each column, which of its ordered values each customer has.

        Every value is used once, so a copy's margins are exactly those of the table.
        """
        n = len(next(iter(self.margins.values())))
        ranks = _ranks(rng.standard_normal((n, len(self.margins))) @ self.lower.T)
        return dict(zip(self.margins, ranks.T, strict=True))


def fit(columns: Columns) -> Copula:
    """Fit the correlations so that copies have the rank correlations of the table.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_customers,)
        No NaN.

    Notes
    -----
    Without ties Spearman's correlation s belongs to the normal correlation 2 sin(pi s / 6) (Pearson 1907).
    Ties (a third of all customers may have exactly one order) weaken it, so from there the correlations are
    moved by what a large copy misses, a few times.
    """
    values = np.stack(list(columns.values()), axis=1)
    target = _rank_correlation(values)
    margins = np.sort(values, axis=0)
    noise = np.random.default_rng(0).standard_normal((CALIBRATION_ROWS, values.shape[1]))
    r = 2 * np.sin(np.pi * target / 6)
    for _ in range(CALIBRATION_STEPS):
        ranks = (
            _ranks(noise @ np.linalg.cholesky(_nearest_correlation(r)).T) * len(values) // CALIBRATION_ROWS
        )
        r = np.clip(r + target - _rank_correlation(np.take_along_axis(margins, ranks, axis=0)), -1, 1)
    return Copula(
        margins=dict(zip(columns, margins.T, strict=True)),
        lower=np.asarray(np.linalg.cholesky(_nearest_correlation(r))),
    )


def _ranks(values: Floats) -> Indices:
    """Return the rank of each value in its column, from 0."""
    return values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")


def _rank_correlation(values: Floats) -> Floats:
    """Return Spearman's correlations; 0 with a constant column."""
    from scipy.stats import rankdata  # half a second that a worker process does without

    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    norms = np.linalg.norm(ranks, axis=0)
    scaled = np.divide(ranks, norms, out=np.zeros_like(ranks), where=norms > 0)
    correlation = scaled.T @ scaled
    np.fill_diagonal(correlation, 1)
    return np.asarray(correlation)


def _nearest_correlation(r: Floats) -> Floats:
    """Return the nearest correlation matrix, by its spectrum, that has a Cholesky factor."""
    values, vectors = np.linalg.eigh((r + r.T) / 2)
    bent = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(bent))
    return np.asarray(bent / scale / scale[:, None])


Computed = Callable[[Columns], Floats]


def dependent_features(names: list[str]) -> dict[str, Computed]:
    """Return the features among `names` that follow from others among them, each as a function of those.

    Parameters
    ----------
    names : list of str
        Features of the matrix.
    """

    def computed(identity: Identity) -> Computed:
        return lambda columns: identity.computed(columns.__getitem__)

    return {
        identity.dependent: computed(identity)
        for identity in IDENTITIES.values()
        if {identity.dependent, *identity.inputs} <= set(names)
    }
