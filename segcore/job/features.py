"""The tables on features: which there are, where scores of RFM change, which of them the models see."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from segcore import errors, schema
from segcore.job.base import Table, TimeOrDay, second
from segcore.times import SECONDS_A_DAY

Transform = Literal["yeo-johnson", "log1p", "none", "one-hot"]

_DAYS = r"^([1-9][0-9]{0,4}d)?$"


class Features(Table):
    """What is computed for each customer."""

    as_of: TimeOrDay = Field(
        None,
        description="the day that recency counts from, and from which on lines are outside the window; "
        "empty: the last time stamp of all lines plus one day",
    )
    window: str = Field(
        "",
        json_schema_extra={"pattern": _DAYS},
        description="days up to as_of whose lines count, such as 365d; empty: all",
    )
    window_from: TimeOrDay = Field(
        None, description="first day whose lines count, in place of window; empty: all"
    )
    returns: Literal["feature", "net"] = Field(
        "feature",
        description="feature: purchases stay gross; net: a return takes back earlier purchase lines",
    )
    rows_per_file: int = Field(
        100_000,
        ge=1,
        le=100_000_000,
        description="rows of each file of features/ and segments/, and of a block of the matrix",
    )
    without: list[str] = Field(
        [], description="features that are not written; not " + ", ".join(schema.NEEDED)
    )
    own: dict[str, str] = Field(
        {},
        description="name = Polars SQL over the purchase lines of a customer, such as "
        'max_items = "max(quantity)"; columns: quantity, unit_price, amount, ordered_at, order_id, product_id, '
        "country, description",
    )

    @model_validator(mode="after")
    def _computable(self) -> Self:
        can = [f.name for f in schema.numeric_features() if f.name not in schema.NEEDED]
        can += [feature.name for feature in schema.RFM]
        for name in self.without:
            if name not in can:
                close = errors.did_you_mean(name, can)
                raise ValueError(
                    f"without: {name!r} cannot be left out{close}; expected some of {', '.join(can)}"
                )
        if self.own:
            from segcore import expressions  # which needs Polars, and jobs do not

            expressions.check(self.own)
        return self

    @property
    def numbers(self) -> list[str]:
        """Features that the matrix can have: built-in ones that are not switched off, then those of the job's own."""
        built_in = [f.name for f in schema.numeric_features() if f.name not in self.without]
        return [*built_in, *self.own]

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if not re.match(_DAYS, self.window):
            raise ValueError(f"window = {self.window!r} should be a number of days, such as '365d'")
        if self.window and self.window_from is not None:
            raise ValueError(
                f"window = {self.window!r} and window_from = {self.window_from} both say where the window begins: give one"
            )
        first, end = self.from_second, self.as_of_second
        if first is not None and end is not None and first >= end:
            raise ValueError(f"window_from = {self.window_from} should be before as_of = {self.as_of}")
        return self

    @property
    def as_of_second(self) -> int | None:
        """Seconds since 1970 of `as_of`; None where it follows from the lines."""
        return second(self.as_of)

    @property
    def from_second(self) -> int | None:
        """Seconds since 1970 of `window_from`."""
        return second(self.window_from)

    @property
    def window_seconds(self) -> int | None:
        """Length of the window; None without one."""
        return int(self.window.removesuffix("d")) * SECONDS_A_DAY if self.window else None


CutPoint = Annotated[float, Field(ge=-1e15, le=1e15)]


class Rfm(Table):
    """Where the scores for recency, frequency and monetary value change: four rising values each; empty: fifths."""

    recency: list[CutPoint] = Field(
        [], description="days since the last order: a score of 5 up to the first, of 1 beyond the last"
    )
    frequency: list[CutPoint] = Field(
        [], description="orders: a score of 1 up to the first, of 5 beyond the last"
    )
    monetary: list[CutPoint] = Field(
        [], description="money spent: a score of 1 up to the first, of 5 beyond the last"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name in type(self).model_fields:
            points = getattr(self, name)
            rising = all(a < b for a, b in pairwise(points))
            if points and (len(points) != 4 or not rising):
                raise ValueError(f"{name} = {points} should be four values, each larger than the one before")
        return self


class Matrix(Table):
    """Which features the models see, and how they are transformed before they are standardised."""

    columns: dict[str, Transform] = Field(
        dict.fromkeys(schema.DEFAULT_MATRIX, "yeo-johnson"),
        description="feature = transform: yeo-johnson (log1p where its lambda would be below -2), log1p or none, then "
        "standardised; a column of [[extra]] also one-hot",
    )
    fit_rows: int = Field(
        100_000,
        ge=2,
        le=100_000_000,
        description="customers, the first in hash order, that a transform's parameter is fitted on",
    )
    max_categories: int = Field(
        10,
        ge=1,
        le=1_000,
        description="values of a one-hot column that get a column of the matrix each, the most frequent; the rest is other",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.columns:
            raise ValueError("at least one feature is needed")
        return self
