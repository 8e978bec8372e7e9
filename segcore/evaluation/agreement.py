"""How far models agree: the adjusted Rand index of every pair of labelings of the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement, product

import polars as pl

from segcore.arrays import Labels


def adjusted_rand(a: Labels, b: Labels) -> float:
    """Return the adjusted Rand index: 1 for equal partitions, 0 on average for unrelated ones.

    Parameters
    ----------
    a, b : ndarray of shape (n_customers,)
        Any integers; noise (-1) is a group like the others, so that disagreement about it counts.

    References
    ----------
    Hubert and Arabie (1985), Comparing partitions.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(a, b))


def agreement(labelings: Mapping[str, Labels]) -> pl.DataFrame:
    """Return the agreement of every pair of labelings.

    Parameters
    ----------
    labelings : mapping of str to ndarray of shape (n_customers,)
        Name to the labels of the same rows.

    Returns
    -------
    DataFrame
        ``a``, ``b``, ``adjusted_rand``: all ordered pairs, a model with itself included, so that it is a
        full square.
    """
    known = {
        frozenset((a, b)): adjusted_rand(labelings[a], labelings[b])
        for a, b in combinations_with_replacement(labelings, 2)
    }
    rows = [(a, b, known[frozenset((a, b))]) for a, b in product(labelings, repeat=2)]
    return pl.DataFrame(
        rows, schema={"a": pl.String, "b": pl.String, "adjusted_rand": pl.Float64}, orient="row"
    )
