"""Fit every candidate, measure all of them on the same rows, choose one by the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import job, tables
from segcore.arrays import Floats
from segcore.evaluation import agreement, criteria
from segcore.evaluation.next_period import Estimate
from segcore.evaluation.structure import stand_apart
from segcore.matrix.population import Population
from segcore.models import CandidateKey, sweeping
from segcore.models.assignment import labels_each
from segcore.models.candidate import Candidate, Sweep
from segcore.models.keeping import Keeping
from segcore.pipeline.models import candidate_metrics
from segcore.pipeline.models.labels import Labelled, columns
from segcore.progress import Progress
from segcore.records.fit_figures import ChosenModel, KMeansFigures, PinnedCost, StructureTest
from segcore.selection import pins, quality_gate, rule
from segcore.selection.criteria import Row, key
from segcore.selection.doubt import doubt


@dataclass(frozen=True, kw_only=True)
class Selection:
    """All candidates with their verdicts, and the models that label everyone.

    Attributes
    ----------
    table : polars.DataFrame
        One row per candidate: what candidates.parquet holds.
    published : tuple of Candidate
        The winner first, then the best of each other family and variant.
    kmeans : tuple of Candidate
        Of every k, for their criteria over all customers.
    passes : tuple of KMeansFigures
        Of each of these.
    agreement : polars.DataFrame
        ``a, b, adjusted_rand`` between the published ones.
    tree : polars.DataFrame
        The last merges of every linkage.
    structure : StructureTest or None
        Where it was asked for.
    pinned_cost : PinnedCost or None
    keeping : Keeping
        Makes a confidence of the winner's margin.
    """

    table: pl.DataFrame
    published: tuple[Candidate, ...]
    kmeans: tuple[Candidate, ...]
    passes: tuple[KMeansFigures, ...]
    agreement: pl.DataFrame
    tree: pl.DataFrame
    structure: StructureTest | None
    pinned_cost: PinnedCost | None
    keeping: Keeping

    @property
    def chosen(self) -> ChosenModel:
        """The winner."""
        return rule.chosen_model(self.table)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The customers as the models see them, the models, and every customer's labels by the published ones."""

    population: Population
    selection: Selection
    labelled: Labelled


def fit(
    population: Population, settings: job.Job, progress: Progress, *, starts: Mapping[int, Sequence[Floats]]
) -> Sweep:
    """Fit every candidate that the job asks for.

    Parameters
    ----------
    population : Population
    settings : segcore.job.Job
    progress : Progress
    starts : mapping of int to sequence of ndarray of shape (k, n_features)
        The previous run's centres, to start from where nothing is clearly better.
    """
    with progress.counter("models") as count:
        sweep = sweeping.sweep(
            population.X,
            population.sample,
            settings.models,
            settings.seed,
            progress=count,
            starts=starts,
            tolerance=settings.lineage.tolerance,
        )
    for note in sweep.notes:
        progress.warn(note)
    return sweep


def select(
    sweep: Sweep,
    population: Population,
    settings: job.Job,
    progress: Progress,
    *,
    next_period: Sequence[Estimate] | None = None,
    incumbent: CandidateKey | None = None,
    n_jobs: int | None = None,
) -> Selection:
    """Measure all candidates on the evaluation sample, the stability of the promising ones, and choose.

    `next_period` tells how well each candidate would have told who buys next, where that is known; `incumbent` is the
    model of the run that is followed, and `n_jobs` how many processes refit models, on which the result does not depend.
    """
    candidates = sweep.candidates
    labels = labels_each([c.assigner for c in candidates], population.evaluation)
    table = candidate_metrics.measured(candidates, labels, population)
    table = candidate_metrics.with_next_period(table, next_period)
    table = candidate_metrics.with_stability(table, candidates, population, settings, progress, n_jobs=n_jobs)
    followed = next((row for row in table.to_dicts() if key(row) == incumbent), None)
    if followed and quality_gate.unstable(
        settings.gate, followed["prediction_strength"], followed["jaccard_min"]
    ):
        incumbent = None  # or that model would stay, and be stopped, every night
    table, cost, test = _decided(table, population, settings, progress, incumbent, n_jobs)
    winner = rule.chosen_model(table)
    if reservation := doubt(winner.admissible, cost, settings.selection):
        progress.warn(reservation)
    published = _published(candidates, table)
    table = candidate_metrics.with_quality(table, published, population, settings)
    return Selection(
        table=table,
        published=published,
        kmeans=tuple(c for c in candidates if c.family == "kmeans"),
        passes=tuple(
            KMeansFigures(k=fit.k, n_iter=fit.n_iter, n_passes=fit.n_passes, seconds=fit.seconds)
            for fit in sweep.kmeans.values()
        ),
        agreement=agreement.agreement(
            {name: labels[candidates.index(c)] for name, c in zip(columns(published), published, strict=True)}
        ),
        tree=pl.concat(
            [pl.DataFrame(), *(tables.tree(Z, name) for name, Z in sweep.trees.items())], how="diagonal"
        ),
        structure=test,
        pinned_cost=cost,
        keeping=candidate_metrics.keeping_of(published[0], population, settings),
    )


def _decided(
    table: pl.DataFrame,
    population: Population,
    settings: job.Job,
    progress: Progress,
    incumbent: CandidateKey | None,
    n_jobs: int | None,
) -> tuple[pl.DataFrame, PinnedCost | None, StructureTest | None]:
    """Choose, and return the decided table, what a pin cost, and the structure test of the winner.

    Whether there are groups is asked of the candidate that leads, where the answer changes the choice or that candidate wins.
    """
    own = settings.selection

    def outcome(continuum: bool) -> tuple[pl.DataFrame, PinnedCost | None]:
        decided = rule.select(table, own, incumbent, continuum=continuum)
        return decided, rule.pinned_cost(decided, own, incumbent, continuum=continuum)

    def tested(model: CandidateKey, *, by_rule: bool) -> StructureTest | None:
        return candidate_metrics.structure_figures(
            model, population, settings, progress, by_rule=by_rule, n_jobs=n_jobs
        )

    def picked(decided: pl.DataFrame, cost: PinnedCost | None) -> tuple[object, ...]:
        return key(rule.chosen(decided)), cost and cost.sentence

    leading, test = rule.leading(table, own), None
    answer = outcome(continuum=False)
    if leading and (
        leading == key(rule.chosen(answer[0])) or picked(*answer) != picked(*outcome(continuum=True))
    ):
        test = tested(leading, by_rule=True)
        answer = outcome(continuum=test is not None and not stand_apart(test))
    winner = rule.chosen(answer[0])
    if key(winner) != leading:
        test = tested(key(winner), by_rule=winner["admissible"] and not pins.in_words(own))
    return *answer, test


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


def with_all_rows(selection: Selection, population: Population, labelled: Labelled) -> Selection:
    """Add the criteria over all customers for the models that label everyone, and every K-Means.

    Two passes over the matrix, whatever the number of models.
    """
    models = {model.key: model for model in (*selection.kmeans, *selection.published)}.values()
    assigners = [model.assigner for model in models]
    measured = criteria.partition_criteria(
        population.blocks,
        lambda _, X: labels_each(assigners, X),
        [assigner.n_clusters for assigner in assigners],
    )
    rows = [
        {
            "inertia": figures.inertia,
            "calinski_harabasz_all": figures.calinski_harabasz,
            "davies_bouldin_all": figures.davies_bouldin,
            "smallest_share_all": figures.smallest_share,
        }
        for figures in measured
    ]
    # A label's place among the segments of a published model, whose Jaccard is given in their order.
    ordered = {
        model.key: [label for label, _ in sorted(mapping.items(), key=lambda item: item[1])]
        for model, mapping in zip(labelled.models, labelled.segments, strict=True)
    }
    jaccard = [_by_segment(row, ordered) for row in selection.table.iter_rows(named=True)]
    table = selection.table.with_columns(jaccard=pl.Series(jaccard, dtype=pl.List(pl.Float64)))
    table = candidate_metrics.joined(table, dict(zip((m.key for m in models), rows, strict=True)), _ALL_ROWS)
    return replace(selection, table=table)


_ALL_ROWS = dict.fromkeys(
    ("inertia", "calinski_harabasz_all", "davies_bouldin_all", "smallest_share_all"), pl.Float64
)


def _by_segment(row: Row, ordered: Mapping[CandidateKey, list[int]]) -> list[float] | None:
    jaccard: list[float] | None = row["jaccard"]
    # The segment of one-time buyers by rule, and noise, have none.
    labels = [label for label in ordered.get(key(row), []) if 0 <= label < row["n_clusters"]]
    return [jaccard[label] for label in labels] if jaccard and labels else jaccard
