"""Whether the customers form more than a continuum: a candidate's fit against copies without clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import Floats
from segcore.evaluation import calibration, copula
from segcore.evaluation.calibration import LEVEL, Bars
from segcore.evaluation.copula import Columns, Computed, Copula
from segcore.evaluation.processes import in_processes
from segcore.evaluation.refit import ModelSpec, Target, refit
from segcore.evaluation.silhouette import silhouettes
from segcore.models import CandidateKey

if TYPE_CHECKING:  # a worker process does without the job, the records and what they import
    from segcore import job
    from segcore.records.fit_figures import StructureTest

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
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
    rule: job.Selection | None = None,
    n_jobs: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    log: Callable[[str], object] = str,
) -> StructureTest | None:
    """Compare a candidate's silhouette, and how often the rule's bars let its k pass, with tables without clusters.

    The copies are Gaussian-copula draws of the free features, with exactly the same margins and the same
    rank correlations; features that follow from others are computed. The candidate's family and k are fitted to
    the customers and to each copy with the same restarts; and K-Means, then its family where it is another one,
    are put to the bars on the copies, with as many segments and more, until it is clear how often one passes.

    Parameters
    ----------
    raw : mapping of str to ndarray of shape (n_rows,)
        The matrix's features of the tree sample in raw units, empty values filled as the matrix fills them.
    prepare : callable
        From a feature's name and values to the transformed, standardised values, both fitted to the values.
        The free features of a copy have the same values in another order, so it is called for them once.
    key : (family, variant, k)
        The candidate.
    models : job.Models
    copies : int
    seed : int
    rule : job.Selection, optional
        The bars that it passed; None where they did not choose it.
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

    fitted = copula.fit(free)
    prepared = {name: prepare(name, values) for name, values in fitted.margins.items()}
    rivals = None if rule is None else _rivals(key, models)
    bars = None if rule is None else _bars(rule)

    def tasks(numbers: range, *, ask: bool) -> Iterator[_Task]:
        for number in numbers:
            X = _copy(list(raw), fitted, prepared, prepare, computed, np.random.default_rng((seed, number)))
            yield _Task(model=model, k=k, X=X, seed=seed, rivals=rivals if ask else None, bars=bars)

    X = np.stack(
        [prepare(name, np.asarray(values, dtype=np.float64)) for name, values in raw.items()], axis=1
    )
    ((silhouette, _),) = in_processes(_figures, [_Task(model=model, k=k, X=X, seed=seed)], n_jobs=1)
    if silhouette is None:
        return None
    seen: list[float] = []
    reached, asked, open_ = 0, 0, rivals is not None
    while len(seen) < copies:
        # Nobody waits for the last copy of some before the next ones, where no answer depends on it.
        numbers = range(len(seen), calibration.next_look(len(seen), copies) if open_ else copies)
        for of_copy, passed in in_processes(_figures, tasks(numbers, ask=open_), n_jobs=n_jobs, log=log):
            seen.append(-1.0 if of_copy is None else of_copy)
            if passed is not None:
                reached, asked = reached + passed, asked + 1
            if progress is not None:
                progress(len(seen), copies, "structure test")
        open_ = open_ and not calibration.clear(reached, asked)
    return _judged(silhouette, np.array(seen), k, reached, asked, _tried(key, models))


def _kinds(key: CandidateKey, models: job.Models) -> list[tuple[str, str]]:
    """Return which families are put to the rule on a copy: K-Means, the cheapest, and the winner's."""
    kinds = [("kmeans", "")] if "kmeans" in models.families else []
    return kinds + ([key[:2]] if key[:2] not in kinds else [])


def _rivals(key: CandidateKey, models: job.Models) -> tuple[Target, ...]:
    """Return what may get to the winner's k on a copy."""
    return tuple(
        (ModelSpec.of(*kind, models), k) for kind in _kinds(key, models) for k in models.ks if k >= key[2]
    )


def _tried(key: CandidateKey, models: job.Models) -> str:
    names = [
        "K-Means" if family == "kmeans" else variant or family for family, variant in _kinds(key, models)
    ]
    return " and ".join(names)


def _bars(rule: job.Selection) -> Bars:
    return Bars(
        min_share=rule.min_share,
        min_prediction_strength=rule.min_prediction_strength,
        min_jaccard=rule.min_jaccard,
    )


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
    rivals: tuple[Target, ...] | None = None
    bars: Bars | None = None


def _figures(task: _Task) -> tuple[float | None, bool | None]:
    """Return the model's silhouette on one table, None where it cannot be fitted, and whether a rival is admissible."""
    fits = refit(task.model, task.X, [task.k], task.seed)
    silhouette = None
    if task.k in fits:
        silhouette, _ = silhouettes(task.X, [fits[task.k].labels], errors=False, n_jobs=1)[0]
    if task.rivals is None or task.bars is None:
        return silhouette, None
    return silhouette, calibration.reaches(task.rivals, task.X, task.bars, seed=task.seed)


def stand_apart(test: StructureTest) -> bool:
    """Whether the segments stand apart, with few customers in between: not merely a little more than a continuum shows."""
    looks = _looks(test.silhouette_p, test.rule_reached, test.rule_copies)
    return _rejected(looks) and test.silhouette - test.silhouette_copies_mean >= CLEAR_GAP


def _looks(p: float, reached: int, asked: int) -> list[float]:
    """Return one or two looks at the same question: the silhouette's, and that of the rule where copies were put to it."""
    return [p] + ([calibration.p_value(reached, asked)] if asked else [])


def _rejected(p: list[float]) -> bool:
    """Whether a continuum is rejected: by one clear answer, or all at the usual level (Holm 1979)."""
    return min(p) <= LEVEL / len(p) or max(p) <= LEVEL


def _judged(silhouette: float, copies: Floats, k: int, reached: int, asked: int, tried: str) -> StructureTest:
    from segcore.records.fit_figures import StructureTest

    p = (1 + int((copies >= silhouette).sum())) / (1 + len(copies))
    looks = _looks(p, reached, asked)
    figures = (
        f"On {len(copies)} sets of customers without clusters, with the same margins and rank correlations and Gaussian"
        f" otherwise, the silhouette is {copies.mean():.3f} on average; here it is {silhouette:.3f} (p = {p:.2f})."
    )
    if asked:
        figures += f" On {asked} of these the same bars were tried with {tried} alone: {k} segments or more pass in {reached}."
    return StructureTest(
        copies=len(copies),
        silhouette=silhouette,
        silhouette_copies_mean=float(copies.mean()),
        silhouette_copies_max=float(copies.max()),
        silhouette_p=p,
        rule_copies=asked,
        rule_reached=reached,
        sentence=_sentence(looks, silhouette - float(copies.mean()), k),
        figures=figures,
    )


def _sentence(p: list[float], gap: float, k: int) -> str:
    """Say in plain words what the groups are: no more than what was rejected, or not.

    Parameters
    ----------
    p : list of float
    gap : float
        Silhouette over that of the copies.
    k : int
    """
    groups = _WORDS[k] if k < len(_WORDS) else str(k)
    sensible = f"The {groups} groups are a sensible way to divide them, not {groups} kinds of people."
    if not _rejected(p):
        return f"Customers shade into one another. {sensible}"
    if gap < CLEAR_GAP:
        return f"Customers shade into one another, with slight clumps at most. {sensible}"
    return f"Customers form clumps with few in between: the {groups} groups are natural ones."
