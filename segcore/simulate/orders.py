"""The orders of one block of customers: who orders when, how many lines, and what goes wrong with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segcore.simulate.calendar import MINUTES, Calendar
from segcore.simulate.customers import Array
from segcore.simulate.shop import Shop

# Shares of all lines, as the real dump has them.
_MISSING = 0.25
_CANCELLED = 0.017
_LINES_WITHOUT_CUSTOMER = 12  # mean of an order; the median is far below, as in the real dump
_ADJUSTMENTS = 0.6  # of the orders of one line without a customer
_DAYS_TO_CANCEL = 15
_ORDER_SPREAD = 0.4  # of the lines of one customer's orders

NOBODY = -1

ORDER = np.dtype(
    [
        ("minute", np.int64),  # since the first simulated midnight
        ("customer", np.int64),  # place in the block, NOBODY without one
        ("segment", np.int64),  # the number of segments without a customer
        ("country", np.int64),
        ("size", np.int64),  # lines
        ("source", np.int64),  # of a cancellation: the order it takes back from; else -1
        ("offset", np.int64),  # of a cancellation: the first line it takes back
        ("bulk", np.int64),  # quantity of an absurd order, else 0
        ("adjustment", np.bool_),  # of stock, not a sale
    ]
)

# Absurd orders: the quantity, and how many minutes later they are cancelled.
_FIRST_BULK, _LAST_BULK = (74_215, 16), (80_995, 12)


def draw_orders(
    rng: np.random.Generator, shop: Shop, customers: Array, n_lines: int, *, is_first: bool, is_last: bool
) -> Array:
    """Return the orders of a block by time, of dtype ORDER; their sizes add up to `n_lines`.

    The first block has an absurd order on the first days, the last one on the last days.
    """
    to_cancel = round(n_lines * _CANCELLED * shop.defects)
    missing = round(n_lines * _MISSING * shop.defects)
    bulks = [_FIRST_BULK] * is_first + [_LAST_BULK] * is_last if shop.defects > 0 else []
    bulk = _bulk_orders(rng, shop, customers, bulks)
    n_purchased = n_lines - to_cancel - missing - int(bulk["size"].sum())
    purchases = _purchases(rng, shop, customers, n_purchased)
    countries = shop.catalogue.countries
    home = countries[rng.integers(0, len(countries), len(customers))]
    for orders in (purchases, bulk):
        orders["country"] = home[orders["customer"]]
    cancelled = _cancellations(rng, purchases, shop.calendar, to_cancel)
    # Where there were not enough orders to cancel from, lines without a customer fill the block.
    rest = n_lines - sum(int(part["size"].sum()) for part in (purchases, cancelled, bulk))
    anonymous = _anonymous(rng, shop, rest)
    bulk["source"][bulk["source"] >= 0] += len(purchases) + len(cancelled)
    return _by_time(np.concatenate([purchases, cancelled, bulk, anonymous]))


def _apportion(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers in proportion to `weights` that add up to `total`."""
    bounds = np.cumsum(weights)
    edges = np.rint(bounds / bounds[-1] * total).astype(np.int64) if len(weights) else np.zeros(0, np.int64)
    return np.diff(edges, prepend=0)


def _orders(n: int) -> Array:
    orders = np.zeros(n, dtype=ORDER)
    orders["source"] = -1
    return orders


def _by_time(orders: Array) -> Array:
    order = np.argsort(orders["minute"], kind="stable")
    place = np.empty(len(orders), dtype=np.int64)
    place[order] = np.arange(len(orders))
    orders = orders[order]
    cancels = orders["source"] >= 0
    orders["source"][cancels] = place[orders["source"][cancels]]
    return orders


def _purchases(rng: np.random.Generator, shop: Shop, customers: Array, n_lines: int) -> Array:
    calendar = shop.calendar
    counts = _at_most(rng, customers["orders"], n_lines)
    who = np.repeat(np.arange(len(counts)), counts)
    # Customers come in over time: some of their time until the last order is empty at first.
    opens = calendar.open_after[customers["opens"]]
    last = np.maximum(calendar.open_before[customers["last"]], opens)
    if not shop.until_gone:
        opens += ((last - opens) * rng.random(len(opens)) ** 2 / 2).astype(np.int64)
    days = calendar.draw_days(rng.random(len(who)), opens[who], last[who])
    if shop.until_gone:  # who came that day bought then
        days[np.cumsum(counts) - counts] = opens
    days[np.cumsum(counts) - 1] = last
    weights = (customers["basket"][who] - 1) * np.exp(
        _ORDER_SPREAD * shop.noise * rng.standard_normal(len(who))
    )
    orders = _orders(len(who))
    orders["customer"] = who
    orders["segment"] = customers["segment"][who]
    orders["minute"] = calendar.at(days, rng.random(len(who)))
    orders["size"] = 1 + _apportion(n_lines - len(who), weights + 1e-9)
    return orders


def _at_most(rng: np.random.Generator, counts: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Return `counts`, thinned at random where they add up to more than `limit`; none falls below 1."""
    if counts.sum() <= limit:
        return counts
    more = rng.permutation(np.repeat(np.arange(len(counts)), counts - 1))[: limit - len(counts)]
    return 1 + np.bincount(more, minlength=len(counts))


def _cancellations(rng: np.random.Generator, purchases: Array, calendar: Calendar, n_lines: int) -> Array:
    """Return orders that take back `n_lines` lines, or fewer, each line at most once."""
    source = rng.permutation(len(purchases))
    sizes = np.minimum(purchases["size"][source], rng.geometric(0.42, len(source)))
    upto = np.cumsum(sizes)
    sizes -= np.clip(upto - n_lines, 0, sizes)
    source, sizes = source[sizes > 0], sizes[sizes > 0]
    orders: Array = purchases[source]
    orders["source"], orders["size"] = source, sizes
    orders["offset"] = (rng.random(len(source)) * (purchases["size"][source] - sizes + 1)).astype(np.int64)
    ordered = orders["minute"] // MINUTES
    waits = rng.exponential(_DAYS_TO_CANCEL, len(source)).astype(np.int64)
    days = np.maximum(ordered, calendar.open_before[np.minimum(ordered + waits, calendar.n_days - 1)])
    u = rng.random(len(source))
    soon = orders["minute"] + 1 + (u * 90).astype(np.int64)
    orders["minute"] = np.where(days > ordered, calendar.at(days, u), soon)
    return orders


def _anonymous(rng: np.random.Generator, shop: Shop, n_lines: int) -> Array:
    calendar, countries = shop.calendar, shop.catalogue.countries
    n = -(-n_lines // _LINES_WITHOUT_CUSTOMER)
    orders = _orders(n)
    orders["customer"] = NOBODY
    orders["segment"] = len(shop.segments)
    weights = np.minimum(np.exp(1.6 * rng.standard_normal(n)), 20.0)
    orders["size"] = 1 + _apportion(n_lines - n, weights)
    days = calendar.draw_days(rng.random(n), 0, calendar.n_days - 1)
    orders["minute"] = calendar.at(days, rng.random(n))
    # Orders without a customer stay at home more than others do.
    orders["country"] = np.where(rng.random(n) < 0.2, countries[rng.integers(0, len(countries), n)], 0)
    orders["adjustment"] = (orders["size"] == 1) & (rng.random(n) < _ADJUSTMENTS)
    return orders


def _bulk_orders(
    rng: np.random.Generator, shop: Shop, customers: Array, bulks: list[tuple[int, int]]
) -> Array:
    """Return each absurd order and its cancellation, by a customer of the segment that buys most."""
    orders = _orders(2 * len(bulks))
    orders["size"] = 1
    big = int(np.argmax([s.basket * s.quantity * s.price for s in shop.segments]))
    fitting = np.flatnonzero(customers["segment"] == big)
    who = rng.choice(fitting if len(fitting) else len(customers), len(bulks))
    opens = shop.calendar.open_after[customers["opens"][who]]
    last = np.maximum(opens, shop.calendar.open_before[customers["last"][who]])
    for i, (quantity, minutes) in enumerate(bulks):
        day = opens[i : i + 1] if (quantity, minutes) == _FIRST_BULK else last[i : i + 1]
        pair = orders[2 * i : 2 * i + 2]
        pair["customer"], pair["segment"] = who[i], customers["segment"][who[i]]
        pair["minute"] = shop.calendar.at(day, np.array([0.1])) + np.array([0, minutes])
        pair["bulk"] = quantity
        pair["source"] = -1, 2 * i
    return orders
