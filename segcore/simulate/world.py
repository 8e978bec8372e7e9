"""The simulated world in blocks of customers, each made from its own random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore.simulate.calendar import Calendar
from segcore.simulate.catalogue import Catalogue
from segcore.simulate.lines import SCHEMA, write_out
from segcore.simulate.orders import FIRST_BULK, LAST_BULK, Array, Bulk, OrderPlan, draw_orders
from segcore.simulate.planted import Customers, PlantedSegment, draw_customers

_FIRST_CUSTOMER = 12_346
_FIRST_INVOICE = 536_365
_BLOCK_LINES = 1 << 20
LINES: dict[str, pl.DataType] = SCHEMA
TRUTH: dict[str, pl.DataType] = {"customer_id": pl.String(), "segment": pl.String()}


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some customers and all their orders.

    Attributes
    ----------
    number : int
    months : tuple of (str, polars.DataFrame)
        The lines by month, as ``"2023-01"``, with the columns of LINES.
    truth : polars.DataFrame
        The customers, with the columns of TRUTH.
    n_lines : int
    """

    number: int
    months: tuple[tuple[str, pl.DataFrame], ...]
    truth: pl.DataFrame
    n_lines: int


@dataclass(frozen=True, kw_only=True)
class World:
    """What all blocks share.

    `windows` are the segments' first and last days, counted from the first day; `as_text` asks for
    times and customers as text.
    """

    rows: int
    customers: int
    seed: int
    noise: float
    warts: float
    segments: tuple[PlantedSegment, ...]
    windows: tuple[tuple[int, int], ...]
    catalogue: Catalogue
    calendar: Calendar
    as_text: bool

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order; together they hold all rows and all customers."""
        n_blocks = count_blocks(self.rows)
        first_customer, first_invoice = _FIRST_CUSTOMER, _FIRST_INVOICE
        for number in range(n_blocks):
            rng = np.random.default_rng([self.seed, number])
            customers = draw_customers(
                rng, _part(self.customers, number, n_blocks), self.segments, self.windows, self.noise
            )
            plan = self._plan(number, n_blocks)
            orders = draw_orders(rng, plan, customers, self.calendar, self.catalogue.countries)
            lines = write_out(
                rng,
                orders,
                self.catalogue,
                self.calendar,
                first_customer=first_customer,
                first_invoice=first_invoice,
                warts=self.warts,
                as_text=self.as_text,
            )
            yield Block(
                number=number,
                months=_by_month(lines, orders, self.calendar),
                truth=self._truth(customers, first_customer),
                n_lines=plan.n_lines,
            )
            first_customer += len(customers.segment)
            first_invoice += len(orders)

    def _plan(self, number: int, n_blocks: int) -> OrderPlan:
        bulks: tuple[Bulk, ...] = ()
        if self.warts > 0:
            bulks = (FIRST_BULK,) * (number == 0) + (LAST_BULK,) * (number == n_blocks - 1)
        return OrderPlan(
            n_lines=_part(self.rows, number, n_blocks),
            n_segments=len(self.segments),
            big=int(np.argmax([s.basket * s.quantity * s.price for s in self.segments])),
            noise=self.noise,
            warts=self.warts,
            bulks=bulks,
        )

    def _truth(self, customers: Customers, first_customer: int) -> pl.DataFrame:
        n = len(customers.segment)
        names = pl.Series([segment.name for segment in self.segments])
        return pl.DataFrame(
            {
                "customer_id": pl.int_range(first_customer, first_customer + n, eager=True).cast(pl.String),
                "segment": names.gather(customers.segment),
            },
            schema=TRUTH,
        )


def count_blocks(rows: int) -> int:
    """Return into how many blocks `rows` lines are cut: a constant, so that no machine changes the dump."""
    return -(-rows // _BLOCK_LINES)


def _part(total: int, number: int, n_parts: int) -> int:
    return total // n_parts + (number < total % n_parts)


def _by_month(lines: pl.DataFrame, orders: Array, calendar: Calendar) -> tuple[tuple[str, pl.DataFrame], ...]:
    """Cut lines, which are in the order of time, at the ends of the months."""
    upto = np.concatenate([[0], np.cumsum(orders["size"])])
    ends = upto[np.searchsorted(orders["minute"], calendar.month_ends)].tolist()
    cuts = zip(calendar.months, [0, *ends], ends, strict=False)
    return tuple((month, lines[begin:end]) for month, begin, end in cuts if end > begin)
