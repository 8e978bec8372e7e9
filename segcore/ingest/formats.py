"""How a group of files writes its dates and numbers: decided over all of its files, never line by line.

What decides is the pattern of the values, as :mod:`segcore.ingest.value_patterns` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from segcore import job
from segcore.expressions import carried
from segcore.ingest import date_formats, number_formats
from segcore.ingest.file_group import FileGroup
from segcore.ingest.number_formats import Numbers
from segcore.ingest.systems import SYSTEMS
from segcore.ingest.value_patterns import NUMBERS, by_frequency


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How a group of files writes its values.

    Attributes
    ----------
    dates : tuple of str
        Formats that a date may have, the most frequent first; the names of
        :data:`segcore.ingest.date_formats.EPOCHS` among them.
    numbers : dict of str to Numbers
        By canonical column, and by what a carried column is called.
    amount_given : bool
        Of lines with quantity, price and an amount: the amount is their money, not the product.
    """

    dates: tuple[str, ...]
    numbers: dict[str, Numbers]
    amount_given: bool = False


def is_settled(counts: pl.DataFrame, settings: job.Input) -> bool:
    """Whether the patterns of some of the lines are enough: nothing in them could be read in two ways."""
    patterns = by_frequency(counts)
    dates = [one for one in patterns if one.column == "ordered_at"]
    numbers = [one for one in patterns if one.column != "ordered_at"]
    settled = bool(settings.date_format) or not date_formats.depend_on_order(dates)
    return settled and (bool(settings.decimal) or number_formats.are_plain(numbers))


def decide(counts: pl.DataFrame, group: FileGroup, settings: job.Input) -> Formats:
    """Decide how a group of files writes its values.

    Parameters
    ----------
    counts : polars.DataFrame
        As :func:`segcore.ingest.value_patterns.count` counts its patterns.
    group : FileGroup
    settings : segcore.job.Input

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    patterns = by_frequency(counts)
    dates = [one for one in patterns if one.column == "ordered_at"]
    names = [*NUMBERS, *(carried(column) for column in group.discounts.values())]
    return Formats(
        dates=date_formats.decide(
            dates,
            settings.date_format,
            group.name,
            known=SYSTEMS[settings.preset].date_order if settings.preset in SYSTEMS else "",
        ),
        numbers=number_formats.decide(patterns, names, settings.decimal, group.name),
    )
