"""Values looked up in a table, row by row, while rows stream by."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any, cast

import polars as pl


def looked_up(
    key: pl.Expr,
    table: Mapping[int, Any] | Mapping[str, Any],
    dtype: Any,
    *,
    strict: bool = False,
    default: object = None,
) -> pl.Expr:
    """Return what a table has for each row's key, under the key's name.

    In place of ``replace_strict`` and ``replace``, for which Polars' streaming engine (2.1) holds the whole column of
    keys in memory: of ten million customers 350 MB, and twice the time. Only for rows, not inside an aggregation.

    Parameters
    ----------
    key : polars.Expr
        Whole numbers or texts.
    table : mapping
        Whole numbers lie close together, as those of files or segments do: all between the first and the last are held.
    dtype : polars.DataType
        Of the values.
    strict : bool
        Another key stops the query that meets it.
    default : value or polars.Expr, optional
        For no key, for other keys, and for those of which the table has null; null without it.

    Raises
    ------
    TypeError
        If a key is neither a whole number nor a text, or there are both.
    """
    texts = [one for one in table if isinstance(one, str)]
    place: pl.Expr
    if texts:
        if len(texts) < len(table):
            raise TypeError("a table has texts as keys, or whole numbers, and not both")
        place = key.cast(pl.Enum(texts), strict=strict).to_physical()
    else:
        places = {index(cast("int", one)): place for place, one in enumerate(table)}
        first, last = min(places, default=0), max(places, default=-1)
        # Unsigned, since a place below zero would count from the end; where there is a gap beyond the last one.
        offset = (key.cast(pl.Int64, strict=strict) - first).cast(pl.UInt64, strict=strict)
        span = [places.get(number, len(places)) for number in range(first, last + 1)]
        place = pl.lit(pl.Series(span, dtype=pl.UInt32)).gather(offset, null_on_oob=not strict)
    values = pl.Series(list(table.values()), dtype=dtype)
    found = pl.lit(values).gather(place, null_on_oob=not strict)
    if default is not None:
        found = found.fill_null(default)
    return found.alias(key.meta.output_name())
