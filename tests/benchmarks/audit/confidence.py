"""Whether the confidence of a customer is the share of fits to other customers that keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from segcore.arrays import Floats
from segcore.evaluation.keeping import matched, measure
from segcore.evaluation.refit import ModelSpec, Target, refit_each
from tests.benchmarks.audit.data import KMEANS, Data, Figure

EDGES = (0.7, 0.9, 0.97)
FOUR: Target = (KMEANS, 4)
# What the rule would let pass on that cloud.
TWO: Target = (KMEANS, 2)
DIAGONAL: Target = (ModelSpec(family="mixture", variant="diag"), 3)
# A world: customers to fit to; for each, customers to judge on, and others to fit to.
World = Callable[[int], list[tuple[Floats, list[tuple[Floats, list[Floats]]]]]]


def confidence(data: Data) -> Iterator[Figure]:
    """Hold what is said against what fits to other customers keep, in four bins of what is said.

    The error of the largest gap is that of finitely many worlds: in one of them whole segments are kept or not.
    """
    named = (
        ("four overlapping groups", _drawn(_groups), FOUR, 8),
        ("one cloud", _drawn(_cloud), TWO, 8),
        ("real customers, in thirds", thirds(data.matrix), FOUR, 40),
        ("real customers, in thirds", thirds(data.matrix), DIAGONAL, 40),
    )
    for what, world, target, count in named:
        said, kept = compared(world, target, count)
        yield Figure(
            f"confidence, {what}, {target[0].variant or 'K-Means'} {target[1]}: said and kept, below .7, to .9, to .97, above; largest gap",
            "1 - d1/d2, or a posterior",
            _bins(said, kept),
        )
        sure = said >= 0.9
        yield Figure(
            "the same: customers with a confidence of .9 and more, and the share of them who are kept",
            "0.03%, 89%, 0.05% by three models",
            f"{sure.mean():.0%}, {kept[sure].mean():.3f}" if sure.any() else "none",
        )


def compared(world: World, target: Target, count: int) -> tuple[Floats, Floats]:
    """Return what is said of customers and the share of fits that keep them, each of shape (count, n_customers)."""
    said, kept = [], []
    for number in range(count):
        told, held = [], []
        for X, judgements in world(number):
            model = refit_each([target], X, number)[target].assigner
            known = measure(model, target, X, len(X), seed=number)
            for judged, others in judgements:
                labels, margin = model.assign(judged)
                told.append(known.confidence(margin).astype(np.float64))
                again = [
                    refit_each([target], Z, i)[target].assigner.assign(judged)[0]
                    for i, Z in enumerate(others)
                ]
                held.append(np.mean([matched(labels, other, target[1]) == labels for other in again], axis=0))
        said.append(np.concatenate(told))
        kept.append(np.concatenate(held))
    return np.stack(said), np.stack(kept)


def gaps(said: Floats, kept: Floats) -> list[tuple[float, float, float]]:
    """Return what is said on average, what is kept, and the error of their difference, for each bin that is not empty."""
    own = np.digitize(said, EDGES)
    found = []
    for b in range(len(EDGES) + 1):
        there = own == b
        if there.sum() > 100:
            sums = np.where(there, said - kept, 0).sum(axis=1) / there.sum()
            error = float(sums.std(ddof=1)) * len(sums) ** 0.5
            found.append((float(said[there].mean()), float(kept[there].mean()), error))
    return found


def _bins(said: Floats, kept: Floats) -> str:
    found = gaps(said, kept)
    pairs = ", ".join(f"{told:.2f} {held:.2f}" for told, held, _ in found)
    gap, error = max((abs(told - held), error) for told, held, error in found)
    return f"{pairs}; {gap:.3f} \u00b1 {error:.3f}"


def _drawn(draw: Callable[[int, tuple[int, ...]], Floats]) -> World:
    return lambda number: [
        (
            draw(1_500, (number, 0)),
            [(draw(2_000, (number, 1)), [draw(1_500, (number, 2, i)) for i in range(10)])],
        )
    ]


def _groups(n: int, seed: tuple[int, ...]) -> Floats:
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [2.2, 0, 0], [0, 2.4, 0], [1.5, 1.5, 2]])
    return np.asarray(centres[rng.integers(0, 4, n)] + rng.normal(size=(n, 3)))


def _cloud(n: int, seed: tuple[int, ...]) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.multivariate_normal(np.zeros(4), 0.6 * np.eye(4) + 0.4, n))


def thirds(X: Floats) -> World:
    """Fit to a random third, fit again to another one, judge on the last: in all six orders."""

    def world(number: int) -> list[tuple[Floats, list[tuple[Floats, list[Floats]]]]]:
        order = np.random.default_rng((5, number)).permutation(len(X))
        parts = [X[part] for part in np.array_split(order, 3)]
        return [(parts[i], [(parts[j], [parts[3 - i - j]]) for j in range(3) if j != i]) for i in range(3)]

    return world
