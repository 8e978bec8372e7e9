"""The lines of a block of orders, as a data frame with the real dump's columns."""

from __future__ import annotations

from datetime import datetime, time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segcore.simulate.calendar import Calendar
from segcore.simulate.catalogue import COUNTRIES, Catalogue
from segcore.simulate.customers import Array
from segcore.simulate.orders import NOBODY
from segcore.simulate.shop import Shop

# Shares of lines, as the real dump has them.
_DUPLICATED = 0.0095
_LOWER_CASE = 0.02  # of the lines whose code ends in a letter
_POSTAGE_ABROAD = 0.03
_SERVICES_AT_HOME = 0.004
_FREE = (0.002, 0.0004)  # without and with a customer
_DISCOUNTS = 0.05  # of the cancelled lines
_LARGEST_ADJUSTMENT = 400

# What stands on each line: numbers into the catalogue's lists of codes and descriptions, quantity and price.
_LINE = np.dtype(
    [("code", np.int64), ("description", np.int64), ("quantity", np.int64), ("price", np.float64)]
)


def draw_lines(
    rng: np.random.Generator, shop: Shop, orders: Array, *, first_customer: int, first_invoice: int
) -> pl.DataFrame:
    """Return the lines of `orders`, in their order, with the real dump's columns.

    Parameters
    ----------
    rng : numpy.random.Generator
    shop : Shop
    orders : ndarray of dtype ORDER
    first_customer, first_invoice : int
        Number of the block's first customer and order.
    """
    order = np.repeat(np.arange(len(orders)), orders["size"])
    begins = np.cumsum(orders["size"]) - orders["size"]
    place = np.arange(len(order)) - begins[order]
    by_line = orders[order]
    lines = _sales(rng, shop, by_line)
    lines = lines[_origins(rng, by_line, begins, place, shop.defects)]
    _take_back(rng, lines, by_line, shop.catalogue)
    heads = _heads(orders, shop.calendar, first_customer, first_invoice)[order]
    return pl.DataFrame(
        {
            "InvoiceNo": heads["InvoiceNo"],
            "StockCode": shop.catalogue.codes.gather(lines["code"]),
            "Description": shop.catalogue.descriptions.gather(lines["description"]),
            "Quantity": lines["quantity"],
            "InvoiceDate": heads["InvoiceDate"],
            "UnitPrice": lines["price"],
            "CustomerID": heads["CustomerID"],
            "Country": heads["Country"],
        }
    )


def split_by_month(lines: pl.DataFrame, orders: Array, calendar: Calendar) -> dict[str, pl.DataFrame]:
    """Split lines, which are in the order of time, at the ends of the months; months without lines are left out."""
    upto = np.concatenate([[0], np.cumsum(orders["size"])])
    ends = upto[np.searchsorted(orders["minute"], calendar.month_ends)].tolist()
    cuts = zip(calendar.months, [0, *ends], ends, strict=False)
    return {month: lines[begin:end] for month, begin, end in cuts if end > begin}


def _heads(orders: Array, calendar: Calendar, first_customer: int, first_invoice: int) -> pl.DataFrame:
    """Return what all lines of an order share, one row per order."""
    midnight = datetime.combine(calendar.start, time())
    minutes, customers = pl.lit(pl.Series(orders["minute"])), pl.Series(orders["customer"])
    number = pl.int_range(first_invoice, first_invoice + len(orders), eager=True).cast(pl.String)
    return pl.select(
        InvoiceNo=pl.when(pl.Series(orders["source"] >= 0)).then("C" + number).otherwise(number),
        InvoiceDate=pl.lit(midnight, dtype=pl.Datetime("us")) + pl.duration(minutes=minutes),
        CustomerID=pl.when(customers != NOBODY).then((customers + first_customer).cast(pl.Float64)),
        Country=pl.Series(COUNTRIES).gather(orders["country"]),
    )


def _sales(rng: np.random.Generator, shop: Shop, orders: Array) -> Array:
    """Return lines as if all were sales, with the slips that a single line can have; `orders` has one row a line."""
    catalogue = shop.catalogue
    n = len(orders)
    known, bulk = orders["customer"] != NOBODY, orders["bulk"]
    abroad = orders["country"] != 0
    slips = np.where(bulk > 0, 0.0, shop.defects)
    item = catalogue.popular[rng.integers(0, len(catalogue.popular), n, dtype=np.uint16)]
    service = _happens(rng, np.where(abroad & known, _POSTAGE_ABROAD, _SERVICES_AT_HOME) * slips)
    item[service] = catalogue.services[known[service].astype(np.int64), rng.integers(0, 256, service.sum())]
    quantity = catalogue.quantity[orders["segment"], rng.integers(0, 256, n, dtype=np.uint8)]
    quantity[service] = 1
    price = catalogue.price[orders["segment"], item]
    price[_happens(rng, np.where(known, _FREE[1], _FREE[0]) * slips)] = 0.0
    lines = np.empty(n, dtype=_LINE)
    lines["code"] = item + catalogue.n_items * (catalogue.suffixed[item] & _happens(rng, _LOWER_CASE * slips))
    lines["description"] = item
    lines["quantity"] = np.where(bulk > 0, bulk, quantity)
    lines["price"] = price
    _adjust_stock(rng, lines, np.flatnonzero(orders["adjustment"]), catalogue)
    return lines


def _happens(rng: np.random.Generator, chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    drawn: NDArray[np.bool_] = rng.random(len(chance), dtype=np.float32) < chance
    return drawn


def _adjust_stock(rng: np.random.Generator, lines: Array, places: Array, catalogue: Catalogue) -> None:
    n, n_notes = len(places), len(catalogue.descriptions) - catalogue.n_items
    sign = np.where(rng.random(n) < 0.75, -1, 1)
    lines["quantity"][places] = sign * np.exp(rng.random(n) * np.log(_LARGEST_ADJUSTMENT)).astype(np.int64)
    lines["price"][places] = 0.0
    lines["description"][places] = catalogue.n_items + rng.integers(0, n_notes, n)


def _origins(rng: np.random.Generator, orders: Array, begins: Array, place: Array, defects: float) -> Array:
    """Return the line that each line repeats: itself, the one before (a duplicate) or the cancelled one.

    `begins` has the first line of every order, `place` where each line stands in its order.
    """
    origin = np.arange(len(orders))
    cancels = orders["source"] >= 0
    able = (place > 0) & ~cancels
    chance = min(0.5, _DUPLICATED * defects * len(orders) / max(1, int(able.sum())))
    twice = able & _happens(rng, np.full(len(orders), chance))
    twice[1:] &= ~twice[:-1]
    origin[twice] -= 1
    source, offset = orders["source"][cancels], orders["offset"][cancels]
    origin[cancels] = origin[begins[source] + offset + place[cancels]]
    return origin


def _take_back(rng: np.random.Generator, lines: Array, orders: Array, catalogue: Catalogue) -> None:
    """Turn the quantities of cancellations around, for some in part only; a few become discounts."""
    cancels = np.flatnonzero(orders["source"] >= 0)
    n = len(cancels)
    regular = orders["bulk"][cancels] == 0
    in_part = (rng.random(n) < 0.5) & regular
    share = np.where(in_part, rng.random(n), 1.0)
    lines["quantity"][cancels] = -np.maximum(1, np.ceil(lines["quantity"][cancels] * share)).astype(np.int64)
    discount = cancels[regular & (rng.random(n) < _DISCOUNTS)]
    lines["quantity"][discount] = -1
    item = catalogue.n_items - 1
    lines["code"][discount] = lines["description"][discount] = item
    lines["price"][discount] = catalogue.price[orders["segment"][discount], item]
