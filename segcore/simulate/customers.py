"""The customers of a block: what kind each is, how often it orders, how much, and when last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcore.simulate.shop import Shop

Array = NDArray[Any]


CUSTOMER = np.dtype(
    [
        ("segment", np.int64),  # index into the planted segments
        ("orders", np.int64),  # number of orders, at least 1
        ("basket", np.float64),  # lines per order, before the block's lines are shared out
        ("opens", np.int64),  # day of the first possible order, counted from the first simulated day
        ("last", np.int64),  # day of the last order
    ]
)


def draw_customers(rng: np.random.Generator, shop: Shop, n_customers: int) -> Array:
    """Draw customers, of dtype CUSTOMER; each segment gets its exact share, rounded."""
    segments, noise = shop.segments, shop.noise
    shares = np.cumsum([segment.share for segment in segments])
    places = (rng.permutation(n_customers) + 0.5) / max(n_customers, 1)
    segment = np.searchsorted(shares / shares[-1], places).astype(np.int64)
    segment = np.minimum(segment, len(segments) - 1)

    def spread(median: str, sigma: str) -> NDArray[np.float64]:
        centre = np.array([getattr(s, median) for s in segments], dtype=np.float64)[segment]
        width = np.array([getattr(s, sigma) for s in segments], dtype=np.float64)[segment] * noise
        drawn: NDArray[np.float64] = centre * np.exp(width * rng.standard_normal(n_customers))
        return drawn

    opens, closes = np.array([shop.calendar.window(s.starts, s.ends) for s in segments]).T
    first, last = opens[segment], closes[segment]
    recency = np.array([s.recency for s in segments])[segment] * _waiting(rng, n_customers, noise)
    # A longer wait than the window would pile up on its first day: such a customer came at any time.
    recency = np.where(recency > last - first, rng.random(n_customers) * (last - first + 1), recency)
    customers = np.empty(n_customers, dtype=CUSTOMER)
    customers["segment"], customers["opens"] = segment, first
    customers["orders"] = np.maximum(1, np.rint(spread("orders", "orders_spread")))
    customers["basket"] = np.maximum(1.0, spread("basket", "basket_spread"))
    customers["last"] = np.maximum(first, last - recency.astype(np.int64))
    return customers


def _waiting(rng: np.random.Generator, n: int, noise: float) -> NDArray[np.float64]:
    """Return waiting times of mean 1 and standard deviation `noise`; exponential for 1."""
    if noise == 0:
        return np.ones(n)
    return rng.gamma(1 / noise**2, noise**2, n)
