"""What is made of orders and purchases beside the features: months, large customers, lines for a job's own features."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segcore.lines import features, ledger, suspects
from segcore.lines.orders import by_month, condense, in_one_hash, merge, n_lines

JANUARY, FEBRUARY = (int(datetime(2011, month, 1, tzinfo=UTC).timestamp()) for month in (1, 2))
SCHEMA: dict[str, Any] = {
    "customer_id": pl.String,
    "class": pl.Enum(["return", "purchase"]),
    "order": pl.UInt64,
    "ordered_at": pl.Int64,
    "country": pl.String,
    "amount": pl.Int64,
    "quantity": pl.Int64,
    "product": pl.UInt64,
    "line": pl.UInt64,
    "unit_price": pl.Int64,
}
ROWS = [
    ("a", "purchase", 1, JANUARY, "France", 100, 1, 7, 12, 100),
    ("a", "purchase", 1, JANUARY, "France", 250, 5, 8, 11, 50),
    ("a", "purchase", 2, FEBRUARY - 1, "France", 30, 3, 7, 13, 10),
    ("a", "purchase", 3, FEBRUARY, None, 40, 4, None, 14, 10),
    ("a", "return", 4, FEBRUARY, "France", -30, -3, 7, 15, 10),
    ("b", "purchase", 5, JANUARY, "Spain", 10**15, 1, 7, 16, 10**15),
]


def lines() -> pl.LazyFrame:
    lf = pl.LazyFrame(ROWS, schema=SCHEMA, orient="row")
    return lf.with_columns(h=pl.when(customer_id="a").then(5).otherwise(9).cast(pl.UInt64))


def test_an_order_is_one_row_of_exact_sums() -> None:
    found = condense(lines()).collect().sort("customer_id", "order")
    assert found.select("customer_id", "order", "amount", "quantity", "lines").rows() == [
        ("a", 1, 350, 6, 2),
        ("a", 2, 30, 3, 1),
        ("a", 3, 40, 4, 1),
        ("a", 4, -30, -3, 1),
        ("b", 5, 10**15, 1, 1),
    ]
    assert found.schema["amount"] == pl.Int128


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_parts_add_up(cut: int) -> None:
    parts = [condense(lines().slice(start, cut)) for start in range(0, len(ROWS), cut)]
    whole = condense(lines()).collect()
    assert_frame_equal(merge(parts).collect(), whole, check_row_order=False)


def test_each_customers_products_are_counted_once_and_returned_ones_not_at_all() -> None:
    bought = features.bought_products(lines())
    assert sorted(bought.collect().drop("period").rows()) == [(5, 7), (5, 7), (5, 8), (9, 7)]
    found = features.customer_features(condense(lines()), bought, as_of=FEBRUARY + 86_400, money_decimals=2)
    assert found.select("customer_id", "unique_products").collect().rows() == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("slices", [1, 2, 7])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_product_is_of_the_period_in_which_it_was_first_bought(slices: int, backwards: bool) -> None:
    later = lines().with_columns(ordered_at=pl.col("ordered_at") + 40 * 86_400, order=pl.col("order") + 10)
    both = pl.concat([lines().filter(pl.col("product") != 8), later]).collect()
    both = both.reverse() if backwards else both
    bounds = (FEBRUARY - 1, FEBRUARY)  # 7 was bought before, and at, the first of them
    parts = [both.lazy().gather_every(slices, start) for start in range(slices)]
    bought = [features.bought_products(part, bounds=bounds) for part in parts]
    found = features.join_products(bought).collect()
    assert sorted(found.rows()) == [(5, 7, 0), (5, 8, 2), (9, 7, 0)]
    at_bound = features.bought_products(both.lazy().filter(order=2), bounds=bounds).collect()
    assert at_bound.rows() == [(5, 7, 1)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("h", 6),
        ("class", "return"),
        ("order", 2),
        ("ordered_at", JANUARY + 1),
        ("country", None),
        ("country", "Spain"),
    ],
)
def test_lines_that_differ_in_one_key_are_not_one_order(column: str, value: object) -> None:
    first = lines().head(1)
    other = first.with_columns(pl.lit(value).cast(first.collect_schema()[column]).alias(column))
    found = condense(pl.concat([first, other, first])).collect().sort("lines")
    assert found["lines"].to_list() == [1, 2]
    assert found[column].to_list() == [value, first.collect()[column].item()]


def test_times_before_1970_are_keys_like_others() -> None:
    early = lines().with_columns(pl.col("ordered_at") - 2 * JANUARY)
    assert condense(early).collect().sort("customer_id", "order")["amount"].to_list() == [
        350,
        30,
        40,
        -30,
        10**15,
    ]


def test_customers_with_one_hash_are_seen() -> None:
    assert in_one_hash(condense(lines())).collect().is_empty()
    one = condense(lines().with_columns(h=pl.lit(5, dtype=pl.UInt64)))
    assert in_one_hash(one).collect()["customer_id"].to_list() == ["a", "b"]


def test_months_begin_at_midnight_of_the_first_and_leave_returns_out() -> None:
    found = by_month(condense(lines())).collect().drop("h").sort("customer_id", "month")
    assert found.rows() == [
        ("a", date(2011, 1, 1), 380, 2),
        ("a", date(2011, 2, 1), 40, 1),
        ("b", date(2011, 1, 1), 10**15, 1),
    ]


def test_large_customers_have_more_lines_than_asked_for_the_largest_first() -> None:
    orders = condense(pl.concat([lines(), lines().filter(customer_id="b")] * 2))

    def larger(than: int) -> list[tuple[str, int]]:
        return list(suspects.heavy_customers(n_lines(orders), more_than=than).collect().rows())

    assert larger(1) == [("a", 10), ("b", 4)]
    assert larger(4) == [("a", 10)]
    assert larger(3) == [("a", 10), ("b", 4)]
    both = condense(pl.concat([lines().filter(customer_id="b"), lines().head(1)]))
    assert suspects.heavy_customers(n_lines(both), more_than=0).collect().rows() == [("a", 1), ("b", 1)]


def test_purchases_come_by_customer_in_the_order_of_time_and_of_their_hash() -> None:
    columns = ["amount", "quantity", "ordered_at", "unit_price"]
    purchases = features.purchases(lines().reverse(), columns)
    assert purchases.collect_schema().names() == [
        "customer_id",
        "ordered_at",
        "line",
        "amount",
        "quantity",
        "unit_price",
    ]
    found = features.own_lines(purchases, columns, decimals={"amount": 2, "unit_price": 2}).collect()
    noon = datetime(2011, 1, 1), datetime(2011, 1, 31, 23, 59, 59), datetime(2011, 2, 1)
    assert found.rows() == [
        ("a", 2.5, 5, noon[0], 0.5),
        ("a", 1.0, 1, noon[0], 1.0),
        ("a", 0.3, 3, noon[1], 0.1),
        ("a", 0.4, 4, noon[2], 0.1),
        ("b", 1e13, 1, noon[0], 1e13),
    ]


def test_the_account_of_lines_is_by_file_and_class_and_counts_what_has_no_amount() -> None:
    unread = pl.when(line=16).then(None).otherwise("amount")
    place = pl.when(customer_id="a").then(3).otherwise(2**40 + 3).cast(pl.UInt64)
    found = ledger.count(lines().with_columns(place=place, amount=unread)).collect()
    assert sorted(found.rows()) == [
        (0, "purchase", 4, 420, 0),
        (0, "return", 1, -30, 0),
        (1, "purchase", 1, 0, 1),
    ]
