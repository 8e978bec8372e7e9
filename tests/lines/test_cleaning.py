from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.lines import cleaning
from tests.transaction_lines import RULES, Line, any_line, classified, line, write_csv


def classes(tmp_path: Path, lines: list[Line], rules: job.Cleaning = RULES) -> list[str]:
    path = write_csv(tmp_path / "lines.csv", lines)
    return classified([path], rules).sort("record").collect()["class"].to_list()


@pytest.mark.parametrize(
    ("given_line", "expected"),
    [
        (line(), "purchase"),
        (line(InvoiceNo="C1", Quantity="-2"), "return"),
        (line(CustomerID=""), "missing_customer"),
        (line(CustomerID="  "), "missing_customer"),
        (line(Quantity="many"), "unreadable_quantity"),
        (line(Quantity="1.5"), "unreadable_quantity"),
        (line(InvoiceDate="2011-02-30 00:00:00"), "unreadable_ordered_at"),
        (line(InvoiceDate="1969-12-31 00:00:00"), "unreadable_ordered_at"),
        (line(InvoiceDate="2099-01-01 00:00:00"), "unreadable_ordered_at"),
        (line(UnitPrice=""), "unreadable_unit_price"),
        (line(UnitPrice="1.00001"), "unreadable_unit_price"),
        (line(UnitPrice="inf"), "unreadable_unit_price"),
        (line(UnitPrice="900000000000000", Quantity="100"), "unreadable_amount"),
        (line(InvoiceNo="A1"), "adjustment"),
        (line(StockCode="post"), "not_a_product"),
        (line(StockCode="gift_0001_20"), "not_a_product"),
        (line(UnitPrice="0"), "non_positive_price"),
        (line(UnitPrice="-1.5"), "non_positive_price"),
        (line(Quantity="0"), "non_positive_quantity"),
        (line(Quantity="-3"), "non_positive_quantity"),
        # The first rule that applies wins.
        (line(CustomerID="", Quantity="many"), "missing_customer"),
        (line(Quantity="many", StockCode="POST"), "unreadable_quantity"),
        (line(InvoiceNo="A1", StockCode="POST"), "adjustment"),
        (line(StockCode="M", UnitPrice="0"), "not_a_product"),
        (line(UnitPrice="0", Quantity="-3"), "non_positive_price"),
    ],
)
def test_the_first_rule_that_applies_names_the_line(tmp_path: Path, given_line: Line, expected: str) -> None:
    assert classes(tmp_path, [given_line]) == [expected]


def test_without_a_prefix_a_negative_quantity_marks_a_return(tmp_path: Path) -> None:
    lines = [line(Quantity="-2"), line(InvoiceNo="C1"), line(Quantity="0")]
    assert classes(tmp_path, lines, job.Cleaning()) == ["return", "purchase", "non_positive_quantity"]


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        (cleaning.ALL_TIME, [True, True, True, True]),
        (cleaning.Window(first=10), [False, True, True, True]),
        (cleaning.Window(end=20), [True, True, False, True]),
        (cleaning.Window(first=10, end=20), [False, True, False, True]),
        (cleaning.Window(first=0, end=0), [False, False, False, True]),
    ],
)
def test_a_window_holds_its_first_second_and_not_its_end(window: cleaning.Window, inside: list[bool]) -> None:
    # What has no date is not outside: that it cannot be read is another reason.
    df = pl.DataFrame({"ordered_at": [9, 10, 20, None]}).with_columns(outside=window.outside)
    assert df["outside"].fill_null(False).to_list() == [not x for x in inside]


def test_classes_stand_in_the_order_of_the_rules() -> None:
    assert cleaning.classes(RULES) == [
        "malformed_line",
        "undecodable_text",
        "stray_date",
        "outside_window",
        "missing_customer",
        "total_line",
        "excluded_customer",
        "other_currency",
        *(name for name in cleaning.classes(RULES) if name.startswith("unreadable_")),
        "adjustment",
        "not_a_product",
        "no_discount",
        "non_positive_price",
        "non_positive_quantity",
        "zero_amount",
        "duplicate",
        "discount",
        "return",
        "purchase",
    ]
    assert cleaning.class_type(RULES).categories.to_list() == cleaning.classes(RULES)


def test_excluded_customers(tmp_path: Path) -> None:
    rules = job.Cleaning(exclude_customers=["0", "guest"])
    lines = [line(CustomerID="guest"), line(CustomerID="0"), line(CustomerID="1"), line(CustomerID="")]
    assert classes(tmp_path, lines, rules) == [
        "excluded_customer",
        "excluded_customer",
        "purchase",
        "missing_customer",
    ]


def test_values_are_exact(tmp_path: Path) -> None:
    prices = ["2.55", "0.001", "11062.06", "1e-3", " 7 ", "0.0001", "922337203685477.5807"]
    path = write_csv(tmp_path / "a.csv", [line(UnitPrice=price, Quantity="1") for price in prices])
    df = classified([path]).sort("record").collect()
    assert df["unit_price"].to_list() == [25500, 10, 110620600, 10, 70000, 1, 2**63 - 1]
    assert df["class"].to_list() == ["purchase"] * len(prices)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("17850.0", "17850"),
        ("17850", "17850"),
        ("00042", "00042"),
        ("a7.0", "a7.0"),
        ("9223372036854775807", "9223372036854775807"),
        ("2b0c9a1e-5a0b-4f7e-9a51-1f2b3c4d5e6f", "2b0c9a1e-5a0b-4f7e-9a51-1f2b3c4d5e6f"),
    ],
)
def test_customer_ids_stay_exact(tmp_path: Path, written: str, read: str) -> None:
    path = write_csv(tmp_path / "a.csv", [line(CustomerID=written)])
    assert classified([path]).collect()["customer_id"].to_list() == [read]


def test_types_of_parquet_are_read_as_they_are(tmp_path: Path) -> None:
    text = write_csv(tmp_path / "a.csv", [line(), line(Quantity="-1"), line(CustomerID="")])
    typed = pl.read_csv(text, try_parse_dates=True)
    typed = typed.with_columns(pl.col("CustomerID").cast(pl.Float64, strict=False))
    assert typed.schema["InvoiceDate"] == pl.Datetime
    typed.write_parquet(tmp_path / "a.parquet")
    shown = ["customer_id", "quantity", "unit_price", "amount", "ordered_at", "class"]
    from_text = classified([text]).select(shown).collect()
    assert classified([tmp_path / "a.parquet"]).select(shown).collect().equals(from_text)


@given(st.lists(any_line(), min_size=1, max_size=30))
def test_every_line_has_one_class_and_cleaning_twice_is_cleaning_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    first = classes(folder, lines)
    assert len(first) == len(lines)
    known = {name for name, _ in cleaning.rules(RULES)} | {cleaning.PURCHASE, cleaning.RETURN}
    assert set(first) <= known
    kept = [
        own for own, name in zip(lines, first, strict=True) if name in (cleaning.PURCHASE, cleaning.RETURN)
    ]
    if kept:
        assert set(classes(folder, kept)) <= {cleaning.PURCHASE, cleaning.RETURN}
