"""Which lines of a dump count, and as what."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from segcore.job.base import Table

# Names of the ledger's classes, which no rule of a job's own may have.
_DAMAGED = ("malformed_line", "undecodable_text", "stray_date", "outside_window", "not_kept")
_OF_A_CUSTOMER = ("missing_customer", "total_line", "excluded_customer", "other_currency")
_ODD = (
    "adjustment",
    "not_a_product",
    "non_positive_price",
    "non_positive_quantity",
    "zero_amount",
    "no_discount",
)
_KEPT = ("duplicate", "discount", "return", "purchase")
CLASSES = frozenset((*_DAMAGED, *_OF_A_CUSTOMER, *_ODD, *_KEPT))
_MOST_DECIMALS = 8  # of a price


class Cleaning(Table):
    """Which lines count, and as what."""

    exclude_customers: list[str] = Field(
        [], description="customer ids that are not customers, such as a guest account"
    )
    customer_case: Literal["keep", "lower"] = Field(
        "keep",
        description="lower: ids that differ in capitals, blanks or the Unicode form of letters are one customer's, in small letters",
    )
    rules: dict[str, str] = Field(
        {},
        description="name = Polars SQL over any columns of the source, all of them texts: lines that it is true of are "
        "rejects of that name, such as cancelled = \"status = 'cancelled'\"",
    )
    keep: str = Field(
        "",
        description="Polars SQL over any columns of the source: lines that it is not true of are rejects (not_kept), "
        "such as \"status IN ('paid', 'shipped')\"",
    )
    order_key: Literal["order", "order+day"] = Field(
        "order",
        description="what tells orders apart: order+day for numbers that begin anew every day; an order that goes on over midnight "
        "is two then",
    )
    cancellation_prefix: str = Field(
        "", description="an order id that starts with it marks a return; empty: a negative quantity marks one"
    )
    adjustment_prefix: str = Field(
        "", description="an order id that starts with it is bookkeeping; empty: none is"
    )
    not_products: list[str] = Field(
        [], description="product codes that are no products, compared in upper case"
    )
    not_product_prefixes: list[str] = Field([], description="prefixes of such codes, compared in upper case")
    discount_lines: Literal["", "negative"] = Field(
        "",
        description="negative: a line with a negative price, or with a negative amount in place of quantity and price, takes "
        "that off the purchases of its order and is no return",
    )
    discount_products: list[str] = Field(
        [],
        description="product codes of lines that take their money off the purchases of their order, compared in upper case",
    )
    line_discount: str = Field(
        "", description="column of the source with the money that is off a line, with or without a minus"
    )
    order_discount: str = Field(
        "",
        description="column of the source with the money that is off an order, on one or on all of its lines; its purchases "
        "share it by value, to the cent",
    )
    order_refund: str = Field(
        "", description="column of the source with the money of an order that was given back, likewise"
    )
    duplicates: Literal["drop", "across-files", "keep"] = Field(
        "drop",
        description="lines that equal another one in every column of the file: drop counts them once, keep all; across-files as "
        "often as the file that has them most often, for exports that overlap and write equal items of an order as equal lines",
    )
    money_decimals: Annotated[int, Field(ge=0, le=8)] | Literal["auto"] = Field(
        4, description='decimals that a price may have; finer ones are rejects; "auto" takes up to 8'
    )
    quantity_decimals: int = Field(
        0,
        ge=0,
        le=3,
        description="decimals that a quantity may have, such as 3 for weights; finer ones are rejects",
    )
    rejects: Literal["all", "sample", "count"] = Field(
        "sample",
        description="which rejected lines are written out: all, the first of each reason and file, or none",
    )
    max_reject_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of lines, beyond missing customers and rules of the job's own, above which the run stops",
    )

    @model_validator(mode="after")
    def _conditions(self) -> Self:
        if not self.own_conditions:
            return self
        from segcore import expressions  # which needs Polars, and jobs do not

        for name in self.rules:
            if name in CLASSES or name.startswith("unreadable_") or not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"rules: {name!r} cannot name a rule: expected small letters, digits and _, and no name in use"
                )
        for name, text in self.own_conditions.items():
            try:
                expressions.check_condition(text)
            except ValueError as exc:
                where = "keep" if name == "not_kept" else f"rules.{name}"
                raise ValueError(f"{where}: {exc}") from exc
        return self

    @property
    def price_decimals(self) -> int:
        """Decimals that a price may have."""
        return _MOST_DECIMALS if self.money_decimals == "auto" else self.money_decimals

    @property
    def amount_decimals(self) -> int:
        """Decimals of money, so many that every product of quantity and price is exact."""
        return self.price_decimals + self.quantity_decimals

    @property
    def discount_columns(self) -> dict[str, str]:
        """Which columns of the source say what is taken off, by the key that names them."""
        keys = ("line_discount", *self.order_discounts)
        return {key: getattr(self, key) for key in keys if getattr(self, key)}

    @property
    def order_discounts(self) -> list[str]:
        """The keys that name a column with money of a whole order."""
        return [key for key in ("order_discount", "order_refund") if getattr(self, key)]

    @property
    def takes_off_orders(self) -> bool:
        """Whether something may lower the spend of an order as a whole."""
        return bool(self.discount_lines or self.discount_products or self.order_discounts)

    @property
    def own_conditions(self) -> dict[str, str]:
        """Name of a reject to the condition of the job's own that decides on it."""
        return self.rules | ({"not_kept": self.keep} if self.keep else {})
