"""Spectral clustering on the graph of nearest neighbours."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from segcore.arrays import Labels, Matrix
from segcore.models import threads


def fit(X: Matrix, k: int, *, n_neighbors: int, random_state: int) -> Labels:
    """Cluster the leading eigenvectors of the neighbour graph's Laplacian by K-Means.

    Parameters
    ----------
    X : ndarray of shape (n_sample, n_features)
        Standardised.
    k : int
        Number of clusters.
    n_neighbors : int
        Neighbours joined to each row; all others where there are fewer. The graph may fall apart: its
        parts are then separated first.
    random_state : int

    Returns
    -------
    ndarray of shape (n_sample,), int32
        Labels 0..k-1.

    References
    ----------
    von Luxburg (2007), A tutorial on spectral clustering, Statistics and Computing 17.
    """
    from sklearn.cluster import SpectralClustering  # half a second that a worker process mostly does without

    X = np.asarray(X, dtype=np.float64)
    model = SpectralClustering(
        k,
        affinity="nearest_neighbors",
        n_neighbors=min(n_neighbors, len(X)),
        random_state=random_state,
        assign_labels="kmeans",
    )
    with threadpool_limits(1), threads.ignoring_known_warnings():
        return np.asarray(model.fit_predict(X), dtype=np.int32)


def n_parts(X: Matrix, *, n_neighbors: int) -> int:
    """Return into how many unconnected parts the neighbour graph of `fit` falls."""
    from sklearn.neighbors import kneighbors_graph

    rows = np.asarray(X, dtype=np.float64)
    with threadpool_limits(1):
        graph = kneighbors_graph(rows, min(n_neighbors, len(rows)), include_self=True)
    return int(connected_components(graph, directed=False, return_labels=False))
