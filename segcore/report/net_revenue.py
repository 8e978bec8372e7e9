"""Revenue net of returns: what a segment brings is what its customers kept."""

from __future__ import annotations

import polars as pl

from segcore import job

ALL = 0


def net(profile: pl.DataFrame, returns: pl.DataFrame, settings: job.Job) -> pl.DataFrame:
    """Return the profile with revenue net of returns, and beside it what it was before.

    Parameters
    ----------
    profile : polars.DataFrame
        One row per segment, and one of all customers.
    returns : polars.DataFrame
        As :func:`segcore.tables.returns` gives it; empty where returns are not known.
    settings : segcore.job.Job
        Where returns take back their purchases already, nothing is taken off again.

    Returns
    -------
    polars.DataFrame
        ``revenue`` and ``revenue_share`` net, ``gross_revenue`` and ``gross_share`` as they were.
    """
    gross = profile.with_columns(gross_revenue="revenue", gross_share="revenue_share")
    if returns.is_empty() or settings.features.returns == "net":
        return gross
    returned = dict(returns.select("segment", "returned").rows())
    revenue = pl.col("revenue") - pl.col("segment").replace_strict(
        returned, default=0.0, return_dtype=pl.Float64
    )
    total = revenue.filter(pl.col("segment") == ALL).first()
    return gross.with_columns(
        revenue=revenue, revenue_share=pl.when(total > 0).then(revenue / total).otherwise("revenue_share")
    )
