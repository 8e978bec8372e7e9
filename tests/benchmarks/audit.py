"""``python -m tests.benchmarks.audit OUT``: what the statistics claim, held against simulated truth.

The customers of the latest run in OUT are copied without clusters. Prints a table; nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from segcore import job, schema
from segcore.evaluation import calibration, copula, criteria, halving, silhouette, stability, structure
from segcore.evaluation.calibration import Bars
from segcore.evaluation.refit import ModelSpec, refit
from segcore.matrix.fit import standardised_column
from segcore.selection import rule

KMEANS = ModelSpec(family="kmeans")
RULE = job.Selection()
BARS = Bars(
    min_share=RULE.min_share,
    min_prediction_strength=RULE.min_prediction_strength,
    min_jaccard=RULE.min_jaccard,
)
PLANTED = [("kmeans", ""), ("mixture", "spherical"), ("mixture", "diag"), ("mixture", "full")]


def copies(raw: dict[str, Any], n: int, count: int) -> Iterator[Any]:
    """Give matrices of `n` customers without clusters, with the margins and rank correlations of a sample of the customers."""
    names = list(raw)
    computed = copula.dependent_features(names)
    for number in range(count):
        rng = np.random.default_rng((n, number))
        rows = rng.integers(len(raw[names[0]]), size=n)
        free = {name: raw[name][rows] for name in names if name not in computed}
        fitted = copula.fit(free)
        prepared = {name: _prepare(name, values) for name, values in fitted.margins.items()}
        yield structure._copy(names, fitted, prepared, _prepare, computed, rng)


def _prepare(_: str, values: Any) -> Any:
    return standardised_column(values, "yeo-johnson")


def without_clusters(raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how often K-Means gets to four segments and more on customers without clusters."""
    for n, count in ((1_000, 20), (2_500, 20), (5_000, 12)):
        reached = sum(
            calibration.reaches([(KMEANS, k) for k in range(4, 7)], X, BARS, seed=0)
            for X in copies(raw, n, count)
        )
        yield f"K-Means picks 4 or more, {n:,} customers without clusters", f"{reached} of {count}"


def planted(_: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how often the rule, and the silhouette's maximum, find the number of planted groups."""
    by_rule = by_silhouette = 0
    sets = 20
    for number in range(sets):
        rng = np.random.default_rng((1, number))
        k = 2 + number % 5
        # Groups whose centres are at least five standard deviations apart, of unequal size.
        centres = [rng.uniform(-8, 8, 4)]
        while len(centres) < k:
            new = rng.uniform(-8, 8, 4)
            if min(np.linalg.norm(new - c) for c in centres) > 5:
                centres.append(new)
        of = rng.choice(k, 600, p=rng.dirichlet(np.full(k, 20.0)))
        X = np.stack(centres)[of] + rng.normal(size=(600, 4))
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        table = candidates(X)
        by_rule += rule.chosen(rule.select(table, RULE))["k"] == k
        by_silhouette += table.sort("silhouette", descending=True)["k"][0] == k
    yield "planted groups whose number the rule finds", f"{by_rule} of {sets}"
    yield "the same, by the maximum of the silhouette", f"{by_silhouette} of {sets}"


def candidates(X: Any) -> pl.DataFrame:
    """Return the table of candidates that the rule reads, fitted with five restarts, k up to 8."""
    settings = job.Models()
    labels = {
        (*kind, k): fit.labels
        for kind in PLANTED
        for k, fit in refit(ModelSpec.of(*kind, settings), X, range(2, 9), 0).items()
    }
    of = criteria.of_arrays(X, list(labels.values()), [key[2] for key in labels])
    shapes = silhouette.silhouettes(X, list(labels.values()))
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
        }
        for key, own, shape in zip(labels, of, shapes, strict=True)
    ]
    table = pl.DataFrame(rows)
    left = rule.worth_measuring(table, RULE)
    stable = stability.measure(
        X, {key: labels[key] for key in left}, settings, job.Stability(), RULE, seed=0, n_jobs=1
    )
    names = ("prediction_strength", "prediction_strength_se", "jaccard_min", "jaccard_se")
    return table.with_columns(
        pl.Series(
            name, [getattr(stable[key], name) if key in stable else None for key in labels], dtype=pl.Float64
        )
        for name in names
    )


def strength_error(_: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Compare the error that a sample gives its prediction strength with how much samples differ."""
    three = (KMEANS, 3)
    rng = np.random.default_rng(2)
    samples = [rng.standard_t(5, size=(800, 4)) * [2, 1, 1, 1] for _ in range(30)]
    strengths = np.array(
        [[halving.split_strength([three], X, seed=1, number=n)[three] for n in range(12)] for X in samples]
    )
    drawing = strengths.var(axis=1, ddof=1).mean() / strengths.shape[1]
    spread = np.sqrt(max(0.0, strengths.mean(axis=1).var(ddof=1) - drawing))
    own = np.mean([halving.sampling_errors([three], X, seed=0)[three] ** 2 for X in samples[:15]]) ** 0.5
    yield (
        "prediction strength, one continuum: how much 30 samples differ, and the error that one sample gives",
        f"{spread:.3f}, {own:.3f}",
    )
    yield "the same, Monte Carlo error alone", f"{drawing**0.5:.3f}"


def silhouette_coverage(_: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how often the 95% interval of a silhouette covers the one of the fitted model on many other customers."""
    for name, fitted in (("rows that it was fitted to", True), ("rows that it was not fitted to", False)):
        covered, tries = 0, 60
        for number in range(tries):
            rng = np.random.default_rng((3, number))
            X, others, many = (rng.standard_t(3, size=(n, 3)) for n in (400, 400, 4_000))
            fit = refit(KMEANS, X, [3], 0)[3]
            judged = X if fitted else others
            value, error = silhouette.silhouettes(judged, [fit.assigner.assign(judged)[0]], n_jobs=1)[0]
            truth, _error = silhouette.silhouettes(
                many, [fit.assigner.assign(many)[0]], errors=False, n_jobs=1
            )[0]
            if value is not None and error is not None and truth is not None:
                covered += abs(value - truth) <= 1.96 * error
        yield (
            f"silhouette's 95% interval covers, t with 3 degrees of freedom, {name}",
            f"{covered} of {tries}",
        )


PARTS: tuple[Callable[[dict[str, Any]], Iterator[tuple[str, str]]], ...] = (
    silhouette_coverage,
    strength_error,
    planted,
    without_clusters,
)


def main() -> None:
    """Print the table as Markdown, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="where runs are")
    asked = parser.parse_args()
    latest = json.loads((asked.out / "latest.json").read_text(encoding="utf-8"))
    df = pl.read_parquet(asked.out / latest["run"] / "features" / "*.parquet")
    raw = {name: df[name].cast(pl.Float64).to_numpy() for name in schema.DEFAULT_MATRIX}
    print("| what | figure | seconds |\n| --- | ---: | ---: |")
    with threadpool_limits(1):
        for part in PARTS:
            began = time.process_time()
            for what, figure in part(raw):
                print(f"| {what} | {figure} | {time.process_time() - began:.0f} |", flush=True)


if __name__ == "__main__":
    main()
