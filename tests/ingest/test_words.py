"""Dates and numbers as people write them elsewhere: months in words, days as Excel counts them, lakhs, and ``Two``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import errors
from segcore.ingest import timestamps, words
from segcore.ingest.date_formats import date_formats
from segcore.ingest.number_formats import _mark
from tests.transaction_lines import counts, through

WRITTEN = {
    "5. März 2024": "2024-03-05",
    "05-Mrz-24": "2024-03-05",
    "1er janvier 2024": "2024-01-01",
    "3 févr. 2024": "2024-02-03",
    "14 AOÛT 2024": "2024-08-14",
    "12 de mayo de 2024": "2024-05-12",
    "12 ene. 2024": "2024-01-12",
    "7 de setembro de 2024": "2024-09-07",
    "8 out 2024": "2024-10-08",
    "9 luglio 2024": "2024-07-09",
    "9-ott-2024": "2024-10-09",
    "2 mrt 2024": "2024-03-02",
    "30 mei 2024": "2024-05-30",
    "4 July 2024": "2024-07-04",
    "2024年3月1日": "2024-03-01",
    "2024年12月15日 10:30": "2024-12-15",
    "5 Foo 2024": None,
    "31 Februar 2024": None,
}


def test_months_in_seven_languages_and_dates_of_east_asia(tmp_path: Path) -> None:
    lines = (f"c{n};{n};{text};1" for n, text in enumerate(WRITTEN))
    (tmp_path / "x.csv").write_text("\n".join(["customer_id;order_id;date;amount", *lines]), encoding="utf-8")
    account = through([tmp_path / "x.csv"], tmp_path / "run")
    unread = [text for text, day in WRITTEN.items() if day is None]
    assert counts(account)["unreadable_ordered_at"] == len(unread)
    found = pl.read_parquet(tmp_path / "run" / "customers" / "features")
    days = dict(found.select("customer_id", pl.col("last_order_at").dt.date().cast(pl.String)).iter_rows())
    assert days == {f"c{n}": day for n, day in enumerate(WRITTEN.values()) if day}


def test_no_word_is_two_months() -> None:
    every = [word for names in words._MONTHS for word in names.split()]
    assert len(every) == len({*every})
    assert {*words.MONTHS.values()} == {str(month) for month in range(1, 13)}


def test_a_time_may_stand_behind_such_a_date() -> None:
    assert date_formats("9er-w.-99 99:99", "day-first") == ["named %d-%m-%y %H:%M"]


@given(when=st.datetimes(datetime(1971, 1, 1), datetime(2060, 1, 1)))
def test_days_of_excel_are_read_to_the_second(when: datetime) -> None:
    second = when.replace(microsecond=0)
    days = (second - datetime(1899, 12, 30)) / timedelta(days=1)
    text = pl.Series([f"{days:.9f}"]).cast(pl.Decimal(38, timestamps.EXCEL_DECIMALS))
    assert pl.select(timestamps.of_excel(pl.lit(text))).item() == second
    assert second.replace(tzinfo=UTC).timestamp() >= 0


def excel(tmp_path: Path) -> Path:
    lines = ("a,1,45352,5", "b,2,45353.4375,5", "c,3,x,5", "d,4,99999999,5")
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["customer_id,order_id,date,amount", *lines]))
    return path


def test_days_of_excel_are_asked_about_and_read_where_the_job_says_so(tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text("customer_id,order_id,date,amount\na,1,45352,5\nb,2,45353,5\n")
    with pytest.raises(
        errors.DataError, match=r"dates like '45352' may be days as Excel counts .* excel-days"
    ):
        through([tmp_path / "y.csv"], tmp_path / "asked")
    account = through([excel(tmp_path)], tmp_path / "run", input__date_format="excel-days")
    assert counts(account) == {"purchase": 2, "unreadable_ordered_at": 2}
    found = pl.read_parquet(tmp_path / "run" / "customers" / "features").sort("customer_id")
    assert found["last_order_at"].to_list() == [datetime(2024, 3, 1), datetime(2024, 3, 2, 10, 30)]


@pytest.mark.parametrize(
    ("pattern", "mark"),
    [
        ("9,99,999.99", "point"),
        ("99,99,999", "point"),
        ("9,99,99,999", "point"),
        ("99,999", "either"),
        ("9,99", "comma"),
    ],
)
def test_lakhs_tell_what_a_mark_is(pattern: str, mark: str) -> None:
    assert _mark(pattern) == mark


def test_lakhs_and_numbers_in_words_are_read(tmp_path: Path) -> None:
    rows = (
        "a;1;2024-03-01;One;1,25,000.00",
        "b;2;2024-03-01;TWO;12,500.50",
        "c;3;2024-03-01;3;₹1,00,00,000",
        "d;4;2024-03-01;a few;9",
    )
    (tmp_path / "x.csv").write_text(
        "\n".join(["customer_id;order_id;date;quantity;price", *rows]), encoding="utf-8"
    )
    account = through([tmp_path / "x.csv"], tmp_path / "run")
    assert counts(account) == {"purchase": 3, "unreadable_quantity": 1}
    found = pl.read_parquet(tmp_path / "run" / "customers" / "features").sort("customer_id")
    assert found["total_spend"].to_list() == [125_000.0, 25_001.0, 30_000_000.0]
