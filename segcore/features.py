"""From the lines of whole customers to one row per customer.

Sums are of integers, so that they repeat exactly whatever the order of the lines. Nothing here collects.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import cleaning, schema

_SECONDS_A_DAY = 86_400


def mark_duplicates(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give the second and later copies of a line the class ``duplicate``.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers; ``line`` is equal where all typed columns are. The copy that stays is the
        first by file and record.
    """
    place = pl.col("file").cast(pl.UInt64) * pl.lit(2**40, dtype=pl.UInt64) + pl.col("record")
    later = place > place.min().over("line")
    return lines.with_columns(
        pl.when(later).then(pl.lit(cleaning.DUPLICATE)).otherwise("class").alias("class")
    )


def ledger(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Count lines and money (minor units, Int128) by file and class."""
    return lines.group_by("file", "class").agg(
        rows=pl.len().cast(pl.Int64),
        money=pl.col("amount").cast(pl.Int128).sum(),
        unreadable_amount_rows=pl.col("amount").null_count().cast(pl.Int64),
    )


def customer_features(
    lines: pl.LazyFrame, *, as_of: int, money_decimals: int, gross: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Compute the features of :data:`segcore.schema.FEATURES` for every customer with a purchase.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers, duplicates marked.
    as_of : int
        Seconds since 1970; recency counts from it.
    money_decimals : int
        Amounts are in ``10 ** -money_decimals``.
    gross : polars.LazyFrame, optional
        The lines before returns took purchases back, where they did: the rate and the share of returns are of all
        that was bought.

    Returns
    -------
    polars.LazyFrame
        ``h``, ``customer_id`` and the features, sorted by ``(h, customer_id)``; money in whole units, Float64.
    """
    purchases = lines.filter(pl.col("class") == cleaning.PURCHASE)
    returns = lines.filter(pl.col("class") == cleaning.RETURN)
    out = (
        purchases.group_by("h", "customer_id")
        .agg(_purchase_sums())
        .join(returns.group_by("customer_id").agg(_return_sums()), on="customer_id", how="left")
        .join(_main_country(purchases), on="customer_id", how="left")
        .with_columns(pl.col("return_count").fill_null(0), pl.col("returned_minor").fill_null(0))
    )
    if gross is None or gross is lines:
        out = out.with_columns(gross_orders="order_count", gross_minor="spend_minor")
    else:
        out = out.join(_gross_sums(gross), on="customer_id", how="left")
    out = out.with_columns(
        total_spend=_money("spend_minor", money_decimals),
        returned_value=_money("returned_minor", money_decimals),
        gross_spend=_money("gross_minor", money_decimals),
    ).with_columns(_derived(as_of))
    return out.select("h", "customer_id", *(f.name for f in schema.FEATURES)).sort("h", "customer_id")


def _money(minor: str, decimals: int) -> pl.Expr:
    """Return minor units as whole ones: the double nearest to the exact amount."""
    # Polars divides by a constant by multiplying with its reciprocal, which is off in the last place
    # (2.9000000000000004): a column as the divisor makes it divide.
    value = pl.col(minor).cast(pl.Float64)
    return value / (value * 0 + 10.0**decimals)


def _purchase_sums() -> list[pl.Expr]:
    at = pl.col("ordered_at")
    time = pl.from_epoch(at, time_unit="s")
    month = time.dt.year().cast(pl.Int32) * 12 + time.dt.month()
    return [
        pl.col("order").n_unique().cast(pl.Int64).alias("order_count"),
        pl.col("product").drop_nulls().n_unique().cast(pl.Int64).alias("unique_products"),
        pl.col("amount").cast(pl.Int128).sum().alias("spend_minor"),
        pl.col("quantity").sum().alias("item_count"),
        at.min().alias("first_s"),
        at.max().alias("last_s"),
        (at // _SECONDS_A_DAY).n_unique().cast(pl.Int64).alias("purchase_days"),
        month.n_unique().cast(pl.Int64).alias("active_months"),
    ]


def _return_sums() -> list[pl.Expr]:
    return [
        pl.col("order").n_unique().cast(pl.Int64).alias("return_count"),
        (-pl.col("amount")).cast(pl.Int128).sum().alias("returned_minor"),
    ]


def _gross_sums(lines: pl.LazyFrame) -> pl.LazyFrame:
    purchases = lines.filter(pl.col("class") == cleaning.PURCHASE)
    return purchases.group_by("customer_id").agg(
        gross_orders=pl.col("order").n_unique().cast(pl.Int64),
        gross_minor=pl.col("amount").cast(pl.Int128).sum(),
    )


def _main_country(purchases: pl.LazyFrame) -> pl.LazyFrame:
    by_country = purchases.filter(pl.col("country").is_not_null()).group_by("customer_id", "country")
    ranked = by_country.agg(orders=pl.col("order").n_unique(), last=pl.col("ordered_at").max()).sort(
        "customer_id", "orders", "last", "country", descending=[False, True, True, False]
    )
    return ranked.group_by("customer_id", maintain_order=True).agg(pl.col("country").first())


def _derived(as_of: int) -> list[pl.Expr]:
    orders, gross_orders, returns = (pl.col(name) for name in ("order_count", "gross_orders", "return_count"))
    first, last = pl.col("first_s"), pl.col("last_s")
    calendar_days = last // _SECONDS_A_DAY - first // _SECONDS_A_DAY
    gaps = pl.col("purchase_days") - 1
    return [
        ((as_of - last) // _SECONDS_A_DAY).alias("days_since_last_order"),
        (pl.col("total_spend") / orders).alias("average_order_value"),
        (pl.col("item_count") / orders).alias("mean_basket_items"),
        ((last - first) // _SECONDS_A_DAY).alias("tenure_days"),
        pl.when(gaps > 0).then(calendar_days / gaps).alias("mean_days_between_orders"),
        (returns / (returns + gross_orders)).alias("return_rate"),
        (pl.col("returned_value") / pl.col("gross_spend")).alias("returned_share"),
        pl.from_epoch(first, time_unit="s").cast(pl.Datetime("us")).alias("first_order_at"),
        pl.from_epoch(last, time_unit="s").cast(pl.Datetime("us")).alias("last_order_at"),
    ]


def by_month(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Sum each customer's purchases by calendar month: ``customer_id, month, amount, orders``."""
    month = pl.from_epoch(pl.col("ordered_at"), time_unit="s").dt.date().dt.truncate("1mo")
    return (
        lines.filter(pl.col("class") == cleaning.PURCHASE)
        .group_by("customer_id", month.alias("month"))
        .agg(amount=pl.col("amount").cast(pl.Int128).sum().cast(pl.Int64), orders=pl.col("order").n_unique())
    )


def own_lines(lines: pl.LazyFrame, columns: Sequence[str], *, money_decimals: int) -> pl.LazyFrame:
    """Return the purchases as expressions of the job's own see them.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers, duplicates marked, with the columns that are named.
    columns : sequence of str
        Of :data:`segcore.expressions.COLUMNS`.
    money_decimals : int
        Money is in ``10 ** -money_decimals``.

    Returns
    -------
    polars.LazyFrame
        ``customer_id`` and the columns, money in whole units and times as Datetime; by customer, each one's lines in
        the order of time and, at the same time, of their hash.
    """
    seen = {
        "ordered_at": pl.from_epoch(pl.col("ordered_at"), time_unit="s").cast(pl.Datetime("us")),
        **{name: _money(name, money_decimals) for name in ("amount", "unit_price")},
    }
    return (
        lines.filter(pl.col("class") == cleaning.PURCHASE)
        .sort("customer_id", "ordered_at", "line")
        .select("customer_id", *(seen.get(name, pl.col(name)).alias(name) for name in columns))
    )


def heavy_customers(lines: pl.LazyFrame, *, more_than: int) -> pl.LazyFrame:
    """Return the customers with more than so many lines, most first: ``customer_id, lines``."""
    counted = lines.group_by("customer_id").agg(lines=pl.len().cast(pl.Int64))
    return counted.filter(pl.col("lines") > more_than).sort("lines", "customer_id", descending=[True, False])
