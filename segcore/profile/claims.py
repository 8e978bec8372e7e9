"""How many customers the words of a name are true of.

The words of a name are claims: a feature and the level that it is said to be at, or how many orders there are. A
customer's level is judged by the same limits as a segment's median, and in absolute terms as well: who orders once in two
years is not frequent, whatever the others do. All customers are counted by their levels in one pass, and any claims are
looked up in the few cells that this makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore.arrays import Floats, Mask
from segcore.profile.statistics import Limits
from segcore.profile.wording import templates

Claim = tuple[str, str]
"""A feature and its level, or ``("mostly_one_order", "yes")``, ``("one_order", "yes")``, ``("repeat", "yes")``; or a feature and
``"more"``, ``"less"``: than another segment, which says nothing of a customer."""

LEVELS = ("bottom", "low", "middle", "high", "top")
_AT = {"top": (4,), "high": (3, 4), "low": (0, 1), "bottom": (0,)}
_DAYS_A_YEAR = 365
_ORDERS = ("mostly_one_order", "one_order", "repeat")


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """Customers by segment and by their levels.

    Attributes
    ----------
    cells : dict of str to ndarray of shape (n_cells,)
        ``segment``, ``customers``, ``once``, and each feature's level from 0 (bottom) to 4 (top).
    """

    cells: dict[str, Floats]

    def share(self, segment: int, claims: Sequence[Claim]) -> float:
        """Return the share of a segment's customers of whom all claims are true."""
        own: Mask = self.cells["segment"] == segment
        held = own.copy()
        for claim in of_a_customer(claims):
            held &= self._true(claim)
        customers = self.cells["customers"]
        return float(customers[held].sum() / max(customers[own].sum(), 1))

    def _true(self, claim: Claim) -> Mask:
        key, wanted = claim
        if key in _ORDERS:
            return np.asarray(self.cells["once"] == (key != "repeat"))
        if key not in self.cells:
            return np.zeros(len(self.cells["segment"]), dtype=bool)
        return np.isin(self.cells[key], _AT[wanted])


def of_a_customer(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return the claims without comparisons with another segment."""
    return tuple(claim for claim in claims if claim[1] not in ("more", "less"))


def measures() -> list[str]:
    """Return the feature that measures each axis of a name."""
    return [axis["features"][0] for axis in templates()["axes"].values()]


def count(lf: pl.LazyFrame, limits: Mapping[str, Limits], usual_gap: float | None) -> Counted:
    """Count customers by segment and levels in one pass.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer: features and ``segment``.
    limits : mapping of str to Limits
        Of the measures that are there.
    usual_gap : float or None
        The median of all customers' days between orders.
    """
    there = lf.collect_schema().names()
    once = pl.col("order_count") == 1 if "order_count" in there else pl.lit(False)
    levels = [_level(name, own, there, usual_gap).alias(name) for name, own in limits.items()]
    cells = (
        lf.select("segment", once.fill_null(False).alias("once"), *levels)
        .group_by("segment", "once", *limits)
        .agg(customers=pl.len())
        .collect(engine="streaming")
        .filter(pl.col("segment").is_not_null())
        .sort("segment", "once", *limits)
    )
    return Counted(cells={name: cells[name].to_numpy() for name in cells.columns})


def _level(name: str, limits: Limits, there: Sequence[str], usual_gap: float | None) -> pl.Expr:
    value = pl.col(name)
    may_be_high, may_be_low = pl.lit(True), pl.lit(True)
    if name == "order_count":
        may_be_high = _is_frequent(there)
    elif name == "days_since_last_order" and usual_gap is not None:
        may_be_low, may_be_high = value <= usual_gap, value > usual_gap
    return (
        pl.when(may_be_high & (value >= limits.top))
        .then(4)
        .when(may_be_high & (value >= limits.high))
        .then(3)
        .when(may_be_low & (value <= limits.bottom))
        .then(0)
        .when(may_be_low & (value <= limits.low))
        .then(1)
        .otherwise(2)
        .cast(pl.Int8)
    )


def _is_frequent(there: Sequence[str]) -> pl.Expr:
    """Whether a customer has ordered often enough to be called frequent anywhere."""
    rule = templates()["frequent"]
    orders, span = pl.col("order_count"), ["tenure_days", "days_since_last_order"]
    years = pl.lit(1.0)
    if set(span) <= set(there):
        years = pl.max_horizontal(1.0, pl.sum_horizontal(span) / _DAYS_A_YEAR)
    often = orders >= rule["orders_a_year"] * years
    if "mean_days_between_orders" in there:
        often |= (pl.col("mean_days_between_orders") < rule["days_between"]).fill_null(False)
    enough: pl.Expr = orders >= rule["orders"]
    frequent: pl.Expr = often & enough
    return frequent
