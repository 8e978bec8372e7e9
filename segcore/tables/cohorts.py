"""Where customers come from and go: by the month of their first order, and how much hangs on a few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from segcore import amounts
from segcore.arrays import Floats
from segcore.lines.quantiles import by_rank

TOPS = (0.01, 0.05, 0.1, 0.2)
"""Shares of the customers, those with the most revenue, whose part of it is told."""


def cohorts(parts: Iterable[pl.DataFrame], *, money_decimals: int = 4) -> pl.DataFrame:
    """Count the customers of each month of a first order by month since, one part in memory at a time.

    Parameters
    ----------
    parts : iterable of DataFrame
        One row per customer and month: row (the customer), month (date), amount (minor units), orders; all months of
        a customer are in one part.
    money_decimals : int
        Amounts are in ``10 ** -money_decimals``.

    Returns
    -------
    DataFrame
        cohort and month (dates), months_since, customers (who bought in the month), share (of the cohort), orders and
        revenue (before returns); sorted.
    """
    sums = [
        part.with_columns(cohort=pl.col("month").min().over("row"))
        .group_by("cohort", "month")
        .agg(
            pl.len().cast(pl.Int64).alias("customers"),
            pl.col("orders").cast(pl.Int64).sum(),
            pl.col("amount").cast(pl.Int128).sum(),
        )
        for part in parts
    ]
    months = (
        pl.col(name).dt.year().cast(pl.Int32) * 12 + pl.col(name).dt.month() for name in ("month", "cohort")
    )
    later, first = months
    return (
        pl.concat(sums)
        .group_by("cohort", "month")
        .agg(pl.col("customers", "orders", "amount").sum())
        .sort("cohort", "month")
        .select(
            "cohort",
            "month",
            (later - first).alias("months_since"),
            "customers",
            (pl.col("customers") / pl.col("customers").first().over("cohort")).alias("share"),
            "orders",
            amounts.units("amount", money_decimals).alias("revenue"),
        )
    )


def newcomers(cohorts: pl.DataFrame) -> pl.DataFrame:
    """Return for each month how many customers bought, and what those brought who had never bought before.

    Parameters
    ----------
    cohorts : DataFrame
        As :func:`cohorts` returns it.

    Returns
    -------
    DataFrame
        month, customers, new_customers, revenue, new_revenue and new_revenue_share; sorted. Everybody is new in the
        first month of the data.
    """
    new = pl.col("months_since") == 0
    return (
        cohorts.group_by("month")
        .agg(
            pl.col("customers").sum(),
            new_customers=pl.col("customers").filter(new).sum(),
            revenue=pl.col("revenue").sum().round(6),
            new_revenue=pl.col("revenue").filter(new).sum(),
        )
        .with_columns(new_revenue_share=pl.col("new_revenue") / pl.col("revenue"))
        .sort("month")
    )


def concentration(spend: Callable[[], Iterable[Floats]], n: int, *, money_decimals: int = 4) -> pl.DataFrame:
    """Return what the customers with the most revenue bring, exactly.

    Parameters
    ----------
    spend : callable
        Returns what customers spent, in parts; it is called several times.
    n : int
        How many there are.
    money_decimals : int
        Money is exact to ``10 ** -money_decimals``.

    Returns
    -------
    DataFrame
        top (share of customers), customers, revenue (before returns) and revenue_share.
    """
    unit = 10.0**money_decimals
    sizes = [int(np.ceil(round(top * n, 6))) for top in TOPS]
    borders = by_rank(spend, [n - size + 1 for size in sizes])
    total, above, more = 0, [0] * len(sizes), [0] * len(sizes)
    for part in spend():
        minor = np.rint(part * unit).astype(np.int64)
        total += int(minor.sum())
        for i, border in enumerate(borders):
            over = part > border
            above[i] += int(minor[over].sum())
            more[i] += int(over.sum())
    # Of the customers who spent exactly what the last of them did, only as many as it takes.
    revenue = [
        (money + (size - count) * round(border * unit)) / unit
        for money, size, count, border in zip(above, sizes, more, borders, strict=True)
    ]
    return pl.DataFrame(
        {
            "top": TOPS,
            "customers": sizes,
            "revenue": revenue,
            "revenue_share": [money * unit / total if total else None for money in revenue],
        }
    )
