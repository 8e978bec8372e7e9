"""The model of who buys in the next period: fitted on the last one, judged on one that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from segcore.arrays import Floats, Mask
from segcore.models import threads
from segcore.outlook import fitting, judging
from segcore.outlook.model import Outlook, matrix
from segcore.pipeline.models import look_back
from segcore.records.fit_figures import OutlookFigures

# Customers that a model is fitted on, the first in hash order.
FITTED_ON = 20_000
_LEAST = 50
NEEDED = f"it takes {_LEAST} buyers and {_LEAST} others in the last period, and as many to judge it by"


@dataclass(frozen=True, kw_only=True)
class JudgedOutlook:
    """An outlook and what came of its judgement.

    Attributes
    ----------
    outlook : Outlook
    figures : OutlookFigures
    calibration : polars.DataFrame
        As :func:`segcore.outlook.judging.calibration` returns it.
    """

    outlook: Outlook
    figures: OutlookFigures
    calibration: pl.DataFrame

    @property
    def published(self) -> Outlook | None:
        """The outlook, unless it ranks no better than something simple."""
        return self.outlook if self.figures.published else None


@dataclass(frozen=True, kw_only=True)
class _Period:
    """Customers at the beginning of a period, and what they bought in it."""

    df: pl.DataFrame
    bought: Mask
    revenue: Floats

    @property
    def enough(self) -> bool:
        spent = int((self.bought & (self.revenue > 0)).sum())
        return min(spent, int((~self.bought).sum())) >= _LEAST


def make(
    then: Sequence[Path],
    earlier: Sequence[Path],
    numbers: Sequence[str],
    *,
    days: int,
    seasons: Sequence[Mapping[str, int]] | None,
    money_decimals: int,
) -> JudgedOutlook | None:
    """Fit and judge the outlook; None where there are too few customers to learn from.

    Parameters
    ----------
    then, earlier : sequence of Path
        Customers a period ago and, where history reaches back so far, two periods ago, with what they bought since.
    numbers : sequence of str
        Features that may be used, as far as they are there.
    days : int
        Length of a period.
    seasons : sequence of mapping, optional
        How many customers were ``known`` and came ``again`` a year before the last period, and before the next.
    money_decimals : int
    """
    there = pl.read_parquet_schema(then[0])
    features = tuple(name for name in numbers if name in there)
    period = partial(_period, money_decimals=money_decimals)
    first = partial(look_back.first_customers, features=features)
    last = period(first(then, FITTED_ON))
    if earlier:
        learned, judged = period(first(earlier, FITTED_ON)), first(then)
    if not earlier or not learned.enough:
        learned, judged = period(last.df.filter(half=0)), last.df.filter(half=1)
        earlier = ()
    unseen = period(judged)
    if not (last.enough and learned.enough and unseen.enough):
        return None
    about = {"days": days, "features": features, "money_decimals": money_decimals}
    then_model, model = _fit([learned, last], about)
    chance, spend = then_model.predict(unseen.df)
    area = judging.auc(chance, unseen.bought)
    simple = judging.auc(unseen.df["order_count"].to_numpy().astype(np.float64), unseen.bought)
    published = judging.ranks_better(area, simple)
    season = judging.season(seasons)
    figures = OutlookFigures(
        published=published,
        sentence=judging.sentence(area, simple, days=days, published=published),
        days=days,
        customers=len(last.bought),
        judged_on="a period later" if earlier else "other customers",
        judged=len(unseen.bought),
        auc=area.value,
        auc_se=area.error,
        order_count_auc=simple.value,
        top_tenth_share=judging.top_tenth_share(spend, unseen.revenue),
        level=float(chance.sum() / unseen.bought.sum()),
        season=season,
    )
    return JudgedOutlook(
        outlook=model.in_season(season or 1.0),
        figures=figures,
        calibration=judging.calibration(chance, spend, unseen.bought, unseen.revenue),
    )


def _period(df: pl.DataFrame, *, money_decimals: int) -> _Period:
    bought, revenue = look_back.outcome(df, money_decimals)
    return _Period(df=df, bought=bought, revenue=revenue)


def _fit(periods: Sequence[_Period], about: Mapping[str, Any]) -> list[Outlook]:
    """Fit the outlook on each period; each fit on one thread, so that their number changes nothing."""
    matrices = [matrix(one.df, about["features"]) for one in periods]
    fits = [
        fit
        for one, X in zip(periods, matrices, strict=True)
        for fit in (
            partial(fitting.fit_chance, X, one.bought),
            partial(fitting.fit_log_spend, X[one.bought], one.revenue[one.bought]),
        )
    ]
    trees = iter(threads.run(lambda fit: fit(), fits))
    return [
        Outlook.of(chance, log_spend, X, one.bought, one.revenue, about)
        for one, X, chance, log_spend in zip(periods, matrices, trees, trees, strict=True)
    ]
