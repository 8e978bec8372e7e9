"""Whether the customers form more than a continuum: the winner's fit against copies without clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import Floats
from segcore.evaluation import copula
from segcore.evaluation.copula import Columns, Computed, Copula
from segcore.evaluation.processes import in_processes
from segcore.evaluation.refit import ModelSpec, refit
from segcore.evaluation.silhouette import silhouettes
from segcore.evaluation.stability import split_strength
from segcore.models import CandidateKey

if TYPE_CHECKING:  # a worker process does without the job, the records and what they import
    from segcore import job
    from segcore.records.manifest import StructureTest

N_SPLITS = 6  # a table's mean of six splits is about as uncertain as copies differ from each other
_FRESH = 1_000_000  # numbers of splits from here on: no candidate was chosen by them
LEVEL = 0.05
CLEAR_GAP = 0.1  # silhouette over that of the copies from which groups are called natural

Prepare = Callable[[str, Floats], Floats]


def structure_test(
    raw: Columns,
    prepare: Prepare,
    key: CandidateKey,
    models: job.Models,
    *,
    copies: int,
    seed: int,
    n_jobs: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    log: Callable[[str], object] = str,
) -> StructureTest | None:
    """Compare the winner's silhouette and prediction strength with those of tables without clusters.

    The copies are Gaussian-copula draws of the free features, with exactly the same margins and the same
    rank correlations; features that follow from others are computed. The winner's family and k are fitted to
    the customers and to each copy with the same restarts, and judged on the same splits.

    Parameters
    ----------
    raw : mapping of str to ndarray of shape (n_rows,)
        The matrix's features of the tree sample in raw units, empty values filled as the matrix fills them.
    prepare : callable
        From a feature's name and values to the transformed, standardised values, both fitted to the values.
        The free features of a copy have the same values in another order, so it is called for them once.
    key : (family, variant, k)
        The winner.
    models : job.Models
    copies : int
    seed : int
    n_jobs : int, optional
        Processes. The results do not depend on it.
    progress : callable, optional
        Called with the number of tables done, of all, and a name.
    log : callable
        Told of processes that stand still.

    Returns
    -------
    StructureTest or None
        None without copies, or where there is nothing to compare: fewer than two free features, or no fit.

    References
    ----------
    Hennig and Lin (2015), Flexible parametric bootstrap for testing homogeneity against clustering.
    """
    computed = copula.dependent_features(list(raw))
    free = {
        name: np.asarray(values, dtype=np.float64) for name, values in raw.items() if name not in computed
    }
    if copies == 0 or len(free) < 2:
        return None
    family, variant, k = key
    model = ModelSpec.of(family, variant, models)

    def tasks() -> Iterator[_Task]:
        X = np.stack(
            [prepare(name, np.asarray(values, dtype=np.float64)) for name, values in raw.items()], axis=1
        )
        yield _Task(model=model, k=k, X=X, seed=seed)
        fitted = copula.fit(free)
        prepared = {name: prepare(name, values) for name, values in fitted.margins.items()}
        for number in range(copies):
            X = _copy(list(raw), fitted, prepared, prepare, computed, np.random.default_rng((seed, number)))
            yield _Task(model=model, k=k, X=X, seed=seed)

    figures: list[tuple[float, float] | None] = []
    for figure in in_processes(_figures, tasks(), n_jobs=n_jobs, log=log):
        figures.append(figure)
        if progress is not None:
            progress(len(figures), copies + 1, "structure test")
    if figures[0] is None:
        return None
    return _judged(np.array(figures[0]), np.array([figure or (-1.0, 0.0) for figure in figures[1:]]), k)


def _copy(
    names: list[str],
    fitted: Copula,
    prepared: dict[str, Floats],
    prepare: Prepare,
    computed: Mapping[str, Computed],
    rng: np.random.Generator,
) -> Floats:
    """Draw one copy and return its matrix."""
    places = fitted.draw(rng)
    columns = {name: fitted.margins[name][place] for name, place in places.items()}
    done = {name: prepared[name][place] for name, place in places.items()}
    for name, compute in computed.items():
        columns[name] = compute(columns)
        done[name] = prepare(name, columns[name])
    return np.stack([done[name] for name in names], axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    model: ModelSpec
    k: int
    X: Floats
    seed: int


def _figures(task: _Task) -> tuple[float, float] | None:
    """Return silhouette and prediction strength of the model on one table; None where it cannot be fitted."""
    fits = refit(task.model, task.X, [task.k], task.seed)
    if task.k not in fits:
        return None
    silhouette, _ = silhouettes(task.X, [fits[task.k].labels], errors=False, n_jobs=1)[0]
    if silhouette is None:
        return None
    chosen = (task.model, task.k)
    strengths = [
        split_strength([chosen], task.X, seed=task.seed, number=_FRESH + number)[chosen]
        for number in range(N_SPLITS)
    ]
    return silhouette, float(np.mean(strengths))


def _judged(data: Floats, copies: Floats, k: int) -> StructureTest:
    from segcore.records.manifest import StructureTest

    means, highest = copies.mean(axis=0), copies.max(axis=0)
    p = (1 + (copies >= data).sum(axis=0)) / (1 + len(copies))
    return StructureTest(
        copies=len(copies),
        n_splits=N_SPLITS,
        silhouette=float(data[0]),
        silhouette_copies_mean=float(means[0]),
        silhouette_copies_max=float(highest[0]),
        silhouette_p=float(p[0]),
        prediction_strength=float(data[1]),
        prediction_strength_copies_mean=float(means[1]),
        prediction_strength_copies_max=float(highest[1]),
        prediction_strength_p=float(p[1]),
        sentence=_sentence(data, means, p, k, len(copies)),
    )


def _sentence(data: Floats, means: Floats, p: Floats, k: int, n_copies: int) -> str:
    """Say in plain words what the groups are, and then what was compared: no more than that null was rejected, or not."""
    figures = (
        f"Beside {n_copies} sets of customers with the same margins and rank correlations, Gaussian otherwise: silhouette"
        f" {data[0]:.3f} against {means[0]:.3f} on average (p = {p[0]:.2f}), prediction strength {data[1]:.3f} against"
        f" {means[1]:.3f} (p = {p[1]:.2f})."
    )
    way = f"The {k} groups are a sensible way to divide them, not {k} kinds of people."
    # Two looks at the same question: one clear answer, or two at the usual level (Holm 1979).
    if p.min() > LEVEL / 2 and p.max() > LEVEL:
        return f"Customers shade into one another. {way} {figures}"
    if data[0] - means[0] < CLEAR_GAP:
        return f"Customers shade into one another, with slight clumps at most. {way} {figures}"
    return f"Customers form clumps with few in between: the {k} groups are natural ones. {figures}"
