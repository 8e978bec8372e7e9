"""Clusters as dense regions: DBSCAN and HDBSCAN find k themselves and leave rows out as noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree
from sklearn.cluster import DBSCAN, HDBSCAN

from segcore import job
from segcore.arrays import Floats, Labels, Matrix


@dataclass(frozen=True, kw_only=True)
class DensityFit:
    """Dense regions of a sample.

    Attributes
    ----------
    labels : ndarray of shape (n_sample,), int32
        0..n_clusters-1; -1 is noise.
    eps : float or None
        Radius of DBSCAN, standardised units.
    n_clusters : int
        Noise not counted; 0 where no region is dense.
    note : str
        The settings in words.
    """

    labels: Labels
    eps: float | None
    n_clusters: int
    note: str


def fit(X: Matrix, family: str, settings: job.Models) -> DensityFit:
    """Find dense regions by ``"dbscan"`` or ``"hdbscan"`` with the job's settings."""
    if family == "dbscan":
        return dbscan(X, settings.dbscan_eps, settings.min_samples)
    return hdbscan(X, round(settings.min_cluster_size * len(X)), settings.min_samples)


def knee(distances: Floats) -> float:
    """Return the value at the knee of a sorted curve: the point farthest below its chord.

    Parameters
    ----------
    distances : ndarray of shape (n,)
        In any order; both axes are scaled to 0..1 first.

    Returns
    -------
    float
        In the units of `distances`; their only value where all are equal.

    References
    ----------
    Satopää, Albrecht, Irwin and Raghavan (2011), Finding a "kneedle" in a haystack: detecting knee points
    in system behavior, ICDCS Workshops.
    """
    curve = np.sort(distances)
    span = curve[-1] - curve[0]
    if span == 0:
        return float(curve[0])
    below_chord = np.linspace(0, 1, len(curve)) - (curve - curve[0]) / span
    return float(curve[below_chord.argmax()])


def dbscan(X: Matrix, eps: float | None, min_samples: int) -> DensityFit:
    """Cluster by density at one radius.

    Parameters
    ----------
    X : ndarray of shape (n_sample, n_features)
        Standardised.
    eps : float or None
        Radius; None: the knee of the distances to the `min_samples`-th neighbour (the row itself counts).
    min_samples : int
        Rows within the radius, itself included, that make a row a core one.

    References
    ----------
    Ester, Kriegel, Sander and Xu (1996), A density-based algorithm for discovering clusters, KDD.
    """
    X = np.asarray(X, dtype=np.float64)
    chosen = eps
    if chosen is None:
        distances, _ = KDTree(X).query(X, k=[min(min_samples, len(X))])
        # an all-zero curve (heavy ties) still needs a radius above zero
        chosen = max(knee(distances[:, 0]), float(np.finfo(np.float32).eps))
    labels = DBSCAN(eps=chosen, min_samples=min_samples).fit_predict(X).astype(np.int32)
    how = "the knee of the k-distances" if eps is None else "set by the job"
    return _fitted(labels, f"eps = {chosen:.3g} ({how}), min_samples = {min_samples}", chosen)


def hdbscan(X: Matrix, min_cluster_size: int, min_samples: int) -> DensityFit:
    """Cluster by density at every radius, keeping what lasts longest.

    Parameters
    ----------
    X : ndarray of shape (n_sample, n_features)
        Standardised.
    min_cluster_size : int
        Rows, at least 2.
    min_samples : int
        Neighbours that the core distance reaches to; all rows where there are fewer.

    References
    ----------
    Campello, Moulavi and Sander (2013), Density-based clustering based on hierarchical density estimates, PAKDD.
    """
    X = np.asarray(X, dtype=np.float64)
    size, samples = max(2, min_cluster_size), min(min_samples, len(X))
    model = HDBSCAN(min_cluster_size=size, min_samples=samples, copy=True)
    labels = model.fit_predict(X).astype(np.int32)
    return _fitted(labels, f"min_cluster_size = {size}, min_samples = {samples}", None)


def _fitted(labels: Labels, settings: str, eps: float | None) -> DensityFit:
    n_clusters = int(labels.max(initial=-1)) + 1
    noise = float((labels < 0).mean())
    note = f"{settings}; {noise:.1%} noise"
    return DensityFit(labels=labels, eps=eps, n_clusters=n_clusters, note=note)
