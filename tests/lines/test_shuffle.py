"""Hash order: what a line becomes, and which bucket it goes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import schema
from segcore.lines import shuffle
from tests.transaction_lines import Line, classified, line, write_csv

LINES = [
    line(InvoiceNo="1", StockCode="a1", Country=""),
    line(InvoiceNo="1", StockCode="A1", CustomerID="2"),
    line(InvoiceNo="", StockCode="", CustomerID="2", InvoiceDate="2011-03-01 23:00:00"),
    line(InvoiceNo="", StockCode="b", CustomerID="3", InvoiceDate="2011-03-01 00:00:00"),
    line(InvoiceNo="", StockCode="b", CustomerID="3", InvoiceDate="2011-03-02 00:00:00"),
    line(InvoiceNo="C1", Quantity="-1"),
    line(CustomerID="", UnitPrice="2"),
    line(Quantity="many"),
]


def keyed(tmp_path: Path, lines: list[Line] = LINES, **more: Any) -> pl.LazyFrame:
    first = write_csv(tmp_path / "a.csv", lines[:3])
    second = write_csv(tmp_path / "b.csv", lines[3:])
    return shuffle.keyed(classified([first, second]), seed=0, **more)


def test_lines_become_numbers_and_rejects_keep_what_the_account_needs(tmp_path: Path) -> None:
    df = keyed(tmp_path).with_columns(file=shuffle.FILE, record=shuffle.RECORD).sort("place").collect()
    assert df["class"].to_list() == [*["purchase"] * 5, "return", "missing_customer", "unreadable_quantity"]
    assert df["file"].to_list() == [0, 0, 0, 1, 1, 1, 1, 1]
    assert df["record"].to_list() == list(range(8))  # of both files, which are scanned together
    assert df["customer_id"].to_list() == ["17850", "2", "2", "3", "3", "17850", None, None]
    assert df["quantity"].to_list() == [2, 2, 2, 2, 2, -1, None, None]
    assert df["amount"].to_list() == [*[25_000] * 5, -12_500, 40_000, None]
    assert df["country"].to_list() == [None, *["France"] * 5, None, None]
    rejected = df.filter(pl.col("h").is_null())
    assert rejected.height == 2
    for name in ("customer_id", "order", "product", "country", "quantity", "line"):
        assert rejected[name].null_count() == 2, name
    assert rejected.select("ordered_at", "place").null_count().row(0) == (0, 0)


def test_an_order_without_a_number_is_a_day(tmp_path: Path) -> None:
    order = keyed(tmp_path).sort("place").collect()["order"].to_list()
    assert order[0] == order[1]  # by number, whoever ordered
    assert order[2] == order[3] != order[4]
    assert len(set(order[:6])) == 4


def test_products_are_equal_in_small_letters_and_none_has_no_hash(tmp_path: Path) -> None:
    product = keyed(tmp_path).sort("place").collect()["product"].to_list()
    assert product[0] == product[1]
    assert product[2] is None
    assert product[3] == product[4] != product[0]


def test_a_line_is_equal_to_another_one_where_the_columns_without_a_use_are_as_well() -> None:
    lines = pl.LazyFrame({name: ["same", "same", "same"] for name in schema.LINE_NAMES} | {"rest": [1, 2, 1]})
    lines = lines.with_columns(pl.col("rest").cast(pl.UInt64))
    first, other, again = lines.select(shuffle.line_hash(0, rest=True)).collect().to_series()
    assert first == again != other
    assert lines.select(shuffle.line_hash(0, rest=False)).collect().to_series().n_unique() == 1


def test_columns_of_the_lines_are_carried_where_they_are_asked_for(tmp_path: Path) -> None:
    plain = keyed(tmp_path).collect_schema().names()
    df = keyed(tmp_path, carry=["product_id", "description", "country"]).sort("place").collect()
    assert set(df.columns) - set(plain) == {"product_id", "description"}
    assert df["product_id"].to_list()[:4] == ["A1", "A1", None, "B"]
    assert df["description"].to_list() == [*["HOLDER"] * 6, None, None]


@pytest.mark.parametrize(("by", "first_bit", "bits"), [("h", 0, 0), ("h", 0, 3), ("h", 3, 2), ("line", 0, 1)])
def test_the_bits_of_a_hash_are_the_bucket_and_rejects_have_their_own(
    tmp_path: Path, by: str, first_bit: int, bits: int
) -> None:
    lines = [*(line(CustomerID=str(n), InvoiceNo=str(n)) for n in range(200)), *LINES[-2:]]
    written = shuffle.write(
        keyed(tmp_path, lines), str(tmp_path / "out"), by=by, first_bit=first_bit, bits=bits
    )
    numbers = [file.bucket for file in written]
    assert numbers == [*sorted(n for n in numbers if n is not None), None]
    assert len(numbers) == 2**bits + 1  # 200 customers leave none of them empty
    assert sum(file.rows for file in written) == 202
    for file in written:
        df = pl.read_parquet(file.path, hive_partitioning=False)
        assert df.height == file.rows
        assert df["h"].null_count() == (2 if file.bucket is None else 0)
        expected = {int(value) >> (64 - first_bit - bits) & (2**bits - 1) for value in df[by].drop_nulls()}
        assert expected == (set() if file.bucket is None else {file.bucket})


def test_lines_without_a_product_go_to_the_first_bucket(tmp_path: Path) -> None:
    lines = [line(StockCode=code) for code in ("", "", *"abcdefgh")]
    written = shuffle.write(keyed(tmp_path, lines), str(tmp_path / "out"), by="product", bits=2)
    for file in written:
        df = pl.read_parquet(file.path, hive_partitioning=False)
        assert df["product"].null_count() == (2 if file.bucket == 0 else 0)
