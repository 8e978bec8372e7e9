"""Every customer's label by the winner and by each family's best, streamed file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from segcore.arrays import Floats, Floats32, Labels
from segcore.lookup import looked_up
from segcore.matrix.one_time import clustered, one_time_mask, with_one_time
from segcore.matrix.population import Population
from segcore.matrix.preparation import Preparation
from segcore.models.assignment import Assigner, NearestCentre, assign_each
from segcore.models.candidate import Candidate
from segcore.models.keeping import NOT_MEASURED, Keeping
from segcore.profile import order_segments

NOISE = -1


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Labels of all customers, on disk.

    Attributes
    ----------
    files : tuple of Path
        One for each file of features, the same rows: a column for each model, and the winner's ``confidence``, ``margin``
        and ``distance``. One-time buyers who are a segment by rule have the label after the model's last.
    models : tuple of Candidate
        The winner first, then the best of the other families.
    centres : ndarray of shape (n_clusters, n_features), float64
        Of the winner: its own, or the means of its sample's members.
    segments : tuple of dict of int to int
        For each model, label to segment: 1 has the largest revenue.
    keeping : Keeping
        Makes a confidence of the winner's margin.
    """

    files: tuple[Path, ...]
    models: tuple[Candidate, ...]
    centres: Floats
    segments: tuple[dict[int, int], ...]
    keeping: Keeping = NOT_MEASURED

    @property
    def winner(self) -> Candidate:
        """The chosen model."""
        return self.models[0]

    def with_ids(self, ids: Mapping[int, int]) -> Labelled:
        """Return the same labels with other numbers for the winner's segments."""
        winner = {label: ids[segment] for label, segment in self.segments[0].items()}
        return replace(self, segments=(winner, *self.segments[1:]))

    def lazy(self, number: int | None = None) -> pl.LazyFrame:
        """Return ``segment`` (1..n, null where unassigned) and ``confidence`` in hash order, of all files or one."""
        label = pl.col(columns(self.models)[0])
        files = self.files if number is None else self.files[number : number + 1]
        return pl.scan_parquet(list(files)).select(
            looked_up(label, self.segments[0], pl.Int32).alias("segment"),
            pl.col("confidence").cast(pl.Float64),
        )

    def read(self, number: int) -> pl.DataFrame:
        """Return the labels of one file's customers."""
        return pl.read_parquet(self.files[number])


def columns(models: Sequence[Candidate]) -> list[str]:
    """Return the name of each model's column, such as ``mixture_full_3``."""
    return [f"{model.name.replace('-', '_')}_{model.k}" for model in models]


def label_everyone(
    population: Population, models: Sequence[Candidate], keeping: Keeping, folder: Path
) -> Labelled:
    """Label every customer with several models and write the labels, a file for each file of features.

    Parameters
    ----------
    population : Population
    models : sequence of Candidate
        The winner first.
    keeping : Keeping
        Of the winner.
    folder : Path
        Where to write.
    """
    assigners = [model.assigner for model in models]
    centres = centres_of(assigners[0], population.sample)
    files: list[Path] = []
    for number, df in enumerate(population.frames()):
        labels, own = label_frame(
            df, assigners, centres, population.preparation, keeping, separate=population.separate_one_time
        )
        path = folder / f"part-{number:05d}.parquet"
        pl.DataFrame(dict(zip(columns(models), labels, strict=True))).hstack(own).write_parquet(path)
        files.append(path)
    spend = pl.scan_parquet(list(population.files)).select("total_spend")
    everyone = pl.concat([pl.scan_parquet(files), spend], how="horizontal")
    segments = tuple(order_segments(everyone, name) for name in columns(models))
    return Labelled(
        files=tuple(files), models=tuple(models), centres=centres, segments=segments, keeping=keeping
    )


def label_frame(
    df: pl.DataFrame,
    assigners: Sequence[Assigner],
    centres: Floats,
    preparation: Preparation,
    keeping: Keeping,
    *,
    separate: bool,
) -> tuple[list[Labels], pl.DataFrame]:
    """Label the customers of a frame of features: what a run publishes and what `score` gives come from here.

    Parameters
    ----------
    df : polars.DataFrame
    assigners : sequence of Assigner
        The winner's first.
    centres : ndarray of shape (n_clusters, n_features)
        Of the winner.
    preparation : Preparation
    keeping : Keeping
        Of the winner.
    separate : bool
        Whether customers with one order get the label after a model's last.

    Returns
    -------
    labels : list of ndarray of shape (n_customers,), int32
        By each model.
    own : polars.DataFrame
        ``confidence``, ``margin`` and ``distance`` by the winner, Float32; the distance is NaN without a label and 0 by rule.
    """
    by_rule = one_time_mask(df, separate)
    X = preparation.block(clustered(df, separate))
    assigned = assign_each(assigners, X)
    everyone = [
        with_one_time(by_rule, *result, assigner.n_clusters)
        for assigner, result in zip(assigners, assigned, strict=True)
    ]
    own, margin = assigned[0]
    confidence = with_one_time(by_rule, own, keeping.confidence(margin), assigners[0].n_clusters)[1]
    distance = np.zeros(df.height, dtype=np.float32)
    distance[~by_rule] = np.where(own == NOISE, np.nan, distance_to(X, centres, own))
    figures = {"confidence": confidence, "margin": everyone[0][1], "distance": distance}
    return [labels for labels, _ in everyone], pl.DataFrame(figures)


def distance_to(X: Floats32, centres: Floats, labels: Labels) -> Floats32:
    """Return each row's Euclidean distance to the centre of its label, in standardised units."""
    difference = X.astype(np.float64) - centres[labels]
    return np.asarray(np.sqrt(np.square(difference).sum(axis=1)), dtype=np.float32)


def centres_of(assigner: Assigner, sample: Floats32) -> Floats:
    """Return the centres of a model: its own, or the means of the sample's rows that it labels so.

    A label that no row of the sample has gets the sample's mean.
    """
    if isinstance(assigner, NearestCentre):
        return assigner.centres
    labels, _ = assigner.assign(sample)
    rows = sample.astype(np.float64)
    overall = rows.mean(axis=0)
    members = (rows[labels == label] for label in range(assigner.n_clusters))
    return np.stack([part.mean(axis=0) if len(part) else overall for part in members])
