"""Who a line is of: ids read exactly, in one form for each customer."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import job
from segcore.ingest.missing import given

_BITS = {pl.Float16: 11, pl.Float32: 24}  # of a float's fraction; 53 of a double


def exact_below(dtype: pl.DataType | None = None) -> int:
    """Return the number below which floats of a type tell whole numbers apart; those of text are doubles."""
    return 1 << next((bits for kind, bits in _BITS.items() if dtype == kind), 53)


def as_id_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column of ids as text; whole numbers that were written as floats without a point."""
    value = pl.col(name)
    if not dtype.is_float():
        return value.cast(pl.String)
    whole = (value == value.floor()) & (value.abs() < exact_below(dtype))
    number = pl.when(whole).then(value.cast(pl.Int64, strict=False)).cast(pl.String)
    return pl.coalesce(number, value.fill_nan(None).cast(pl.String))


def customer(dtype: pl.DataType, settings: job.Job, name: str = "customer_id") -> pl.Expr:
    """Read an id exactly; a whole number that was written as a float only where floats tell neighbours apart.

    Of the columns of this name and ``bare_`` with it.
    """
    if dtype.is_float():
        value = pl.col(name)
        whole = (value == value.floor()) & (value.abs() < exact_below(dtype))
        return pl.when(whole).then(value.cast(pl.Int64, strict=False)).cast(pl.String)
    text = given(pl.col(f"bare_{name}"), settings.input.null_texts)
    as_float = text.str.ends_with(".0")
    stem = text.str.strip_suffix(".0")
    number = stem.cast(pl.UInt64, strict=False)  # null for most of what is no number, and beyond 64 bits
    rest = pl.when(as_float & number.is_null()).then(stem)
    exact = pl.coalesce(
        pl.when(as_float & (number < exact_below())).then(stem),
        pl.when(~as_float).then(text),
        pl.when(~rest.str.contains(r"^\d+$")).then(text),
    )
    return one_form(exact) if settings.cleaning.customer_case == "lower" else exact


def is_named(dtype: pl.DataType, settings: job.Job) -> pl.Expr:
    """Return the condition that a line says whose it is, be it readable or not."""
    if dtype == pl.String:
        return given(pl.col("bare_customer_id"), settings.input.null_texts).is_not_null()
    value = pl.col("customer_id")
    return (value.fill_nan(None) if dtype.is_float() else value).is_not_null()


def one_form(text: pl.Expr) -> pl.Expr:
    """Return ids in small letters, composed as Unicode's normal form has them, with single blanks inside."""
    small = text.str.normalize("NFC").str.to_lowercase()
    return small.str.replace_all(r"\s+", " ").str.strip_chars()


def mapped(lf: pl.LazyFrame, ids: pl.LazyFrame, *, seed: int) -> pl.LazyFrame:
    """Return lines with the persons that their ids are of.

    Parameters
    ----------
    lf : polars.LazyFrame
        With ``customer_id``. Lines of one person with different ids are no copies of each other: ``rest`` has the id.
    ids : polars.LazyFrame
        ``id``, each once, and ``person``.
    seed : int
        Of the hash.
    """
    own = pl.when(pl.col("person").is_not_null()).then(pl.col("customer_id").hash(seed)).otherwise(0)
    rest = pl.col("rest") if "rest" in lf.collect_schema() else pl.lit(0, dtype=pl.UInt64)
    return (
        lf.join(ids, left_on="customer_id", right_on="id", how="left")
        .with_columns(rest=rest + own * pl.lit(3, dtype=pl.UInt64))
        .with_columns(customer_id=pl.coalesce("person", "customer_id"))
        .drop("person")
    )


def as_read(ids: Sequence[str], settings: job.Job) -> list[str]:
    """Return ids that a person wrote in the form in which ids are read."""
    if settings.cleaning.customer_case == "keep" or not ids:
        return list(ids)
    return pl.select(one_form(pl.lit(pl.Series(ids)))).to_series().to_list()
