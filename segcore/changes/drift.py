"""Whether today's customers still look like those that a model was fitted on.

Each feature is counted in bins that were cut at the fit, and the two counts are compared by the population
stability index, PSI = sum((a - e) ln(a / e)) over the bins' shares now (a) and then (e). Its value under no
change at all is about (1/n + 1/m) chi2(B - 1) for n and m customers and B bins (Yurdakul 2018). The mean of that is
taken off, so that one shift has one index whatever the number of customers; and an index below a high quantile of it
says nothing, however large it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaln, chdtri

from segcore import job, schema
from segcore.arrays import Counts, Floats
from segcore.records.changes import DriftReport, FeatureDrift, SegmentShare

N_BINS = 10
RADIUS_QUANTILE = 0.99  # of the distances inside a segment at the fit: beyond it a customer is out of range
_SURE = 0.999  # a feature is blamed only beyond this quantile of what chance does
_SHIFTED = 0.1  # the usual bar for a moderate change
_COUNTED = 1_000_000  # customers; what more of them say is no longer limited by their number
_SMOOTHING = 0.5  # customers added to every bin, so that an empty one does not make the index infinite


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Bins of one feature.

    Attributes
    ----------
    values : tuple of float
        Values that so many customers share that each has a bin of its own.
    edges : tuple of float
        Ascending and unique; everybody else is in a bin (-inf, e1], (e1, e2], ..., (em, inf).
    """

    values: tuple[float, ...]
    edges: tuple[float, ...]

    def count(self, column: Floats) -> Counts:
        """Count customers: one number for each shared value, each range between edges, and for empty (NaN)."""
        known = column[~np.isnan(column)]
        shared = np.isin(known, self.values)
        places = np.searchsorted(self.edges, known[~shared], side="left")
        own = [int((known == value).sum()) for value in self.values]
        ranges = np.bincount(places, minlength=len(self.edges) + 1)
        return np.array([*own, *ranges, len(column) - len(known)], dtype=np.int64)


def cut(column: Floats) -> Bins:
    """Choose bins of about equal numbers of customers.

    Parameters
    ----------
    column : ndarray of shape (n_customers,)
        Raw values at the fit, NaN where empty; a sample will do.
    """
    known = column[~np.isnan(column)]
    distinct, counts = np.unique(known, return_counts=True)
    shared = distinct[counts * N_BINS >= max(len(column), 1)]
    rest = known[~np.isin(known, shared)]
    ranges = min(N_BINS, max(round(N_BINS * len(rest) / max(len(column), 1)), 1))
    edges = np.unique(np.quantile(rest, np.arange(1, ranges) / ranges)) if len(rest) else np.array([])
    return Bins(values=tuple(map(float, shared)), edges=tuple(map(float, edges)))


def psi(then: Counts, now: Counts) -> float:
    """Return the population stability index of two counts over the same bins, less what it is on average without drift.

    Bins that nobody is in say nothing, and nothing is less than no drift.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards.
    Yurdakul (2018), Statistical properties of population stability index, Western Michigan University.
    """
    if not then.sum() or not now.sum():
        return 0.0
    filled = (then + now) > 0
    before, after = then[filled] + _SMOOTHING, now[filled] + _SMOOTHING
    e, a = before / before.sum(), after / after.sum()
    index = float(((a - e) * np.log(a / e)).sum())
    return max(0.0, index - _bias(then, now))


def chance(then: Counts, now: Counts) -> float:
    """Return the index that two samples of these sizes stay below without drift, in all but 1 of 1,000 cases."""
    n_bins = int(((then + now) > 0).sum())
    if n_bins < 2 or not then.sum() or not now.sum():
        return 0.0
    return float((1 / then.sum() + 1 / now.sum()) * chdtri(n_bins - 1, 1 - _SURE)) - _bias(then, now)


def _bias(then: Counts, now: Counts) -> float:
    """Return the mean of the index without drift: that of chi-squared is its degrees of freedom."""
    n_bins = int(((then + now) > 0).sum())
    return (n_bins - 1) * float(1 / then.sum() + 1 / now.sum())


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is remembered of the customers at a fit, and counted of those of today.

    Attributes
    ----------
    customers : int
    features : dict of str to ndarray
        Counts per bin, as `Bins.count` gives them.
    segments : dict of int to int
        Customers of each segment, by the fitted model.
    outside : int
        Customers beyond the radius of their segment.
    beyond : tuple of int, optional
        Of a fit, how many of others would be: the share that is has a Beta distribution with these two parameters, by the
        ranks that the radii have among the customers whom they were measured on. Its mean is more than the share of those.
    """

    customers: int
    features: dict[str, Counts]
    segments: dict[int, int]
    outside: int
    beyond: tuple[int, int] | None = None

    @property
    def out_of_range(self) -> float:
        """The share beyond the radius; of a fit, that of other customers."""
        if self.beyond is not None:
            return self.beyond[0] / max(sum(self.beyond), 1)
        return self.outside / self.customers if self.customers else 0.0


def measure(
    then: Snapshot, now: Snapshot, *, in_model: Sequence[str], rule: job.Drift, names: Mapping[int, str]
) -> DriftReport:
    """Compare today's customers with those of the fit, and judge whether the model still serves them.

    Parameters
    ----------
    then, now : Snapshot
        Counted in the same bins, by the same model.
    in_model : sequence of str
        The features that the model sees: only they can ask for a new fit.
    rule : segcore.job.Drift
    names : mapping of int to str
        Of the segments.
    """
    features = tuple(
        _feature(name, then.features[name], now.features[name], name in in_model, rule)
        for name in then.features
        if name in now.features
    )
    sizes = _sizes(then.segments, now.segments)
    reasons = _reasons(then, now, features, rule)
    return DriftReport(
        verdict="refit" if reasons else "score",
        reasons=tuple(reasons) or ("nothing that the model sees has drifted beyond the bounds",),
        customers_then=then.customers,
        customers_now=now.customers,
        out_of_range_share=now.out_of_range,
        out_of_range_then=then.out_of_range,
        features=features,
        segments_psi=psi(*sizes),
        segments_chance=chance(*sizes),
        segments=tuple(
            SegmentShare(
                segment=segment,
                segment_name=names.get(segment, "Unassigned"),
                share_then=then.segments.get(segment, 0) / max(then.customers, 1),
                share_now=now.segments.get(segment, 0) / max(now.customers, 1),
            )
            for segment in sorted({*then.segments, *now.segments})
        ),
    )


def _reasons(then: Snapshot, now: Snapshot, features: Sequence[FeatureDrift], rule: job.Drift) -> list[str]:
    """Return what asks for a new fit, one sentence each."""
    reasons = [
        f"{schema.feature_of(f.feature).label} has drifted: PSI {f.psi:.2f}, the bound is {rule.max_psi:g}"
        for f in features
        if f.in_model and f.verdict == "drifted"
    ]
    sizes = _sizes(then.segments, now.segments)
    if psi(*sizes) >= rule.max_psi and psi(*sizes) > chance(*sizes):
        reasons.append(
            f"the segments' sizes have drifted: PSI {psi(*sizes):.2f}, the bound is {rule.max_psi:g}"
        )
    share = now.out_of_range
    if share > rule.max_out_of_range and by_chance(now.outside, now.customers, then) < 1 - _SURE:
        reasons.append(
            f"{share:.1%} of the customers are beyond the fitted radius, the bound is {rule.max_out_of_range:.1%}"
        )
    return reasons


def _feature(name: str, then: Counts, now: Counts, in_model: bool, rule: job.Drift) -> FeatureDrift:
    index, bound = psi(then, now), chance(then, now)
    verdict: Literal["stable", "shifted", "drifted"] = "stable"
    if index > bound and index >= min(_SHIFTED, rule.max_psi):
        verdict = "drifted" if index >= rule.max_psi else "shifted"
    return FeatureDrift(feature=name, psi=index, chance=bound, in_model=in_model, verdict=verdict)


def _sizes(then: Mapping[int, int], now: Mapping[int, int]) -> tuple[Counts, Counts]:
    segments = sorted({*then, *now})
    before, after = ([counts.get(s, 0) for s in segments] for counts in (then, now))
    return np.array(before, dtype=np.int64), np.array(after, dtype=np.int64)


def by_chance(outside: int, customers: int, then: Snapshot) -> float:
    """Return how likely so many of some customers, or more, are beyond the radius without drift (beta-binomial)."""
    alpha, beta = then.beyond or (then.outside + 1, then.customers - then.outside + 1)
    if customers > _COUNTED:
        outside, customers = outside * _COUNTED // customers, _COUNTED
    counts = np.arange(outside, customers + 1)
    log_ways = -np.log1p(customers) - betaln(customers - counts + 1, counts + 1)
    logs = log_ways + betaln(counts + alpha, customers - counts + beta) - betaln(alpha, beta)
    return min(1.0, float(np.exp(logs).sum()))
