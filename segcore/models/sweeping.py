"""The sweep: every family, every variant, every k, on the same rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import dask.array as da
import numpy as np

from segcore import errors, job
from segcore.arrays import Floats, Matrix
from segcore.models import candidate, kmeans, threads
from segcore.models.assignment import NearestCentre
from segcore.models.candidate import Candidate, Sweep

Progress = Callable[[int, int, str], None]  # tasks done, tasks in all, the name of the last one
_FEW = 3_000  # rows of a sample; of fewer, two threads wait so much for Python's lock that they take 1.3 times as long as one


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
        Threads; by default all available CPUs, and one for few rows. The result does not depend on it.

    Raises
    ------
    segcore.errors.DataError
        If the sample has fewer distinct rows than the smallest k.
    """
    X = np.asarray(X_sample, dtype=np.float64)
    n_jobs = 1 if n_jobs is None and len(X) < _FEW else n_jobs
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
        tasks.append(_Task(name="hierarchical", run=partial(candidate.fit_trees, X_tree, ks_tree, settings)))
    if "spectral" in families:
        tasks += [
            _Task(name=f"spectral k={k}", run=partial(candidate.fit_spectral, X_tree, k, settings, seed))
            for k in reversed(ks_tree)
        ]
    if "mixture" in families:
        tasks += [
            _Task(
                name=f"mixture-{kind} k={k}", run=partial(candidate.fit_mixture, X, k, kind, settings, seed)
            )
            for k in reversed(ks)
            for kind in reversed(settings.covariance_types)
        ]
    tasks += [
        _Task(name=family, run=partial(candidate.fit_density, X_tree, family, settings))
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
            X, k, n_init=settings.restarts, random_state=seed, starts=starts.get(k, ()), tolerance=tolerance
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
