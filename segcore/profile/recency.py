"""Who to call now, to keep and to let go: each segment by how long ago its customers bought, against the shop's usual gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from segcore import amounts
from segcore.profile.statistics import ALL

LONG = 3
"""Usual gaps between orders after which a customer is long gone."""

GAP = "mean_days_between_orders"
"""The feature whose median over all customers is the shop's usual gap."""

STATES = ("now", "overdue", "long_gone")
RECENCY = {
    f"{state}_{what}": pl.Int64 if what == "customers" else pl.Float64
    for state in STATES
    for what in ("customers", "revenue")
}
"""Columns of a profile: customers and revenue of those who bought within the usual gap, later, and much later."""


def usual_gap_of(everybody: Mapping[str, Any]) -> float | None:
    """Return the shop's usual gap between orders in days, by the row of all customers of a profile; None where none is known."""
    gap: float | None = everybody.get(f"{GAP}_median")
    return gap


def state(usual_gap: float) -> pl.Expr:
    """Return the place of each customer's state in :data:`STATES`."""
    days = pl.col("days_since_last_order")
    return pl.when(days <= usual_gap).then(0).when(days <= LONG * usual_gap).then(1).otherwise(2)


def count_by_recency(
    lf: pl.LazyFrame, usual_gap: float | None, *, money_decimals: int = 4
) -> dict[int, dict[str, float]]:
    """Return :data:`RECENCY` of every segment and, as number 0, of all customers; nothing where no gap is known.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer: ``segment``, ``days_since_last_order``, ``total_spend``.
    usual_gap : float or None
        The median of all customers' days between orders.
    money_decimals : int
    """
    there = lf.collect_schema().names()
    if usual_gap is None or not {"days_since_last_order", "total_spend"} <= set(there):
        return {}
    rows = (
        lf.select(
            "segment",
            state(usual_gap).alias("state"),
            amounts.minor("total_spend", money_decimals).alias("money"),
        )
        .group_by("segment", "state")
        .agg(pl.len(), pl.col("money").sum())
        .collect(engine="streaming")
        .rows()
    )
    sums: dict[int, dict[str, int]] = {}
    for segment, place, customers, money in rows:
        for of in {ALL, segment} - {None}:
            own = sums.setdefault(of, dict.fromkeys(RECENCY, 0))
            own[f"{STATES[place]}_customers"] += customers
            own[f"{STATES[place]}_revenue"] += money
    return {
        of: {name: n if name.endswith("customers") else n / 10**money_decimals for name, n in own.items()}
        for of, own in sums.items()
    }
