"""Conditions of one's own on a line: SQL over columns of the source, every one of them a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from segcore import errors
from segcore.expressions.parsing import parse, refusals
from segcore.failures import first_line

_PREFIX = "source "


def carried(name: str) -> str:
    """Return what a column of the source is called beside the canonical ones, whose names it may have."""
    return _PREFIX + name


def condition(text: str) -> pl.Expr:
    """Return a condition over the columns that :func:`carried` names; null where it says nothing of a line.

    Raises
    ------
    ValueError
        With what is not allowed in it.
    """
    return parse(text, None, of_a_line=True, prefix=_PREFIX)


def columns_in(text: str) -> list[str]:
    """Return the source's columns that a condition names, in their order by name."""
    return sorted({name.removeprefix(_PREFIX) for name in condition(text).meta.root_names()})


def columns_of_rules(conditions: Mapping[str, str]) -> dict[str, str]:
    """Return the source's columns that some conditions name, each with the name of one that does."""
    return {column: rule for rule, text in conditions.items() for column in columns_in(text)}


def check_condition(text: str) -> None:
    """Check a condition before any line is read.

    Raises
    ------
    ValueError
        With what is wrong with it.
    """
    names = columns_in(text)
    if not names:
        raise ValueError(
            "names no column of the source; expected one, in double quotes where it is no plain word"
        )
    lines = pl.LazyFrame({carried(name): pl.Series([None], dtype=pl.String) for name in names})
    try:
        with refusals():
            dtype = lines.select(condition(text).alias("applies")).collect().schema["applies"]
    except ValueError as exc:
        raise ValueError(_in_own_words(str(exc))) from exc
    if dtype != pl.Boolean:
        raise ValueError(
            f"gives {dtype}, expected a condition; columns are texts: compare, or CAST(... AS DOUBLE)"
        )


@contextmanager
def computed() -> Iterator[None]:
    """Turn what goes wrong while conditions are computed into one line; other casts of lines raise nothing.

    Raises
    ------
    segcore.errors.DataError
    """
    try:
        yield
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as exc:
        reason = first_line(exc)
        if not re.match("conversion from|casting from|could not find an appropriate format", reason):
            raise
        raise errors.DataError(
            f"a rule of cleaning.rules or cleaning.keep cannot be computed: {_in_own_words(reason)}; "
            "TRY_CAST gives NULL instead"
        ) from exc


def _in_own_words(reason: str) -> str:
    return reason.replace(f"'{_PREFIX}", "'")
