"""What is measured of the candidates: criteria, stability, structure, and the quality of propagation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from segcore import job
from segcore.arrays import Labels
from segcore.evaluation import criteria, keeping, propagation, silhouette, stability, structure
from segcore.evaluation.next_period import Estimate
from segcore.evaluation.refit import ModelSpec
from segcore.matrix import fit
from segcore.matrix.population import Population
from segcore.models import CandidateKey
from segcore.models.assignment import labels_each
from segcore.models.candidate import Candidate
from segcore.models.keeping import Keeping
from segcore.progress import Progress
from segcore.records.fit_figures import StructureTest
from segcore.selection import rule

# Columns are typed here, since a figure may be missing from all candidates.
_KEY: dict[str, Any] = {"family": pl.String, "variant": pl.String, "k": pl.Int64}
_MEASURED = _KEY | {
    "n_clusters": pl.Int64,
    "selectable": pl.Boolean,
    "converged": pl.Boolean,
    "noise_share": pl.Float64,
    "smallest_share": pl.Float64,
    "smallest_share_se": pl.Float64,
    "silhouette": pl.Float64,
    "silhouette_se": pl.Float64,
    "calinski_harabasz": pl.Float64,
    "davies_bouldin": pl.Float64,
    "inertia_start": pl.Float64,
    "n_iter": pl.Int64,
    "bic": pl.Float64,
    "icl": pl.Float64,
    "note": pl.String,
    "seconds": pl.Float64,
}
_STABLE: dict[str, Any] = {
    "prediction_strength": pl.Float64,
    "prediction_strength_se": pl.Float64,
    "prediction_strength_mc": pl.Float64,
    "n_splits": pl.Int64,
    "jaccard_min": pl.Float64,
    "jaccard_se": pl.Float64,
    "jaccard": pl.List(pl.Float64),
    "n_resamples": pl.Int64,
}
_QUALITY: dict[str, Any] = {
    "propagation_ari": pl.Float64,
    "sample_stability_ari": pl.Float64,
    "sample_stability_se": pl.Float64,
    "sample_stability_rows": pl.Int64,
}


def joined(
    table: pl.DataFrame, figures: Mapping[CandidateKey, Mapping[str, Any]], schema: dict[str, Any]
) -> pl.DataFrame:
    """Add figures of some candidates to the table; null for the others."""
    rows = [dict(zip(_KEY, candidate, strict=True)) | dict(own) for candidate, own in figures.items()]
    return table.join(
        pl.DataFrame(rows, schema=_KEY | schema), on=list(_KEY), how="left", maintain_order="left"
    )


def measured(
    candidates: Sequence[Candidate], labels: Sequence[Labels], population: Population
) -> pl.DataFrame:
    """Return what is known of each candidate before it is refitted."""
    on_sample = criteria.of_arrays(population.evaluation, labels, [c.assigner.n_clusters for c in candidates])
    scores = silhouette.silhouettes(population.evaluation, labels)
    rows = [
        {name: getattr(candidate, name) for name in _MEASURED if hasattr(candidate, name)}
        | {
            "n_clusters": candidate.assigner.n_clusters,
            "noise_share": float(np.mean(own < 0)),
            "smallest_share": figures.smallest_share,
            "smallest_share_se": math.sqrt(
                figures.smallest_share * (1 - figures.smallest_share) / len(population.evaluation)
            ),
            "silhouette": score,
            "silhouette_se": error,
            "calinski_harabasz": figures.calinski_harabasz,
            "davies_bouldin": figures.davies_bouldin,
        }
        for candidate, own, figures, (score, error) in zip(candidates, labels, on_sample, scores, strict=True)
    ]
    return pl.DataFrame(rows, schema=_MEASURED)


def with_next_period(table: pl.DataFrame, areas: Sequence[Estimate] | None) -> pl.DataFrame:
    """Add how well each candidate would have told who buys in the last period; null where there is no look back."""
    values: Sequence[Estimate | tuple[None, None]] = [(None, None)] * table.height if areas is None else areas
    return table.with_columns(
        pl.Series(name, [pair[place] for pair in values], dtype=pl.Float64).fill_nan(None)
        for place, name in enumerate(("next_period_auc", "next_period_auc_se"))
    )


def with_stability(
    table: pl.DataFrame,
    candidates: Sequence[Candidate],
    population: Population,
    settings: job.Job,
    progress: Progress,
    *,
    n_jobs: int | None = None,
) -> pl.DataFrame:
    """Add prediction strength and Jaccard of the candidates that pass the cheap gates; null for the others."""
    keys = set(rule.worth_measuring(table, settings.selection)) if settings.stability.splits else set()
    promising = [c for c in candidates if c.key in keys]
    X = population.sample[: settings.models.tree_sample]
    labels = labels_each([c.assigner for c in promising], X)
    with progress.counter("stability") as count:
        stable = stability.measure(
            X.astype(np.float64),
            {c.key: own for c, own in zip(promising, labels, strict=True)},
            settings.models,
            settings.stability,
            settings.selection,
            seed=settings.seed,
            progress=count,
            log=progress.log,
            n_jobs=n_jobs,
        )
    return joined(table, {candidate: asdict(own) for candidate, own in stable.items()}, _STABLE)


def keeping_of(winner: Candidate, population: Population, settings: job.Job) -> Keeping:
    """Measure how likely a customer keeps the winner's segment when it is fitted again on others."""
    sample = population.sample
    fitted_to = {
        "kmeans": population.n_customers,
        "mixture": len(sample),
        "hierarchical": min(len(sample), settings.models.tree_sample),
        "spectral": min(len(sample), settings.models.tree_sample),
    }
    return keeping.measure(
        winner.assigner,
        (ModelSpec.of(winner.family, winner.variant, settings.models), winner.k),
        sample.astype(np.float64),
        fitted_to[winner.family],
        seed=settings.seed,
    )


def structure_figures(
    model: CandidateKey,
    population: Population,
    settings: job.Job,
    progress: Progress,
    *,
    by_rule: bool,
    n_jobs: int | None = None,
) -> StructureTest | None:
    """Test whether a candidate finds more than a continuum of the same margins and correlations would show.

    `by_rule` says that it passed the bars, so that it is worth knowing how often copies without clusters do.
    """
    preparation = population.preparation
    kinds = {column.name: column.transform for column in preparation.prepared}
    rows = population.rows(0, min(len(population.sample), settings.models.tree_sample))
    raw = preparation.filled(preparation.raw(rows))
    with progress.counter("structure") as count:
        return structure.structure_test(
            dict(zip(preparation.columns, raw.T, strict=True)),
            lambda name, values: fit.standardised_column(values, kinds[name]),
            model,
            settings.models,
            copies=settings.structure_test.copies,
            seed=settings.seed,
            rule=settings.selection if by_rule and settings.stability.splits else None,
            progress=count,
            log=progress.log,
            n_jobs=n_jobs,
        )


def with_quality(
    table: pl.DataFrame, published: Sequence[Candidate], population: Population, settings: job.Job
) -> pl.DataFrame:
    """Add how faithfully the published models' labels are propagated, and how much they depend on the sample."""
    # Rows of the fit and the next ones: the more there are, the closer the samples come to the fit's own.
    X = population.rows_of_matrix(3 * settings.models.tree_sample)
    quality = propagation.quality(published, X, settings.models, seed=settings.seed)
    figures = {c.key: asdict(own) for c, own in zip(published, quality, strict=True)}
    return joined(table, figures, _QUALITY)
