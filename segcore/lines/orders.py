"""From lines to orders: a row for each order of a customer, from which everything but distinct products follows.

Sums are of integers, so that they repeat exactly whatever the order of the lines. Nothing here collects.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore.lines import cleaning
from segcore.times import SECONDS_A_DAY

CUSTOMER = ("h", "customer_id")
LARGEST = 2**63 - 1  # of money in minor units, and of items
_ORDER = (*CUSTOMER, "class", "order", "ordered_at", "country")
_SUMS = ("amount", "quantity", "lines", "folded")
# Odd, so that different hashes stay different.
_OF_CUSTOMER, _OF_ORDER, _OF_TIME = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


def condense(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add up the lines of each order: one row per customer, class, order, time and country.

    Parameters
    ----------
    lines : polars.LazyFrame
        Lines of some customers, each once. Rows of several frames are added up by :func:`merge`.

    Returns
    -------
    polars.LazyFrame
        The keys, ``amount`` (minor units, Int128), ``quantity`` (Int128) and ``lines``, how many there were; ``last`` and
        ``folded`` as :func:`fold` has them.
    """
    condensed = lines.group_by(_key().alias("__key")).agg(
        pl.col(_ORDER).first(),
        pl.col("amount", "quantity").cast(pl.Int128).sum(),
        lines=pl.len().cast(pl.Int64),
    )
    return condensed.drop("__key").with_columns(folded=pl.lit(0, dtype=pl.Int64), last=pl.col("ordered_at"))


def _key() -> pl.Expr:
    """Return one number for the columns of an order: half the cost of comparing six columns, two of them texts."""

    def times(value: pl.Expr, odd: int) -> pl.Expr:
        return value.fill_null(0) * pl.lit(odd, dtype=pl.UInt64)

    time = pl.col("ordered_at").cast(pl.UInt64, wrap_numerical=True) * pl.lit(256, dtype=pl.UInt64)
    kind = pl.col("class").to_physical().cast(pl.UInt64)
    return (
        times(pl.col("h"), _OF_CUSTOMER)
        + times(pl.col("order"), _OF_ORDER)
        + times(time + kind, _OF_TIME)
        + pl.col("country").hash()
    )


def in_one_hash(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the customers that share their hash with another one: ``customer_id``."""
    customers = orders.select(CUSTOMER).unique()
    return customers.filter(pl.col("h").is_duplicated()).select("customer_id").sort("customer_id")


def fold(orders: pl.LazyFrame, *, bounds: Sequence[int]) -> pl.LazyFrame:
    """Put orders together that differ in nothing but their id and their time of day, which costs no feature.

    Parameters
    ----------
    orders : polars.LazyFrame
        Whole orders, as :func:`condense` returns them: no other frame has lines of one of them.
    bounds : sequence of int
        Seconds since 1970; what was before one is not put together with what was not.

    Returns
    -------
    polars.LazyFrame
        The same columns. A row of several orders has no ``order``; ``folded`` says how many they are, ``ordered_at`` and
        ``last`` their first and last time. An order of several days or countries has rows of its own.
    """
    day = pl.col("ordered_at") // SECONDS_A_DAY
    period = pl.sum_horizontal([pl.lit(0), *(pl.col("ordered_at") >= at for at in bounds)])
    alike = [*CUSTOMER, "class", "country", "__day", "__period"]
    times = [pl.col("ordered_at").min(), pl.col("last").max()]
    days = (
        orders.with_columns(__day=day, __period=period)
        .group_by(*alike, "order")
        .agg(*times, pl.col(_SUMS).sum())
        .with_columns(__rows=pl.len().over(*CUSTOMER, "class", "order"))
    )
    whole = (
        days.filter(pl.col("__rows") == 1)
        .group_by(alike)
        .agg(*times, pl.col("amount", "quantity", "lines").sum(), folded=pl.len().cast(pl.Int64))
    )
    columns = [*_ORDER, *_SUMS, "last"]
    return pl.concat(
        [
            whole.with_columns(order=pl.lit(None, dtype=pl.UInt64)).select(columns),
            days.filter(pl.col("__rows") > 1).select(columns),
        ]
    )


def beyond_count(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the customers whose purchases, or returns, add up to more than a whole number of 64 bits: ``customer_id``."""
    of_class = orders.group_by("h", "class").agg(
        pl.col("customer_id").first(), pl.col("amount", "quantity").abs().sum()
    )
    return (
        of_class.filter(pl.any_horizontal(pl.col("amount", "quantity") > LARGEST))
        .select("customer_id")
        .sort("customer_id")
    )


def merge(condensed: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Add up what :func:`condense` gave for parts of the same customers' lines."""
    if len(condensed) == 1:
        return condensed[0]
    return pl.concat(condensed).group_by(_ORDER).agg(pl.col(_SUMS).sum(), pl.col("last").max())


def n_orders() -> pl.Expr:
    """Return how many different orders there are; those without an id were counted when they were put together."""
    order = pl.col("order")
    return order.n_unique().cast(pl.Int64) - (order.null_count() > 0).cast(pl.Int64) + pl.col("folded").sum()


def by_month(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Sum each customer's purchases by calendar month: ``h, customer_id, month, amount, orders``."""
    month = pl.from_epoch(pl.col("ordered_at"), time_unit="s").dt.date().dt.truncate("1mo")
    return (
        orders.filter(pl.col("class") == cleaning.PURCHASE)
        .group_by("h", month.alias("month"))
        .agg(
            pl.col("customer_id").first(),
            amount=pl.col("amount").sum().cast(pl.Int64),
            orders=n_orders().cast(pl.UInt32),
        )
        .select(*CUSTOMER, "month", "amount", "orders")
    )


def n_lines(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Count each customer's lines: ``h, customer_id, lines``."""
    return orders.group_by("h").agg(pl.col("customer_id").first(), pl.col("lines").sum())
