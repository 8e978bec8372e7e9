"""CSV for spreadsheets: what is guarded, and that nothing is missing where one file does not hold all rows."""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from segcore import spreadsheet

# What a spreadsheet takes for a number, a date, a time, a formula: and what it leaves alone.
CHANGED = [
    "17850",
    "007",
    "1E5",
    "3-4",
    "2011-12-01",
    "12:30",
    "17850.0",
    "MAR1",
    "1/2",
    "50%",
    "=1+1",
    "@SUM(A1)",
]
CHANGED += ["-5", "+44 20", "'7", "٣٤"]
LEFT = ["anna@example.com", "a1@example.com", "guest", "Ünal"]


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def test_an_id_is_as_it_was_without_the_apostrophe(tmp_path: Path) -> None:
    [path] = spreadsheet.write(tmp_path / "a.csv", [pl.DataFrame({"customer_id": [*CHANGED, *LEFT]})])
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    found = read(path)["customer_id"].to_list()
    assert found == [*(f"'{customer}" for customer in CHANGED), *LEFT]


def test_files_for_machines_are_guarded_against_formulas_alone() -> None:
    df = spreadsheet.guarded(pl.DataFrame({"customer_id": ["17850", "007", "=1+1"]}), machine=True)
    assert df["customer_id"].to_list() == ["17850", "007", "'=1+1"]


def test_other_texts_keep_their_digits() -> None:
    df = spreadsheet.guarded(
        pl.DataFrame({"customer_id": ["a"], "segment_name": ["7 day buyers"], "x": [1.5]})
    )
    assert df.row(0) == ("a", "7 day buyers", 1.5)


@pytest.mark.parametrize(
    ("rows", "files"), [(3, ["a.csv", "a-2.csv", "a-3.csv"]), (7, ["a.csv"]), (8, ["a.csv"])]
)
def test_rows_that_do_not_fit_go_on_in_the_next_file(tmp_path: Path, rows: int, files: list[str]) -> None:
    """Frames of 4 and 3 rows, so that files and frames end at different rows."""
    numbers = pl.DataFrame({"n": range(7)})
    written = spreadsheet.write(tmp_path / "a.csv", [numbers.head(4), numbers.tail(3)], rows=rows)
    assert [path.name for path in written] == files
    assert [n for path in written for n in read(path)["n"]] == list("0123456")
    assert all(read(path).height <= rows for path in written)


def test_a_table_without_rows_has_its_header(tmp_path: Path) -> None:
    [path] = spreadsheet.write(tmp_path / "a.csv", [pl.DataFrame({"customer_id": [], "n": []})])
    assert path.read_text("utf-8-sig") == "customer_id,n\n"


@pytest.mark.skipif(shutil.which("ssconvert") is None, reason="no spreadsheet: install gnumeric")
def test_a_real_spreadsheet_leaves_the_ids_alone(tmp_path: Path) -> None:
    """Gnumeric reads the file, decides what each cell is, and writes what it has made of it."""
    [path] = spreadsheet.write(tmp_path / "a.csv", [pl.DataFrame({"customer_id": [*CHANGED, *LEFT]})])
    subprocess.run(["ssconvert", str(path), str(tmp_path / "b.xlsx")], check=True, capture_output=True)
    found = pl.read_excel(tmp_path / "b.xlsx", infer_schema_length=0)["customer_id"].to_list()
    assert [customer.removeprefix("'") for customer in found] == [
        c.removeprefix("'") for c in [*CHANGED, *LEFT]
    ]
    path.write_text("customer_id\n007\n1E5\n")  # what becomes of ids without a guard
    subprocess.run(["ssconvert", str(path), str(tmp_path / "c.xlsx")], check=True, capture_output=True)
    assert pl.read_excel(tmp_path / "c.xlsx", infer_schema_length=0)["customer_id"].to_list() == [
        "7",
        "100000",
    ]


@pytest.mark.skipif(shutil.which("ssconvert") is None, reason="no spreadsheet: install gnumeric")
def test_the_documented_formula_joins_a_list_of_ids(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent.joinpath("jobs", "README.md").read_text(encoding="utf-8")
    (formula,) = re.findall(r"`(=VLOOKUP\([^`]*)`", page)
    customers = ["17850", "007", "3-4"]
    table = pl.DataFrame(
        {"customer_id": customers, "segment": [1, 2, 3], "segment_name": ["Ann", "Bea", "Cyd"]}
    )
    [path] = spreadsheet.write(tmp_path / "segments.csv", [table])
    with xlsxwriter.Workbook(tmp_path / "mine.xlsx", {"strings_to_numbers": False}) as book:
        mine, segments = book.add_worksheet("mine"), book.add_worksheet("segments")
        mine.write_row("A1", ["id", "segment"])
        for number, customer in enumerate(customers, start=2):
            mine.write(f"A{number}", int(customer) if customer == "17850" else customer)
            mine.write_formula(f"B{number}", formula.replace("A2", f"A{number}"))
        for number, row in enumerate(csv.reader(path.read_text("utf-8-sig").splitlines())):
            segments.write_row(number, 0, row)
    subprocess.run(
        ["ssconvert", "--recalc", str(tmp_path / "mine.xlsx"), str(tmp_path / "mine.csv")],
        check=True,
        capture_output=True,
    )
    assert pl.read_csv(tmp_path / "mine.csv")["segment"].to_list() == ["Ann", "Bea", "Cyd"]
