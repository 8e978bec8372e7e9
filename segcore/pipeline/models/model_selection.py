"""Fit every candidate, measure all of them on the same rows, choose one by the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import job
from segcore.arrays import Floats, Labels
from segcore.evaluation import agreement, criteria
from segcore.evaluation.next_period import Estimate
from segcore.matrix.population import Population
from segcore.models import CandidateKey, sweeping
from segcore.models.assignment import assign_each
from segcore.models.candidate import Candidate, Sweep
from segcore.pipeline.models import candidate_metrics
from segcore.pipeline.models.labels import Labelled, columns
from segcore.progress import Progress
from segcore.records.manifest import ChosenModel, PinnedCost, StructureTest
from segcore.selection import quality_gate, rule
from segcore.selection.criteria import key
from segcore.selection.doubt import doubt


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
    structure : StructureTest or None
        Where it was asked for.
    pinned_cost : PinnedCost or None
    """

    candidates: list[Candidate]
    table: pl.DataFrame
    labels: list[Labels]
    published: tuple[Candidate, ...]
    agreement: pl.DataFrame
    structure: StructureTest | None
    pinned_cost: PinnedCost | None

    @property
    def chosen(self) -> ChosenModel:
        """The winner."""
        return rule.chosen_model(self.table)


def fit(
    people: Population,
    settings: job.Job,
    progress: Progress,
    *,
    starts: Mapping[int, Sequence[Floats]],
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


def compare(
    sweep: Sweep,
    people: Population,
    settings: job.Job,
    progress: Progress,
    *,
    next_period: Sequence[Estimate] | None = None,
    previous: CandidateKey | None = None,
    n_jobs: int | None = None,
) -> Compared:
    """Measure all candidates on the evaluation sample, the stability of the promising ones, and choose.

    `next_period` says how well each candidate would have told who buys next, where that is known; `previous` is the model of the run that is followed, and `n_jobs` how many processes refit models; the result does
    not depend on the latter.
    """
    candidates = sweep.candidates
    labels = [own for own, _ in assign_each([c.assigner for c in candidates], people.evaluation)]
    table = candidate_metrics.measured(candidates, labels, people)
    table = candidate_metrics.with_next_period(table, next_period)
    table = candidate_metrics.with_stability(table, candidates, people, settings, progress, n_jobs=n_jobs)
    incumbent = next((row for row in table.to_dicts() if key(row) == previous), None)
    if incumbent and quality_gate.unstable(
        settings.gate, incumbent["prediction_strength"], incumbent["jaccard_min"]
    ):
        previous = None  # or that model would stay, and be stopped, every night
    table = rule.select(table, settings.selection, previous)
    cost = rule.pinned_cost(table, settings.selection, previous)
    winner = rule.chosen_model(table)
    if reservation := doubt(winner.admissible, cost, settings.selection):
        progress.warn(reservation)
    published = _published(candidates, table)
    table = candidate_metrics.with_quality(table, published, people, settings)
    return Compared(
        candidates=candidates,
        table=table,
        labels=labels,
        published=published,
        agreement=agreement.agreement(
            {name: labels[candidates.index(c)] for name, c in zip(columns(published), published, strict=True)}
        ),
        structure=candidate_metrics.structure_figures(winner, people, settings, progress, n_jobs=n_jobs),
        pinned_cost=cost,
    )


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
