from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import amounts, schema
from segcore.lines import shuffle
from tests.transaction_lines import Line, any_line, customers, ledger, line, shuffled, write_csv


def found_in(tmp_path: Path, lines: list[Line], *, as_of: int, n_buckets: int = 1) -> pl.DataFrame:
    path = write_csv(tmp_path / "lines.csv", lines)
    return customers(shuffled([path], tmp_path / f"buckets-{n_buckets}", n_buckets=n_buckets), as_of=as_of)


def test_a_customer_by_hand(tmp_path: Path) -> None:
    lines = [
        line(InvoiceNo="1", StockCode="a", Quantity="2", UnitPrice="1.50", InvoiceDate="2011-01-10 12:00:00"),
        line(InvoiceNo="1", StockCode="A", Quantity="1", UnitPrice="4.00", InvoiceDate="2011-01-10 12:00:00"),
        line(InvoiceNo="2", StockCode="b", Quantity="3", UnitPrice="1.00", InvoiceDate="2011-01-20 11:00:00"),
        line(
            InvoiceNo="3",
            StockCode="c",
            Quantity="4",
            UnitPrice="0.25",
            InvoiceDate="2011-02-09 13:00:00",
            Country="Spain",
        ),
        line(
            InvoiceNo="3",
            StockCode="c",
            Quantity="4",
            UnitPrice="0.25",
            InvoiceDate="2011-02-09 13:00:00",
            Country="Spain",
        ),
        line(
            InvoiceNo="C4", StockCode="b", Quantity="-1", UnitPrice="1.00", InvoiceDate="2011-02-10 09:00:00"
        ),
    ]
    as_of = 1_297_602_000  # 2011-02-13 13:00
    (row,) = found_in(tmp_path, lines, as_of=as_of).iter_rows(named=True)
    assert row["customer_id"] == "17850"
    expected = {
        "days_since_last_order": 4,
        "order_count": 3,
        "total_spend": 11.0,
        "average_order_value": 11.0 / 3,
        "unique_products": 3,
        "item_count": 10,
        "mean_basket_items": 10 / 3,
        "tenure_days": 30,
        "mean_days_between_orders": 15.0,
        "active_months": 2,
        "return_count": 1,
        "returned_value": 1.0,
        "return_rate": 0.25,
        "returned_share": 1.0 / 11.0,
        "country": "France",
    }
    assert {name: row[name] for name in expected} == expected
    assert str(row["first_order_at"]) == "2011-01-10 12:00:00"
    assert str(row["last_order_at"]) == "2011-02-09 13:00:00"


def test_days_between_orders_are_of_days_with_orders_and_not_of_orders(tmp_path: Path) -> None:
    def orders(customer: str, *times: str) -> list[Line]:
        return [
            line(InvoiceNo=f"{customer}-{n}", CustomerID=customer, InvoiceDate=f"2011-01-{time}:00")
            for n, time in enumerate(times)
        ]

    lines = [
        *orders("1", "10 09:00", "10 15:00", "20 12:00"),  # three orders on two days, ten days apart
        *orders("2", "10 09:00", "10 15:00"),  # all on one day
        *orders("3", "10 23:00", "11 01:00", "14 01:00"),  # two hours, and yet a day, apart; then three
    ]
    found = found_in(tmp_path, lines, as_of=1_300_000_000).sort("customer_id")
    assert found["order_count"].to_list() == [3, 2, 3]
    assert found["mean_days_between_orders"].to_list() == [10.0, None, 2.0]


def test_country_ties_go_to_the_latest_then_to_the_alphabet(tmp_path: Path) -> None:
    def orders(customer: str, *places: tuple[str, str]) -> list[Line]:
        return [
            line(
                InvoiceNo=f"{customer}{n}",
                CustomerID=customer,
                Country=country,
                InvoiceDate=f"2011-01-{day} 00:00:00",
            )
            for n, (country, day) in enumerate(places)
        ]

    lines = [
        *orders("1", ("Spain", "01"), ("France", "02")),
        *orders("2", ("Spain", "02"), ("France", "01"), ("Italy", "02")),
        *orders("3", ("Spain", "02"), ("France", "02")),
        *orders("4", ("", "02")),
        # Two orders each: Spain has the last one, and the first one too.
        *orders("5", ("Spain", "01"), ("France", "02"), ("France", "09"), ("Spain", "10")),
    ]
    found = found_in(tmp_path, lines, as_of=1_300_000_000)
    assert dict(found.select("customer_id", "country").rows()) == {
        "1": "France",
        "2": "Italy",
        "3": "France",
        "4": None,
        "5": "Spain",
    }


def test_customers_with_returns_only_have_no_features(tmp_path: Path) -> None:
    lines = [line(InvoiceNo="C1", Quantity="-1"), line(CustomerID="2")]
    assert found_in(tmp_path, lines, as_of=1_300_000_000)["customer_id"].to_list() == ["2"]


def test_columns_are_those_of_the_schema(tmp_path: Path) -> None:
    assert found_in(tmp_path, [line()], as_of=1_300_000_000).columns == ["h", "customer_id"] + [
        feature.name for feature in schema.FEATURES
    ]


@given(
    lines=st.lists(any_line(), min_size=5, max_size=60),
    seed=st.integers(0, 2**16),
    n_files=st.integers(1, 4),
    n_buckets=st.sampled_from([1, 2, 8, 64]),
)
def test_features_and_ledger_ignore_order_split_and_buckets(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], seed: int, n_files: int, n_buckets: int
) -> None:
    lines = [*lines, line(), line()]
    folder = tmp_path_factory.mktemp("split")
    whole = shuffled([write_csv(folder / "whole.csv", lines)], folder / "whole", n_buckets=1)
    mixed = random.Random(seed).sample(lines, len(lines))
    paths = [write_csv(folder / f"{n}.csv", mixed[n::n_files]) for n in range(n_files)]
    split = shuffled(paths, folder / "split", n_buckets=n_buckets)
    assert_frame_equal(customers(whole), customers(split))
    assert ledger(whole) == ledger(split)
    assert sum(rows for rows, _ in ledger(whole).values()) == len(lines)


def test_lines_with_the_values_of_two_columns_swapped_are_no_copies(tmp_path: Path) -> None:
    lines = [
        line(InvoiceNo="7", StockCode="8"),
        line(InvoiceNo="8", StockCode="7"),
        line(InvoiceNo="7", StockCode="France", Country="8"),
        line(InvoiceNo="7", CustomerID="8", StockCode="17850"),
    ]
    buckets = shuffled([write_csv(tmp_path / "a.csv", lines)], tmp_path / "buckets", n_buckets=1)
    assert [lf.collect().height for lf in buckets.duplicates()] == [0]
    assert [lf.collect().height for lf in buckets.frames()] == [4]


def test_the_first_copy_stays(tmp_path: Path) -> None:
    a = write_csv(tmp_path / "a.csv", [line(InvoiceNo="2"), line()])
    b = write_csv(tmp_path / "b.csv", [line(), line()])
    buckets = shuffled([b, a], tmp_path / "buckets", n_buckets=1)
    (kept,), (copies,) = buckets.frames(), buckets.duplicates()
    assert kept.select(shuffle.FILE, "line").collect()["place"].to_list() == [0, 0]
    assert copies.select(shuffle.FILE).collect()["place"].to_list() == [1, 1]


@given(st.integers(1, 10**12))
def test_money_is_the_double_nearest_to_the_exact_amount(minor: int) -> None:
    found = pl.DataFrame({"m": [minor] * 3}).select(amounts.units("m", 4))["m"].to_list()
    assert found == [minor / 10_000] * 3
