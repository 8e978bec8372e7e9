"""What customers sent back, by segment."""

from __future__ import annotations

import polars as pl

from segcore import amounts

_NEEDED = {"segment", "total_spend", "returned_value", "returned_share"}
_ALL = 0
MOST = 0.9
"""Share of their spend that customers sent back who count as having sent back nearly everything."""


def returns(lf: pl.LazyFrame, *, money_decimals: int = 4) -> pl.DataFrame:
    """Sum what was bought and sent back by segment, exactly.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer: segment, total_spend, returned_value and returned_share.
    money_decimals : int
        Money is exact to ``10 ** -money_decimals``.

    Returns
    -------
    DataFrame
        segment (0 is all customers, those without a segment included), revenue (before returns), returned,
        returners (customers who sent back nine tenths or more of what they bought), returners_revenue and
        returners_returned; sorted. Empty where a column is missing.
    """
    if not set(lf.collect_schema().names()) >= _NEEDED:
        return pl.DataFrame()
    most = pl.col("returned_share").fill_null(0) >= MOST
    sums = (
        lf.select(
            "segment",
            *(amounts.minor(name, money_decimals) for name in ("total_spend", "returned_value")),
            most=most,
        )
        .group_by("segment")
        .agg(
            revenue=pl.col("total_spend").sum(),
            returned=pl.col("returned_value").sum(),
            returners=pl.col("most").sum().cast(pl.Int64),
            returners_revenue=pl.col("total_spend").filter("most").sum(),
            returners_returned=pl.col("returned_value").filter("most").sum(),
        )
        .collect(engine="streaming")
    )
    every = sums.sum().with_columns(segment=pl.lit(_ALL, dtype=sums.schema["segment"]))
    return (
        pl.concat([every, sums.filter(pl.col("segment").is_not_null())])
        .with_columns(
            amounts.units(name, money_decimals)
            for name in ("revenue", "returned", "returners_revenue", "returners_returned")
        )
        .sort("segment")
    )
