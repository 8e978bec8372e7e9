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


_YEAR = 365.0  # days in which a segment's customers order as often as it says, while they are there
_RATES = 0.6  # standard deviation of the customers' rates over their mean
_ALIKE = (
    8.0  # of the customers of a segment in how likely they leave: a beta distribution's sum of parameters
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
    return _until_gone(rng, shop, customers, first, last) if shop.until_gone else customers


def _until_gone(
    rng: np.random.Generator, shop: Shop, customers: Array, first: NDArray[np.int64], end: NDArray[np.int64]
) -> Array:
    """Let customers come at a random day, buy at a rate of their own and leave for good after any order.

    Fader, Hardie and Lee (2005): waits between orders are exponential, at a rate that differs between customers, and after
    each order a customer leaves with a probability of the own. Neither knows of the end of the simulated days.
    """
    n = len(customers)
    leaving = np.array([s.leaving for s in shop.segments])[customers["segment"]]
    leaves = rng.beta(_ALIKE * leaving, _ALIKE * (1 - leaving))
    meant = np.array([s.orders for s in shop.segments], dtype=np.float64)[customers["segment"]]
    rate = meant / _YEAR * rng.gamma(1 / _RATES**2, _RATES**2, n)
    came = first + rng.random(n) * (end - first)
    last, orders = came.copy(), np.ones(n, dtype=np.int64)
    buying = np.arange(n)
    while len(buying):
        buying = buying[rng.random(len(buying)) >= leaves[buying]]
        after = last[buying] + rng.exponential(1 / np.maximum(rate[buying], 1e-9))
        there = after <= end[buying]
        buying = buying[there]
        last[buying] = after[there]
        orders[buying] += 1
    customers["orders"], customers["last"] = orders, last.astype(np.int64)
    customers["opens"] = np.minimum(came.astype(np.int64), customers["last"])
    return customers


def _waiting(rng: np.random.Generator, n: int, noise: float) -> NDArray[np.float64]:
    """Return waiting times of mean 1 and standard deviation `noise`; exponential for 1."""
    if noise == 0:
        return np.ones(n)
    return rng.gamma(1 / noise**2, noise**2, n)
