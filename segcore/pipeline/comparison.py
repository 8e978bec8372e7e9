"""Fit every candidate, measure all of them on the same rows, choose one by the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segcore import job, matrix, propagation, selection
from segcore.evaluation import agreement, criteria, silhouette, stability, structure
from segcore.models import sweeping
from segcore.models.assignment import Labels, assign_each
from segcore.models.candidate import Candidate, Sweep
from segcore.pipeline.labelling import Labelled, columns
from segcore.pipeline.population import Population
from segcore.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Compared:
    """All candidates with their verdicts.

    Attributes
    ----------
    candidates : list of Candidate
        In the order of the table.
    table : polars.DataFrame
        One row per candidate: what candidates.parquet holds.
    labels : list of ndarray of shape (n_evaluation,)
        Of the evaluation sample.
    published : tuple of Candidate
        The winner first, then the best of each other family and variant.
    agreement : polars.DataFrame
        ``a, b, adjusted_rand`` between the published ones.
    structure : dict or None
        The structure test's figures, where it was asked for.
    pinned_cost : dict or None
    """

    candidates: list[Candidate]
    table: pl.DataFrame
    labels: list[Labels]
    published: tuple[Candidate, ...]
    agreement: pl.DataFrame
    structure: dict[str, Any] | None
    pinned_cost: dict[str, Any] | None

    @property
    def chosen(self) -> dict[str, Any]:
        """The winner's row."""
        return selection.chosen(self.table)


def fit(
    people: Population,
    settings: job.Job,
    progress: Progress,
    *,
    starts: Mapping[int, Sequence[npt.NDArray[np.float64]]],
) -> Sweep:
    """Fit every candidate that the job asks for.

    Parameters
    ----------
    people : Population
    settings : segcore.job.Job
    progress : Progress
    starts : mapping of int to sequence of ndarray of shape (k, n_features)
        The previous run's centres, to go on from where nothing is clearly better.
    """
    with progress.counter("models") as count:
        sweep = sweeping.sweep(
            people.X,
            people.sample,
            settings.models,
            settings.seed,
            progress=count,
            starts=starts,
            tolerance=settings.lineage.tolerance,
        )
    for note in sweep.notes:
        progress.warn(note)
    return sweep


def compare(sweep: Sweep, people: Population, settings: job.Job, progress: Progress) -> Compared:
    """Measure all candidates on the evaluation sample, the stability of the promising ones, and choose."""
    candidates = sweep.candidates
    labels = [own for own, _ in assign_each([c.assigner for c in candidates], people.evaluation)]
    table = _measured(candidates, labels, people)
    table = _with_stability(table, candidates, people, settings, progress)
    table = selection.select(table, settings.selection)
    published = _published(candidates, table)
    table = _with_quality(table, published, people, settings)
    return Compared(
        candidates=candidates,
        table=table,
        labels=labels,
        published=published,
        agreement=agreement.agreement(
            {name: labels[candidates.index(c)] for name, c in zip(columns(published), published, strict=True)}
        ),
        structure=_structure(selection.chosen(table), people, settings, progress),
        pinned_cost=selection.pinned_cost(table, settings.selection),
    )


def _measured(candidates: Sequence[Candidate], labels: Sequence[Labels], people: Population) -> pl.DataFrame:
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


def _with_stability(
    table: pl.DataFrame,
    candidates: Sequence[Candidate],
    people: Population,
    settings: job.Job,
    progress: Progress,
) -> pl.DataFrame:
    """Add prediction strength and Jaccard of the candidates that pass the cheap gates; null for the others."""
    keys = set(selection.worth_measuring(table, settings.selection)) if settings.stability.splits else set()
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


def _structure(
    chosen: dict[str, Any], people: Population, settings: job.Job, progress: Progress
) -> dict[str, Any] | None:
    """Test whether the winner finds more than a continuum of the same margins and correlations would show."""
    columns_, kinds = people.preparation.columns, dict(settings.matrix.columns)
    rows = people.rows(0, min(len(people.sample), settings.models.tree_sample))
    raw = people.preparation.filled(matrix.raw_values(rows, columns_))
    with progress.counter("structure") as count:
        found = structure.structure_test(
            dict(zip(columns_, raw.T, strict=True)),
            lambda name, values: matrix.standardised_column(values, kinds[name]),
            (chosen["family"], chosen["variant"], chosen["k"]),
            settings.models,
            copies=settings.structure_test.copies,
            seed=settings.seed,
            progress=count,
        )
    return None if found is None else asdict(found)


def _with_quality(
    table: pl.DataFrame, published: Sequence[Candidate], people: Population, settings: job.Job
) -> pl.DataFrame:
    """Add how faithfully the published models' labels are carried, and how much they move with another sample."""
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
    "carry": pl.Float64,
    "move": pl.Float64,
    "move_rows": pl.Int64,
}


def _published(candidates: Sequence[Candidate], table: pl.DataFrame) -> tuple[Candidate, ...]:
    """Return the winner, then each other family and variant's best: its largest admissible k, else its best silhouette."""
    ranked = (
        table.with_row_index("place")
        .with_columns(size=pl.when("admissible").then("k").otherwise(0))
        .sort("chosen", "size", "silhouette", "k", descending=[True, True, True, False], nulls_last=True)
        .group_by("family", "variant", maintain_order=True)
        .first()
        .sort("chosen", "place", descending=[True, False])
    )
    return tuple(candidates[place] for place in ranked["place"])


def with_all_rows(compared: Compared, people: Population, labelled: Labelled) -> Compared:
    """Add the criteria over all customers for the models that label everyone, and every K-Means.

    Two passes over the matrix, whatever the number of models.
    """
    published = set(columns(labelled.models))
    names = columns(compared.candidates)
    chosen = [
        place
        for place, c in enumerate(compared.candidates)
        if c.family == "kmeans" or names[place] in published
    ]
    assigners = [compared.candidates[place].assigner for place in chosen]
    measured = criteria.partition_criteria(
        people.blocks,
        lambda _, X: [own for own, _ in assign_each(assigners, X)],
        [assigner.n_clusters for assigner in assigners],
    )
    everyone = dict(zip(chosen, measured, strict=True))

    def column(of: Callable[[criteria.Criteria], float | None]) -> pl.Series:
        values = (everyone.get(place) for place in range(len(names)))
        return pl.Series([None if m is None else of(m) for m in values], dtype=pl.Float64)

    ordered = {
        c.key: [label for label, _ in sorted(mapping.items(), key=lambda item: item[1])]
        for c, mapping in zip(labelled.models, labelled.segments, strict=True)
    }
    table = compared.table.with_columns(
        jaccard=_by_segment(compared, ordered),
        inertia=column(lambda m: m.inertia),
        calinski_harabasz_all=column(lambda m: m.calinski_harabasz),
        davies_bouldin_all=column(lambda m: m.davies_bouldin),
        smallest_share_all=column(lambda m: m.smallest_share),
    )
    return replace(compared, table=table)


def _by_segment(compared: Compared, ordered: dict[tuple[str, str, int], list[int]]) -> pl.Series:
    """Put the Jaccard of each published model's labels in the order of its segments."""
    values = []
    for c, jaccard in zip(compared.candidates, compared.table["jaccard"].to_list(), strict=True):
        labels = [label for label in ordered.get(c.key, []) if 0 <= label < c.assigner.n_clusters]
        values.append([jaccard[label] for label in labels] if jaccard and labels else jaccard)
    return pl.Series(values, dtype=pl.List(pl.Float64))
