"""Who is due, overdue and gone, by what the model expects and by each customer's own rhythm."""

from __future__ import annotations

import polars as pl

from segcore.outlook.model import CHANCE, SPEND

DUE, OVERDUE, GONE, NOT_YET = "due", "overdue", "gone", "not yet due"
_EVEN, _SLIM = 0.5, 0.1
_RHYTHM = "mean_days_between_orders"


def state(*, days: int) -> pl.Expr:
    """Return in which state a customer is.

    At an even chance or better they are due, below one in ten gone. Between, they are overdue when they have been away
    for longer than the mean time between their orders, or for longer than a period where they bought on one day alone;
    else not yet due.

    Parameters
    ----------
    days : int
        Length of the period.
    """
    usual = pl.col(_RHYTHM).fill_null(float(days))
    return (
        pl.when(pl.col(CHANCE) >= _EVEN)
        .then(pl.lit(DUE))
        .when(pl.col(CHANCE) < _SLIM)
        .then(pl.lit(GONE))
        .when(pl.col("days_since_last_order") > usual)
        .then(pl.lit(OVERDUE))
        .otherwise(pl.lit(NOT_YET))
    )


def count(segments: pl.LazyFrame, features: pl.LazyFrame, *, days: int) -> pl.LazyFrame:
    """Count customers by segment and state.

    Parameters
    ----------
    segments, features : LazyFrame
        As they are published, of the same customers in the same order.
    days : int

    Returns
    -------
    LazyFrame
        ``segment`` (null without one), ``state``, ``customers``, and what they are expected to spend, in whole units
        of money.
    """
    if _RHYTHM not in features.collect_schema():  # the job leaves it out
        features = features.with_columns(pl.lit(None, dtype=pl.Float64).alias(_RHYTHM))
    both = pl.concat(
        [segments.select("segment", CHANCE, SPEND), features.select("days_since_last_order", _RHYTHM)],
        how="horizontal",
    )
    # Whole numbers, so that their sum does not depend on its order.
    return (
        both.group_by("segment", state=state(days=days))
        .agg(customers=pl.len().cast(pl.Int64), expected=pl.col(SPEND).round().cast(pl.Int64).sum())
        .sort("segment", "state")
    )
