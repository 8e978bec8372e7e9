"""How well a model of the next period told a period that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from segcore.arrays import Floats, Mask
from segcore.evaluation import next_period
from segcore.evaluation.next_period import Estimate, group_sums

_TENTHS = 10
_LEAST = 50  # customers that came again, and as many that did not, to tell the season from


def auc(score: Floats, bought: Mask) -> Estimate:
    """Return the area under the curve of buying with a score for each customer, and its error."""
    values, place = np.unique(score, return_inverse=True)
    sums = group_sums(place.astype(np.int32), bought, np.zeros(len(bought)), len(values))
    return next_period.auc(sums, values)


def ranks_better(model: Estimate, simple: Estimate) -> bool:
    """Whether a model ranks better than something simple by more than its error."""
    return bool(model.value > simple.value + model.error)


def sentence(model: Estimate, simple: Estimate, *, days: int, published: bool) -> str:
    """Say whether customers get a chance to buy, and why not."""
    ranks = (
        f"the model ranks customers with AUC {model.value:.3f} ± {model.error:.3f}, their number of orders alone "
        f"with {simple.value:.3f}"
    )
    if published:
        return f"chance to buy in the next {days} days: {ranks}"
    return f"no chance to buy is published: {ranks}, and it is not better by more than that error"


def season(counts: Sequence[Mapping[str, int]] | None) -> float | None:
    """Return the odds of coming again in the next period over those in the last one, both a year ago.

    Parameters
    ----------
    counts : sequence of two mappings, optional
        How many customers were ``known`` and came ``again``, a year before the last period and before the next one.

    Returns
    -------
    float or None
        None where too few of them came, or did not, to tell.
    """
    if not counts or min(min(one["again"], one["known"] - one["again"]) for one in counts) < _LEAST:
        return None
    last, following = (one["again"] / (one["known"] - one["again"]) for one in counts)
    return following / last


def top_tenth_share(expected: Floats, revenue: Floats) -> float | None:
    """Return the share of the revenue that came from the tenth with the largest expected spend."""
    total = float(revenue.sum())
    first = np.argsort(-expected, kind="stable")[: max(1, len(expected) // _TENTHS)]
    return float(revenue[first].sum() / total) if total > 0 else None


def calibration(chance: Floats, expected: Floats, bought: Mask, revenue: Floats) -> pl.DataFrame:
    """Compare what was expected with what came, by tenths of the chance.

    Returns
    -------
    polars.DataFrame
        A row for each tenth, the least likely first: customers, mean chance, buyers, their rate with its error,
        expected and real revenue.
    """
    rank = np.empty(len(chance), dtype=np.int64)
    rank[np.argsort(chance, kind="stable")] = np.arange(len(chance))
    tenth = (rank * _TENTHS // len(chance)).astype(np.int32)
    sums = group_sums(tenth, bought, revenue, _TENTHS)
    rate, rate_se = next_period.rates(sums)
    table = pl.DataFrame(
        {
            "tenth": np.arange(1, _TENTHS + 1),
            "customers": sums.customers.astype(np.int64),
            "chance": np.bincount(tenth, weights=chance, minlength=_TENTHS) / np.maximum(sums.customers, 1),
            "buyers": sums.buyers.astype(np.int64),
            "rate": rate,
            "rate_se": rate_se,
            "expected": np.bincount(tenth, weights=expected, minlength=_TENTHS),
            "revenue": sums.revenue,
        }
    )
    return table.filter(pl.col("customers") > 0)
