"""The planted segments: what kinds of customers a simulated retailer has, and how each customer is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from segcore.errors import UsageError, listing

SHORTEST_WINDOW = 7  # days: a window always holds a day on which the shop is open


@dataclass(frozen=True, kw_only=True)
class PlantedSegment:
    """A kind of customer: the truth that a segmentation should find again.

    A `*_spread` is the standard deviation of the logarithm between customers: 0 makes them all
    alike, 0.4 puts two thirds of them within a factor of 1.5. `simulate(noise=...)` scales them all.

    Attributes
    ----------
    name : str
        What the truth file calls it.
    share : float
        Share of the customers, relative to the other segments' shares.
    orders, orders_spread : float
        Median number of orders in the simulated time.
    basket, basket_spread : float
        Median number of lines in an order, where `rows` and `customers` leave it as it is.
    quantity, quantity_spread : float
        Median number of items on a line; the spread is between lines.
    price : float
        What the segment pays, as a multiple of the list price.
    recency : float
        Mean number of days from the last order to the end of the segment's window.
    starts, ends : datetime.date or None
        The first and the last day on which it orders: a segment that is born or dies. None: the
        first or last simulated day.
    """

    name: str
    share: float
    orders: float
    orders_spread: float = 0.35
    basket: float
    basket_spread: float = 0.35
    quantity: float
    quantity_spread: float = 0.6
    price: float = 1.0
    recency: float
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
    ),
    PlantedSegment(
        name="frequent, smaller orders", share=0.20, orders=10, basket=15, quantity=6, price=1.0, recency=12
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
    ),
    PlantedSegment(
        name="small but frequent", share=0.30, orders=5, basket=5, quantity=3, price=1.1, recency=50
    ),
)


@dataclass(frozen=True, kw_only=True)
class Customers:
    """The customers of one block, each array of shape (n_customers,).

    Attributes
    ----------
    segment : ndarray of int64
        Index into the planted segments.
    orders : ndarray of int64
        Number of orders, at least 1.
    basket : ndarray of float64
        Lines per order, before the block's lines are shared out.
    opens, last : ndarray of int64
        Day of the first possible and of the last order, counted from the first simulated day.
    """

    segment: NDArray[np.int64]
    orders: NDArray[np.int64]
    basket: NDArray[np.float64]
    opens: NDArray[np.int64]
    last: NDArray[np.int64]


def check_segments(segments: Sequence[PlantedSegment], start: date, days: int) -> None:
    """Raise UsageError for segments that cannot be simulated in `days` days from `start`."""
    names = [segment.name for segment in segments]
    if not names:
        raise UsageError("segments is empty, expected at least one planted segment")
    if len(set(names)) < len(names):
        twice = listing({name for name in names if names.count(name) > 1})
        raise UsageError(f"planted segments need different names, found twice: {twice}")
    for segment in segments:
        _check_numbers(segment)
        first, last = window(segment, start, days)
        if last - first + 1 < SHORTEST_WINDOW:
            raise UsageError(
                f"segment {segment.name!r} is active on {max(last - first + 1, 0)} of the simulated days, "
                f"expected at least {SHORTEST_WINDOW}: check starts and ends"
            )


def _check_numbers(segment: PlantedSegment) -> None:
    least = {"share": 0.0, "orders": 1.0, "basket": 1.0, "quantity": 1.0, "price": 0.0, "recency": 0.0}
    least |= {"orders_spread": 0.0, "basket_spread": 0.0, "quantity_spread": 0.0}
    for field, low in least.items():
        value = getattr(segment, field)
        positive = field in ("share", "price")
        if not math.isfinite(value) or value < low or (positive and value == 0):
            expected = "above 0" if positive else f"{low:g} or more"
            raise UsageError(f"segment {segment.name!r} has {field}={value}, expected a number {expected}")


def window(segment: PlantedSegment, start: date, days: int) -> tuple[int, int]:
    """Return the first and last day of the segment, counted from `start`, both inside the simulated time."""
    first = 0 if segment.starts is None else max(0, (segment.starts - start) // timedelta(days=1))
    last = days - 1 if segment.ends is None else min(days - 1, (segment.ends - start) // timedelta(days=1))
    return first, last


def lines_per_customer(segments: Sequence[PlantedSegment], noise: float) -> float:
    """Return the mean number of purchase lines of a customer that the segments ask for."""
    total = sum(segment.share for segment in segments)
    spread = [(s.orders_spread**2 + s.basket_spread**2) * noise**2 / 2 for s in segments]
    means = [s.share * s.orders * s.basket * math.exp(v) for s, v in zip(segments, spread, strict=True)]
    return max(1.0, sum(means) / total)


def draw_customers(
    rng: np.random.Generator,
    n_customers: int,
    segments: Sequence[PlantedSegment],
    windows: Sequence[tuple[int, int]],
    noise: float,
) -> Customers:
    """Draw `n_customers` customers; each segment gets its exact share, rounded.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_customers : int
    segments : sequence of PlantedSegment
    windows : sequence of (int, int)
        First and last day of each segment, counted from the first simulated day.
    noise : float
        Factor on every spread; 0 makes the customers of a segment alike.
    """
    shares = np.cumsum([segment.share for segment in segments])
    places = (rng.permutation(n_customers) + 0.5) / max(n_customers, 1)
    segment = np.searchsorted(shares / shares[-1], places).astype(np.int64)
    segment = np.minimum(segment, len(segments) - 1)

    def spread(median: str, sigma: str) -> NDArray[np.float64]:
        centre = np.array([getattr(s, median) for s in segments], dtype=np.float64)[segment]
        width = np.array([getattr(s, sigma) for s in segments], dtype=np.float64)[segment] * noise
        drawn: NDArray[np.float64] = centre * np.exp(width * rng.standard_normal(n_customers))
        return drawn

    opens, closes = np.array(windows, dtype=np.int64).T
    first, last = opens[segment], closes[segment]
    recency = np.array([s.recency for s in segments])[segment] * _waiting(rng, n_customers, noise)
    # A longer wait than the window would pile up on its first day: such a customer came at any time.
    recency = np.where(recency > last - first, rng.random(n_customers) * (last - first + 1), recency)
    return Customers(
        segment=segment,
        orders=np.maximum(1, np.rint(spread("orders", "orders_spread"))).astype(np.int64),
        basket=np.maximum(1.0, spread("basket", "basket_spread")),
        opens=first,
        last=np.maximum(first, last - recency.astype(np.int64)),
    )


def _waiting(rng: np.random.Generator, n: int, noise: float) -> NDArray[np.float64]:
    """Return waiting times of mean 1 and standard deviation `noise`; exponential for 1."""
    if noise == 0:
        return np.ones(n)
    return rng.gamma(1 / noise**2, noise**2, n)
