"""Aggregates of purchases: months, products, and the countries that are over-represented in a segment."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from segcore import amounts

_MOST = 10  # of each segment
_MIN_LIFT = 1.1  # what is hardly more common than among all is nothing unusual
# Countries: customers of a segment at least, and beside those of its most common one.
_MIN_CUSTOMERS, _MIN_RELATIVE = 10, 0.01
# Products: share of the segment's customers, and customers, that have bought what is called unusual.
_MIN_SHARE, _MIN_BUYERS = 0.05, 30


def monthly(parts: Iterable[pl.DataFrame], *, money_decimals: int = 4) -> pl.DataFrame:
    """Sum revenue, orders and customers by segment and month, one part in memory at a time.

    Parameters
    ----------
    parts : iterable of DataFrame
        One row per customer and month: segment, month (date), amount (minor units), orders.
    money_decimals : int
        Amounts are in ``10 ** -money_decimals``.

    Returns
    -------
    DataFrame
        segment, month, revenue (money units), orders, customers; sorted.
    """
    sums = [
        part.filter(pl.col("segment").is_not_null())
        .group_by("segment", "month")
        .agg(
            pl.col("amount").cast(pl.Int128).sum(),
            pl.col("orders").cast(pl.Int64).sum(),
            pl.len().cast(pl.Int64).alias("customers"),
        )
        for part in parts
    ]
    return (
        pl.concat(sums)
        .group_by("segment", "month")
        .agg(pl.col("amount", "orders", "customers").sum())
        .select(
            "segment",
            "month",
            amounts.units("amount", money_decimals).alias("revenue"),
            "orders",
            "customers",
        )
        .sort("segment", "month")
    )


def buyers(lines: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Count the customers of each segment that have a value of `key`.

    Counts of parts that share no customer may be added up, see :func:`add_up`.

    Parameters
    ----------
    lines : LazyFrame
        row (the customer's), segment and `key`; any number of rows per customer.
    key : str
        Such as ``"product_id"``.

    Returns
    -------
    LazyFrame
        segment, `key`, customers.
    """
    return (
        lines.filter(pl.col("segment").is_not_null() & pl.col(key).is_not_null())
        .select("row", "segment", key)
        .unique()
        .group_by("segment", key)
        .agg(pl.len().cast(pl.Int64).alias("customers"))
    )


def add_up(counts: Iterable[pl.DataFrame], key: str) -> pl.DataFrame:
    """Add up counts as :func:`buyers` gives them for parts that share no customer; sorted."""
    added = pl.concat(list(counts)).group_by("segment", key).agg(pl.col("customers").sum())
    return added.sort("segment", key)


def countries(lf: pl.LazyFrame) -> pl.DataFrame:
    """Return the countries that are more common in a segment than among all customers.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer: segment, country.

    Returns
    -------
    DataFrame
        segment, country, customers, share, population_share, lift (share / population_share); by segment, the highest
        lift first.
    """
    known = lf.filter(pl.col("segment").is_not_null() & pl.col("country").is_not_null())
    counts = known.group_by("segment", "country").agg(customers=pl.len().cast(pl.Int64))
    customers = pl.col("customers")
    return (
        counts.collect(engine="streaming")
        .with_columns(
            share=customers / customers.sum().over("segment"),
            population_share=customers.sum().over("country") / customers.sum(),
            least=(customers.max().over("segment") * _MIN_RELATIVE).clip(lower_bound=_MIN_CUSTOMERS),
        )
        .with_columns(lift=pl.col("share") / pl.col("population_share"))
        .filter((pl.col("lift") >= _MIN_LIFT) & (customers >= pl.col("least")))
        .sort("segment", "lift", "customers", "country", descending=[False, True, True, False])
        .group_by("segment", maintain_order=True)
        .head(_MOST)
        .select("segment", "country", "customers", "share", "population_share", "lift")
    )


def products(counts: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """Return the best sellers of each segment, and what its customers bought unusually often.

    Both count customers, each once for a product, whatever they bought of it.

    Parameters
    ----------
    counts : DataFrame
        segment, product_id, customers, as :func:`buyers` and :func:`add_up` give them.
    customers : DataFrame
        segment, customers: how many there are in all, buyers or not.

    Returns
    -------
    DataFrame
        segment, kind ("best seller" or "unusual"), product_id, customers, share (of the segment's customers who
        bought it), population_share (of all customers), lift (share / population_share); by segment and kind, best
        sellers by customers, the others by lift.
    """
    in_all = customers.select(segment="segment", in_segment="customers")
    ranked = (
        counts.join(in_all, on="segment")
        .with_columns(
            share=pl.col("customers") / pl.col("in_segment"),
            population_share=pl.col("customers").sum().over("product_id") / in_all["in_segment"].sum(),
        )
        .with_columns(lift=pl.col("share") / pl.col("population_share"))
    )
    enough = (pl.col("share") >= _MIN_SHARE) & (pl.col("customers") >= _MIN_BUYERS)
    kinds = {
        "best seller": ranked.sort("segment", "customers", "product_id", descending=[False, True, False]),
        "unusual": ranked.filter(enough & (pl.col("lift") >= _MIN_LIFT)).sort(
            "segment", "lift", "customers", "product_id", descending=[False, True, True, False]
        ),
    }
    return pl.concat(
        [
            df.group_by("segment", maintain_order=True)
            .head(_MOST)
            .select(
                "segment",
                pl.lit(kind).alias("kind"),
                "product_id",
                "customers",
                "share",
                "population_share",
                "lift",
            )
            for kind, df in kinds.items()
        ]
    ).sort("segment", "kind", maintain_order=True)
