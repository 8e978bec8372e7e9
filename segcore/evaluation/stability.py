"""Whether a candidate's segments come back when the model is fitted to other customers.

Two measures, both sequential: a candidate that is clear of the bar is not drawn any further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import Floats, Labels
from segcore.evaluation.halving import bootstraps, halvings, sampling_errors
from segcore.evaluation.processes import in_processes
from segcore.evaluation.refit import ModelSpec, Target
from segcore.evaluation.sequential import standard_error, until_clear
from segcore.models import CandidateKey

if TYPE_CHECKING:  # a worker process does without the job and what it imports
    from segcore import job

Progress = Callable[[int, int, str], None]

CLEAR = 2.0  # standard errors from which on a figure is clearly on one side of its bar
NEAR = 0.1  # from the bar: farther off the error of the customers as a sample, which takes time, turns no verdict


@dataclass(frozen=True, kw_only=True)
class Stability:
    """How stable a candidate is; None where it was not measured.

    Attributes
    ----------
    prediction_strength, prediction_strength_se : float or None
        Mean over the splits, and its standard error: of finitely many splits, and near the bar of the customers as a
        sample too.
    prediction_strength_mc : float or None
        The part of finitely many splits.
    n_splits : int
    jaccard : tuple of float or None
        Mean bootstrap Jaccard of each segment, in the order of the labels.
    jaccard_min, jaccard_se : float or None
        Of the least stable segment, and the standard error of its mean.
    n_resamples : int
        0 where the prediction strength had settled the verdict already.
    """

    prediction_strength: float | None = None
    prediction_strength_se: float | None = None
    prediction_strength_mc: float | None = None
    n_splits: int = 0
    jaccard: tuple[float, ...] | None = None
    jaccard_min: float | None = None
    jaccard_se: float | None = None
    n_resamples: int = 0


def measure(
    X: Floats,
    labels: Mapping[CandidateKey, Labels],
    models: job.Models,
    settings: job.Stability,
    rule: job.Selection,
    *,
    seed: int,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    log: Callable[[str], object] = str,
) -> dict[CandidateKey, Stability]:
    """Measure prediction strength and bootstrap Jaccard of several candidates.

    Prediction strength: random halvings, the same for all candidates; both halves are fitted, each is
    classified by the other's fit, and a half's strength is that of the least stable of its own segments;
    the mean of both directions, then of the splits. Jaccard: draw as many rows with replacement, drop
    copies, refit, find the best match of each of the candidate's segments among the drawn rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The tree sample, standardised; refits see float64.
    labels : mapping of (family, variant, k) to ndarray of shape (n_rows,)
        The candidates, and how each labels the rows of X.
    models : job.Models
    settings : job.Stability
    rule : job.Selection
        The bars. The Jaccard of a candidate that fails the first by more than the leeway, and clearly, is not measured.
    seed : int
    n_jobs : int, optional
        Processes. The results do not depend on it.
    progress : callable, optional
        Called with the number of groups of candidates done, of all, and the last one's name.
    log : callable
        Told of processes that stand still.

    References
    ----------
    Tibshirani and Walther (2005), Cluster validation by prediction strength, JCGS 14.
    Hennig (2007), Cluster-wise assessment of cluster stability, CSDA 52.
    """
    tasks = _tasks(np.asarray(X, dtype=np.float64), labels, models, settings, rule, seed)
    measured: dict[CandidateKey, Stability] = {}
    for done, (task, result) in enumerate(
        zip(tasks, in_processes(_run, tasks, n_jobs=n_jobs, log=log), strict=True), 1
    ):
        measured |= {(model.family, model.variant, k): stability for (model, k), stability in result.items()}
        if progress is not None:
            progress(done, len(tasks), task.name)
    return {key: measured[key] for key in labels}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """What a worker does in one go: candidates that share work, through both measures."""

    labels: dict[Target, Labels]
    X: Floats
    splits: int
    resamples: int
    least: int
    bars: tuple[float, float]
    leeway: float
    seed: int

    @property
    def name(self) -> str:
        """What the candidates have in common."""
        model, k = next(iter(self.labels))
        if model.family == "hierarchical":
            return f"{model.family} {model.variant}"
        return f"{model.family} k={k}"


def _tasks(
    X: Floats,
    labels: Mapping[CandidateKey, Labels],
    models: job.Models,
    settings: job.Stability,
    rule: job.Selection,
    seed: int,
) -> list[_Task]:
    """Return one task for each tree and one for each k of the other families, roughly the longest first."""

    def shared(key: CandidateKey) -> tuple[int, str, str, int]:
        family, variant, k = key
        tree = family == "hierarchical"
        return order.get(family, len(order)), family, variant if tree else "", 0 if tree else k

    order = {"spectral": 0, "hierarchical": 1, "mixture": 2, "kmeans": 3}
    return [
        _Task(
            labels={(ModelSpec.of(*key[:2], models), key[2]): labels[key] for key in keys},
            X=X,
            splits=settings.splits,
            resamples=settings.resamples if settings.splits else 0,
            least=settings.min_splits,
            bars=(rule.min_prediction_strength, rule.min_jaccard),
            leeway=rule.leeway,
            seed=seed,
        )
        for _, keys in groupby(sorted(labels, key=lambda key: (shared(key), key)), key=shared)
    ]


def _run(task: _Task) -> dict[Target, Stability]:
    """Measure one task's candidates."""
    bar, min_jaccard = task.bars
    halved, drawn = halvings(task.X, seed=task.seed), bootstraps(task.labels, task.X, seed=task.seed)
    strengths = until_clear(halved, list(task.labels), bar, task.splits, task.least)
    near = [c for c, own in strengths.items() if len(own) > 1 and abs(own.mean() - bar) <= NEAR]
    sampling = sampling_errors(near, task.X, seed=task.seed)
    measured = {c: _strength(own, sampling.get(c, 0.0)) for c, own in strengths.items()}
    left = [c for c, own in measured.items() if not _clearly_below(own, bar - task.leeway)]
    jaccards = until_clear(drawn, left, min_jaccard, task.resamples, task.least)
    return {c: _with_jaccard(own, jaccards.get(c, np.empty((0, c[1])))) for c, own in measured.items()}


def _strength(strengths: Floats, sampling: float) -> Stability:
    if len(strengths) == 0:
        return Stability()
    drawing = float(standard_error(strengths)[0]) if len(strengths) > 1 else None
    return Stability(
        prediction_strength=float(strengths.mean()),
        prediction_strength_se=None if drawing is None else float(np.hypot(drawing, sampling)),
        prediction_strength_mc=drawing,
        n_splits=len(strengths),
    )


def _clearly_below(own: Stability, bar: float) -> bool:
    """Whether a prediction strength is below a bar by more than two standard errors, or there is none."""
    error = own.prediction_strength_se or 0.0
    return own.prediction_strength is None or own.prediction_strength + CLEAR * error < bar


def _with_jaccard(own: Stability, jaccards: Floats) -> Stability:
    if len(jaccards) == 0:
        return own
    means = jaccards.mean(axis=0)
    return replace(
        own,
        jaccard=tuple(means.tolist()),
        jaccard_min=float(means.min()),
        jaccard_se=float(standard_error(jaccards)[means.argmin()]) if len(jaccards) > 1 else None,
        n_resamples=len(jaccards),
    )
