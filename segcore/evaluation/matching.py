"""How well the clusters of one labeling come back in another of the same rows."""

from __future__ import annotations

import numpy as np

from segcore.arrays import Counts, Floats, Labels


def prediction_strength(own: Labels, predicted: Labels, n_clusters: int) -> float:
    """Return the least share, over the clusters, of pairs that another fit keeps together.

    Parameters
    ----------
    own, predicted : ndarray of shape (n_rows,)
        The rows' clusters, and what the other fit calls them.
    n_clusters : int
        A cluster of fewer than two rows, or one that did not come out at all, scores 0; a single one holds
        all rows together and scores 1.
    """
    together = _contingency(own, predicted).astype(np.float64)
    sizes = np.zeros(n_clusters)
    sizes[: len(together)] = together.sum(axis=1)
    pairs = np.zeros(n_clusters)
    pairs[: len(together)] = (together * (together - 1)).sum(axis=1)
    if n_clusters == 1:
        return 1.0 if sizes[0] < 2 else float(pairs[0] / (sizes[0] * (sizes[0] - 1)))
    return float(np.divide(pairs, sizes * (sizes - 1), out=np.zeros(n_clusters), where=sizes > 1).min())


def best_jaccards(original: Labels, other: Labels, n_clusters: int) -> Floats:
    """Return each original cluster's Jaccard index with the most similar of the other clusters.

    Parameters
    ----------
    original, other : ndarray of shape (n_rows,)
    n_clusters : int
        Of `original`; a cluster without rows scores 0.
    """
    common = _contingency(original, other).astype(np.float64)
    union = common.sum(axis=1)[:, None] + common.sum(axis=0) - common
    best = np.zeros(n_clusters)
    best[: len(common)] = np.divide(common, union, out=np.zeros_like(common), where=union > 0).max(axis=1)
    return best


def _contingency(a: Labels, b: Labels) -> Counts:
    """Count the rows of each pair of labels, which are numbered from 0."""
    n_a, n_b = int(a.max(initial=0)) + 1, int(b.max(initial=0)) + 1
    return np.bincount(a.astype(np.int64) * n_b + b, minlength=n_a * n_b).reshape(n_a, n_b)
