"""The lines of a block of orders, as a data frame with the real dump's columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segcore.simulate.calendar import Calendar
from segcore.simulate.catalogue import COUNTRIES, Catalogue
from segcore.simulate.orders import NOBODY, Array

SCHEMA: dict[str, pl.DataType] = {
    "InvoiceNo": pl.String(),
    "StockCode": pl.String(),
    "Description": pl.String(),
    "Quantity": pl.Int64(),
    "InvoiceDate": pl.Datetime("us"),
    "UnitPrice": pl.Float64(),
    "CustomerID": pl.Float64(),
    "Country": pl.String(),
}

# Shares of lines, as the real dump has them.
_DUPLICATED = 0.0095
_LOWER_CASE = 0.02  # of the lines whose code ends in a letter
_POSTAGE_ABROAD = 0.03
_SERVICES_AT_HOME = 0.004
_FREE = (0.002, 0.0004)  # without and with a customer
_DISCOUNTS = 0.05  # of the cancelled lines
_LARGEST_ADJUSTMENT = 400


@dataclass(frozen=True, kw_only=True)
class _Items:
    """What stands on each line, each array of shape (n_lines,): numbers into the catalogue's lists."""

    code: NDArray[np.int64]
    description: NDArray[np.int64]
    quantity: NDArray[np.int64]
    price: NDArray[np.float64]

    def copied(self, origin: NDArray[np.int64]) -> _Items:
        return _Items(
            code=self.code[origin],
            description=self.description[origin],
            quantity=self.quantity[origin],
            price=self.price[origin],
        )


def write_out(
    rng: np.random.Generator,
    orders: Array,
    catalogue: Catalogue,
    calendar: Calendar,
    *,
    first_customer: int,
    first_invoice: int,
    warts: float,
    as_text: bool,
) -> pl.DataFrame:
    """Return the lines of `orders`, in their order, with the columns of SCHEMA.

    Parameters
    ----------
    rng : numpy.random.Generator
    orders : ndarray of dtype ORDER
    catalogue : Catalogue
    calendar : Calendar
    first_customer, first_invoice : int
        Number of the block's first customer and order.
    warts : float
        Factor on what goes wrong; 0 for clean lines.
    as_text : bool
        Whether times and customers are text, as a CSV file shows them: an order is put into words
        once, not once for each of its lines.
    """
    order = np.repeat(np.arange(len(orders)), orders["size"])
    begins = np.cumsum(orders["size"]) - orders["size"]
    place = np.arange(len(order)) - begins[order]
    items = _drawn(rng, orders, order, catalogue, warts)
    items = items.copied(_origins(rng, orders, order, begins, place, warts))
    _take_back(rng, items, orders, order, catalogue, warts)
    heads = _heads(orders, calendar, first_customer, first_invoice)
    if as_text:
        heads = heads.with_columns(
            pl.col("InvoiceDate").dt.to_string("%Y-%m-%d %H:%M:%S"), pl.col("CustomerID").cast(pl.String)
        )
    return pl.DataFrame(
        {
            "StockCode": catalogue.codes.gather(items.code),
            "Description": catalogue.descriptions.gather(items.description),
            "Quantity": items.quantity,
            "UnitPrice": items.price,
            **{name: heads[name].gather(order) for name in heads.columns},
        }
    ).select(*SCHEMA)


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


def _drawn(
    rng: np.random.Generator, orders: Array, order: NDArray[np.int64], catalogue: Catalogue, warts: float
) -> _Items:
    """Return the lines as if all were sales, with the slips that a single line can have."""
    n = len(order)
    segment = orders["segment"][order]
    known = (orders["customer"] != NOBODY)[order]
    abroad = (orders["country"] != 0)[order]
    bulk = orders["bulk"][order]
    slips = np.where(bulk > 0, 0.0, warts)
    item = catalogue.popular[rng.integers(0, len(catalogue.popular), n, dtype=np.uint16)]
    service = _happens(rng, np.where(abroad & known, _POSTAGE_ABROAD, _SERVICES_AT_HOME) * slips)
    item[service] = catalogue.services[known[service].astype(np.int64), rng.integers(0, 256, service.sum())]
    quantity = catalogue.quantity[segment, rng.integers(0, 256, n, dtype=np.uint8)]
    quantity[service] = 1
    price = catalogue.price[segment, item]
    price[_happens(rng, np.where(known, _FREE[1], _FREE[0]) * slips)] = 0.0
    code = item + catalogue.n_items * (catalogue.suffixed[item] & _happens(rng, _LOWER_CASE * slips))
    items = _Items(code=code, description=item, quantity=np.where(bulk > 0, bulk, quantity), price=price)
    _adjust_stock(rng, items, np.flatnonzero(orders["adjustment"][order]), catalogue)
    return items


def _happens(rng: np.random.Generator, chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    drawn: NDArray[np.bool_] = rng.random(len(chance), dtype=np.float32) < chance
    return drawn


def _adjust_stock(
    rng: np.random.Generator, items: _Items, lines: NDArray[np.int64], catalogue: Catalogue
) -> None:
    n = len(lines)
    sign = np.where(rng.random(n) < 0.75, -1, 1)
    items.quantity[lines] = sign * np.exp(rng.random(n) * np.log(_LARGEST_ADJUSTMENT)).astype(np.int64)
    items.price[lines] = 0.0
    items.description[lines] = catalogue.n_items + rng.integers(0, catalogue.n_notes, n)


def _origins(
    rng: np.random.Generator,
    orders: Array,
    order: NDArray[np.int64],
    begins: NDArray[np.int64],
    place: NDArray[np.int64],
    warts: float,
) -> NDArray[np.int64]:
    """Return the line that each line repeats: itself, the one before (a duplicate) or the cancelled one."""
    origin = np.arange(len(order))
    cancels = (orders["source"] >= 0)[order]
    able = (place > 0) & ~cancels
    chance = min(0.5, _DUPLICATED * warts * len(order) / max(1, int(able.sum())))
    twice = able & _happens(rng, np.full(len(order), chance))
    twice[1:] &= ~twice[:-1]
    origin[twice] -= 1
    taken = np.flatnonzero(cancels)
    source = orders[order[taken]]
    origin[taken] = origin[begins[source["source"]] + source["offset"] + place[taken]]
    return origin


def _take_back(
    rng: np.random.Generator,
    items: _Items,
    orders: Array,
    order: NDArray[np.int64],
    catalogue: Catalogue,
    warts: float,
) -> None:
    """Turn the quantities of cancellations around, for some in part only; a few become discounts."""
    cancels = np.flatnonzero((orders["source"] >= 0)[order])
    n = len(cancels)
    part = (rng.random(n) < 0.5) & (orders["bulk"][order[cancels]] == 0)
    whole = items.quantity[cancels]
    share = np.where(part, rng.random(n), 1.0)
    items.quantity[cancels] = -np.maximum(1, np.ceil(whole * share)).astype(np.int64)
    regular = orders["bulk"][order[cancels]] == 0
    discount = cancels[regular & (rng.random(n) < _DISCOUNTS)]
    items.quantity[discount] = -1
    items.code[discount] = items.description[discount] = catalogue.discount
    items.price[discount] = catalogue.price[orders["segment"][order[discount]], catalogue.discount]
