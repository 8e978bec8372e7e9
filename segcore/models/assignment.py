"""How a row gets its label: by the nearest centre, by a mixture's posterior, or by its neighbours' votes.

Three classes without a common base, because what they hold differs. Each has `n_clusters` and `assign`, which takes
standardised rows of shape (n_customers, n_features) and returns their labels (int32) and confidence (float32, from 0
to 1), both of shape (n_customers,). Every row is worked out by itself, in float64 and in a fixed order of operations,
so that its label and confidence do not depend on the block that it comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from segcore.arrays import Floats, Floats32, Indices, Labels, Mask, Matrix

Assigned = tuple[Labels, Floats32]
"""Labels and confidence."""

CHUNK_ROWS = 16_384  # bounds the memory of n x k and n x n_neighbors tables, whatever n is


@dataclass(frozen=True, kw_only=True, eq=False)
class NearestCentre:
    """The label of the nearest of k centres, Euclidean.

    Attributes
    ----------
    centres : ndarray of shape (n_clusters, n_features), float64
        In the units of the standardised matrix.
    """

    centres: Floats

    @property
    def n_clusters(self) -> int:
        """Number of labels."""
        return len(self.centres)

    def distances(self, X: Matrix) -> Floats:
        """Return the Euclidean distance of every row to every centre, of shape (n_customers, n_clusters)."""
        return np.asarray(cdist(np.asarray(X, dtype=np.float64), self.centres))

    def assign(self, X: Matrix) -> Assigned:
        """Return the nearest centre, of equally near ones the first.

        The confidence is 1 - d(own) / d(second nearest): 0 on the border, 1 at the centre, 1 where there is one centre.
        """
        return _in_chunks(self._assign, X)

    def labels(self, X: Matrix) -> Labels:
        """Return the same labels without their confidence, which takes longer than they do."""
        parts = [self.distances(X[start : start + CHUNK_ROWS]).argmin(axis=1) for start in _starts(X)]
        return np.concatenate(parts).astype(np.int32)

    def _assign(self, X: Matrix) -> Assigned:
        distances = self.distances(X)
        labels = distances.argmin(axis=1).astype(np.int32)
        if self.n_clusters == 1:
            return labels, np.ones(len(X), dtype=np.float32)
        own, second = np.partition(distances, 1, axis=1)[:, :2].T
        ratio = np.divide(own, second, out=np.ones_like(own), where=second > 0)
        return labels, (1 - ratio).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """The label of a Gaussian mixture's most probable component.

    Attributes
    ----------
    weights : ndarray of shape (n_clusters,)
    means : ndarray of shape (n_clusters, n_features)
    covariances : ndarray
        Of shape (k,), (k, d), (d, d) or (k, d, d) for spherical, diag, tied and full.
    covariance_type : {"spherical", "diag", "tied", "full"}
    """

    weights: Floats
    means: Floats
    covariances: Floats
    covariance_type: str

    @property
    def n_clusters(self) -> int:
        """Number of labels."""
        return len(self.weights)

    def assign(self, X: Matrix) -> Assigned:
        """Return the component with the largest posterior, of equal ones the first, and that posterior."""
        return _in_chunks(self._assign, X)

    def _assign(self, X: Matrix) -> Assigned:
        labels, log_posterior = self.most_probable(X)
        return labels, np.exp(log_posterior).astype(np.float32)

    def most_probable(self, X: Matrix) -> tuple[Labels, Floats]:
        """Return each row's component and the logarithm of its posterior, float64."""
        joint = self._log_joint(np.asarray(X, dtype=np.float64))
        labels = joint.argmax(axis=0).astype(np.int32)
        joint -= joint.max(axis=0)
        total = np.zeros(joint.shape[1])
        for component in np.exp(joint):
            total += component
        return labels, -np.log(total)

    @cached_property
    def _cholesky(self) -> Floats:
        """Lower Cholesky factors of all components' covariances, of shape (k, d, d)."""
        k, d = self.means.shape
        shape = {"spherical": (k, 1, 1), "diag": (k, d, 1), "tied": (1, d, d), "full": (k, d, d)}
        covariances = self.covariances.reshape(shape[self.covariance_type])
        if self.covariance_type in ("spherical", "diag"):
            covariances = covariances * np.eye(d)
        return np.linalg.cholesky(np.broadcast_to(covariances, (k, d, d)))

    def _log_joint(self, X: Floats) -> Floats:
        """Return log(weight x density), of shape (n_clusters, n_customers).

        Forward substitution column by column instead of a BLAS call, whose last bits depend on the
        shape of the block.
        """
        k, d = self.means.shape
        joint = np.empty((k, len(X)))
        for c, (mean, lower) in enumerate(zip(self.means, self._cholesky, strict=True)):
            z = np.ascontiguousarray((X - mean).T)
            for i in range(d):
                for j in np.flatnonzero(lower[i, :i]):
                    z[i] -= lower[i, j] * z[j]
                z[i] /= lower[i, i]
            squares = np.zeros(len(X))
            for row in z:
                squares += row * row
            constant = np.log(self.weights[c]) - np.log(np.diag(lower)).sum() - d / 2 * np.log(2 * np.pi)
            joint[c] = constant - squares / 2
        return joint


@dataclass(frozen=True, kw_only=True, eq=False)
class NearestNeighbours:
    """The label of most of a row's nearest neighbours among labelled rows.

    A row that equals a labelled one (in float32, which the matrix is) keeps that one's label, so that the rows
    that were clustered keep what their model said; the confidence is the share of votes all the same.

    Attributes
    ----------
    points : ndarray of shape (n_points, n_features), float64
    labels : ndarray of shape (n_points,), int32
        From 0; -1 is noise, a label of its own.
    n_neighbors : int
        Neighbours that vote; all points where there are fewer.
    """

    points: Floats
    labels: Labels
    n_neighbors: int

    @property
    def n_clusters(self) -> int:
        """Number of labels, noise not counted."""
        return int(self.labels.max(initial=-1)) + 1

    def assign(self, X: Matrix) -> Assigned:
        """Return the label with the most votes, of equal ones the lowest, and its share of the votes."""
        return assign_each([self], X)[0]

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.points)

    def _neighbours(self, X: Matrix) -> tuple[Indices, Mask]:
        """Return the neighbours of each row, nearest first, and whether the nearest equals the row."""
        ranks = np.arange(1, min(self.n_neighbors, len(self.points)) + 1)
        _, neighbours = self._tree.query(np.asarray(X, dtype=np.float64), k=ranks)
        nearest = self.points[neighbours[:, 0]].astype(np.float32)
        return neighbours, (np.asarray(X, dtype=np.float32) == nearest).all(axis=1)

    def _vote(self, neighbours: Indices, equal: Mask) -> Assigned:
        votes = np.zeros((len(neighbours), self.n_clusters + 1), dtype=np.int32)  # column 0 is noise
        rows = np.arange(len(neighbours))
        for column in neighbours.T:
            votes[rows, self.labels[column] + 1] += 1
        labels = votes.argmax(axis=1).astype(np.int32) - np.int32(1)
        labels[equal] = self.labels[neighbours[equal, 0]]
        share = votes[rows, labels + 1] / neighbours.shape[1]
        return labels, share.astype(np.float32)


Assigner = NearestCentre | Posterior | NearestNeighbours


def assign_each(assigners: Sequence[Assigner], X: Matrix) -> list[Assigned]:
    """Label the same rows with several models, in their order, the same as calling `assign` on each.

    Models that vote among the same points (all cuts of all trees of one sample do) share one search.
    """
    results: dict[int, Assigned] = {}
    voters: dict[tuple[int, int], list[tuple[int, NearestNeighbours]]] = {}
    for i, assigner in enumerate(assigners):
        if isinstance(assigner, NearestNeighbours):
            voters.setdefault((id(assigner.points), assigner.n_neighbors), []).append((i, assigner))
        else:
            results[i] = assigner.assign(X)
    for group in voters.values():
        votes = _vote_in_chunks([voter for _, voter in group], X)
        results |= {i: result for (i, _), result in zip(group, votes, strict=True)}
    return [results[i] for i in range(len(assigners))]


def labels_each(assigners: Sequence[Assigner], X: Matrix) -> list[Labels]:
    """Return the labels of :func:`assign_each` alone."""
    others = [assigner for assigner in assigners if not isinstance(assigner, NearestCentre)]
    assigned = iter(assign_each(others, X))
    return [
        assigner.labels(X) if isinstance(assigner, NearestCentre) else next(assigned)[0]
        for assigner in assigners
    ]


def _vote_in_chunks(voters: Sequence[NearestNeighbours], X: Matrix) -> list[Assigned]:
    """Let models with the same points vote over one neighbour search."""
    parts: list[list[Assigned]] = [[] for _ in voters]
    for start in _starts(X):
        neighbours, equal = voters[0]._neighbours(X[start : start + CHUNK_ROWS])
        for part, voter in zip(parts, voters, strict=True):
            part.append(voter._vote(neighbours, equal))
    return [_joined(part) for part in parts]


def _in_chunks(assign: Callable[[Matrix], Assigned], X: Matrix) -> Assigned:
    return _joined([assign(X[start : start + CHUNK_ROWS]) for start in _starts(X)])


def _starts(X: Matrix) -> range:
    return range(
        0, max(len(X), 1), CHUNK_ROWS
    )  # no rows are one empty chunk, so that there is something to join


def _joined(parts: list[Assigned]) -> Assigned:
    labels, confidence = zip(*parts, strict=True)
    return np.concatenate(labels), np.concatenate(confidence)
