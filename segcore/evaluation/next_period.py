"""Whether groups of customers differ in what they do next: buyers and revenue of a later period, by group.

Everything follows from a few sums per group, which add up over parts of the customers in any order. Nothing here is
causal: it says who buys, not whom an offer changes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from segcore.arrays import Floats, Labels, Mask

# Rules that tell who buys, as look_back.parquet and the manifest call them.
SEGMENTS, GRID, RANDOM = "segment", "recency x frequency", "random"
RFM_FIFTHS, RFM_GROUPS = "RFM fifths", "RFM groups"
SPENDERS, MOST_SPEND = "as many by past spend", "most spend"
TENTHS, QUARTERS, ORDER_COUNT = "spend in tenths", "recency in quarters", "order count"


@dataclass(frozen=True, kw_only=True)
class GroupSums:
    """Sums over the customers of each group; every array is of shape (n_groups,).

    Attributes
    ----------
    customers : ndarray of int64
    buyers : ndarray of int64
        Customers with any purchase in the period.
    revenue : ndarray of float64
        Purchases less returns of the period, in whole units of money.
    squares : ndarray of float64
        Of the customers' revenue.
    log_revenue, log_squares : ndarray of float64
        Sum and sum of squares of log(1 + revenue), negative revenue taken as none.
    """

    customers: Floats
    buyers: Floats
    revenue: Floats
    squares: Floats
    log_revenue: Floats
    log_squares: Floats

    def __add__(self, other: GroupSums) -> GroupSums:
        return GroupSums(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


class Estimate(NamedTuple):
    """A figure and its standard error."""

    value: float
    error: float


def group_sums(groups: Labels, bought: Mask, revenue: Floats, n_groups: int) -> GroupSums:
    """Add up customers by group.

    Parameters
    ----------
    groups : ndarray of shape (n_customers,), int32
        From 0 to `n_groups` - 1.
    bought : ndarray of shape (n_customers,), bool
    revenue : ndarray of shape (n_customers,)
        In whole units of money.
    n_groups : int
    """

    def total(weights: Floats) -> Floats:
        return np.asarray(np.bincount(groups, weights=weights, minlength=n_groups), dtype=np.float64)

    logs = np.log1p(np.maximum(revenue, 0.0))
    return GroupSums(
        customers=np.bincount(groups, minlength=n_groups).astype(np.float64),
        buyers=total(bought.astype(np.float64)),
        revenue=total(revenue),
        squares=total(np.square(revenue)),
        log_revenue=total(logs),
        log_squares=total(np.square(logs)),
    )


def rates(sums: GroupSums) -> tuple[Floats, Floats]:
    """Return each group's share of buyers and its standard error, of shape (n_groups,); NaN for an empty group."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = sums.buyers / sums.customers
        return rate, np.sqrt(rate * (1 - rate) / sums.customers)


def revenue_shares(sums: GroupSums) -> tuple[Floats, Floats]:
    """Return each group's share of the period's revenue and its standard error, of shape (n_groups,).

    The error is that of a ratio of two sums over independent customers (Cochran 1977, section 6.4, with the total
    number of customers taken as given). NaN where nothing was bought.
    """
    total, squares = sums.revenue.sum(), sums.squares.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = sums.revenue / total
        variance = np.square(1 - share) * sums.squares + np.square(share) * (squares - sums.squares)
        return share, np.sqrt(variance) / abs(total)


def auc(sums: GroupSums, score: Floats | None = None) -> Estimate:
    """Return the area under the ROC curve of "buys in the period" with groups as the prediction.

    Parameters
    ----------
    sums : GroupSums
    score : ndarray of shape (n_groups,), optional
        What groups are ranked by; equal scores are ties. By default their share of buyers in these very sums, which
        flatters a grid of many groups: learn the score from other customers there.

    Returns
    -------
    Estimate
        NaN where everybody or nobody bought.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3).
    """
    n1, n0 = sums.buyers, sums.customers - sums.buyers
    total1, total0 = n1.sum(), n0.sum()
    if total1 == 0 or total0 == 0:
        return Estimate(float("nan"), float("nan"))
    ranked = np.nan_to_num(rates(sums)[0] if score is None else np.asarray(score, dtype=np.float64))
    _, tie = np.unique(ranked, return_inverse=True)
    others, buyers = np.bincount(tie, weights=n0), np.bincount(tie, weights=n1)
    # Of a buyer: the share of others who are ranked lower; of another: the share of buyers who are ranked higher.
    lower = (np.cumsum(others) - others / 2) / total0
    higher = (total1 - np.cumsum(buyers) + buyers / 2) / total1
    area = float((buyers * lower).sum() / total1)
    variance = 0.0
    for counts, placements in ((buyers, lower), (others, higher)):
        total = counts.sum()
        if total > 1:
            variance += float((counts * np.square(placements - area)).sum() / ((total - 1) * total))
    return Estimate(area, float(np.sqrt(variance)))


def log_revenue_explained(sums: GroupSums) -> float:
    """Return the share of the variance of log(1 + revenue) between groups, adjusted for their number.

    ``1 - (n - 1) / (n - K) * (1 - eta^2)`` for n customers in K groups that are not empty; NaN where all are equal.
    """
    there = sums.customers > 0
    n, n_groups = float(sums.customers.sum()), int(there.sum())
    within = (sums.log_squares[there] - np.square(sums.log_revenue[there]) / sums.customers[there]).sum()
    total = sums.log_squares.sum() - sums.log_revenue.sum() ** 2 / max(n, 1.0)
    if n <= n_groups or total <= 0:
        return float("nan")
    return float(1 - (n - 1) / (n - n_groups) * within / total)
