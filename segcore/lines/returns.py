"""Net purchases: a return takes back earlier purchase lines of the same customer and product.

Returns are gone through in the order of time, and each takes

1. a purchase line of which exactly the returned quantity is left at the returned price, the latest such line;
2. else the latest purchase lines, last in first out, at whatever price, the last of them partly if need be.

A purchase at the very time of the return counts as earlier, since many dumps know the day only. What has the same
time is put in order by its values, never by its place in a file. A line without a product code matches nothing.

Money stays exact: whole units are taken back, and of an amount that is not quantity times price, such as a discounted one, the
share of the units, rounded down, so that all units together are all of it. Prices are those before discounts of the order.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import polars as pl

from segcore.lines import cleaning

TAKEN = "taken"

_GROUP = ("customer_id", "product")
_PLACE = ("place",)
# Of lines at the same time, purchases come before returns and equal values are interchangeable.
_ORDER = (*_GROUP, "ordered_at", "is_return", "order", "amount", "quantity", "line")


def match(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add ``taken``: units of a purchase that returns take back, units of a return that found a purchase.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers, each once.

    Returns
    -------
    polars.LazyFrame
        The same lines; ``taken`` is Int64, 0 where nothing is taken back.
    """
    is_return = pl.col("class") == cleaning.RETURN
    returned = lines.filter(is_return, pl.col("product").is_not_null()).select(_GROUP).unique()
    involved = (
        lines.filter(pl.col("class").is_in([cleaning.PURCHASE, cleaning.RETURN]))
        .join(returned, on=_GROUP, how="semi")
        .with_columns(is_return=is_return)
        .sort(_ORDER)
        .select(*_PLACE, *_GROUP, "is_return", "quantity", price=_price(lines))
    )
    schema = lines.select(*_PLACE, pl.lit(0, dtype=pl.Int64).alias(TAKEN)).collect_schema()
    taken = involved.map_batches(
        _match_all, schema=schema, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    )
    return lines.join(taken, on=_PLACE, how="left").with_columns(pl.col(TAKEN).fill_null(0))


def remaining(matched: pl.LazyFrame) -> pl.LazyFrame:
    """Return matched lines with purchases less what was taken back; emptied lines are gone, returns stay."""
    bought = pl.col("class") == cleaning.PURCHASE
    return matched.filter(~bought | (pl.col(TAKEN) < pl.col("quantity"))).with_columns(
        quantity=pl.when(bought).then(pl.col("quantity") - pl.col(TAKEN)).otherwise("quantity"),
        amount=pl.when(bought).then((pl.col("amount") - _money_taken()).cast(pl.Int64)).otherwise("amount"),
    )


def account(matched: pl.LazyFrame) -> pl.LazyFrame:
    """Count what returns took back: one row of Int64 rows and Int128 money in minor units, to be added up.

    ``matched`` and ``unmatched`` are of returns, at the price of the return and negative as in the ledger; the
    units of a return that only some purchases were found for are in both, the row in ``matched`` and
    ``partly_matched``. ``taken_back`` is of purchases, at what they cost.
    """
    bought, is_return = pl.col("class") == cleaning.PURCHASE, pl.col("class") == cleaning.RETURN
    matched_return = is_return & (pl.col(TAKEN) > 0)
    touched = bought & (pl.col(TAKEN) > 0)
    given, back = _money_taken(), _money_taken() * -1
    amount = pl.col("amount").cast(pl.Int128)
    return matched.select(
        matched_rows=matched_return.sum(),
        matched_money=back.filter(matched_return).sum(),
        partly_matched_rows=(matched_return & (pl.col(TAKEN) < -pl.col("quantity"))).sum(),
        unmatched_rows=(is_return & ~matched_return).sum(),
        unmatched_money=amount.filter(is_return).sum() - back.filter(matched_return).sum(),
        taken_back_rows=touched.sum(),
        taken_back_money=given.filter(touched).sum(),
    ).with_columns(pl.all().exclude("^.*_money$").cast(pl.Int64))


def emptied(gross: pl.LazyFrame, left: pl.LazyFrame) -> pl.LazyFrame:
    """Count the orders and customers of whom nothing is left: one row, to be added up.

    Parameters
    ----------
    gross, left : polars.LazyFrame
        Orders of the same customers before and after returns took purchases back, as
        :func:`segcore.lines.orders.condense` gives them.
    """

    def counted(orders: pl.LazyFrame, *keys: str) -> pl.LazyFrame:
        bought = orders.filter(pl.col("class") == cleaning.PURCHASE)
        return bought.select(keys).unique().select(pl.len().cast(pl.Int64))

    order, customer = ("customer_id", "order"), ("customer_id",)
    parts = [
        counted(orders, *keys).rename({"len": f"{what}_{name}"})
        for name, orders in (("gross", gross), ("left", left))
        for what, keys in (("orders", order), ("customers", customer))
    ]
    return pl.concat(parts, how="horizontal").select(
        orders_emptied=pl.col("orders_gross") - pl.col("orders_left"),
        customers_emptied=pl.col("customers_gross") - pl.col("customers_left"),
    )


def _price(lines: pl.LazyFrame) -> pl.Expr:
    """Return the integer price of one unit, before discounts of its order; null where a return has no quantity."""
    quantity = pl.col("quantity")
    amount = pl.col("gross" if "gross" in lines.collect_schema() else "amount")
    return amount // pl.when(quantity != 0).then(quantity)


def _money_taken() -> pl.Expr:
    """Return the size of the money of the units that are taken back, Int128."""
    units = pl.when(pl.col(TAKEN) > 0).then(pl.col("quantity").abs())
    return (pl.col("amount").abs().cast(pl.Int128) * pl.col(TAKEN) // units).fill_null(0)


def _match_all(df: pl.DataFrame) -> pl.DataFrame:
    """Match sorted lines group by group and return the places of those with units taken."""
    start = df.select(pl.struct(_GROUP).rle_id().alias("group"))["group"]
    quantities, prices = df["quantity"].to_list(), df["price"].to_list()
    taken = [0] * df.height
    purchases = _Purchases(quantities, prices, taken)
    group = -1
    for row, (own, is_return, quantity) in enumerate(zip(start, df["is_return"], quantities, strict=True)):
        if own != group:
            group = own
            purchases.forget()
        if not is_return:
            purchases.add(row)
        elif quantity < 0:
            taken[row] = purchases.take(-quantity, prices[row])
    units = np.asarray(taken, dtype=np.int64)
    return df.select(_PLACE).with_columns(pl.Series(TAKEN, units)).filter(pl.col(TAKEN) > 0)


class _Purchases:
    """The purchase lines so far of one customer and product, the latest on top."""

    def __init__(self, quantities: list[int], prices: list[int], taken: list[int]) -> None:
        self._quantities, self._prices, self._taken = quantities, prices, taken
        self._latest: list[int] = []
        self._alike: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def forget(self) -> None:
        """Begin a new group."""
        self._latest.clear()
        self._alike.clear()

    def add(self, row: int) -> None:
        """Put a purchase on top."""
        self._latest.append(row)
        self._alike[self._left(row), self._prices[row]].append(row)

    def take(self, units: int, price: int) -> int:
        """Take back so many units, and return for how many there was a purchase."""
        row = self._exactly(units, price)
        if row is not None:
            self._taken[row] += units
            return units
        wanted = units
        while wanted and self._latest:
            row = self._latest[-1]
            part = min(self._left(row), wanted)
            self._taken[row] += part
            wanted -= part
            if left := self._left(row):
                self._alike[left, self._prices[row]].append(row)
            else:
                self._latest.pop()
        return units - wanted

    def _exactly(self, units: int, price: int) -> int | None:
        """Return the latest line of which so many units are left at this price."""
        rows = self._alike.get((units, price), [])
        while rows:
            row = rows.pop()
            if self._left(row) == units:  # else some of it was taken back since
                return row
        return None

    def _left(self, row: int) -> int:
        return self._quantities[row] - self._taken[row]
