"""Named rules: every line becomes a purchase, a return, or a reject with the first reason that applies.

Lazy frames in, lazy frames out: nothing here collects, so errors surface where the result is collected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import expressions, job
from segcore.ingest.values import UNREADABLE
from segcore.lines.suspects import TOTALS

PURCHASE = "purchase"
RETURN = "return"
DISCOUNT = "discount"
KEPT = (PURCHASE, RETURN, DISCOUNT)
DUPLICATE = "duplicate"
MISSING_CUSTOMER = "missing_customer"
OUTSIDE_WINDOW = "outside_window"
STRAY_DATE = "stray_date"
NOT_KEPT = "not_kept"
OTHER_CURRENCY = "other_currency"
NO_DISCOUNT = "no_discount"
# Rejects that are in an order all the same, and may be the line on which it says what is off it.
OF_ORDER = (
    *(f"unreadable_{name}" for name in ("quantity", "unit_price", "amount", "discount")),
    *("not_a_product", "no_discount", "non_positive_price", "non_positive_quantity", "zero_amount"),
)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which lines are looked at: from `first` until before `end`, seconds since 1970; None leaves a side open.

    Dates from `stray` on lie far beyond all others, and are no sign of how far the dump goes. Purchases and returns from
    `reach` until before `first` are outside too, but a look back wants them: None where it does not.
    """

    first: int | None = None
    end: int | None = None
    stray: int | None = None
    reach: int | None = None

    @property
    def outside(self) -> pl.Expr:
        """Return the condition that a line's date is not in it; one that cannot be read is another matter."""
        when, outside = pl.col("ordered_at"), pl.lit(False)
        if self.first is not None:
            outside = outside | (when < self.first)
        if self.end is not None:
            outside = outside | (when >= self.end)
        return outside

    @property
    def late(self) -> int | None:
        """The time from which lines are left out, wherever the window begins."""
        return min((at for at in (self.end, self.stray) if at is not None), default=None)

    @property
    def is_stray(self) -> pl.Expr:
        """Return the condition that a line's date is one of a few far beyond all others."""
        return pl.lit(False) if self.stray is None else pl.col("ordered_at") >= self.stray


ALL_TIME = Window()


def classes(cleaning: job.Cleaning) -> list[str]:
    """Return every class of a line in the order of the rules; discounts, returns and purchases last."""
    return [*(name for name, _ in rules(cleaning)), DUPLICATE, DISCOUNT, RETURN, PURCHASE]


def class_type(cleaning: job.Cleaning) -> pl.Enum:
    """Return the type of ``class``: a byte for each line, where its name as text would cost as much as the rest."""
    return pl.Enum(classes(cleaning))


def rules(cleaning: job.Cleaning, window: Window = ALL_TIME) -> list[tuple[str, pl.Expr]]:
    """Return the rejecting rules in order: name and condition on a line with values read.

    What lies outside the window is told apart before anything else is judged, so that a dump that only grows gives
    the same account of the lines inside; only of a line that is damaged as a whole the date cannot be trusted. Rules of
    the job's own come next: what they take out is no purchase, whoever it is of and however it is written.
    The rule on unreadable values carries the column: ``unreadable_quantity`` and so on.
    """
    order, product = pl.col("order_id"), pl.col("product")
    customer = pl.col("customer_id")
    unreadable = [
        (f"unreadable_{name}", pl.col("unreadable") == place) for place, name in enumerate(UNREADABLE)
    ]
    no_product = _is_listed(cleaning.not_products)
    discount = is_discount(cleaning)
    for prefix in cleaning.not_product_prefixes:
        no_product = no_product | product.str.starts_with(prefix.upper())
    return [
        ("malformed_line", pl.col("malformed")),
        ("undecodable_text", pl.col("undecodable")),
        (STRAY_DATE, window.is_stray),
        (OUTSIDE_WINDOW, window.outside),
        *own_rules(cleaning),
        (
            MISSING_CUSTOMER,
            customer.is_null() & pl.col("unreadable").ne_missing(UNREADABLE.index("customer_id")),
        ),
        ("total_line", customer.is_in(TOTALS)),
        (
            "excluded_customer",
            customer.is_in(cleaning.exclude_customers) if cleaning.exclude_customers else pl.lit(False),
        ),
        (OTHER_CURRENCY, pl.col("foreign")),
        *unreadable,
        ("adjustment", _has_prefix(order, cleaning.adjustment_prefix)),
        ("not_a_product", no_product),
        (NO_DISCOUNT, _is_listed(cleaning.discount_products) & ~discount),
        ("non_positive_price", (pl.col("unit_price") <= 0) & ~discount),
        ("non_positive_quantity", (pl.col("quantity") <= 0) & ~is_return(cleaning) & ~discount),
        ("zero_amount", _is_nothing(cleaning)),
    ]


def _is_listed(codes: Sequence[str]) -> pl.Expr:
    return pl.col("product").is_in([code.upper() for code in codes]) if codes else pl.lit(False)


def _is_nothing(cleaning: job.Cleaning) -> pl.Expr:
    """Return the condition that a line says itself that it costs nothing, or that as much is off it."""
    nothing = pl.col("amount_given") & (pl.col("line_amount") == 0)
    if not cleaning.line_discount:
        return nothing
    gross = pl.when("amount_given").then("line_amount").otherwise("product_amount")
    return nothing | ((pl.col("line_discount") > 0) & (pl.col("line_discount") >= gross.abs()))


def is_discount(cleaning: job.Cleaning) -> pl.Expr:
    """Return the condition that a line lowers what its order costs, by the job's word: a negative amount is needed."""
    is_one = pl.lit(False)
    if cleaning.discount_products:
        is_one = _is_listed(cleaning.discount_products) & (pl.col("amount") < 0)
    if cleaning.discount_lines:
        price = (pl.col("unit_price") < 0) & (pl.col("quantity") > 0)
        amount = (
            pl.col("amount_given") & (pl.col("line_amount") < 0) & ~(pl.col("quantity") < 0).fill_null(False)
        )
        is_one = is_one | price | amount
    return is_one.fill_null(False)


def own_rules(cleaning: job.Cleaning) -> list[tuple[str, pl.Expr]]:
    """Return the rules of the job's own: those that take lines out, then the one that says which stay."""
    named = [(name, expressions.condition(text)) for name, text in cleaning.rules.items()]
    if not cleaning.keep:
        return named
    return [*named, (NOT_KEPT, ~expressions.condition(cleaning.keep).fill_null(False))]


def is_return(cleaning: job.Cleaning) -> pl.Expr:
    """Return the condition that marks a return: an order id's prefix, else a negative quantity.

    Where a line says its amount in place of quantity and price, a negative amount marks one too.
    """
    by_amount = pl.col("amount_given") & (pl.col("line_amount") < 0).fill_null(False)
    if cleaning.cancellation_prefix:
        return by_amount | _has_prefix(pl.col("order_id"), cleaning.cancellation_prefix)
    return by_amount | (pl.col("quantity") < 0).fill_null(False)


def _has_prefix(column: pl.Expr, prefix: str) -> pl.Expr:
    return column.str.starts_with(prefix).fill_null(False) if prefix else pl.lit(False)


def classify(lf: pl.LazyFrame, cleaning: job.Cleaning, window: Window = ALL_TIME) -> pl.LazyFrame:
    """Add ``class``, an Enum: the first rule that applies, else ``discount``, ``return`` or ``purchase``; and ``in_order``.

    ``in_order`` is whether a reject, wherever it lies, is a line of an order that others are in.

    Duplicates are marked later, where all lines of a customer are together, and so is what lies before the window and
    was kept for a look back.
    """
    looked_at = window if window.reach is None else replace(window, first=window.reach)
    counted = [(DISCOUNT, is_discount(cleaning)), (RETURN, is_return(cleaning)), (PURCHASE, pl.lit(True))]
    named = [*rules(cleaning, looked_at), *counted]
    dtype = class_type(cleaning)
    applies = [pl.when(condition).then(pl.lit(name, dtype=dtype)) for name, condition in named]
    classified = lf.with_columns(pl.coalesce(applies).alias("class")).with_columns(
        in_order=pl.col("class").is_in(OF_ORDER)
    )
    if window.reach is None:
        return classified
    names = [name for name, _ in named]
    stays = [*names[: names.index(OUTSIDE_WINDOW)], *KEPT]
    outside = window.outside & ~pl.col("class").is_in(stays)
    return classified.with_columns(
        pl.when(outside).then(pl.lit(OUTSIDE_WINDOW, dtype=dtype)).otherwise("class").alias("class")
    )
