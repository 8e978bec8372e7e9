"""Named rules: every line becomes a purchase, a return, or a reject with the first reason that applies.

Lazy frames in, lazy frames out: nothing here collects, so errors surface where the result is collected.
"""

from __future__ import annotations

import polars as pl

from segcore import job
from segcore.ingest.values import UNREADABLE

PURCHASE = "purchase"
RETURN = "return"
DUPLICATE = "duplicate"
MISSING_CUSTOMER = "missing_customer"


def _first_that_applies(named: list[tuple[str, pl.Expr]]) -> pl.Expr:
    """Return the name of the first condition that holds, else null."""
    return pl.coalesce([pl.when(condition).then(pl.lit(name)) for name, condition in named])


def rules(cleaning: job.Cleaning) -> list[tuple[str, pl.Expr]]:
    """Return the rejecting rules in order: name and condition on a line with values read.

    The rule on unreadable values carries the column: ``unreadable_quantity`` and so on.
    """
    order, product = pl.col("order_id"), pl.col("product_id").str.to_uppercase()
    customer = pl.col("customer_id")
    unreadable = [(f"unreadable_{name}", pl.col("unreadable") == name) for name in UNREADABLE]
    codes = [code.upper() for code in cleaning.not_products]
    no_product = product.is_in(codes) if codes else pl.lit(False)
    for prefix in cleaning.not_product_prefixes:
        no_product = no_product | product.str.starts_with(prefix.upper())
    return [
        ("malformed_line", pl.col("malformed")),
        ("undecodable_text", pl.col("undecodable")),
        (MISSING_CUSTOMER, customer.is_null() & pl.col("unreadable").ne_missing("customer_id")),
        (
            "excluded_customer",
            customer.is_in(cleaning.exclude_customers) if cleaning.exclude_customers else pl.lit(False),
        ),
        *unreadable,
        ("adjustment", _has_prefix(order, cleaning.adjustment_prefix)),
        ("not_a_product", no_product),
        ("non_positive_price", pl.col("unit_price") <= 0),
        ("non_positive_quantity", (pl.col("quantity") <= 0) & ~is_return(cleaning)),
        ("zero_amount", pl.col("line_amount") == 0),
    ]


def is_return(cleaning: job.Cleaning) -> pl.Expr:
    """Return the condition that marks a return: an order id's prefix, else a negative quantity.

    Where a line says its amount in place of quantity and price, a negative amount marks one too.
    """
    by_amount = (pl.col("line_amount") < 0).fill_null(False)
    if cleaning.cancellation_prefix:
        return by_amount | _has_prefix(pl.col("order_id"), cleaning.cancellation_prefix)
    return by_amount | (pl.col("quantity") < 0).fill_null(False)


def _has_prefix(column: pl.Expr, prefix: str) -> pl.Expr:
    return column.str.starts_with(prefix).fill_null(False) if prefix else pl.lit(False)


def classify(lf: pl.LazyFrame, cleaning: job.Cleaning) -> pl.LazyFrame:
    """Add ``class``: the first rule that applies, else ``return`` or ``purchase``.

    Duplicates are found later, where all lines of a customer are together.
    """
    named = [*rules(cleaning), (RETURN, is_return(cleaning)), (PURCHASE, pl.lit(True))]
    return lf.with_columns(_first_that_applies(named).alias("class"))
