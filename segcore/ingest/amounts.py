"""An amount beside quantity and price: whether it is the money of the line, or something else such as its order's total."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from segcore import errors

_MOST_LACKING = 0.05  # of lines, without an amount
_REPEATED, _FEWEST_ORDERS, _FEWEST_LINES = 0.9, 5, 30


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Lines with quantity and price; of them, those without an amount, and those where it is not their product."""

    lines: int
    lacking: int
    differ: int
    example: str | None

    @property
    def is_money(self) -> bool:
        """Whether the amount says more than quantity and price do."""
        return self.differ > 0 and self.lacking <= _MOST_LACKING * self.lines


def compare(values: pl.LazyFrame) -> pl.LazyFrame:
    """Compare amounts with products, to be added up.

    Parameters
    ----------
    values : polars.LazyFrame
        ``quantity, unit_price, line_amount`` and ``product_amount`` in minor units, and ``text_line_amount``.
    """
    product, amount = pl.col("product_amount"), pl.col("line_amount")
    differ = (product != amount).fill_null(False)
    return values.filter(product.is_not_null()).select(
        lines=pl.len().cast(pl.Int64),
        lacking=amount.is_null().sum().cast(pl.Int64),
        differ=differ.sum().cast(pl.Int64),
        example=pl.col("text_line_amount").filter(differ).min(),
    )


def added(parts: list[pl.DataFrame]) -> Comparison:
    """Add up what :func:`compare` gave for parts of a group."""
    df = pl.concat(parts)
    least = pl.col("example").min()
    return Comparison(**df.select(pl.col("lines", "lacking", "differ").sum(), least).row(0, named=True))


def repeats_orders(lines: pl.DataFrame, *, with_product: bool) -> bool:
    """Whether an amount is that of an order, and stands on every one of its lines.

    Parameters
    ----------
    lines : polars.DataFrame
        Some lines, with ``order_id`` and ``line_amount`` and, `with_product`, ``product_amount``.
    with_product : bool
        Orders tell whose lines have different products of quantity and price. Without those, all of at least five orders
        of several lines have to tell it, and their amounts differ.
    """
    orders = (
        lines.filter(pl.col("order_id").is_not_null(), pl.col("line_amount").is_not_null())
        .group_by("order_id")
        .agg(
            lines=pl.len(),
            amounts=pl.col("line_amount").n_unique(),
            amount=pl.col("line_amount").first(),
            products=pl.col("product_amount").n_unique() if with_product else pl.lit(2, pl.UInt32),
        )
        .filter(pl.col("lines") > 1, pl.col("products") > 1)
    )
    constant = int((orders["amounts"] == 1).sum())
    if with_product:
        return orders.height > 0 and constant >= _REPEATED * orders.height
    different = orders["amount"].n_unique()
    return orders.height >= _FEWEST_ORDERS and constant == orders.height and 2 * different > orders.height


def holds_quantity(lines: pl.DataFrame, *, one: int) -> bool:
    """Whether what is called a price has the quantity of its line in it: it is so many times what one piece costs.

    Parameters
    ----------
    lines : polars.DataFrame
        Some lines, with ``quantity`` and ``unit_price``.
    one : int
        A quantity of one.

    Returns
    -------
    bool
        Where the price of one is known and the line's own is none, of at least 30 lines of several pieces.
    """
    priced = lines.filter(pl.col("unit_price") > 0, pl.col("quantity") >= one, pl.col("quantity") % one == 0)
    pieces = pl.col("quantity") // one
    several = priced.filter(pieces > 1)
    of_one = priced.filter(pieces == 1)["unit_price"].unique().implode()
    multiple = (
        (pl.col("unit_price") % pieces == 0)
        & (pl.col("unit_price") // pieces).is_in(of_one)
        & ~pl.col("unit_price").is_in(of_one)
    )
    return (
        several.height >= _FEWEST_LINES
        and int(several.select(multiple.sum()).item()) >= _REPEATED * several.height
    )


def refuse_multiple(column: str, where: str) -> None:
    """Refuse to multiply with the quantity what has it in it already.

    Raises
    ------
    segcore.errors.DataError
    """
    raise errors.DataError(
        f"{where}: {column!r} is taken for the price of one piece, and on lines of several it is so many times what one costs: "
        "if it is the amount of the line, name it as line_amount in the job's [columns]; if it is the price of one, as unit_price"
    )


def refuse_order_total(column: str, where: str) -> None:
    """Refuse to add up an order's total once for every one of its lines.

    Raises
    ------
    segcore.errors.DataError
    """
    raise errors.DataError(
        f"{where}: {column!r} is the same on all lines of an order, and looks like the order's total: name the columns "
        "quantity and unit_price in the job's [columns]; if it is the amount of a line, name it as line_amount there"
    )
