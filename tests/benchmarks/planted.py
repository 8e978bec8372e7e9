"""Planted groups far apart, and the table of candidates that the rule reads of them."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import polars as pl

from segcore import job
from segcore.arrays import Floats, Labels, Mask
from segcore.evaluation import criteria, halving, silhouette, stability, structure
from segcore.evaluation.next_period import auc, group_sums
from segcore.evaluation.refit import ModelSpec, Target, refit_each
from segcore.models import CandidateKey
from segcore.records.fit_figures import StructureTest
from segcore.selection import rule
from segcore.selection.criteria import Row
from tests.benchmarks.lean import COPIES

SETS = 50
KINDS = [("kmeans", ""), ("mixture", "spherical"), ("mixture", "diag"), ("mixture", "full")]
KS = range(2, 9)
_STRUCTURE = "structure_"
RULE, MODELS, STABILITY = job.Selection(), job.Models(), job.Stability()
# Below the bar in the first halving by that much: the halvings differ by about .1, so no rule that is tried lets it pass.
HOPELESS = 0.3


def groups(number: int, n: int = 600) -> tuple[int, Floats, Labels]:
    """Return how many groups were planted, customers of shape (n, 4), and the group of each.

    Their centres are at least five standard deviations apart, their sizes differ.
    """
    rng = np.random.default_rng((1, number))
    k = 2 + number % 5
    centres = [rng.uniform(-8, 8, 4)]
    while len(centres) < k:
        new = rng.uniform(-8, 8, 4)
        if min(np.linalg.norm(new - c) for c in centres) > 5:
            centres.append(new)
    of = rng.choice(k, n, p=rng.dirichlet(np.full(k, 20.0)))
    X = np.stack(centres)[of] + rng.normal(size=(n, 4))
    return k, (X - X.mean(axis=0)) / X.std(axis=0), of.astype(np.int32)


def candidates(number: int) -> tuple[int, pl.DataFrame]:
    """Return how many groups were planted, and the candidates, with five restarts, and the structure test of their leader.

    Each group buys in the period after at a rate of its own, which ``next_period_auc`` is of.
    """
    k, X, of = groups(number)
    fits = refit_each([(ModelSpec.of(*kind, MODELS), k) for kind in KINDS for k in KS], X, 0)
    labels = {_key(target): fit.labels for target, fit in fits.items()}
    rng = np.random.default_rng((2, number))
    bought = rng.random(len(X)) < rng.uniform(0.1, 0.9, k)[of]
    table = _unstable(X, labels, bought)
    first = halving.split_strength(list(fits), X, seed=0, number=0)
    hopeless = {
        _key(t) for t, strength in first.items() if strength < RULE.min_prediction_strength - HOPELESS
    }
    left = [key for key in rule.worth_measuring(table, RULE) if key not in hopeless]
    stable = stability.measure(
        X, {key: labels[key] for key in left}, MODELS, STABILITY, RULE, seed=0, n_jobs=1
    )
    names = ("prediction_strength", "prediction_strength_se", "jaccard_min", "jaccard_se")
    table = table.with_columns(
        pl.Series(
            name, [getattr(stable[key], name) if key in stable else None for key in labels], dtype=pl.Float64
        )
        for name in names
    )
    return k, with_structure(table, _structure(X, rule.leading(table, RULE)))


def _key(target: Target) -> CandidateKey:
    return target[0].family, target[0].variant, target[1]


def _unstable(X: Floats, labels: dict[CandidateKey, Labels], bought: Mask) -> pl.DataFrame:
    """Return what is known of the candidates before they are refitted."""
    of = criteria.of_arrays(X, list(labels.values()), [key[2] for key in labels])
    shapes = silhouette.silhouettes(X, list(labels.values()), n_jobs=1)
    areas = [auc(group_sums(own, bought, bought.astype(float), key[2])) for key, own in labels.items()]
    rows = [
        {
            "family": key[0],
            "variant": key[1],
            "k": key[2],
            "n_clusters": key[2],
            "selectable": True,
            "converged": True,
            "noise_share": 0.0,
            "smallest_share": own.smallest_share,
            "smallest_share_se": (own.smallest_share * (1 - own.smallest_share) / len(X)) ** 0.5,
            "silhouette": shape[0],
            "silhouette_se": shape[1],
            "next_period_auc": area.value,
            "next_period_auc_se": area.error,
        }
        for key, own, shape, area in zip(labels, of, shapes, areas, strict=True)
    ]
    return pl.DataFrame(rows)


def collect(folder: Path) -> None:
    """Keep the candidates of every set that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SETS):
        path = folder / f"{number}.parquet"
        if not path.exists():
            k, table = candidates(number)
            table.with_columns(planted=pl.lit(k)).write_parquet(path)


def _structure(X: Floats, leading: CandidateKey | None) -> StructureTest | None:
    if leading is None:
        return None
    return structure.structure_test(
        {f"x{place}": column for place, column in enumerate(X.T)},
        lambda _, values: (values - values.mean()) / values.std(),
        leading,
        MODELS,
        copies=COPIES,
        seed=0,
        rule=RULE,
        n_jobs=1,
    )


def with_structure(table: pl.DataFrame, test: StructureTest | None) -> pl.DataFrame:
    """Add the figures of a structure test to every candidate, null where there is none."""
    figures = asdict(test) if test else dict.fromkeys(field.name for field in fields(StructureTest))
    return table.with_columns(pl.lit(value).alias(_STRUCTURE + name) for name, value in figures.items())


def stand_apart(table: pl.DataFrame) -> bool | None:
    """Whether the structure test that a table has says that its leader's segments stand apart; None without one."""
    names = [field.name for field in fields(StructureTest)]
    test = dict(zip(names, table.select(_STRUCTURE + name for name in names).row(0), strict=True))
    return None if test["silhouette"] is None else structure.stand_apart(StructureTest(**test))


def chosen(table: pl.DataFrame) -> Row:
    """Return what the rule chooses."""
    return rule.chosen(rule.select(undecided(table), RULE, continuum=stand_apart(table) is False))


def undecided(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table as it is before the rule."""
    return table.drop("admissible", "close_call", "verdict", "reason", "chosen", strict=False)
