"""Values looked up in a table, row by row, while rows stream by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def looked_up(
    key: pl.Expr, table: Mapping[int, Any] | Mapping[str, Any], dtype: Any, *, default: object = None
) -> pl.Expr:
    """Return what a table has for each row's key, under the key's name.

    In place of ``replace_strict`` and ``replace``, for which Polars' streaming engine (2.1) holds the whole column of
    keys in memory: of ten million customers 350 MB, and twice the time.

    Parameters
    ----------
    key : polars.Expr
        Whole numbers or texts.
    table : mapping
        Whole numbers lie close together, as those of files or segments do.
    dtype : polars.DataType
        Of the values.
    default : value or polars.Expr, optional
        For other keys and for none; null without it.
    """
    texts = [one for one in table if isinstance(one, str)]
    numbers = {one: value for one, value in table.items() if isinstance(one, int)}
    if texts:
        values = list(table.values())
        place = key.cast(pl.Enum(texts), strict=False).to_physical()
    else:
        first, last = min(numbers, default=0), max(numbers, default=-1)
        values = [numbers.get(number) for number in range(first, last + 1)]
        # Unsigned: a place below zero would count from the end.
        place = (key.cast(pl.Int64, strict=False) - first).cast(pl.UInt64, strict=False)
    found = pl.lit(pl.Series(values, dtype=dtype)).gather(place, null_on_oob=True)
    if default is not None:
        found = found.fill_null(default)
    return found.alias(key.meta.output_name())
