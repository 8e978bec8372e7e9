"""What is measured of the candidates: criteria, stability, structure, and the quality of propagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from segcore import job
from segcore.arrays import Labels
from segcore.evaluation import criteria, propagation, silhouette, stability, structure
from segcore.evaluation.next_period import Estimate
from segcore.matrix import fit
from segcore.matrix.population import Population
from segcore.models.assignment import assign_each
from segcore.models.candidate import Candidate
from segcore.progress import Progress
from segcore.records.manifest import ChosenModel, StructureTest
from segcore.selection import rule


def measured(candidates: Sequence[Candidate], labels: Sequence[Labels], people: Population) -> pl.DataFrame:
    """Return what is known of each candidate before it is refitted."""
    n_clusters = [c.assigner.n_clusters for c in candidates]
    on_sample = criteria.of_arrays(people.evaluation, labels, n_clusters)
    scores = silhouette.silhouettes(people.evaluation, labels)
    rows = [
        {
            "family": c.family,
            "variant": c.variant,
            "k": c.k,
            "n_clusters": c.assigner.n_clusters,
            "selectable": c.selectable,
            "converged": c.converged,
            "noise_share": float(np.mean(own < 0)),
            "smallest_share": measured.smallest_share,
            "silhouette": score[0],
            "silhouette_se": score[1],
            "calinski_harabasz": measured.calinski_harabasz,
            "davies_bouldin": measured.davies_bouldin,
            "inertia_start": c.inertia_start,
            "n_iter": c.n_iter,
            "bic": c.bic,
            "icl": c.icl,
            "note": c.note,
            "seconds": c.seconds,
        }
        for c, own, measured, score in zip(candidates, labels, on_sample, scores, strict=True)
    ]
    return pl.DataFrame(rows, schema=_MEASURED)


_MEASURED: dict[str, Any] = {
    "family": pl.String,
    "variant": pl.String,
    "k": pl.Int64,
    "n_clusters": pl.Int64,
    "selectable": pl.Boolean,
    "converged": pl.Boolean,
    "noise_share": pl.Float64,
    "smallest_share": pl.Float64,
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
    people: Population,
    settings: job.Job,
    progress: Progress,
    *,
    n_jobs: int | None = None,
) -> pl.DataFrame:
    """Add prediction strength and Jaccard of the candidates that pass the cheap gates; null for the others."""
    keys = set(rule.worth_measuring(table, settings.selection)) if settings.stability.splits else set()
    promising = [c for c in candidates if c.key in keys]
    X = people.sample[: settings.models.tree_sample]
    labels = [own for own, _ in assign_each([c.assigner for c in promising], X)]
    with progress.counter("stability") as count:
        found = stability.measure(
            X.astype(np.float64),
            {c.key: own for c, own in zip(promising, labels, strict=True)},
            settings.models,
            settings.stability,
            settings.selection,
            seed=settings.seed,
            progress=count,
            n_jobs=n_jobs,
        )
    rows = [dict(zip(_KEY, key, strict=True)) | asdict(stable) for key, stable in found.items()]
    return table.join(pl.DataFrame(rows, schema=_STABLE), on=_KEY, how="left", maintain_order="left")


_KEY = ["family", "variant", "k"]
_STABLE: dict[str, Any] = {
    "family": pl.String,
    "variant": pl.String,
    "k": pl.Int64,
    "prediction_strength": pl.Float64,
    "prediction_strength_se": pl.Float64,
    "n_splits": pl.Int64,
    "jaccard_min": pl.Float64,
    "jaccard_se": pl.Float64,
    "jaccard": pl.List(pl.Float64),
    "n_resamples": pl.Int64,
}


def structure_figures(
    chosen: ChosenModel,
    people: Population,
    settings: job.Job,
    progress: Progress,
    *,
    n_jobs: int | None = None,
) -> StructureTest | None:
    """Test whether the winner finds more than a continuum of the same margins and correlations would show."""
    columns_ = people.preparation.columns
    kinds = {column.name: column.transform for column in people.preparation.prepared}
    rows = people.rows(0, min(len(people.sample), settings.models.tree_sample))
    raw = people.preparation.filled(people.preparation.raw(rows))
    with progress.counter("structure") as count:
        return structure.structure_test(
            dict(zip(columns_, raw.T, strict=True)),
            lambda name, values: fit.standardised_column(values, kinds[name]),
            (chosen.family, chosen.variant, chosen.k),
            settings.models,
            copies=settings.structure_test.copies,
            seed=settings.seed,
            progress=count,
            n_jobs=n_jobs,
        )


def with_quality(
    table: pl.DataFrame, published: Sequence[Candidate], people: Population, settings: job.Job
) -> pl.DataFrame:
    """Add how faithfully the published models' labels are propagated, and how much they depend on the sample."""
    # Rows of the fit and the next ones: the more there are, the closer the samples come to the fit's own.
    X = people.rows_of_matrix(3 * settings.models.tree_sample)
    found = propagation.quality(published, X, settings.models, seed=settings.seed)
    rows = [
        dict(zip(_KEY, c.key, strict=True)) | asdict(own) for c, own in zip(published, found, strict=True)
    ]
    return table.join(pl.DataFrame(rows, schema=_QUALITY), on=_KEY, how="left", maintain_order="left")


_QUALITY: dict[str, Any] = {
    "family": pl.String,
    "variant": pl.String,
    "k": pl.Int64,
    "propagation_ari": pl.Float64,
    "sample_stability_ari": pl.Float64,
    "sample_stability_rows": pl.Int64,
}
