"""The sweep: every family, every variant, every k, on the same rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import dask.array as da
import numpy as np

from segcore import errors, job
from segcore.models import density, hierarchical, kmeans, mixture, spectral, threads
from segcore.models.assignment import Assigner, Floats, Labels, Matrix, NearestCentre, NearestNeighbours

Progress = Callable[[int, int, str], None]  # tasks done, tasks in all, the name of the last one


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
        The number of clusters asked for, or found where the family finds it.
    assigner : Assigner
        Labels any row.
    converged : bool
    selectable : bool
        False where k is found and not set.
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
    def key(self) -> tuple[str, str, int]:
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


def sweep(
    X_all: da.Array,
    X_sample: Matrix,
    settings: job.Models,
    seed: int,
    *,
    progress: Progress | None = None,
    starts: Mapping[int, Sequence[Floats]] | None = None,
    tolerance: float = 0.0,
    n_jobs: int | None = None,
) -> Sweep:
    """Fit every family of the job, every variant, every k.

    Parameters
    ----------
    X_all : dask array of shape (n_customers, n_features)
        Standardised, hash order, known chunks; read block by block.
    X_sample : ndarray of shape (n_sample, n_features)
        The first rows of `X_all`. Trees, density and spectral models see the first `tree_sample` of them.
    settings : segcore.job.Models
    seed : int
        Of every restart.
    progress : callable, optional
        Told after each fit, from the thread that ran it.
    starts : mapping of int to sequence of ndarray of shape (k, n_features), optional
        Further starts of K-Means per k, such as the previous run's centres.
    tolerance : float
        A further start wins unless another's sum of squares is smaller by more than this share.
    n_jobs : int, optional
        Threads; all available CPUs by default. The result does not depend on it.

    Returns
    -------
    Sweep

    Raises
    ------
    segcore.errors.DataError
        If the sample has fewer distinct rows than the smallest k.
    """
    X = np.asarray(X_sample, dtype=np.float64)
    X_tree = np.ascontiguousarray(X[: settings.tree_sample])
    ks, ks_tree = _possible(X, settings), _possible(X_tree, settings)
    tasks = _tasks(X, X_tree, ks, ks_tree, settings, seed)
    n_kmeans = len(ks) if "kmeans" in settings.families else 0
    tick = _Counter(progress, n_kmeans + len(tasks))
    parts = [_left_out(ks, ks_tree, settings)]
    if n_kmeans:
        parts.append(_kmeans(X_all, X, ks, settings, seed, starts or {}, tolerance, tick, n_jobs))
    parts += threads.run(tick.counted, tasks, n_jobs=n_jobs)
    return _merged(parts, settings)


def _possible(X: Floats, settings: job.Models) -> list[int]:
    """Return every k of the job that the rows can fill."""
    distinct = len(np.unique(X, axis=0))
    if distinct < settings.k_min:
        raise errors.DataError(
            f"the first {len(X):,} customers have no more than {distinct} different rows of features, expected at least"
            f" k_min = {settings.k_min}; add features, or raise models.sample and models.tree_sample"
        )
    return [k for k in settings.ks if k <= distinct]


def _left_out(ks: Sequence[int], ks_tree: Sequence[int], settings: job.Models) -> Sweep:
    notes = []
    if ks[-1] < settings.k_max:
        notes.append(f"k above {ks[-1]} is left out: the sample has {ks[-1]} different rows of features")
    if ks_tree[-1] < ks[-1]:
        notes.append(
            f"trees and spectral clustering leave out k above {ks_tree[-1]}:"
            f" their sample has {ks_tree[-1]} different rows of features"
        )
    return Sweep(notes=notes)


@dataclass(frozen=True, kw_only=True)
class _Task:
    name: str
    run: Callable[[], Sweep]


class _Counter:
    """Counts fits as they end, whatever thread they end in."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total, name)

    def counted(self, task: _Task) -> Sweep:
        result = task.run()
        self(task.name)
        return result


def _tasks(
    X: Floats, X_tree: Floats, ks: Sequence[int], ks_tree: Sequence[int], settings: job.Models, seed: int
) -> list[_Task]:
    """Return the fits on the sample, the longest first."""
    tasks = []
    families = settings.families
    if "hierarchical" in families:  # one task, since each tree needs its distances in memory
        tasks.append(_Task(name="hierarchical", run=partial(_trees, X_tree, ks_tree, settings)))
    if "spectral" in families:
        tasks += [
            _Task(name=f"spectral k={k}", run=partial(_spectral, X_tree, k, settings, seed))
            for k in reversed(ks_tree)
        ]
    if "mixture" in families:
        tasks += [
            _Task(name=f"mixture-{kind} k={k}", run=partial(_mixture, X, k, kind, settings, seed))
            for k in reversed(ks)
            for kind in reversed(settings.covariance_types)
        ]
    tasks += [
        _Task(name=family, run=partial(_density, X_tree, family, settings))
        for family in families
        if family in ("dbscan", "hdbscan")
    ]
    return tasks


def _kmeans(
    X_all: da.Array,
    X: Floats,
    ks: Sequence[int],
    settings: job.Models,
    seed: int,
    starts: Mapping[int, Sequence[Floats]],
    tolerance: float,
    tick: Callable[[str], None],
    n_jobs: int | None,
) -> Sweep:
    def on_sample(k: int) -> tuple[Floats, float]:
        began = time.perf_counter()
        centres = kmeans.fit_sample(
            X,
            k,
            n_init=settings.restarts,
            random_state=seed,
            starts=starts.get(k, ()),
            tolerance=tolerance,
        )
        tick(f"kmeans k={k}")
        return centres, time.perf_counter() - began

    longest_first = list(reversed(ks))
    on_samples = dict(zip(longest_first, threads.run(on_sample, longest_first, n_jobs=n_jobs), strict=True))
    fits = kmeans.fit_all(X_all, {k: on_samples[k][0] for k in ks}, n_sample=len(X))
    return Sweep(
        candidates=[
            Candidate(
                family="kmeans",
                k=k,
                assigner=NearestCentre(centres=fit.centres),
                converged=fit.converged,
                inertia_start=fit.inertia_start,
                n_iter=fit.n_iter,
                note=f"{fit.n_repaired} empty clusters seeded again" if fit.n_repaired else "",
                seconds=on_samples[k][1] + fit.seconds,
            )
            for k, fit in fits.items()
        ],
        kmeans=fits,
    )


def _trees(X: Floats, ks: Sequence[int], settings: job.Models) -> Sweep:
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


def _mixture(X: Floats, k: int, covariance_type: str, settings: job.Models, seed: int) -> Sweep:
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


def _spectral(X: Floats, k: int, settings: job.Models, seed: int) -> Sweep:
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


def _density(X: Floats, family: str, settings: job.Models) -> Sweep:
    began = time.perf_counter()
    if family == "dbscan":
        fit = density.dbscan(X, settings.dbscan_eps, settings.min_samples)
    else:
        fit = density.hdbscan(X, round(settings.min_cluster_size * len(X)), settings.min_samples)
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


def _merged(parts: Sequence[Sweep], settings: job.Models) -> Sweep:
    """Put the parts together in the job's order, not in the order they were run in."""
    families: list[str] = list(settings.families)
    variants: list[str] = ["", *settings.linkages, *settings.covariance_types]

    def place(candidate: Candidate) -> tuple[int, int, int]:
        return families.index(candidate.family), variants.index(candidate.variant), candidate.k

    return Sweep(
        candidates=sorted((c for part in parts for c in part.candidates), key=place),
        kmeans={k: fit for part in parts for k, fit in part.kmeans.items()},
        trees={name: Z for part in parts for name, Z in part.trees.items()},
        notes=[note for part in parts for note in part.notes],
    )
