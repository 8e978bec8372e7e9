"""What is taken off an order: lines that say so, and columns with a discount or a refund of the whole order.

The purchases of the order share it by what they cost, to the cent where everything is in cents, and to the minor unit
that is counted in else; all of it is shared, to the last unit. What is more than they cost is not taken off. Lazy frames in, lazy
frames out: nothing here collects.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import errors, job
from segcore.lines import cleaning, shuffle

_ORDER = ("customer_id", "order")
_BOUGHT = pl.col("class") == cleaning.PURCHASE


def orders(lines: pl.LazyFrame, *, money_decimals: int) -> pl.LazyFrame:
    """Add up what is off each order, and what its purchases cost.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers, each once, and rejects that say what is off their order.
    money_decimals : int
        Amounts are in ``10 ** -money_decimals``.

    Returns
    -------
    polars.LazyFrame
        One row for each order that something is off: ``customer_id``, ``order``; Int128 ``by_lines``, ``by_columns``, ``off`` (both) and
        ``bought``; ``values``, how many different ones the column with most of them has; ``unit``, what is shared whole; ``place`` of the first line
        that says it.
    """
    columns = [name for name in shuffle.OFF_ORDER if name in lines.collect_schema()]
    amount = pl.col("amount").cast(pl.Int128)
    cent = 10 ** max(money_decimals - 2, 0)
    size = {name: pl.col(name).filter(pl.col(name) != 0) for name in columns}
    says = pl.any_horizontal(pl.lit(False), *((pl.col(name) != 0).fill_null(False) for name in columns))
    return (
        lines.group_by(_ORDER)
        .agg(
            by_lines=amount.filter(pl.col("class") == cleaning.DISCOUNT).sum() * -1,
            by_columns=pl.sum_horizontal(
                pl.lit(0, dtype=pl.Int128), *(one.max().fill_null(0).cast(pl.Int128) for one in size.values())
            ),
            bought=amount.filter(_BOUGHT).sum(),
            values=pl.max_horizontal(pl.lit(0, dtype=pl.UInt32), *(one.n_unique() for one in size.values())),
            in_cents=(amount.filter(_BOUGHT) % cent == 0).all(),
            place=pl.col("place").filter(says).min(),
        )
        .with_columns(off=pl.col("by_lines") + pl.col("by_columns"))
        .filter(pl.col("off") > 0)
        .with_columns(
            unit=pl.when(pl.col("in_cents") & (pl.col("off") % cent == 0))
            .then(cent)
            .otherwise(1)
            .cast(pl.Int128)
        )
        .drop("in_cents")
    )


def check(off: pl.DataFrame, rules: job.Cleaning) -> None:
    """Refuse columns that say different things on lines of one order.

    Parameters
    ----------
    off : polars.DataFrame
        As :func:`orders` returns it, those with more than one value at least.
    rules : segcore.job.Cleaning

    Raises
    ------
    segcore.errors.DataError
    """
    several = off.filter(pl.col("values") > 1)
    if several.height:
        keys = errors.listing(f"cleaning.{key} = {getattr(rules, key)!r}" for key in rules.order_discounts)
        raise errors.DataError(
            f"{keys}: {several.height:,} or more orders, such as one of customer {several['customer_id'].min()!r}, have different "
            "values on their lines; expected that of the whole order: name a column with the money off each line in "
            "cleaning.line_discount"
        )


def take_off(lines: pl.LazyFrame, off: pl.LazyFrame) -> pl.LazyFrame:
    """Return purchases and returns, the purchases less what is off their orders; orders with nothing left are gone.

    ``gross`` has amounts as they were.

    Parameters
    ----------
    lines : polars.LazyFrame
        As for :func:`orders`.
    off : polars.LazyFrame
        As :func:`orders` returns it.
    """
    whole, bought = pl.min_horizontal("off", "bought") // pl.col("unit"), pl.col("bought") // pl.col("unit")
    amount = pl.col("amount").cast(pl.Int128) // pl.col("unit")
    up_to = amount.cum_sum().over(_ORDER)
    share = (up_to * whole // bought - (up_to - amount) * whole // bought) * pl.col("unit")
    shares = (
        lines.filter(_BOUGHT)
        .join(off, on=_ORDER)
        .sort(*_ORDER, "line", "place")  # equal lines are interchangeable: the place decides nothing
        .select(
            "place",
            share=pl.when(pl.col("off") < pl.col("bought"))
            .then(share)
            .otherwise(pl.col("amount").cast(pl.Int128)),
            emptied=pl.col("off") >= pl.col("bought"),
        )
    )
    columns = [name for name in lines.collect_schema().names() if name not in shuffle.OFF_ORDER]
    return (
        lines.filter(pl.col("class").is_in([cleaning.PURCHASE, cleaning.RETURN]))
        .join(shares, on="place", how="left")
        .filter(~pl.col("emptied").fill_null(False))
        .with_columns(gross="amount", amount=(pl.col("amount") - pl.col("share").fill_null(0)).cast(pl.Int64))
        .select(*columns, "gross")
    )


def by_file(off: pl.LazyFrame, dtype: pl.Enum) -> pl.LazyFrame:
    """Return the money of columns as :func:`segcore.lines.ledger.count` counts that of lines: no line has it."""
    return (
        off.filter(pl.col("by_columns") > 0)
        .group_by(shuffle.FILE.alias("file"))
        .agg(money=pl.col("by_columns").sum() * -1)
        .select(
            "file",
            pl.lit(cleaning.DISCOUNT, dtype=dtype).alias("class"),
            pl.lit(0, dtype=pl.Int64).alias("rows"),
            "money",
            pl.lit(0, dtype=pl.Int64).alias("unreadable_amount_rows"),
        )
    )


def account(off: pl.LazyFrame) -> pl.LazyFrame:
    """Count what was taken off: one row of Int64 orders and Int128 money in minor units, to be added up.

    ``taken_off`` is what purchases cost less; ``beyond`` what was more than they cost; ``emptied`` are orders with purchases of
    which nothing is left.
    """
    taken, beyond = pl.min_horizontal("off", "bought"), pl.col("off") - pl.min_horizontal("off", "bought")
    return off.select(
        taken_off_orders=(taken > 0).sum().cast(pl.Int64),
        taken_off_money=taken.sum(),
        beyond_orders=(beyond > 0).sum().cast(pl.Int64),
        beyond_money=beyond.sum(),
        emptied_orders=((pl.col("bought") > 0) & (pl.col("off") >= pl.col("bought"))).sum().cast(pl.Int64),
    )


def mixed_orders(lines: pl.LazyFrame, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the orders with returns among their purchases, each once: ``customer_id, order``, and some columns more of a customer.

    Parameters
    ----------
    lines : polars.LazyFrame
        ``customer_id``, ``order`` and ``class`` of lines, of whole customers.
    """
    key = ["customer_id", "order"]
    returned = lines.filter(pl.col("class") == cleaning.RETURN).select(*key, *by).unique()
    bought = lines.filter(pl.col("class") == cleaning.PURCHASE)
    return returned.join(bought, on=key, how="semi")


def returns_in_orders(count: int) -> list[str]:
    """Return a warning of so many orders in which a negative amount stands among purchases."""
    if not count:
        return []
    return [
        f"negative amounts stand among the purchases of {count:,} order(s) and count as returns: if they are discounts, "
        'cleaning.discount_lines = "negative" takes them off their orders'
    ]
