"""How a finished run gets from the features of a customer to a segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore.arrays import Floats, Floats32, Labels
from segcore.matrix.one_time import clustered, one_time_mask, with_one_time
from segcore.matrix.preparation import Preparation
from segcore.models.assignment import Assigner
from segcore.models.keeping import NOT_MEASURED, Keeping


@dataclass(frozen=True, kw_only=True)
class SegmentModel:
    """How a run gets from features to segments.

    Attributes
    ----------
    preparation : segcore.matrix.preparation.Preparation
    assigner : segcore.models.assignment.Assigner
    centres : ndarray of shape (n_clusters, n_features), float64
        In label order, standardised units: the model's own, or the means of its members.
    segments : mapping of int to int
        Label to segment.
    separate_one_time : bool
        Whether customers with one order are a segment by rule, with the label after the model's last.
    keeping : segcore.models.keeping.Keeping
        Makes a confidence of the assigner's margin.
    """

    preparation: Preparation
    assigner: Assigner
    centres: Floats
    segments: Mapping[int, int]
    separate_one_time: bool = False
    keeping: Keeping = NOT_MEASURED

    def assign(self, df: pl.DataFrame) -> tuple[Labels, Floats32]:
        """Return segments (0 where a label has none) and confidences of shape (n_customers,)."""
        by_rule = one_time_mask(df, self.separate_one_time)
        block = self.preparation.block(clustered(df, self.separate_one_time))
        own, margin = self.assigner.assign(block)
        labels, confidence = with_one_time(
            by_rule, own, self.keeping.confidence(margin), self.assigner.n_clusters
        )
        segments = np.array([self.segments.get(int(label), 0) for label in labels], dtype=np.int32)
        return segments, confidence

    def distances(self, df: pl.DataFrame) -> dict[int, float]:
        """Return the Euclidean distance of one customer to the centre of each segment, nearest first."""
        X = self.preparation.block(df).astype(np.float64)
        lengths = np.sqrt(np.square(X[0] - self.centres).sum(axis=1))
        known = {self.segments[i]: float(d) for i, d in enumerate(lengths) if i in self.segments}
        return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))
