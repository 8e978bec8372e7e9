"""What a run knows of the next period, customer by customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from segcore.arrays import Floats, Mask
from segcore.outlook.fitting import smearing
from segcore.outlook.trees import Trees
from segcore.records import RunFile

_AT_ONCE = 100_000  # customers, whose matrix is the largest part of what it takes to tell their chance
CHANCE, SPEND = "chance_to_buy", "expected_spend"
NOBODY_KNOWN = [pl.lit(None, dtype=pl.Float32).alias(CHANCE), pl.lit(None, dtype=pl.Float64).alias(SPEND)]
"""The columns where nothing is published: a table has the same ones every night."""


@dataclass(frozen=True, kw_only=True)
class OutlookFile(RunFile):
    """What stands beside the trees.

    Attributes
    ----------
    days : int
        Length of the period.
    features : tuple of str
        In the order in which the trees number them.
    medians : tuple of float or None
        Of the customers that the model was fitted on.
    baselines : tuple of (float, float)
        Of the log odds of buying and of the log of spend.
    smearing : float
        What makes a mean of the exponential of a mean log.
    season : float
        The odds of buying are multiplied with it.
    money_decimals : int
    """

    FILE = "outlook.json"

    days: int
    features: tuple[str, ...]
    medians: tuple[float | None, ...]
    baselines: tuple[float, float]
    smearing: float
    season: float
    money_decimals: int


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The models of who buys in the next period, and of how much.

    Attributes
    ----------
    about : OutlookFile
    chance, log_spend : Trees
        Log odds of buying, and the log of what who buys spends.
    """

    about: OutlookFile
    chance: Trees
    log_spend: Trees

    @classmethod
    def of(
        cls,
        chance: Trees,
        log_spend: Trees,
        X: Floats,
        bought: Mask,
        revenue: Floats,
        about: Mapping[str, Any],
    ) -> Outlook:
        """Return the outlook of two models and the customers that they were fitted on, whatever the season.

        Parameters
        ----------
        chance, log_spend : Trees
        X : ndarray of shape (n_customers, n_features)
        bought : ndarray of shape (n_customers,), bool
        revenue : ndarray of shape (n_customers,)
        about : mapping
            Days, features and money_decimals of :class:`OutlookFile`.
        """
        known = (column[~np.isnan(column)] for column in X.T)
        return cls(
            about=OutlookFile(
                **about,
                medians=tuple(float(np.median(column)) if len(column) else None for column in known),
                baselines=(chance.baseline, log_spend.baseline),
                smearing=smearing(log_spend, X[bought], revenue[bought]),
                season=1.0,
            ),
            chance=chance,
            log_spend=log_spend,
        )

    def in_season(self, season: float) -> Outlook:
        """Return the same with the odds of buying multiplied."""
        return replace(self, about=replace(self.about, season=season))

    def lacking(self, schema: Mapping[str, pl.DataType]) -> list[str]:
        """Return the features that these customers do not have as numbers."""
        return [n for n in self.about.features if n not in schema or not schema[n].is_numeric()]

    def predict(self, df: pl.DataFrame) -> tuple[Floats, Floats]:
        """Return each customer's chance to buy and the spend to expect, in whole units; of shape (n_customers,)."""
        log_odds, log_spend = np.empty(df.height), np.empty(df.height)
        for first in range(0, df.height, _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            X = matrix(df[some], self.about.features)
            log_odds[some], log_spend[some] = self.chance.sums(X), self.log_spend.sums(X)
        chance = np.asarray(expit(log_odds + np.log(self.about.season)), dtype=np.float64)
        return chance, chance * np.exp(log_spend) * self.about.smearing

    def columns(self, df: pl.DataFrame) -> list[pl.Series]:
        """Return the columns that are published of customers."""
        chance, spend = self.predict(df)
        return [
            pl.Series(CHANCE, chance.astype(np.float32)),
            pl.Series(SPEND, spend.round(self.about.money_decimals)),
        ]

    def effects(self, df: pl.DataFrame) -> dict[str, float]:
        """Return by how much the chance of one customer differs from what it is with a feature at its median.

        Parameters
        ----------
        df : polars.DataFrame
            One row.

        Returns
        -------
        dict of str to float
            Of features that change it, the largest difference first.
        """
        known = zip(self.about.features, self.about.medians, strict=True)
        medians = {name: median for name, median in known if median is not None}
        usual = [df.with_columns(pl.lit(value, dtype=pl.Float64).alias(n)) for n, value in medians.items()]
        numbers = [part.select(pl.col(self.about.features).cast(pl.Float64)) for part in (df, *usual)]
        own, *others = self.predict(pl.concat(numbers))[0]
        moved = {name: float(own - other) for name, other in zip(medians, others, strict=True)}
        return dict(sorted(((n, d) for n, d in moved.items() if d), key=lambda item: -abs(item[1])))


def matrix(df: pl.DataFrame, features: tuple[str, ...]) -> Floats:
    """Return features as the trees see them, of shape (n_customers, n_features): NaN where there is no value."""
    X: Floats = df.select(pl.col(features).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return X
