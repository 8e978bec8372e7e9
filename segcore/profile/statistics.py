"""Segments in numbers: sizes, revenue, quartiles, means and standardised effects.

One column is held at a time, sorted, and every figure is computed from sorted values or from whole
numbers: the order of the rows and the engine that delivers them change nothing, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore import amounts, errors
from segcore.arrays import Floats

Transform = Callable[[Floats], Floats]

_BLOCK = 1_000_000  # values
_FEW = 0.1  # share of the values that differ, up to which a table of them is worth its memory

ALL = 0
"""The number that stands for all customers."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts of one segment, or of all customers.

    Attributes
    ----------
    customers, n_orders, one_order_customers : int
    revenue : float
        Money units; summed exactly.
    """

    customers: int
    n_orders: int
    one_order_customers: int
    revenue: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From which value on, or up to which, a feature is at a level; infinite where no customer is."""

    top: float
    high: float
    low: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One feature in one segment; every field is empty where nobody in it has the feature.

    Attributes
    ----------
    median, p25, p75, mean : float or None
        In the feature's unit.
    effect : float or None
        Mean of the segment minus mean of all, in standard deviations of all customers.
    position : float or None
        Share of all customers below the segment's median, ties counting half; 0.5 at the median of all.
    """

    median: float | None = None
    p25: float | None = None
    p75: float | None = None
    mean: float | None = None
    effect: float | None = None
    position: float | None = None


def order_segments(lf: pl.LazyFrame, label: str, *, money_decimals: int = 4) -> dict[int, int]:
    """Return the segments' numbers, by revenue.

    Parameters
    ----------
    lf : polars.LazyFrame
        One row per customer: a model's labels, and ``total_spend`` in money units. Negative labels are nobody's
        segment and left out.
    label : str
        Column of the labels.
    money_decimals : int
        Decimals that money is exact to.

    Returns
    -------
    dict of int to int
        Label to segment, 1 for the largest revenue. Ties go to the larger segment, then to the one
        whose first member comes first, so that the numbers do not depend on the labels.
    """
    ranked = (
        lf.select(label, "total_spend")
        .with_row_index("row")
        .filter(pl.col(label) >= 0)
        .group_by(label)
        .agg(
            revenue=amounts.minor("total_spend", money_decimals).sum(),
            customers=pl.len(),
            row=pl.col("row").min(),
        )
        .sort(["revenue", "customers", "row"], descending=[True, True, False])
        .collect(engine="streaming")
    )
    return {int(number): i for i, number in enumerate(ranked[label].to_list(), start=1)}


def totals(lf: pl.LazyFrame, *, money_decimals: int = 4) -> dict[int, Totals]:
    """Return the counts of every segment and, as number 0, of all customers.

    Customers without a segment count among all.

    Raises
    ------
    segcore.errors.DataError
        If there is no customer.
    """
    columns = lf.collect_schema().names()
    spend = amounts.minor("total_spend", money_decimals) if "total_spend" in columns else pl.lit(0)
    orders = pl.col("order_count") if "order_count" in columns else pl.lit(None, dtype=pl.Int64)
    rows = (
        lf.select("segment", spend.alias("spend"), orders.cast(pl.Int64).alias("orders"))
        .group_by("segment")
        .agg(
            pl.len().alias("customers"),
            pl.col("spend").sum(),
            pl.col("orders").sum(),
            (pl.col("orders") == 1).sum().alias("one"),
        )
        .collect(engine="streaming")
        .sort("segment")
        .rows()
    )
    if not rows:
        raise errors.DataError("no customers to profile: expected at least one row with a segment")
    every = (ALL, *(sum(row[i] for row in rows) for i in range(1, 5)))
    return {
        int(segment): Totals(
            customers=customers, n_orders=orders, one_order_customers=one, revenue=spend / 10**money_decimals
        )
        for segment, customers, spend, orders, one in [every, *rows]
        if segment is not None
    }


def summarise(
    lf: pl.LazyFrame, name: str, segments: Sequence[int], *, transform: Transform | None = None
) -> dict[int, Summary]:
    """Return one column's summary for every segment and, as number 0, for all customers.

    Parameters
    ----------
    lf : LazyFrame
        With the column and `segment`. Only these two are read.
    segments : sequence of int
        The segments to summarise.
    transform : callable, optional
        Takes raw values of shape (n,) to the matrix's values (n,), standardised or not; the effect is
        measured there. Without it, or where it gives no finite values, the effect is that of ranks.
    """
    parts, whole = _sorted(lf, name, segments)
    scale = _Scale.of(whole, transform)
    return {ALL: _summary(whole, whole, scale)} | {
        s: _summary(part, whole, scale) for s, part in parts.items()
    }


def _sorted(lf: pl.LazyFrame, name: str, segments: Sequence[int]) -> tuple[dict[int, Floats], Floats]:
    """Return the sorted values of a column, those of each segment and all."""
    value, segment = pl.col(name).cast(pl.Float64), pl.col("segment").fill_null(ALL)
    known = lf.select(segment, value).filter(pl.col(name).is_finite()).collect(engine="streaming")
    # One after the other: of ten million customers each array is 80 MB.
    values, number = (known.drop_in_place(column).to_numpy() for column in (name, "segment"))
    parts, others = {}, np.ones(len(values), dtype=bool)
    for s in segments:
        own = number == s
        parts[s] = values[own]
        parts[s].sort()
        others &= ~own
    rest = values[others]
    del values, number
    whole = np.concatenate([*parts.values(), rest])
    whole.sort()
    return parts, whole


@dataclass(frozen=True)
class _Scale:
    """Where effects are measured: a map of values, and the mean and deviation of all customers there."""

    map: Transform
    mean: float
    deviation: float

    @classmethod
    def of(cls, whole: Floats, transform: Transform | None) -> _Scale:
        if not len(whole):
            return cls(np.zeros_like, 0.0, 0.0)
        if transform is None or not all(np.isfinite(transform(block)).all() for block in _blocks(whole)):
            transform = _ranks(whole)
        mean, spread = _mean(whole, transform), 0.0
        if whole[0] < whole[-1]:
            spread = math.sqrt(_mean(whole, lambda values: np.square(transform(values) - mean)))
        return cls(transform, mean, spread)

    def effect(self, part: Floats) -> float:
        if self.deviation == 0:
            return 0.0
        return (_mean(part, self.map) - self.mean) / self.deviation


def _mean(values: Floats, of: Transform) -> float:
    """Return the mean of what a map makes of values, and hold no more of that than a block."""
    return math.fsum(float(of(block).sum()) for block in _blocks(values)) / len(values)


def _blocks(values: Floats) -> Iterator[Floats]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))


def _summary(part: Floats, whole: Floats, scale: _Scale) -> Summary:
    if not len(part):
        return Summary()
    p25, p75 = (float(q) for q in np.quantile(part, [0.25, 0.75]))
    median = _median(part)
    at_centre = median == _median(whole)
    return Summary(
        median=median,
        p25=p25,
        p75=p75,
        mean=float(part.mean()),
        effect=0.0 if part is whole else scale.effect(part),
        position=0.5 if at_centre else float(_positions(np.array([median]), whole)[0]),
    )


def _median(ordered: Floats) -> float:
    """Return the median of sorted values, as NumPy does that looks for the middle first."""
    middle = len(ordered) // 2
    return float(ordered[middle - 1 + len(ordered) % 2 : middle + 1].mean())


def _ranks(whole: Floats) -> Transform:
    """Return what gives the positions of values that are among the sorted ones."""
    differs = np.concatenate([[True], whole[1:] != whole[:-1]])
    if np.count_nonzero(differs) > len(whole) * _FEW:
        return lambda values: _positions(values, whole)
    # Each different value looked up once: a fifth of the time.
    first = np.append(np.flatnonzero(differs), len(whole))
    known, places = whole[differs], (first[:-1] + first[1:]) / (2 * len(whole))
    return lambda values: places[np.searchsorted(known, values)]


def _positions(values: Floats, whole: Floats) -> Floats:
    """Return the share of sorted `whole` below each value, ties counting half; shape of `values`."""
    below = np.searchsorted(whole, values, side="left")
    up_to = np.searchsorted(whole, values, side="right")
    return (below + up_to) / (2 * len(whole))


def limits(lf: pl.LazyFrame, name: str, shares: Mapping[str, float]) -> Limits | None:
    """Return the values at which one column's levels begin; None where nobody has one.

    Parameters
    ----------
    lf : LazyFrame
    name : str
    shares : mapping of str to float
        The position at which each level begins: ``top``, ``high``, ``low``, ``bottom``.
    """
    value = pl.col(name).cast(pl.Float64)
    whole = np.sort(lf.select(value).filter(value.is_finite()).collect(engine="streaming")[name].to_numpy())
    if not len(whole):
        return None
    negated = -whole[::-1]
    return Limits(
        top=_first_at(whole, shares["top"]),
        high=_first_at(whole, shares["high"]),
        low=-_first_at(negated, 1 - shares["low"]),
        bottom=-_first_at(negated, 1 - shares["bottom"]),
    )


def _first_at(whole: Floats, share: float) -> float:
    """Return the least of sorted values whose position is `share` or more, and which is not the median."""
    value = float(whole[min(math.floor(share * len(whole)), len(whole) - 1)])
    while value == _median(whole) or _positions(np.array([value]), whole)[0] < share:
        beyond = int(np.searchsorted(whole, value, side="right"))
        if beyond == len(whole):
            return math.inf
        value = float(whole[beyond])
    return value


def medians(summaries: Mapping[str, Summary]) -> dict[str, float]:
    """Return the medians of the features that have one."""
    return {name: s.median for name, s in summaries.items() if s.median is not None}
