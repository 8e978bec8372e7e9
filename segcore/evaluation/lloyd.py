"""K-Means for hundreds of refits of a few thousand rows: all restarts of a fit at once.

The same algorithm, starts and stopping rule as scikit-learn's, which fits the candidates themselves; at this size
its time goes into what surrounds the iterations. Held against it by a test.

The distance of a row x to a centre c is |x|^2 - 2cx + |c|^2, of which the first part does not matter to which is the
nearest. So the distances to all centres of all restarts are one product of matrices, and the sums of all clusters'
rows another.
"""

from __future__ import annotations

import numpy as np

from segcore.arrays import Floats, Indices, Labels, Mask

TOL = 1e-4  # squared shift of all centres, over the mean variance of a feature, below which a restart has converged
ROUNDING = 1e-20  # the same, of centres whose rows have stayed the same
MAX_ITER = 300


def fit(X: Floats, n_clusters: int, *, n_init: int, random_state: int) -> Floats:
    """Return the centres of the best of several restarts.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        Standardised: distances that are much smaller than the values would be lost.
    n_clusters : int
    n_init : int
        Restarts from k-means++.
    random_state : int

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float64

    References
    ----------
    Lloyd (1982), Least squares quantization in PCM, IEEE Transactions on Information Theory 28.
    """
    centres, labels = iterate(X, starts(X, n_clusters, n_init=n_init, random_state=random_state))
    sums_of_squares = [((X - own[label]) ** 2).sum() for own, label in zip(centres, labels, strict=True)]
    best: Floats = centres[int(np.argmin(sums_of_squares))]
    return best


def starts(X: Floats, n_clusters: int, *, n_init: int, random_state: int) -> Floats:
    """Draw starts by k-means++, each centre the best of a few draws as in scikit-learn.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
    n_clusters, n_init, random_state : int

    Returns
    -------
    ndarray of shape (n_init, n_clusters, n_features), float64

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding, SODA.
    """
    rng = np.random.default_rng(random_state)
    columns, norms = np.ascontiguousarray(X.T), (X * X).sum(axis=1)
    draws, restart = 2 + int(np.log(n_clusters)), np.arange(n_init)

    def squared_distances(rows: Indices) -> Floats:
        return np.asarray(np.maximum((-2 * X[rows]) @ columns + norms + norms[rows][:, None], 0))

    chosen = np.empty((n_init, n_clusters), dtype=np.intp)
    chosen[:, 0] = rng.integers(len(X), size=n_init)
    nearest = squared_distances(chosen[:, 0])
    for c in range(1, n_clusters):
        below = nearest.cumsum(axis=1)
        aims = rng.random((n_init, draws)) * below[:, -1:]
        places = [np.searchsorted(each, aim, side="right") for each, aim in zip(below, aims, strict=True)]
        drawn = np.minimum(places, len(X) - 1)
        distances = squared_distances(drawn.ravel()).reshape(n_init, draws, -1)
        np.minimum(distances, nearest[:, None], out=distances)
        best = distances.sum(axis=2).argmin(axis=1)
        chosen[:, c], nearest = drawn[restart, best], distances[restart, best]
    return X[chosen]


def iterate(X: Floats, starts: Floats, *, tol: float = TOL) -> tuple[Floats, Labels]:
    """Move the centres of every restart to the means of the rows nearest to them until they stand still.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        Standardised.
    starts : ndarray of shape (n_init, n_clusters, n_features), float64
    tol : float
        A restart has converged when the squared shift of its centres is at most tol x the mean variance of a feature;
        with 0 when no row changes its cluster.

    Returns
    -------
    centres : ndarray of shape (n_init, n_clusters, n_features), float64
    labels : ndarray of shape (n_init, n_rows), int32
        The clusters whose means the centres are.

    Notes
    -----
    A cluster that loses its rows gets one of those farthest from their centres, as in scikit-learn.
    """
    n_init, k, d = starts.shape
    norms, rows = (X * X).sum(axis=1), np.concatenate([X, np.ones((len(X), 1))], axis=1)
    columns, limit = np.ascontiguousarray(rows.T), max(tol, ROUNDING) * X.var(axis=0).mean()
    centres, owned, left = starts.copy(), np.zeros((n_init, k, len(X)), dtype=np.bool_), np.arange(n_init)
    for _ in range(MAX_ITER):
        # Only the restarts that still move, `left`, are computed: most converge long before the last.
        now = centres[left]
        coefficients = np.concatenate([-2 * now, (now * now).sum(axis=2, keepdims=True)], axis=2)
        distances = (coefficients.reshape(-1, d + 1) @ columns).reshape(len(now), k, -1)
        nearest = distances.min(axis=1, keepdims=True)
        members = distances == nearest
        sums = _sums(members, rows)
        # A row in no or several clusters, or an empty cluster: rare, and dear to look for, so the counts tell.
        if sums[:, :, d].min() == 0 or sums[:, :, d].sum() != len(now) * len(X):
            _one_cluster_each(members, nearest[:, 0] + norms)
            sums = _sums(members, rows)
        means = np.where(sums[:, :, d:] > 0, sums[:, :, :d] / np.maximum(sums[:, :, d:], 1), now)
        centres[left], owned[left] = means, members
        left = left[((means - now) ** 2).sum(axis=(1, 2)) > limit]
        if not len(left):
            break
    return centres, owned.argmax(axis=1).astype(np.int32)


def _sums(members: Mask, rows: Floats) -> Floats:
    """Return the sum of each cluster's rows, of shape (n_init, n_clusters, n_columns)."""
    n_init, k, n = members.shape
    return np.asarray(members.reshape(-1, n).astype(np.float64) @ rows).reshape(n_init, k, -1)


def _one_cluster_each(members: Mask, squares: Floats) -> None:
    """Give a row that is as near to several centres to the first, and each empty cluster a row far from its own centre."""
    members &= members.cumsum(axis=1) == 1
    for own, far in zip(members, squares, strict=True):
        empty = np.flatnonzero(~own.any(axis=1))
        farthest = np.argsort(-far, kind="stable")[: len(empty)]
        own[:, farthest] = False
        own[empty, farthest] = True
