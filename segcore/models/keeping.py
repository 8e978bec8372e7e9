"""From a margin, which every family has in a unit of its own, to the probability that a customer keeps the segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcore.arrays import Floats32


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """A monotone map from a margin to the probability of keeping the segment; between its points, straight.

    Attributes
    ----------
    margins, shares : tuple of float
        Both rising, of the same length. Empty: nothing is known, and the margin is given back.
    """

    margins: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def confidence(self, margin: Floats32) -> Floats32:
        """Return the probability for margins of shape (n_customers,)."""
        if not self.margins:
            return margin
        return np.interp(margin.astype(np.float64), self.margins, self.shares).astype(np.float32)


NOT_MEASURED = Keeping()
