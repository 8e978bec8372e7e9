"""Rules that say in one line why a customer is where they are, as values and as sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore import schema
from segcore.arrays import Floats, Labels, Mask
from segcore.profile.wording import feature_of, fill, number, whether_in_words
from segcore.records import RunFile

_FEW = 10  # whole numbers below it are counted ("2 to 5 orders"), larger ones compared ("more than 60 days")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A feature's range within a rule: more than `above`, at most `up_to`; empty where unbounded."""

    feature: str
    above: float | None = None
    up_to: float | None = None

    def holds(self, values: Floats) -> Mask:
        """Return where it holds, for raw values of shape (n,)."""
        low = -math.inf if self.above is None else self.above
        high = math.inf if self.up_to is None else self.up_to
        return np.asarray((values > low) & (values <= high))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """If all bounds hold, the customer is (usually) in the segment.

    Attributes
    ----------
    segment : int
    bounds : tuple of Bound
        None at all: everybody.
    coverage, precision : float
        Share of the fitted customers that it covers, and the share of those, or of such that it was not fitted to, that are
        in the segment.
    """

    segment: int
    bounds: tuple[Bound, ...]
    coverage: float = 0.0
    precision: float = 0.0

    def holds(self, df: pl.DataFrame) -> Mask:
        """Return which customers it covers."""
        covered = np.ones(df.height, dtype=bool)
        for bound in self.bounds:
            covered &= bound.holds(column(df, bound.feature))
        return covered


@dataclass(frozen=True, kw_only=True)
class Rules(RunFile):
    """Rules that cover every customer exactly once.

    Attributes
    ----------
    rules : tuple of Rule
        By segment, the one that covers most first.
    accuracy : float
        Share of customers whose segment the rules give.
    measured_on : {"cross-validation", "the fitted customers"}
        What the accuracy was measured on.
    """

    FILE = "rules.json"

    rules: tuple[Rule, ...]
    accuracy: float
    measured_on: str

    def assign(self, df: pl.DataFrame) -> Labels:
        """Return the segment that the rules give to each customer, of shape (n_customers,)."""
        return assign(self.rules, df)

    def text(self, names: Mapping[int, str], *, currency: str = "") -> list[str]:
        """Return one sentence for each rule, and one for each segment that no rule reaches.

        Parameters
        ----------
        names : mapping of int to str
            Of all segments.
        currency : str
            Sign or code shown with money.
        """
        covered = {rule.segment for rule in self.rules}
        lines = [
            f"{names[rule.segment]}: {conditions(rule, currency=currency)} "
            f"(covers {_per_cent(rule.coverage)} of customers, right for {_per_cent(rule.precision)} of them)."
            for rule in self.rules
        ]
        missed = [name for segment, name in sorted(names.items()) if segment not in covered]
        return lines + [f"{name}: no short rule reaches it." for name in missed]


def assign(rules: Sequence[Rule], df: pl.DataFrame) -> Labels:
    """Return the segment that rules give to each customer, of shape (n_customers,); 0 where none holds."""
    labels = np.zeros(df.height, dtype=np.int32)
    for rule in rules:
        labels[rule.holds(df)] = rule.segment
    return labels


def conditions(rule: Rule, *, currency: str = "") -> str:
    """Return a rule's conditions in words, such as ``"at most 1 order and more than £230 per order"``."""
    # Who is in one category is in no other, which goes without saying.
    categories = [b for b in rule.bounds if schema.is_indicator(b.feature)]
    settled = {schema.parts_of(b.feature)[0] for b in categories if b.above is not None}
    implied = [b for b in categories if b.above is None and schema.parts_of(b.feature)[0] in settled]
    return " and ".join(_words(b, currency) for b in rule.bounds if b not in implied) or "every customer"


def _words(bound: Bound, currency: str) -> str:
    low, high = bound.above, bound.up_to
    if schema.is_indicator(bound.feature):
        return whether_in_words(bound.feature, holds=low is not None)
    feature = feature_of(bound.feature)
    counted = feature.integer and low is not None and low < _FEW
    if counted and low is not None:
        low += 1
    least, most = (None if v is None else number(v, feature.unit, currency=currency) for v in (low, high))
    if least is None:
        return f"at most {fill(bound.feature, str(most), one=high == 1)}"
    over = "at least" if counted else "more than"
    if most is None:
        return f"{over} {fill(bound.feature, least, one=low == 1)}"
    if not counted:
        return fill(bound.feature, f"more than {least} and at most {most}")
    return fill(bound.feature, least if low == high else f"{least} to {most}", one=low == high == 1)


def _per_cent(share: float) -> str:
    return "all" if share == 1 else f"{100 * share:.0f}%"


def column(df: pl.DataFrame, name: str) -> Floats:
    """Return a column as float64, empty values as NaN."""
    return df[name].cast(pl.Float64).to_numpy()  # an empty value is NaN there
