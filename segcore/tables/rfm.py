"""Customers and money by the scores of RFM and by segment."""

from __future__ import annotations

import polars as pl

from segcore import amounts

_KEYS = ("segment", "r_score", "f_score", "rfm_group")


def rfm(lf: pl.LazyFrame, *, money_decimals: int = 4) -> pl.DataFrame:
    """Count customers and what they spent by segment, recency and frequency score, exactly.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer: segment, r_score, f_score, rfm_group and total_spend.
    money_decimals : int
        Money is exact to ``10 ** -money_decimals``.

    Returns
    -------
    DataFrame
        segment (0 where a customer has none), r_score, f_score, rfm_group, customers and revenue (before returns);
        sorted, without empty cells. Empty where a score is missing.
    """
    if not {*_KEYS} <= {*lf.collect_schema().names()}:
        return pl.DataFrame()
    return (
        lf.select(
            pl.col("segment").fill_null(0), *_KEYS[1:], money=amounts.minor("total_spend", money_decimals)
        )
        .group_by(_KEYS)
        .agg(customers=pl.len().cast(pl.Int64), revenue=pl.col("money").sum())
        .with_columns(revenue=amounts.units("revenue", money_decimals))
        .sort(_KEYS)
        .collect(engine="streaming")
    )
