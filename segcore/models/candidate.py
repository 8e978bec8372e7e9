"""A candidate segmentation, and what each family makes of the sample."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from segcore import job
from segcore.arrays import Floats, Labels
from segcore.models import CandidateKey, density, hierarchical, kmeans, mixture, spectral
from segcore.models.assignment import Assigner, NearestNeighbours


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to segment the customers.

    Attributes
    ----------
    family : str
        As in the job: kmeans, hierarchical, mixture, dbscan, hdbscan, spectral.
    variant : str
        The linkage or the covariance type, else empty.
    k : int
        The number of clusters: asked for, or the family's own result.
    assigner : Assigner
        Labels any row.
    converged : bool
    selectable : bool
        False where k is the family's own result and cannot be set.
    noise_share : float
        Share of the fit's rows that have no cluster.
    bic, icl : float or None
        Of mixtures.
    inertia_start, n_iter : float and int, or None
        Of K-Means over all rows; n_iter of mixtures too.
    note : str
        What a reader should know about the fit.
    seconds : float
        Wall time of the fit.
    """

    family: str
    variant: str = ""
    k: int
    assigner: Assigner
    converged: bool = True
    selectable: bool = True
    noise_share: float = 0.0
    bic: float | None = None
    icl: float | None = None
    inertia_start: float | None = None
    n_iter: int | None = None
    note: str = ""
    seconds: float

    @property
    def name(self) -> str:
        """Family and variant, such as ``"mixture-full"``."""
        return f"{self.family}-{self.variant}" if self.variant else self.family

    @property
    def key(self) -> CandidateKey:
        """What identifies a candidate in every table."""
        return self.family, self.variant, self.k


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Everything that was fitted.

    Attributes
    ----------
    candidates : list of Candidate
        By family in the job's order, variant, k.
    kmeans : dict of int to KMeansFit
        Per k, with passes and seconds; empty without the family.
    trees : dict of str to ndarray
        SciPy's linkage matrix per linkage; empty without the family.
    notes : list of str
        What was left out and why, one sentence each.
    """

    candidates: list[Candidate] = field(default_factory=list)
    kmeans: dict[int, kmeans.KMeansFit] = field(default_factory=dict)
    trees: dict[str, Floats] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def fit_trees(X: Floats, ks: Sequence[int], settings: job.Models) -> Sweep:
    """Grow the tree of every linkage, one after the other, and cut it at every k."""
    trees: dict[str, Floats] = {}
    candidates = []
    for linkage in settings.linkages:
        began = time.perf_counter()
        trees[linkage] = hierarchical.tree(X, linkage)
        seconds = time.perf_counter() - began
        for k in ks:
            assigner = _neighbours(X, hierarchical.cut(trees[linkage], k), settings)
            candidates.append(
                Candidate(family="hierarchical", variant=linkage, k=k, assigner=assigner, seconds=seconds)
            )
    return Sweep(candidates=candidates, trees=trees)


def fit_mixture(X: Floats, k: int, covariance_type: str, settings: job.Models, seed: int) -> Sweep:
    """Fit one mixture; a note instead where a covariance collapses."""
    began = time.perf_counter()
    try:
        fit = mixture.fit(
            X,
            k,
            covariance_type,
            n_init=settings.mixture_restarts,
            reg_covar=settings.reg_covar,
            random_state=seed,
        )
    except mixture.SingularCovarianceError as exc:
        return Sweep(notes=[f"mixture-{covariance_type} with k = {k} is left out: {exc}"])
    candidate = Candidate(
        family="mixture",
        variant=covariance_type,
        k=k,
        assigner=fit.assigner,
        converged=fit.converged,
        bic=fit.bic,
        icl=fit.icl,
        n_iter=fit.n_iter,
        note="" if fit.converged else "the best restart did not converge",
        seconds=time.perf_counter() - began,
    )
    return Sweep(candidates=[candidate])


def fit_spectral(X: Floats, k: int, settings: job.Models, seed: int) -> Sweep:
    """Cluster the neighbour graph for one k; a note instead where there are too few rows."""
    if k >= len(X):
        return Sweep(
            notes=[f"spectral with k = {k} is left out: it needs more rows than segments, not {len(X)}"]
        )
    began = time.perf_counter()
    fit = spectral.fit(X, k, n_neighbors=settings.n_neighbors, random_state=seed)
    parts = spectral.n_parts(X, n_neighbors=settings.n_neighbors)
    candidate = Candidate(
        family="spectral",
        k=k,
        assigner=_neighbours(X, fit, settings),
        note=f"the neighbour graph falls into {parts} parts" if parts > 1 else "",
        seconds=time.perf_counter() - began,
    )
    return Sweep(candidates=[candidate])


def fit_density(X: Floats, family: str, settings: job.Models) -> Sweep:
    """Find dense regions by ``"dbscan"`` or ``"hdbscan"``."""
    began = time.perf_counter()
    fit = density.fit(X, family, settings)
    candidate = Candidate(
        family=family,
        k=fit.n_clusters,
        assigner=_neighbours(X, fit.labels, settings),
        selectable=False,
        noise_share=float((fit.labels < 0).mean()),
        note=fit.note,
        seconds=time.perf_counter() - began,
    )
    return Sweep(candidates=[candidate])


def _neighbours(X: Floats, labels: Labels, settings: job.Models) -> NearestNeighbours:
    return NearestNeighbours(points=X, labels=labels, n_neighbors=settings.n_neighbors)
