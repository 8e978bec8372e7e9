"""How well a sample's labels reach everybody: how faithful they are to it, and how much they depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from segcore import job
from segcore.arrays import Floats, Labels, Matrix
from segcore.evaluation.agreement import adjusted_rand
from segcore.evaluation.refit import ModelSpec, refit
from segcore.evaluation.sequential import standard_error
from segcore.models import density
from segcore.models.assignment import Assigner, NearestNeighbours
from segcore.models.candidate import Candidate

FOLDS = 5
N_SPLITS = 5
_TRIVIAL = 0.99  # of the rows in one segment: two such partitions agree whatever the rest is


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a model's labels are worth beyond the sample.

    Attributes
    ----------
    propagation_ari : float or None
        Cross-validated adjusted Rand index of the neighbour classifier against the sample's labels; None
        where the model itself predicts.
    sample_stability_ari : float or None
        Adjusted Rand index between two fits on disjoint samples when both label the same third set, the mean over five
        random splits; None where there are too few rows to fit twice, or the partitions are trivial.
    sample_stability_se : float or None
        The standard error of that mean, of finitely many splits.
    sample_stability_rows : int
        Rows of each of those samples.
    """

    propagation_ari: float | None
    sample_stability_ari: float | None
    sample_stability_se: float | None
    sample_stability_rows: int


def quality(candidates: Sequence[Candidate], X: Matrix, settings: job.Models, *, seed: int) -> list[Quality]:
    """Measure both of several models, one after the other: a tree's distances are large.

    Parameters
    ----------
    candidates : sequence of Candidate
    X : ndarray of shape (n_rows, n_features)
        Standardised rows to draw the samples from: the more, the closer to the samples of the run itself.
        Each sample is a third of them, at most `tree_sample`; what is left is what both label.
    settings : job.Models
    seed : int

    Returns
    -------
    list of Quality
        In the order of the candidates.
    """
    rows = np.asarray(X, dtype=np.float64)
    with threadpool_limits(1):
        return [_quality(candidate, rows, settings, seed) for candidate in candidates]


def _quality(candidate: Candidate, X: Floats, settings: job.Models, seed: int) -> Quality:
    splits = [sample_stability_ari(candidate, X, settings, seed=seed, number=n) for n in range(N_SPLITS)]
    known = np.array([index for index in splits if index is not None])
    return Quality(
        propagation_ari=propagation_ari(candidate.assigner, seed=seed),
        sample_stability_ari=float(known.mean()) if len(known) else None,
        sample_stability_se=float(standard_error(known)) if len(known) > 1 else None,
        sample_stability_rows=min(len(X) // 3, settings.tree_sample),
    )


def propagation_ari(assigner: Assigner, *, seed: int) -> float | None:
    """Return the cross-validated adjusted Rand index of a neighbour classifier against the labels of its points.

    Every point is labelled by the points of the other folds.

    Parameters
    ----------
    assigner : Assigner
        None is returned for anything but `NearestNeighbours`, and for fewer points than folds.
    seed : int
        Of the folds.
    """
    if not isinstance(assigner, NearestNeighbours) or len(assigner.points) < FOLDS:
        return None
    folds = np.random.default_rng(seed).permutation(len(assigner.points)) % FOLDS
    predicted = np.empty_like(assigner.labels)
    for fold in range(FOLDS):
        out = folds == fold
        others = NearestNeighbours(
            points=assigner.points[~out], labels=assigner.labels[~out], n_neighbors=assigner.n_neighbors
        )
        predicted[out], _ = others.assign(assigner.points[out])
    return adjusted_rand(assigner.labels, predicted)


def sample_stability_ari(
    candidate: Candidate, X: Floats, settings: job.Models, *, seed: int, number: int = 0
) -> float | None:
    """Return the adjusted Rand index of two fits of a model on disjoint samples, both labelling a third set.

    None where either cannot be fitted, or has nearly all of that set in one segment.

    Parameters
    ----------
    candidate : Candidate
        Its family, variant and k; a family that finds k itself finds it again in each sample.
    X : ndarray of shape (n_rows, n_features), float64
    settings : job.Models
    seed, number : int
        Of the run, and of the split.
    """
    size = min(len(X) // 3, settings.tree_sample)
    order = np.random.default_rng((seed, number)).permutation(len(X))
    first, second, third = X[order[:size]], X[order[size : 2 * size]], X[order[2 * size :]]
    states = np.random.SeedSequence((seed, number)).generate_state(2).tolist()
    fits = [_fit(candidate, own, settings, state) for own, state in zip((first, second), states, strict=True)]
    one, other = (None if fit is None else fit.assign(third)[0] for fit in fits)
    if one is None or other is None or _is_trivial(one) or _is_trivial(other):
        return None
    return adjusted_rand(one, other)


def _is_trivial(labels: Labels) -> bool:
    return bool(np.unique(labels, return_counts=True)[1].max(initial=0) >= _TRIVIAL * len(labels))


def _fit(candidate: Candidate, X: Floats, settings: job.Models, seed: int) -> Assigner | None:
    if len(X) < 2:
        return None
    if candidate.family in ("dbscan", "hdbscan"):
        labels = density.fit(X, candidate.family, settings).labels
        return NearestNeighbours(points=X, labels=labels, n_neighbors=settings.n_neighbors)
    model = ModelSpec.of(candidate.family, candidate.variant, settings)
    fit = refit(model, X, [candidate.k], seed).get(candidate.k)
    return None if fit is None else fit.assigner
