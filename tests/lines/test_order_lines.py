"""Which fields of an order's lines are filled from its first line, and with what."""

from __future__ import annotations

import polars as pl
import pytest

from segcore.ingest import FileGroup
from segcore.lines import order_lines
from segcore.lines.order_lines import Filling

TEXTS = FileGroup(
    files=(),
    columns={},
    dtypes={name: pl.String() for name in ("order_id", "customer_id", "ordered_at", "country")},
)


def blanks(**counted: int) -> pl.DataFrame:
    none = {"lines": 100, "continuing": 0, "order_id": 0, "customer_id": 0, "ordered_at": 0, "country": 0}
    return pl.DataFrame([none | counted])


@pytest.mark.parametrize(
    ("counted", "columns", "by_position"),
    [
        ({}, (), False),
        # Customers of 60 lines stand on their order's first line, the id on all of them.
        ({"customer_id": 60, "country": 7}, ("customer_id", "country"), False),
        # Dates of six lines alone are blank: those are lines without a date, and not an order's.
        ({"customer_id": 60, "ordered_at": 6}, ("customer_id",), False),
        ({"customer_id": 60, "ordered_at": 50}, ("customer_id", "ordered_at"), False),
        # Dates alone are on the first line, and every line has its customer.
        ({"ordered_at": 50}, ("ordered_at",), False),
        # Nothing stands on 60 lines: they belong to the line above.
        (
            {"continuing": 60, "order_id": 60, "customer_id": 60, "ordered_at": 60},
            ("order_id", "customer_id", "ordered_at"),
            True,
        ),
        # Of 60 lines without an id, two have a customer: they are no order's further lines.
        (
            {"continuing": 58, "order_id": 60, "customer_id": 60, "ordered_at": 60},
            ("customer_id", "ordered_at"),
            False,
        ),
        # No line has an id, as in a table without that column.
        (
            {"order_id": 100, "continuing": 60, "customer_id": 60, "ordered_at": 60},
            ("customer_id", "ordered_at"),
            True,
        ),
        # No line has an id, and lines without a customer have dates.
        ({"order_id": 100, "customer_id": 60}, (), False),
    ],
)
def test_columns_are_filled_where_an_export_leaves_them_out(
    counted: dict[str, int], columns: tuple[str, ...], by_position: bool
) -> None:
    assert order_lines.decide(blanks(**counted)) == Filling(columns=columns, by_position=by_position)


def lines(*texts: tuple[str, str, str]) -> pl.LazyFrame:
    """Return lines of a file: order, customer, date."""
    return pl.LazyFrame(
        {
            "file": pl.Series([0] * len(texts), dtype=pl.UInt32),
            "record": pl.Series(range(len(texts)), dtype=pl.UInt64),
            "malformed": [False] * len(texts),
            "order_id": [order for order, _, _ in texts],
            "customer_id": [customer for _, customer, _ in texts],
            "ordered_at": [date for _, _, date in texts],
        }
    )


def filled(lf: pl.LazyFrame, filling: Filling) -> list[str]:
    h = order_lines.keyed(lf, TEXTS, filling, seed=0, before={0: 0}, lines=100)
    return order_lines.fill(h, TEXTS, filling).sort("record").collect()["customer_id"].to_list()


def test_by_position_a_line_takes_what_the_line_above_that_begins_the_order_says_or_nothing() -> None:
    lf = lines(("1", "Ann", "d"), ("", "", ""), ("2", "", "d"), ("", "", ""), ("3", "Bob", "d"), ("", "", ""))
    filling = Filling(columns=("customer_id",), by_position=True)
    assert filled(lf, filling) == ["Ann", "Ann", None, None, "Bob", "Bob"]


def test_by_id_a_line_takes_what_the_first_line_of_its_order_says_that_says_something() -> None:
    lf = lines(("1", "", "d"), ("2", "Bob", "d"), ("1", "Ann", "d"), ("1", "", "d"), ("2", "", "d"))
    assert filled(lf, Filling(columns=("customer_id",))) == ["Ann", "Bob", "Ann", "Ann", "Bob"]


def test_an_id_that_comes_again_on_another_day_is_another_order() -> None:
    lf = lines(("1", "Ann", "1 May"), ("1", "", "1 May"), ("1", "Bob", "2 May"), ("1", "", "2 May"))
    same = lines(("1", "Ann", "2011-05-01 10:00"), ("1", "", "2011-05-01 10:01"), ("1", "Bob", "2011-05-02"))
    filling = Filling(columns=("customer_id",))
    assert filled(same, filling) == ["Ann", "Ann", "Bob"]
    assert filled(lf, filling)[:2] == ["Ann", "Ann"]


def test_the_larger_number_of_lines_with_a_named_order_counts() -> None:
    lf = lines(
        ("1", "Ann", ""),
        ("1", "", ""),
        ("1", "", "d"),
        ("2", "", "d"),
        ("2", "", ""),
        ("", "", "d"),
        ("3", "Bob", "d"),
    )
    # Two lines of order 1 have no customer where it has one, and three of orders 1 and 2 no date.
    assert order_lines.count_named(lf, TEXTS).collect().item() == 3


def test_by_position_whoever_says_an_order_a_customer_or_a_date_begins_an_order() -> None:
    texts = [
        ("1", "", ""),
        ("", "", ""),
        (" ", "c", ""),
        ("", " ", ""),
        ("2", "", ""),
        ("", "", "2011-01-01"),
    ]
    lf = lines(*texts).with_columns(malformed=pl.col("record") == 4)
    assert order_lines.first_lines(lf, TEXTS).collect()["record"].to_list() == [0, 2, 5]
