"""The same lines in every form that can be read come back as the same lines."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transaction_lines import HEADER, Line, any_line, counts, frame, through

RETAIL: dict[str, Any] = {
    "cleaning__cancellation_prefix": "C",
    "cleaning__adjustment_prefix": "A",
    "cleaning__not_products": ["POST", "DOT", "M", "C2", "D", "S", "PADS", "CRUK", "B", "BANK CHARGES"],
    "cleaning__not_product_prefixes": ["GIFT_"],
}


def outcome(folder: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the digests of all files of features, and the ledger's totals."""
    features = sorted((folder / "customers" / "features").iterdir())
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in features}
    return digests, json.loads((folder / "customers" / "ledger.json").read_text())["classes"]


def daily(lines: pl.DataFrame, folder: Path) -> None:
    days = lines.with_columns(day=pl.col("InvoiceDate").str.slice(0, 10)).partition_by("day", as_dict=True)
    for (day,), part in days.items():
        part.drop("day").write_csv(folder / f"{day}.csv")


def kaggle(lines: pl.DataFrame, folder: Path) -> None:
    moment = pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S")
    american = moment.dt.strftime("%-m/%-d/%Y %-H:%M").alias("InvoiceDate")
    text = lines.with_columns(american).write_csv()
    (folder / "data.csv").write_bytes(text.encode("latin-1"))


def typed(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.with_columns(
        pl.col("Quantity").cast(pl.Int64),
        pl.col("UnitPrice").cast(pl.Float64),
        pl.col("CustomerID").cast(pl.Float64),
        pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S"),
    )


def workbook(lines: pl.DataFrame, folder: Path) -> None:
    import xlsxwriter

    halves = (lines.head(len(lines) // 2), lines.tail(-(len(lines) // 2)))
    options = {"constant_memory": True, "default_date_format": "d/m/yyyy hh:mm"}
    with xlsxwriter.Workbook(folder / "data.xlsx", options) as book:
        for half in halves:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEADER)
            for number, row in enumerate(typed(half).iter_rows(), start=1):
                for place, value in enumerate(row):
                    if value is not None:
                        sheet.write(number, place, int(value) if place == 0 and value.isdigit() else value)


def column_file(lines: pl.DataFrame, folder: Path) -> None:
    typed(lines).write_parquet(folder / "data.parquet")


def german(lines: pl.DataFrame, folder: Path) -> None:
    comma = pl.col("UnitPrice").str.replace(".", ",", literal=True)
    text = lines.with_columns(comma).write_csv(separator=";")
    (folder / "data.csv.gz").write_bytes(gzip.compress(text.encode(), compresslevel=1))


FORMS: list[Callable[[pl.DataFrame, Path], None]] = [daily, kaggle, workbook, column_file, german]


def all_forms_agree(lines: pl.DataFrame, tmp_path: Path) -> None:
    lines = lines.with_columns(pl.col("InvoiceDate").str.slice(0, 16) + ":00")
    outcomes = []
    for write in FORMS:
        source = tmp_path / write.__name__
        source.mkdir()
        write(lines, source)
        account = through([source], tmp_path / f"run-{write.__name__}", **RETAIL)
        assert account["rows_in"] == len(lines)
        outcomes.append(outcome(tmp_path / f"run-{write.__name__}"))
    for other in outcomes[1:]:
        assert other == outcomes[0]


def read_days(folder: Path, n_days: int | None) -> pl.DataFrame:
    return pl.read_csv(sorted(folder.glob("*.csv"))[:n_days], infer_schema=False)


def test_twenty_real_days_in_five_forms(online_retail: Path, tmp_path: Path) -> None:
    all_forms_agree(read_days(online_retail, 20), tmp_path)


@pytest.mark.slow
def test_all_real_lines_in_five_forms(online_retail: Path, tmp_path: Path) -> None:
    all_forms_agree(read_days(online_retail, None), tmp_path)


def quoted(lines: pl.DataFrame, path: Path) -> None:
    lines.write_csv(path, quote_style="always")


def utf16(lines: pl.DataFrame, path: Path) -> None:
    path.write_bytes(lines.write_csv(line_terminator="\r\n").encode("utf-16"))


def pipes(lines: pl.DataFrame, path: Path) -> None:
    lines.write_csv(path, separator="|", include_bom=True)


def plain(lines: pl.DataFrame, path: Path) -> None:
    lines.write_csv(path)


def packed(lines: pl.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(lines.write_csv(separator="\t").encode()))


def columns(lines: pl.DataFrame, path: Path) -> None:
    lines.write_parquet(path)


WRITERS = [plain, quoted, utf16, pipes, packed, columns]


@given(lines=st.lists(any_line(), min_size=1, max_size=40), writer=st.sampled_from(WRITERS))
@settings(max_examples=18)
def test_any_lines_in_any_form_have_the_same_ledger(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], writer: Callable[[pl.DataFrame, Path], None]
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    good = [("9", "z", "X", "1", "2011-01-01 00:00:00", "1.00", str(n), "Spain") for n in range(len(lines))]
    table = frame([*lines, *good])
    columns(table, folder / "as-it-is.parquet")
    writer(table, folder / "written.csv")
    allowed = {**RETAIL, "cleaning__max_reject_share": 1.0}
    expected = through([folder / "as-it-is.parquet"], folder / "a", **allowed)
    found = through([folder / "written.csv"], folder / "b", **allowed)
    assert found["rows_in"] == len(table)
    for key in ("rows_in", "money_in", "classes", "unreadable_amount_rows"):
        assert found[key] == expected[key]
    assert outcome(folder / "a")[0] == outcome(folder / "b")[0]


# What exports are broken by, between good lines whose customers tell how many came through.
_MESS = st.sampled_from(
    [
        "",
        ",",
        "x",
        '"',
        '"open,3',
        "a,b,c",
        ",,,,,,,,,,",
        '1,a,"two" words,1,2011-01-01,1.00,5,Spain',
        '1,a,6" nail,1,2011-01-01 00:00:00,1.00,5,Spain,more',
        "\ufeff",
        "é\x00",
    ]
)


@given(mess=st.lists(_MESS, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=25)
def test_no_line_vanishes_in_any_mess(
    tmp_path_factory: pytest.TempPathFactory, mess: list[str], end: str
) -> None:
    folder = tmp_path_factory.mktemp("mess")
    good = [f"9,z,X,1,2011-01-01 00:00:00,1.00,{n},Spain" for n in range(len(mess) + 1)]
    between = [text for pair in zip(good, [*mess, ""], strict=True) for text in pair]
    (folder / "x.csv").write_bytes(end.join([",".join(HEADER), *between]).encode())
    account = through([folder / "x.csv"], folder / "run", cleaning__max_reject_share=1.0)
    bad = sum(text != "" for text in mess)
    assert account["rows_in"] == len(good) + bad
    assert counts(account)["purchase"] == len(good)
    assert sum(entry["rows"] for entry in account["classes"]) == account["rows_in"]
    written = pl.read_parquet(folder / "run" / "customers" / "rejects")
    assert set(written["file"]) <= {str(folder / "x.csv")}
    assert written.filter(pl.col("reason") == "malformed_line")["text"].null_count() == 0
