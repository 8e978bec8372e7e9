"""Money: whole minor units where it is added up, units where it is read."""

from __future__ import annotations

import polars as pl


def minor(name: str, decimals: int) -> pl.Expr:
    """Return a column of money as whole minor units, Int128 for any sum; 0 where it is missing."""
    whole: pl.Expr = (pl.col(name).fill_null(0) * 10**decimals).round().cast(pl.Int128)
    return whole


def units(name: str, decimals: int) -> pl.Expr:
    """Return a column of minor units as units: the double nearest to the exact amount."""
    # Polars divides by a constant by multiplying with its reciprocal, which is off in the last place
    # (2.9000000000000004): a column as the divisor makes it divide.
    value = pl.col(name).cast(pl.Float64)
    return value / (value * 0 + 10.0**decimals)


def text(minor_units: int, decimals: int) -> str:
    """Return minor units for people, without a currency."""
    return f"{minor_units / 10**decimals:,.2f}"
