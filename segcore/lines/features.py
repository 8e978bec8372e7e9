"""From the lines of whole customers to one row per customer.

Lines are condensed to a row per order first: everything but distinct products follows from those. Sums are of
integers, so that they repeat exactly whatever the order of the lines. Nothing here collects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from segcore import amounts, schema
from segcore.feature_identities import IDENTITIES, Identity
from segcore.lines import cleaning
from segcore.lines.shuffle import FILE

LARGEST = 2**63 - 1  # of money in minor units, and of items
_SECONDS_A_DAY = 86_400
_ODD = 0x9E3779B97F4A7C15  # odd, so that different hashes stay different; its bits look random
_CUSTOMER = ("h", "customer_id")
_ORDER = (*_CUSTOMER, "class", "order", "ordered_at", "country")
_SUMS = ("amount", "quantity", "lines", "folded")


def later_copies(lines: pl.LazyFrame, *, within_files: bool = True) -> pl.LazyFrame:
    """Return the ``place`` of the second and later copies of a line.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers; ``line`` is equal where all columns are. The copy that stays is the
        first by file and record.
    within_files : bool
        Equal lines of one file are copies too. Else those of a file are told apart by which of them they are, so that as many
        stay as the file with most of them has.
    """
    # Of many numbers a hash table takes longer than to sort them: it is beyond the cache.
    twice = lines.select(pl.col("line").sort()).filter(pl.col("line") == pl.col("line").shift())
    copies = lines.select("line", "place").join(twice, on="line", how="semi")
    alike = ["line"]
    if not within_files:
        copies = copies.with_columns(file=FILE).with_columns(nth=pl.col("place").rank().over("line", "file"))
        alike = ["line", "nth"]
    return copies.filter(pl.col("place") > pl.col("place").min().over(alike)).select("place")


def ledger(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Count lines and money (minor units, Int128) by file and class."""
    return lines.group_by(FILE.alias("file"), "class").agg(
        rows=pl.len().cast(pl.Int64),
        money=pl.col("amount").cast(pl.Int128).sum(),
        unreadable_amount_rows=pl.col("amount").null_count().cast(pl.Int64),
    )


def condense(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Add up the lines of each order: one row per customer, class, order, time and country.

    Parameters
    ----------
    lines : polars.LazyFrame
        Lines of some customers, each once. Rows of several frames are added up by :func:`merge`.

    Returns
    -------
    polars.LazyFrame
        The keys, ``amount`` (minor units, Int128), ``quantity`` (Int128) and ``lines``, how many there were; ``last`` and
        ``folded`` as :func:`fold` has them.
    """
    condensed = lines.group_by(_ORDER).agg(
        pl.col("amount", "quantity").cast(pl.Int128).sum(),
        lines=pl.len().cast(pl.Int64),
    )
    return condensed.with_columns(folded=pl.lit(0, dtype=pl.Int64), last=pl.col("ordered_at"))


def fold(orders: pl.LazyFrame, *, bounds: Sequence[int]) -> pl.LazyFrame:
    """Put orders together that differ in nothing but their id and their time of day, which costs no feature.

    Parameters
    ----------
    orders : polars.LazyFrame
        Whole orders, as :func:`condense` returns them: no other frame has lines of one of them.
    bounds : sequence of int
        Seconds since 1970; what was before one is not put together with what was not.

    Returns
    -------
    polars.LazyFrame
        The same columns. A row of several orders has no ``order``; ``folded`` says how many they are, ``ordered_at`` and
        ``last`` their first and last time. An order of several days or countries has rows of its own.
    """
    day = pl.col("ordered_at") // _SECONDS_A_DAY
    period = pl.sum_horizontal([pl.lit(0), *(pl.col("ordered_at") >= at for at in bounds)])
    alike = [*_CUSTOMER, "class", "country", "__day", "__period"]
    times = [pl.col("ordered_at").min(), pl.col("last").max()]
    days = (
        orders.with_columns(__day=day, __period=period)
        .group_by(*alike, "order")
        .agg(*times, pl.col(_SUMS).sum())
        .with_columns(__rows=pl.len().over(*_CUSTOMER, "class", "order"))
    )
    whole = (
        days.filter(pl.col("__rows") == 1)
        .group_by(alike)
        .agg(*times, pl.col("amount", "quantity", "lines").sum(), folded=pl.len().cast(pl.Int64))
    )
    columns = [*_ORDER, *_SUMS, "last"]
    return pl.concat(
        [
            whole.with_columns(order=pl.lit(None, dtype=pl.UInt64)).select(columns),
            days.filter(pl.col("__rows") > 1).select(columns),
        ]
    )


def beyond_count(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the customers whose purchases, or returns, add up to more than a whole number of 64 bits: ``customer_id``."""
    of_class = orders.group_by("customer_id", "class").agg(pl.col("amount", "quantity").abs().sum())
    return (
        of_class.filter(pl.any_horizontal(pl.col("amount", "quantity") > LARGEST))
        .select("customer_id")
        .sort("customer_id")
    )


def merge(condensed: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Add up what :func:`condense` gave for parts of the same customers' lines."""
    if len(condensed) == 1:
        return condensed[0]
    return pl.concat(condensed).group_by(_ORDER).agg(pl.col(_SUMS).sum(), pl.col("last").max())


def bought_products(lines: pl.LazyFrame, *, bounds: Sequence[int] = ()) -> pl.LazyFrame:
    """Return each customer's different products: ``h, customer_id, product``, and ``period``.

    Parameters
    ----------
    lines : polars.LazyFrame
        Lines of some customers, each once.
    bounds : sequence of int
        Seconds since 1970, ascending. ``period`` (UInt8) is how many of them had passed when a product was first bought.
    """
    purchases = lines.filter(pl.col("class") == cleaning.PURCHASE, pl.col("product").is_not_null())
    period = pl.sum_horizontal([pl.lit(0, dtype=pl.UInt8), *(pl.col("ordered_at") >= at for at in bounds)])
    bought = purchases.select(*_CUSTOMER, "product", period=period.cast(pl.UInt8))
    # Earlier periods first, which is quicker than to sort; what comes first of a product stays.
    by_period = [bought.filter(pl.col("period") == period) for period in range(len(bounds) + 1)]
    # One number for both: twice as fast as to compare customers and products.
    both = pl.col("h") * pl.lit(_ODD, dtype=pl.UInt64) + pl.col("product")
    return pl.concat(by_period).filter(both.is_first_distinct())


def join_products(products: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Put together what :func:`bought_products` gave for parts of the same customers' lines, each product once."""
    return pl.concat(products).group_by(*_CUSTOMER, "product").agg(pl.col("period").min())


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
        As :func:`condense` returns it for all lines of some customers.
    products : polars.LazyFrame
        As :func:`bought_products` returns it, each row once.
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
        ``h``, ``customer_id`` and the features, sorted by ``(h, customer_id)``; money in whole units, Float64.
    """
    purchases = orders.filter(pl.col("class") == cleaning.PURCHASE)
    returns = orders.filter(pl.col("class") == cleaning.RETURN)
    distinct = products.group_by("customer_id").agg(unique_products=pl.len().cast(pl.Int64))
    out = (
        purchases.group_by(_CUSTOMER)
        .agg(_purchase_sums())
        .join(distinct, on="customer_id", how="left")
        .join(returns.group_by("customer_id").agg(_return_sums()), on="customer_id", how="left")
        .join(_main_country(purchases), on="customer_id", how="left")
        .with_columns(pl.col("unique_products", "return_count", "returned_minor").fill_null(0))
    )
    if gross is None:
        out = out.with_columns(gross_orders="order_count", gross_minor="spend_minor")
    else:
        out = out.join(_gross_sums(gross), on="customer_id", how="left")
    if quantity_decimals:
        out = out.with_columns(item_count=amounts.units("item_count", quantity_decimals))
    out = out.with_columns(
        total_spend=amounts.units("spend_minor", money_decimals),
        returned_value=amounts.units("returned_minor", money_decimals),
        gross_spend=amounts.units("gross_minor", money_decimals),
    ).with_columns(_derived(as_of))
    return out.select("h", "customer_id", *(f.name for f in schema.FEATURES)).sort("h", "customer_id")


def _n_orders() -> pl.Expr:
    """Return how many different orders there are; those without an id were counted when they were put together."""
    order = pl.col("order")
    return order.n_unique().cast(pl.Int64) - (order.null_count() > 0).cast(pl.Int64) + pl.col("folded").sum()


def _purchase_sums() -> list[pl.Expr]:
    at = pl.col("ordered_at")
    time = pl.from_epoch(at, time_unit="s")
    month = time.dt.year().cast(pl.Int32) * 12 + time.dt.month()
    return [
        _n_orders().alias("order_count"),
        pl.col("amount").sum().alias("spend_minor"),
        pl.col("quantity").sum().cast(pl.Int64).alias("item_count"),
        at.min().alias("first_s"),
        pl.col("last").max().alias("last_s"),
        (at // _SECONDS_A_DAY).n_unique().cast(pl.Int64).alias("purchase_days"),
        month.n_unique().cast(pl.Int64).alias("active_months"),
    ]


def _return_sums() -> list[pl.Expr]:
    return [
        _n_orders().alias("return_count"),
        (pl.col("amount").sum() * -1).alias("returned_minor"),
    ]


def _gross_sums(orders: pl.LazyFrame) -> pl.LazyFrame:
    purchases = orders.filter(pl.col("class") == cleaning.PURCHASE)
    return purchases.group_by("customer_id").agg(gross_orders=_n_orders(), gross_minor=pl.col("amount").sum())


def _main_country(purchases: pl.LazyFrame) -> pl.LazyFrame:
    by_country = purchases.filter(pl.col("country").is_not_null()).group_by("customer_id", "country")
    ranked = by_country.agg(orders=_n_orders(), last=pl.col("last").max()).sort(
        "customer_id", "orders", "last", "country", descending=[False, True, True, False]
    )
    return ranked.group_by("customer_id", maintain_order=True).agg(pl.col("country").first())


def _derived(as_of: int) -> list[pl.Expr]:
    first, last = pl.col("first_s"), pl.col("last_s")
    calendar_days = last // _SECONDS_A_DAY - first // _SECONDS_A_DAY
    gaps = pl.col("purchase_days") - 1
    return [
        ((as_of - last) // _SECONDS_A_DAY).alias("days_since_last_order"),
        ((last - first) // _SECONDS_A_DAY).alias("tenure_days"),
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


def by_month(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Sum each customer's purchases by calendar month: ``customer_id, month, amount, orders``."""
    month = pl.from_epoch(pl.col("ordered_at"), time_unit="s").dt.date().dt.truncate("1mo")
    return (
        orders.filter(pl.col("class") == cleaning.PURCHASE)
        .group_by("customer_id", month.alias("month"))
        .agg(amount=pl.col("amount").sum().cast(pl.Int64), orders=_n_orders().cast(pl.UInt32))
    )


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


def heavy_customers(orders: pl.LazyFrame, *, more_than: int) -> pl.LazyFrame:
    """Return the customers with more than so many lines, most first: ``customer_id, lines``."""
    counted = orders.group_by("customer_id").agg(pl.col("lines").sum())
    return counted.filter(pl.col("lines") > more_than).sort("lines", "customer_id", descending=[True, False])
