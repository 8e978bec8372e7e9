"""Customers without clusters: copies of a table with the same margins and rank correlations, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from segcore.arrays import Floats, Indices

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

    def places(self, rng: np.random.Generator) -> dict[str, Indices]:
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
        ranks = _ranks(noise @ np.linalg.cholesky(_positive(r)).T) * len(values) // CALIBRATION_ROWS
        r = np.clip(r + target - _rank_correlation(np.take_along_axis(margins, ranks, axis=0)), -1, 1)
    return Copula(
        margins=dict(zip(columns, margins.T, strict=True)), lower=np.asarray(np.linalg.cholesky(_positive(r)))
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


def _positive(r: Floats) -> Floats:
    """Return the nearest correlation matrix, by its spectrum, that has a Cholesky factor."""
    values, vectors = np.linalg.eigh((r + r.T) / 2)
    bent = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(bent))
    return np.asarray(bent / scale / scale[:, None])


# A feature that follows from others: from which, and how. In the order in which they are computed.
_IDENTITIES: dict[str, tuple[tuple[str, str], Callable[[Floats, Floats], Floats]]] = {
    "total_spend": (("order_count", "average_order_value"), np.multiply),
    "item_count": (("order_count", "mean_basket_items"), np.multiply),
    "return_rate": (("return_count", "order_count"), lambda returns, orders: returns / (returns + orders)),
    "returned_share": (("returned_value", "total_spend"), np.divide),
}

Identity = Callable[[Columns], Floats]


def identities(names: list[str]) -> dict[str, Identity]:
    """Return the features among `names` that follow from others among them, each as a function of those.

    Parameters
    ----------
    names : list of str
        Features of the matrix.
    """

    def computed(parts: tuple[str, str], how: Callable[[Floats, Floats], Floats]) -> Identity:
        return lambda columns: how(columns[parts[0]], columns[parts[1]])

    return {
        name: computed(parts, how)
        for name, (parts, how) in _IDENTITIES.items()
        if name in names and all(part in names for part in parts)
    }
