"""From the orders of whole customers, and their different products, to one row per customer. Nothing here collects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from segcore import amounts, schema
from segcore.feature_identities import IDENTITIES, Identity
from segcore.lines import cleaning
from segcore.lines.orders import n_orders
from segcore.times import SECONDS_A_DAY


def bought_products(lines: pl.LazyFrame, *, bounds: Sequence[int] = ()) -> pl.LazyFrame:
    """Return what each customer bought: ``h, product``, and ``period``; the same product as often as it is on a line.

    Parameters
    ----------
    lines : polars.LazyFrame
        Lines of some customers, each once.
    bounds : sequence of int
        Seconds since 1970, ascending. ``period`` (UInt8) is how many of them had passed when it was bought.
    """
    purchases = lines.filter(pl.col("class") == cleaning.PURCHASE, pl.col("product").is_not_null())
    period = pl.sum_horizontal([pl.lit(0, dtype=pl.UInt8), *(pl.col("ordered_at") >= at for at in bounds)])
    return purchases.select("h", "product", period=period.cast(pl.UInt8))


def join_products(products: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Put together what :func:`bought_products` gave for parts of the same customers' lines.

    Each product once, with the period in which it was first bought: parts are put together where a customer has more
    lines than memory holds.
    """
    return pl.concat(products).group_by("h", "product").agg(pl.col("period").min())


def customer_features(
    orders: pl.LazyFrame,
    products: pl.LazyFrame,
    *,
    as_of: int,
    money_decimals: int,
    quantity_decimals: int = 0,
    gross: pl.LazyFrame | None = None,
) -> pl.LazyFrame:
    """Compute the features of :data:`segcore.schema.FEATURES` for every customer with a purchase.

    Parameters
    ----------
    orders : polars.LazyFrame
        As :func:`segcore.lines.orders.condense` returns it for all lines of some customers.
    products : polars.LazyFrame
        As :func:`bought_products` returns it.
    as_of : int
        Seconds since 1970; recency counts from it.
    money_decimals : int
        Amounts are in ``10 ** -money_decimals``.
    quantity_decimals : int
        Quantities are in ``10 ** -quantity_decimals``; with some, ``item_count`` is Float64.
    gross : polars.LazyFrame, optional
        The orders before returns took purchases back, where they did: the rate and the share of returns are of all
        that was bought.

    Returns
    -------
    polars.LazyFrame
        ``h``, ``customer_id`` and the features, sorted by ``h``, which is another one for each customer; money in whole units, Float64.
    """
    purchases = orders.filter(pl.col("class") == cleaning.PURCHASE)
    returns = orders.filter(pl.col("class") == cleaning.RETURN)
    # Customers by their hash: a fifth of the cost of their ids.
    distinct = products.group_by("h").agg(unique_products=pl.col("product").n_unique().cast(pl.Int64))
    out = (
        purchases.group_by("h")
        .agg(pl.col("customer_id").first(), *_purchase_sums())
        .join(distinct, on="h", how="left")
        .join(returns.group_by("h").agg(_return_sums()), on="h", how="left")
        .join(_main_country(purchases), on="h", how="left")
        .with_columns(pl.col("unique_products", "return_count", "returned_minor").fill_null(0))
    )
    if gross is None:
        out = out.with_columns(gross_orders="order_count", gross_minor="spend_minor")
    else:
        out = out.join(_gross_sums(gross), on="h", how="left")
    if quantity_decimals:
        out = out.with_columns(item_count=amounts.units("item_count", quantity_decimals))
    out = out.with_columns(
        total_spend=amounts.units("spend_minor", money_decimals),
        returned_value=amounts.units("returned_minor", money_decimals),
        gross_spend=amounts.units("gross_minor", money_decimals),
    ).with_columns(_derived(as_of))
    return out.select("h", "customer_id", *(f.name for f in schema.FEATURES)).sort("h")


def _purchase_sums() -> list[pl.Expr]:
    at = pl.col("ordered_at")
    time = pl.from_epoch(at, time_unit="s")
    month = time.dt.year().cast(pl.Int32) * 12 + time.dt.month()
    return [
        n_orders().alias("order_count"),
        pl.col("amount").sum().alias("spend_minor"),
        pl.col("quantity").sum().cast(pl.Int64).alias("item_count"),
        at.min().alias("first_s"),
        pl.col("last").max().alias("last_s"),
        (at // SECONDS_A_DAY).n_unique().cast(pl.Int64).alias("purchase_days"),
        month.n_unique().cast(pl.Int64).alias("active_months"),
    ]


def _return_sums() -> list[pl.Expr]:
    return [n_orders().alias("return_count"), (pl.col("amount").sum() * -1).alias("returned_minor")]


def _gross_sums(orders: pl.LazyFrame) -> pl.LazyFrame:
    purchases = orders.filter(pl.col("class") == cleaning.PURCHASE)
    return purchases.group_by("h").agg(gross_orders=n_orders(), gross_minor=pl.col("amount").sum())


def _main_country(purchases: pl.LazyFrame) -> pl.LazyFrame:
    by_country = purchases.filter(pl.col("country").is_not_null()).group_by("h", "country")
    ranked = by_country.agg(orders=n_orders(), last=pl.col("last").max()).sort(
        "h", "orders", "last", "country", descending=[False, True, True, False]
    )
    return ranked.group_by("h", maintain_order=True).agg(pl.col("country").first())


def _derived(as_of: int) -> list[pl.Expr]:
    first, last = pl.col("first_s"), pl.col("last_s")
    calendar_days = last // SECONDS_A_DAY - first // SECONDS_A_DAY
    gaps = pl.col("purchase_days") - 1
    return [
        ((as_of - last) // SECONDS_A_DAY).alias("days_since_last_order"),
        ((last - first) // SECONDS_A_DAY).alias("tenure_days"),
        pl.when(gaps > 0).then(calendar_days / gaps).alias("mean_days_between_orders"),
        pl.from_epoch(first, time_unit="s").cast(pl.Datetime("us")).alias("first_order_at"),
        pl.from_epoch(last, time_unit="s").cast(pl.Datetime("us")).alias("last_order_at"),
        *(_ratio(identity) for identity in IDENTITIES.values()),
    ]


def _ratio(identity: Identity) -> pl.Expr:
    # Returns are a share of what was bought before any was taken back.
    gross = {} if identity.per_order else {"order_count": "gross_orders", "total_spend": "gross_spend"}
    ratio: pl.Expr = identity.divided(lambda name: pl.col(gross.get(name, name)))
    return ratio.alias(identity.ratio)


def purchases(lines: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Return the purchases with no more columns than :func:`own_lines` needs."""
    needed = dict.fromkeys(("customer_id", "ordered_at", "line", *columns))
    return lines.filter(pl.col("class") == cleaning.PURCHASE).select(*needed)


def own_lines(
    purchases: pl.LazyFrame, columns: Sequence[str], *, decimals: Mapping[str, int]
) -> pl.LazyFrame:
    """Return the purchases as expressions of the job's own see them.

    Parameters
    ----------
    purchases : polars.LazyFrame
        All purchases of some customers, each once.
    columns : sequence of str
        Of :data:`segcore.expressions.COLUMNS`.
    decimals : mapping of str to int
        Of the columns that are in ``10 ** -decimals``.

    Returns
    -------
    polars.LazyFrame
        ``customer_id`` and the columns, numbers in whole units and times as Datetime; by customer, each one's lines in
        the order of time and, at the same time, of their hash.
    """
    seen = {
        "ordered_at": pl.from_epoch(pl.col("ordered_at"), time_unit="s").cast(pl.Datetime("us")),
        **{name: amounts.units(name, of_column) for name, of_column in decimals.items()},
    }
    return purchases.sort("customer_id", "ordered_at", "line").select(
        "customer_id", *(seen.get(name, pl.col(name)).alias(name) for name in columns)
    )
