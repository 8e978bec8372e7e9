"""Fit every candidate, measure all of them on the same rows, choose one by the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from segcore import job, selection
from segcore.evaluation import agreement, criteria, silhouette, stability, structure
from segcore.models import candidate
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
    structure : StructureTest or None
    pinned_cost : dict or None
    """

    candidates: list[Candidate]
    table: pl.DataFrame
    labels: list[Labels]
    published: tuple[Candidate, ...]
    agreement: pl.DataFrame
    structure: Any
    pinned_cost: dict[str, Any] | None

    @property
    def chosen(self) -> dict[str, Any]:
        """The winner's row."""
        return selection.chosen(self.table)
