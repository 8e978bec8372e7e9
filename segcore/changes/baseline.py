"""model/reference.json: what a run remembers of its customers, so that later ones can be told from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcore.changes.drift import Bins, Snapshot
from segcore.records import RunFile
from segcore.records.files import Pairs


@dataclass(frozen=True, kw_only=True)
class FeatureCounts(Bins):
    """The bins of one feature, and the customers of the fit in each of them, as `Bins.count` gives them."""

    feature: str
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class DriftBaseline(RunFile):
    """The customers of a fit.

    Attributes
    ----------
    customers : int
    outside : int
        Customers beyond the radius of their segment.
    segments : dict of int to int
        Customers of each segment; 0 is none.
    radius : dict of int to float
        For each label, the distance from its centre that 1% of its customers exceed, and a little more: the centre is
        nearer to the customers whom it was made from than to others. Standardised units.
    beyond : tuple of int or None
        As :class:`segcore.changes.drift.Snapshot` has it; a run made before it was measured has none.
    features : tuple of FeatureCounts
        Of each number, and of each column of 0 and 1.
    """

    FILE = "model/reference.json"

    customers: int
    outside: int
    segments: Pairs[int, int]
    radius: Pairs[int, float]
    features: tuple[FeatureCounts, ...]
    beyond: tuple[int, int] | None = None

    @property
    def bins(self) -> dict[str, Bins]:
        """The bins of each feature."""
        return {own.feature: own for own in self.features}

    @property
    def snapshot(self) -> Snapshot:
        """What is compared with the customers of another day."""
        return Snapshot(
            customers=self.customers,
            features={own.feature: np.array(own.counts, dtype=np.int64) for own in self.features},
            segments=self.segments,
            outside=self.outside,
            beyond=self.beyond,
        )
