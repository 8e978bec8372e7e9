"""The planted segments: what kinds of customers a simulated retailer has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class PlantedSegment:
    """A kind of customer: the truth that a segmentation should find again.

    A `*_spread` is the standard deviation of the logarithm between customers: 0 makes them all
    alike, 0.4 puts two thirds of them within a factor of 1.5. `simulate(noise=...)` scales them all.
    """

    name: str  # what the truth file calls it
    share: float  # of the customers, relative to the other segments' shares
    orders: float  # median number in the simulated time
    orders_spread: float = 0.35
    basket: float  # median number of lines in an order, where `rows` and `customers` leave it as it is
    basket_spread: float = 0.35
    quantity: float  # median number of items on a line
    quantity_spread: float = 0.6  # between lines
    price: float = 1.0  # what the segment pays, as a multiple of the list price
    recency: float  # mean number of days from the last order to the end of the segment's window
    # Where customers buy until they are gone: who leaves for good after an order, of how many.
    leaving: float = 0.1
    # The first and the last day on which it orders, where it is born or dies out in the simulated time.
    starts: date | None = None
    ends: date | None = None


DEFAULT_SEGMENTS: tuple[PlantedSegment, ...] = (
    PlantedSegment(
        name="high-value, large purchases",
        share=0.15,
        orders=4,
        basket=36,
        quantity=16,
        price=0.95,
        recency=35,
        leaving=0.08,
    ),
    PlantedSegment(
        name="frequent, smaller orders",
        share=0.20,
        orders=10,
        basket=15,
        quantity=6,
        price=1.0,
        recency=12,
        leaving=0.02,
    ),
    PlantedSegment(
        name="single purchase",
        share=0.35,
        orders=1,
        orders_spread=0.0,
        basket=14,
        quantity=6,
        price=1.05,
        recency=150,
        leaving=0.5,
    ),
    PlantedSegment(
        name="small but frequent",
        share=0.30,
        orders=5,
        basket=5,
        quantity=3,
        price=1.1,
        recency=50,
        leaving=0.05,
    ),
)


def lines_per_customer(segments: Sequence[PlantedSegment], noise: float) -> float:
    """Return the mean number of purchase lines of a customer that the segments ask for."""
    total = sum(segment.share for segment in segments)
    spread = [(s.orders_spread**2 + s.basket_spread**2) * noise**2 / 2 for s in segments]
    means = [s.share * s.orders * s.basket * math.exp(v) for s, v in zip(segments, spread, strict=True)]
    return max(1.0, sum(means) / total)
