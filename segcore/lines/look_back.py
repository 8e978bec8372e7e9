"""Customers as they were some time before the end, and what they have bought since.

Nothing that happened from the cut on may reach what is said of the time before it: the lines are cut first, and all
features, netted returns and distinct products are computed of what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from segcore.lines import cleaning
from segcore.times import SECONDS_A_DAY

_YEAR = 365 * SECONDS_A_DAY


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A look back: history in ``[first, at)``, outcome in ``[at, end)``, seconds since 1970.

    Attributes
    ----------
    first : int or None
        None where history begins with the first line.
    at, end : int
    """

    first: int | None
    at: int
    end: int

    @property
    def is_known(self) -> pl.Expr:
        """Return the condition that a line, or an order, was known at the cut."""
        when = pl.col("ordered_at")
        known = when < self.at
        return known if self.first is None else known & (when >= self.first)

    @property
    def is_later(self) -> pl.Expr:
        """Return the condition that a line, or an order, is of the later period."""
        return (pl.col("ordered_at") >= self.at) & (pl.col("ordered_at") < self.end)

    def history(self, lines: pl.LazyFrame) -> pl.LazyFrame:
        """Return the lines, or orders, that were known at the cut."""
        return lines.filter(self.is_known)

    def outcome(self, orders: pl.LazyFrame) -> pl.LazyFrame:
        """Return the orders, or lines, of the later period."""
        return orders.filter(self.is_later)


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Where customers are looked at as they were then.

    Attributes
    ----------
    last : Cut or None
        A period before the end.
    earlier : Cut or None
        A period before that, for the first customers: what is learned there is judged at the last one.
    seasons : tuple of Cut
        A year before the last period and before the one to come: how many customers of the period before them come
        again tells the season.
    """

    last: Cut | None = None
    earlier: Cut | None = None
    seasons: tuple[Cut, ...] = ()

    @property
    def every(self) -> tuple[Cut | None, ...]:
        """All cuts, None for one that is not."""
        return (self.last, self.earlier, *self.seasons)

    @property
    def looked_at(self) -> tuple[Cut, ...]:
        """Those at which it is told of all customers who came again: the last one, then the seasons."""
        return (*([] if self.last is None else [self.last]), *self.seasons)

    @property
    def bounds(self) -> tuple[int, ...]:
        """Times that tell one part of the history from another."""
        cuts = [cut for cut in self.every if cut is not None]
        times = {time for cut in cuts for time in (cut.first, cut.at, cut.end) if time is not None}
        return tuple(sorted(times))


def cuts(first_at: int, as_of: int, *, length: int, outlook: bool, window_first: int | None = None) -> Cuts:
    """Return the cuts before which there is history of at least a period.

    Parameters
    ----------
    first_at, as_of : int
        Where the history begins and ends, seconds since 1970.
    length : int
        Of a period, in seconds.
    outlook : bool
        Whether the next period is asked for too.
    window_first : int, optional
        Where the observation window begins; that of a cut is as long.
    """

    def before(end: int) -> Cut:
        at = end - length
        return Cut(first=None if window_first is None else window_first - (as_of - at), at=at, end=end)

    last, earlier = before(as_of), before(as_of - length)
    ends = (as_of - _YEAR, as_of - _YEAR + length)
    seasons = tuple(Cut(first=end - 2 * length, at=end - length, end=end) for end in ends)
    return Cuts(
        last=last if last.at - first_at >= length else None,
        earlier=earlier if outlook and earlier.at - first_at >= length else None,
        seasons=seasons if outlook and first_at <= ends[0] - 2 * length else (),
    )


def reach(window_first: int, end: int | None, *, length: int, outlook: bool) -> int:
    """Return the first second that any cut looks at, where an observation window begins at `window_first`.

    Parameters
    ----------
    window_first : int
    end : int or None
        Of the window; None where it follows from the lines.
    length : int
        Of a period, in seconds.
    outlook : bool
        Whether the next period is asked for too.
    """
    if not outlook:
        return window_first - length
    year_before = (window_first if end is None else end) - _YEAR
    return min(window_first, year_before) - 2 * length


def with_outcome(customers: pl.LazyFrame, orders: pl.LazyFrame, cut: Cut) -> pl.LazyFrame:
    """Add what customers did in the later period.

    Parameters
    ----------
    customers : polars.LazyFrame
        A row for each customer with a purchase before the cut, with ``h``.
    orders : polars.LazyFrame
        All their orders as :func:`segcore.lines.orders.condense` gives them, none taken back.
    cut : Cut

    Returns
    -------
    polars.LazyFrame
        The same rows in the same order: with ``bought``, whether a customer bought in the later period, and ``next_spend_minor``,
        purchases less returns of it in minor units.
    """
    kept = cut.outcome(orders).filter(pl.col("class").is_in([cleaning.PURCHASE, cleaning.RETURN]))
    outcome = kept.group_by("h").agg(
        bought=(pl.col("class") == cleaning.PURCHASE).any(),
        next_spend_minor=pl.col("amount").sum().cast(pl.Int64),
    )
    return customers.join(outcome, on="h", how="left", maintain_order="left").with_columns(
        pl.col("bought").fill_null(False), pl.col("next_spend_minor").fill_null(0)
    )


def came(orders: pl.LazyFrame, cuts: Sequence[Cut]) -> pl.LazyFrame:
    """Tell of every customer with a purchase whether there is one before each cut, and what they bought after it.

    Returns
    -------
    polars.LazyFrame
        ``h``, ``customer_id``; and for each cut, by its place, ``known_0`` and ``later_0``, whether there is a purchase before and
        after it, and ``spend_0`` (Int128), how much was bought after it, before returns.
    """
    of_cuts: list[pl.Expr] = []
    for place, cut in enumerate(cuts):
        of_cuts += [
            cut.is_known.any().alias(f"known_{place}"),
            cut.is_later.any().alias(f"later_{place}"),
            pl.col("amount").filter(cut.is_later).sum().cast(pl.Int128).alias(f"spend_{place}"),
        ]
    return (
        orders.filter(pl.col("class") == cleaning.PURCHASE)
        .group_by("h")
        .agg(pl.col("customer_id").first(), *of_cuts)
    )


def repeated(customers: pl.LazyFrame, place: int) -> pl.LazyFrame:
    """Count the customers with a purchase in the time before a cut, and those of them with one after it.

    Parameters
    ----------
    customers : polars.LazyFrame
        As :func:`came` returns it.
    place : int
        Of the cut.

    Returns
    -------
    polars.LazyFrame
        One row: ``known`` and ``again``.
    """
    known = pl.col(f"known_{place}")
    return customers.select(
        known=known.sum().cast(pl.Int64), again=(known & pl.col(f"later_{place}")).sum().cast(pl.Int64)
    )


def newcomers(customers: pl.LazyFrame) -> pl.LazyFrame:
    """Add up what customers bought after the first cut of whom nothing was known at it.

    Parameters
    ----------
    customers : polars.LazyFrame
        As :func:`came` returns it.

    Returns
    -------
    polars.LazyFrame
        One row: ``new_customers``, ``new_spend_minor`` and ``all_spend_minor`` (Int128), purchases before returns.
    """
    new, spend = ~pl.col("known_0"), pl.col("spend_0")
    return customers.select(
        new_customers=(new & pl.col("later_0")).sum().cast(pl.Int64),
        new_spend_minor=spend.filter(new).sum(),
        all_spend_minor=spend.sum(),
    )
