"""Features of one's own: SQL over the purchase lines of a customer, checked before any line is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from segcore import errors, schema
from segcore.expressions.parsing import parse, refusals
from segcore.failures import first_line

# What an expression may name. Money is in whole units, an id or text is null where the source has none.
COLUMNS: dict[str, pl.DataType] = {
    "quantity": pl.Int64(),
    "unit_price": pl.Float64(),
    "amount": pl.Float64(),
    "ordered_at": pl.Datetime("us"),
    "order_id": pl.String(),
    "product_id": pl.String(),
    "country": pl.String(),
    "description": pl.String(),
}


def check(own: Mapping[str, str]) -> None:
    """Check names and expressions against lines that have every column and no row.

    Parameters
    ----------
    own : mapping of str to str
        Name of the feature to its expression.

    Raises
    ------
    ValueError
        With the name of the feature, and what is wrong with it.
    """
    for name, text in own.items():
        if not schema.is_free(name):
            raise ValueError(
                f"{name!r} cannot name a feature: expected small letters, digits and _, and no name in use"
            )
        try:
            _check(text)
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from exc


def _check(text: str) -> None:
    lines = pl.LazyFrame(schema={"customer_id": pl.String(), **COLUMNS})
    value = parse(text, COLUMNS)
    with refusals():
        dtype = lines.group_by("customer_id").agg(value.alias("value")).collect().schema["value"]
    if isinstance(dtype, pl.List):
        raise ValueError(
            "gives a value for each line, expected one for each customer: put avg(), sum(), max() or the like around it"
        )
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        raise ValueError(f"gives {dtype}, expected a number for each customer")


def columns_of(own: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the columns that each expression names, in the order of :data:`COLUMNS`."""
    named = {name: set(parse(text, COLUMNS).meta.root_names()) for name, text in own.items()}
    return {name: [column for column in COLUMNS if column in columns] for name, columns in named.items()}


def all_columns(own: Mapping[str, str]) -> list[str]:
    """Return the columns that any expression names, in the order of :data:`COLUMNS`."""
    named = {column for columns in columns_of(own).values() for column in columns}
    return [column for column in COLUMNS if column in named]


def evaluate(lines: pl.DataFrame, own: Mapping[str, str]) -> pl.DataFrame:
    """Compute features of one's own.

    Parameters
    ----------
    lines : polars.DataFrame
        Purchase lines of some customers, sorted, with ``customer_id`` and the columns that are named. The engine
        that works in memory goes through each customer's lines in their order, so that sums of floats repeat exactly.
    own : mapping of str to str
        Name to expression.

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and the features as Float64, null where a value is not finite.

    Raises
    ------
    segcore.errors.DataError
        If an expression cannot be computed on these lines, such as a cast of a text that holds no number.
    """
    groups = lines.group_by("customer_id", maintain_order=True)
    out = groups.agg()
    for name, text in own.items():
        try:
            value = groups.agg(parse(text, COLUMNS).cast(pl.Float64).alias(name))[name]
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
            raise errors.DataError(
                f"features.own.{name} cannot be computed: {first_line(exc)}; change its expression"
            ) from exc
        out = out.with_columns(value).with_columns(pl.when(pl.col(name).is_finite()).then(name).alias(name))
    return out


def not_there(own: Mapping[str, str], columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the features that name a column beyond `columns`, with those columns."""
    there = set(columns)
    lacking = {name: [c for c in named if c not in there] for name, named in columns_of(own).items()}
    return {name: named for name, named in lacking.items() if named}
