"""The rules of jobs/online-retail.toml and segcore's features as SQL, for the peers that speak it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.retail import CLEANING, DECIMALS

_DAY = 86_400
_PRICE = f"CAST(round(UnitPrice * {DECIMALS}) AS BIGINT)"

# The columns of a line that has been read; the same for a line and its duplicates.
LINE = "order_id, product_id, description, quantity, ordered_at, price, customer_id, country"

SOURCE_COLUMNS = f"""
    InvoiceNo AS order_id, StockCode AS product_id, Description AS description, Quantity AS quantity,
    InvoiceDate AS ordered_at, {_PRICE} AS price, CAST(CustomerID AS BIGINT) AS customer_id, Country AS country
"""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Where the engines differ: seconds since 1970 of a time stamp, and how many values of a column differ."""

    seconds: Callable[[str], str]
    distinct: Callable[[str], str]


def _prefixed(column: str, prefix: str) -> str:
    return f"left({column}, {len(prefix)}) = '{prefix}'"


RETURNED = _prefixed("order_id", CLEANING["cancellation_prefix"])


def classified(source: str) -> str:
    """Return a query for the lines of a table with their money, and the first rule that applies to each."""
    codes = ", ".join(f"'{code}'" for code in CLEANING["not_products"])
    prefixes = " OR ".join(
        _prefixed("upper(product_id)", prefix) for prefix in CLEANING["not_product_prefixes"]
    )
    return f"""
        SELECT *, quantity * price AS amount, CASE
            WHEN customer_id IS NULL THEN 'missing_customer'
            WHEN {_prefixed("order_id", CLEANING["adjustment_prefix"])} THEN 'adjustment'
            WHEN upper(product_id) IN ({codes}) OR {prefixes} THEN 'not_a_product'
            WHEN price <= 0 THEN 'non_positive_price'
            WHEN quantity <= 0 AND NOT {RETURNED} THEN 'non_positive_quantity'
            WHEN {RETURNED} THEN 'return'
            ELSE 'purchase' END AS class
        FROM {source}
    """


def ledger(classified_lines: str, seconds: Callable[[str], str]) -> str:
    """Return a query for rows, money and the last time stamp of every class."""
    return f"""
        SELECT class, count(*) AS n_rows, sum(amount) AS money, max({seconds("ordered_at")}) AS last_s
        FROM {classified_lines} GROUP BY class
    """


def kept_once(classified_lines: str) -> str:
    """Return a query for purchases and returns without duplicates."""
    return f"""
        SELECT customer_id, order_id, upper(product_id) AS product, country, ordered_at, quantity,
               quantity * price AS amount, CASE WHEN {RETURNED} THEN 'return' ELSE 'purchase' END AS class
        FROM (SELECT DISTINCT {LINE} FROM {classified_lines} WHERE class IN ('purchase', 'return')) AS once
    """


def features(lines: str, as_of: int, dialect: Dialect) -> str:
    """Return a query for segcore's features of every customer; times in seconds since 1970.

    Parameters
    ----------
    lines : str
        A table as :func:`kept_once` gives it.
    as_of : int
        Seconds since 1970; recency counts from it.
    dialect : Dialect
    """
    at, distinct = dialect.seconds("ordered_at"), dialect.distinct
    spend, back = (f"CAST({name} AS DOUBLE) / CAST({DECIMALS} AS DOUBLE)" for name in ("spend", "returned"))
    return f"""
        WITH bought AS (
            SELECT customer_id, {distinct("order_id")} AS order_count, {distinct("product")} AS unique_products,
                   sum(amount) AS spend, sum(quantity) AS item_count, min({at}) AS first_s, max({at}) AS last_s,
                   {distinct(f"floor({at} / {_DAY})")} AS purchase_days,
                   {distinct("extract(YEAR FROM ordered_at) * 12 + extract(MONTH FROM ordered_at)")} AS active_months
            FROM {lines} WHERE class = 'purchase' GROUP BY customer_id
        ), sent_back AS (
            SELECT customer_id, {distinct("order_id")} AS return_count, -sum(amount) AS returned
            FROM {lines} WHERE class = 'return' GROUP BY customer_id
        ), by_country AS (
            SELECT customer_id, country, {distinct("order_id")} AS orders, max({at}) AS latest
            FROM {lines} WHERE class = 'purchase' AND country IS NOT NULL GROUP BY customer_id, country
        ), main_country AS (
            SELECT customer_id, country FROM (
                SELECT customer_id, country, row_number() OVER (
                    PARTITION BY customer_id ORDER BY orders DESC, latest DESC, country
                ) AS place FROM by_country
            ) AS ranked WHERE place = 1
        ), joined AS (
            SELECT bought.*, coalesce(return_count, 0) AS return_count, coalesce(returned, 0) AS returned, country
            FROM bought
            LEFT JOIN sent_back ON bought.customer_id = sent_back.customer_id
            LEFT JOIN main_country ON bought.customer_id = main_country.customer_id
        )
        SELECT customer_id,
               CAST(floor(({as_of} - last_s) / {_DAY}) AS BIGINT) AS days_since_last_order,
               order_count,
               {spend} AS total_spend,
               {spend} / order_count AS average_order_value,
               unique_products,
               CAST(item_count AS BIGINT) AS item_count,
               item_count / order_count AS mean_basket_items,
               CAST(floor((last_s - first_s) / {_DAY}) AS BIGINT) AS tenure_days,
               CASE WHEN purchase_days > 1
                    THEN (floor(last_s / {_DAY}) - floor(first_s / {_DAY})) / (purchase_days - 1)
               END AS mean_days_between_orders,
               active_months,
               return_count,
               {back} AS returned_value,
               return_count / (return_count + order_count) AS return_rate,
               ({back}) / ({spend}) AS returned_share,
               country,
               first_s AS first_order_at,
               last_s AS last_order_at
        FROM joined
    """


def account(
    classified_rows: Iterable[Sequence[Any]], kept_rows: Iterable[Sequence[Any]]
) -> dict[str, tuple[int, int]]:
    """Return rows and money of every class, from :func:`ledger` before and after duplicates were removed."""
    before = {name: (int(rows), int(money)) for name, rows, money, *_ in classified_rows}
    after = {name: (int(rows), int(money)) for name, rows, money, *_ in kept_rows}
    gone = [(before[name][0] - rows, before[name][1] - money) for name, (rows, money) in after.items()]
    return {**before, **after, "duplicate": (sum(rows for rows, _ in gone), sum(money for _, money in gone))}
