"""Many rejected lines as a few: how many there are of each file and class, and the first of them, which is shown."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore.lines import ledger
from segcore.lines.shuffle import FILE

SHOWN = ("place", "class", "amount")


def first_of_each(lines: pl.LazyFrame, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Return ``place``, ``class`` and ``amount`` of the first line of each file and class, and of some columns more."""
    # By their places, which no two lines share: to sort each group would hold all lines in memory.
    first = lines.group_by(*by, FILE.alias("file"), "class").agg(pl.col("place").min())
    return lines.select(*by, *SHOWN).join(first.select("place"), on="place", how="semi")


def summary(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each file and class: the columns of :func:`segcore.lines.ledger.count` and of :func:`first_of_each`."""
    first = first_of_each(lines).with_columns(FILE.alias("file"))
    return ledger.count(lines).join(first, on=["file", "class"])
