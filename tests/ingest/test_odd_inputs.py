"""Odd and broken inputs: the right answer with every reject counted, or one clear line; never anything else."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from segcore import cli
from segcore.pipeline.lines import understand_formats
from tests.transaction_lines import counts, through

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ONE = "1,a,HOLDER,2,2011-03-01 10:00:00,1.25,17850,France"
TWO = "2,b,LAMP,1,2011-03-15 11:00:00,3.50,17851,Spain"
PLAIN = {"purchase": 2}

Made = Path | str | Sequence[Path | str]
Make = Callable[[Path], Made]


def text(
    *lines: str, end: str = "\n", encoding: str = "utf-8", header: str = HEADER, last: str = "\n"
) -> Make:
    """Return a maker of one file of lines."""
    return raw((end.join([header, *lines]) + last).encode(encoding))


def raw(data: bytes, name: str = "x.csv") -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return make


def several(*makers: Make) -> Make:
    def make(folder: Path) -> Made:
        for number, maker in enumerate(makers):
            (folder / f"{number}").mkdir()
            maker(folder / f"{number}")
        return folder

    return make


def arrow(**columns: pa.Array) -> Make:
    """Return a maker of a Parquet file of three lines with types that Polars does not write."""

    def make(folder: Path) -> Path:
        table = pl.concat([frame(), frame(InvoiceNo=pl.Series([3, 4]))])[:3].to_arrow()
        for name, values in columns.items():
            place = table.schema.get_field_index(name)
            table = table.append_column(name, values) if place < 0 else table.set_column(place, name, values)
        pa.parquet.write_table(table, folder / "x.parquet")
        return folder / "x.parquet"

    return make


def twice(folder: Path) -> Path:
    table = frame().to_arrow()
    pa.parquet.write_table(table.append_column("Quantity", table["Quantity"]), folder / "x.parquet")
    return folder / "x.parquet"


def instants(last: int | None, zone: str | None = None, unit: str = "us") -> pa.Array:
    """Return three times, two of them in March 2011, and the last as a number."""
    second = {"ms": 1_000, "us": 1_000_000}[unit]
    values = [1_299_000_000 * second, 1_299_100_000 * second, last or 1_299_200_000 * second]
    return pa.array(values, pa.int64()).cast(pa.timestamp(unit, zone))


def parquet(df: pl.DataFrame, name: str = "x.parquet") -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        df.write_parquet(path)
        return path

    return make


def frame(**columns: Any) -> pl.DataFrame:
    """Return two good lines, typed, with some columns replaced."""
    texts = pl.read_csv(io.StringIO(f"{HEADER}\n{ONE}\n{TWO}\n"), try_parse_dates=True)
    return texts.with_columns(**columns)


def with_fields(text_line: str, **given: str) -> str:
    names, fields = HEADER.split(","), text_line.split(",")
    return ",".join(given.get(name, field) for name, field in zip(names, fields, strict=True))


def good(**given: str) -> str:
    return with_fields(ONE, **given)


def excel(*sheets: tuple[str, list[list[Any]]]) -> Make:
    def make(folder: Path) -> Path:
        import xlsxwriter

        path = folder / "x.xlsx"
        with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
            for name, rows in sheets:
                sheet = book.add_worksheet(name)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
        return path

    return make


def large_excel(folder: Path) -> Path:
    """Write a workbook that unpacks to a quarter of a gigabyte, most of it nothing."""
    path = folder / "x.xlsx"
    excel(("data", ROWS))(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book, book.open("xl/more.xml", "w") as more:
        for _ in range(256):
            more.write(bytes(1_000_000))
    return path


def given(tmp_path: Path, make: Make) -> Made:
    folder = tmp_path / "given"
    folder.mkdir()
    return make(folder)


ROWS = [HEADER.split(","), ONE.split(","), TWO.split(",")]
BYTES = f"{HEADER}\n{ONE}\n{TWO}\n".encode()
BIG = "x" * 10_000_000


def truncated_parquet(folder: Path) -> Path:
    path = folder / "x.parquet"
    frame().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    return path


def damaged_pages(folder: Path) -> Path:
    path = folder / "x.parquet"
    frame(Description=pl.Series(["a" * 5000, "b" * 5000])).write_parquet(path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[8:200] = bytes(192)
    path.write_bytes(bytes(data))
    return path


def gone(folder: Path) -> Path:
    path = folder / "x.csv"
    path.symlink_to(folder / "nowhere.csv")
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "x.csv")
    return folder / "x.csv"


def hive(folder: Path) -> Path:
    for country in ("France", "Côte d%27Ivoire"):
        parquet(frame().drop("Country"), f"Country={country}/part.parquet")(folder)
    return folder


RIGHT: list[tuple[str, Make, dict[str, int], dict[str, Any]]] = [
    ("plain", text(ONE, TWO), PLAIN, {}),
    ("no line end at the end", text(ONE, TWO, last=""), PLAIN, {}),
    ("windows line ends", text(ONE, TWO, end="\r\n"), PLAIN, {}),
    ("old Mac line ends", raw(BYTES.replace(b"\n", b"\r")), PLAIN, {}),
    ("mixed line ends", raw(f"{HEADER}\r\n{ONE}\n{TWO}\r\n".encode()), PLAIN, {}),
    ("empty lines", text("", ONE, "", "", TWO, "", last="\n\n"), PLAIN, {}),
    ("byte order mark", raw(b"\xef\xbb\xbf" + BYTES), PLAIN, {}),
    ("utf-16 with mark", text(ONE, TWO, encoding="utf-16"), PLAIN, {}),
    ("utf-16 without mark", text(ONE, TWO, encoding="utf-16-be"), PLAIN, {}),
    ("latin-1", text(ONE, good(Description="CAFÉ £5"), TWO, encoding="latin-1"), {"purchase": 3}, {}),
    ("windows-1252", text(good(Description="“5 €”"), encoding="cp1252"), {"purchase": 1}, {}),
    ("utf-8", text(good(Description="“5 €”")), {"purchase": 1}, {}),
    (
        "an undecodable byte among utf-8",
        raw(f"{HEADER}\n{good(Description='É')}\n{good(Description='Ü')}\n".encode() + TWO.encode() + b"\xff\n"),
        {"purchase": 2, "undecodable_text": 1},
        {},
    ),
    (
        "a byte that windows-1252 does not have",
        raw(f"{HEADER}\n{good(Description='£')}\n".encode("cp1252") + good(Description="#").encode().replace(b"#", b"\x81")),
        {"purchase": 1, "undecodable_text": 1},
        {},
    ),
    ("NUL bytes", text(ONE, TWO, good(Description="a\x00b")), {"purchase": 2, "undecodable_text": 1}, {}),
    ("semicolons", raw(BYTES.replace(b",", b";")), PLAIN, {}),
    ("tabs", raw(BYTES.replace(b",", b"\t"), "x.tsv"), PLAIN, {}),
    ("pipes", raw(BYTES.replace(b",", b"|"), "x.txt"), PLAIN, {}),
    ("a hint for Excel above the header", raw(b"sep=;\r\n" + BYTES.replace(b",", b";")), PLAIN, {}),
    ("gzip", raw(gzip.compress(BYTES), "x.csv.gz"), PLAIN, {}),
    ("gzip in two parts", raw(gzip.compress(BYTES[:90]) + gzip.compress(BYTES[90:]), "x.csv.gz"), PLAIN, {}),
    ("gzip that is called .csv", raw(gzip.compress(BYTES)), PLAIN, {}),
    ("a text that is called .dat", raw(BYTES, "x.dat"), PLAIN, {}),
    ("a line with too few fields", text(ONE, "1,a,HOLDER", TWO), {"purchase": 2, "malformed_line": 1}, {}),
    ("a line with too many fields", text(ONE, ONE + ",x", TWO), {"purchase": 2, "malformed_line": 1}, {}),
    ("a trailing separator", text(ONE, TWO + ","), {"purchase": 1, "malformed_line": 1}, {}),
    ("one short and one long line", text("1,a", ONE, TWO, ONE + ",,"), {"purchase": 2, "malformed_line": 2}, {}),
    ("white space for a line", text(ONE, "   ", TWO), {"purchase": 2, "malformed_line": 1}, {}),
    ("only separators", text(ONE, ",,,,,,,", TWO), {"purchase": 2, "missing_customer": 1}, {}),
    ("quoted separators", text(good(Description='"LAMP, RED"'), TWO), PLAIN, {}),
    ("quoted quotes", text(good(Description='"SAYS ""HI"""'), TWO), PLAIN, {}),
    ("quoted line end", text(good(Description='"two\nlines"'), TWO), PLAIN, {}),
    ("quoted throughout", text(*('"' + line.replace(",", '","') + '"' for line in (ONE, TWO))), PLAIN, {}),
    ("quoted throughout, one line short", text('"1","a"', '"' + TWO.replace(",", '","') + '"'), {"purchase": 1, "malformed_line": 1}, {}),
    ("an inch", text(good(Description='5" PIPE'), TWO), PLAIN, {}),
    ("two inches", text(good(Description='5" BY 6"'), TWO), PLAIN, {}),
    ("a description of 50,000 letters", text(good(Description="x" * 50_000), TWO), PLAIN, {}),
    ("a quote that is never closed", text(good(Description='"HOLDER'), TWO, TWO.replace("17851", "3")), {"purchase": 2, "malformed_line": 1}, {}),
    ("a quote closed many lines later", text(good(Description='"HOLDER'), TWO, good(Description='"X"', CustomerID="9")), {"purchase": 2, "malformed_line": 1}, {}),
    ("text behind a closing quote", text(good(Description='"HOLDER"S'), TWO), {"purchase": 1, "malformed_line": 1}, {}),
    ("quotes that mean nothing", text(good(Description='"HOLDER'), TWO), PLAIN, {"input__quote": ""}),
    ("a field of 10 MB", text(good(Description=BIG), TWO), PLAIN, {}),
    ("a quoted field of 10 MB over lines", text(good(Description=f'"{BIG}\n{BIG[:99]}"'), TWO), PLAIN, {}),
    ("columns in another order in another file", several(text(ONE), text("France,17999,1.25,2011-03-01 10:00:00,2,HOLDER,a,1", header=",".join(reversed(HEADER.split(","))))), PLAIN, {}),
    ("a column more in another file", several(text(ONE), text(TWO + ",x", header=HEADER + ",Extra")), PLAIN, {}),
    ("separators that differ between files", several(text(ONE), raw(f"{HEADER}\n{TWO}\n".replace(",", ";").encode())), PLAIN, {}),
    ("csv, gzip, parquet and excel at once", several(text(ONE), raw(gzip.compress(f"{HEADER}\n{TWO}\n".encode()), "y.csv.gz"), parquet(frame(CustomerID=pl.lit(5))), excel(("a", [ROWS[0], [*ROWS[1][:6], "77", "Italy"]]))), {"purchase": 5}, {}),
    ("a header without lines among others", several(text(ONE, TWO), text()), PLAIN, {}),
    ("the header again in the middle", text(ONE, HEADER, TWO), {"purchase": 2, "unreadable_quantity": 1}, {}),
    ("the same file twice", several(text(ONE), text(ONE)), {"purchase": 1, "duplicate": 1}, {}),
    ("hidden files in the folder", several(text(ONE, TWO), raw(b"\x00\x01", ".x.csv"), raw(b"{}", "readme.json")), PLAIN, {}),
    ("synonyms of Online Retail II", text(ONE, TWO, header="Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"), PLAIN, {}),
    ("month first, one line tells", text(good(InvoiceDate="12/1/2010 8:26"), good(InvoiceDate="3/15/2011 8:26")), PLAIN, {}),
    ("day first, one line tells", text(good(InvoiceDate="1.12.2010"), good(InvoiceDate="15.3.2011")), PLAIN, {}),
    ("day first, as was said", text(good(InvoiceDate="1.12.2010"), good(InvoiceDate="2.12.2010")), PLAIN, {"input__date_format": "day-first"}),
    ("dates that are the same either way", text(good(InvoiceDate="2/2/2011"), good(InvoiceDate="3/3/2011")), PLAIN, {}),
    ("another file tells the order", several(text(good(InvoiceDate="1/2/2011")), text(good(InvoiceDate="1/20/2011"))), PLAIN, {}),
    ("a pattern of one's own", text(good(InvoiceDate="2010~12~01")), {"purchase": 1}, {"input__date_format": "%Y~%m~%d"}),
    ("epoch seconds", text(good(InvoiceDate="1291191960")), {"purchase": 1}, {}),
    ("epoch milliseconds", text(good(InvoiceDate="1291191960000")), {"purchase": 1}, {}),
    ("dates with a zone", text(good(InvoiceDate="2010-12-01T08:26:00+01:00"), good(InvoiceDate="2010-12-01T09:26:00Z")), PLAIN, {}),
    ("iso dates in every length", text(*(good(InvoiceDate=d, CustomerID=str(n)) for n, d in enumerate(("2010-12-01", "2010-12-01 08:26", "2010-12-01T08:26:00", "2010-12-01 08:26:00.5", "20101201")))), {"purchase": 5}, {}),
    ("dates with names of months", text(good(InvoiceDate="01-Dec-2010 08:26"), good(InvoiceDate="2 December 2010")), PLAIN, {}),
    ("half past eight in the evening", text(good(InvoiceDate="12/21/2010 8:30 PM")), {"purchase": 1}, {}),
    ("dates outside 1970 to tomorrow", text(ONE, good(InvoiceDate="1969-12-31 23:00:00"), good(InvoiceDate="2999-01-01 00:00:00")), {"purchase": 1, "unreadable_ordered_at": 2}, {"cleaning__max_reject_share": 1.0}),
    ("decimal commas", raw(f"{HEADER}\n{ONE}\n{TWO}\n".replace(",", ";").replace("1.25", "1,25").replace("3.50", "1.003,50").encode()), PLAIN, {}),
    ("thousands separators, signs and brackets", raw(f"{HEADER}\n{ONE}\n{TWO}\n{ONE}\n".replace(",", ";").replace("1.25", "£1,234.50").replace("3.50", "(3.50)").encode()), {"purchase": 1, "duplicate": 1, "non_positive_price": 1}, {"cleaning__max_reject_share": 1.0}),
    ("a decimal comma among points", text(ONE, TWO, good(UnitPrice='"1,5"')), {"purchase": 2, "unreadable_unit_price": 1}, {}),
    ("prices that are finer than money", text(ONE, good(UnitPrice="1.00001")), {"purchase": 1, "unreadable_unit_price": 1}, {}),
    ("prices that are no numbers", text(ONE, TWO, good(UnitPrice="NaN"), good(UnitPrice="inf")), {"purchase": 2, "unreadable_unit_price": 2}, {}),
    ("amounts beyond 64 bits", text(ONE, good(UnitPrice="900000000000000", Quantity="100")), {"purchase": 1, "unreadable_amount": 1}, {}),
    ("a line amount", text("1,2011-03-01,5,7.50", "2,2011-03-02,5,-7.50", "3,2011-03-02,5,0", header="order,date,customer,amount"), {"purchase": 1, "return": 1, "zero_amount": 1}, {"columns__order_id": "order"}),
    ("customers, dates and amounts alone", text("2011-03-01,5,7.50", "2011-03-01,6,7.50", header="date,customer,amount"), PLAIN, {}),
    ("float ids in parquet", parquet(frame(CustomerID=pl.Series([17850.0, None]))), {"purchase": 1, "missing_customer": 1}, {}),
    ("a float id with a fraction", parquet(frame(CustomerID=pl.Series([17850.0, 1.5]))), {"purchase": 1, "unreadable_customer_id": 1}, {}),
    ("a float id in text that floats cannot hold", text(ONE, good(CustomerID="9007199254740993.0")), {"purchase": 1, "unreadable_customer_id": 1}, {}),
    ("types that differ between parquet files", several(parquet(frame()), parquet(frame(CustomerID=pl.Series([1.0, 2.0]), Quantity=pl.Series([1.0, 2.5])))), {"purchase": 3, "unreadable_quantity": 1}, {}),
    ("parquet in folders by country", hive, {"purchase": 4}, {}),
    ("categories, decimals and zones in parquet", parquet(frame(Country=pl.Series(["a", "b"], dtype=pl.Categorical), UnitPrice=pl.Series(["1.25", "3.50"]).cast(pl.Decimal(10, 2)), InvoiceDate=pl.Series(["2011-03-01", "2011-03-02"]).str.to_datetime(time_zone="Europe/London"))), PLAIN, {}),
    ("zones that nobody knows", arrow(InvoiceDate=instants(None, "+05:30")), {"purchase": 3}, {}),
    ("a zone of another planet in another column", arrow(Seen=instants(None, "Mars/Olympus")), {"purchase": 3}, {}),
    ("times at the ends of their range", arrow(InvoiceDate=instants(2**63 - 1)), {"purchase": 2, "unreadable_ordered_at": 1}, {}),
    ("times at the other ends, in a zone", arrow(InvoiceDate=instants(-(2**63) + 1, "Europe/Paris")), {"purchase": 2, "unreadable_ordered_at": 1}, {}),
    ("times that wrap around to this century", arrow(InvoiceDate=instants(2**64 // 1000 + 1_300_000_000_000, unit="ms")), {"purchase": 2, "unreadable_ordered_at": 1}, {}),
    ("times beyond the calendar in another column", arrow(Seen=instants(2**63 - 1, "Europe/Paris")), {"purchase": 3}, {}),
    ("days at the end of their range", arrow(InvoiceDate=pa.array([15_000, 15_001, 2**31 - 1], pa.int32()).cast(pa.date32())), {"purchase": 2, "unreadable_ordered_at": 1}, {}),
    ("1,000 columns", text(*(f"{one},{','.join('x' * 992)}" for one in (ONE, TWO)), header=f"{HEADER},{','.join(f'c{place}' for place in range(992))}"), PLAIN, {}),
    ("two sheets with the same header", excel(("2009", ROWS), ("2010", [ROWS[0], [*ROWS[1][:6], "3", "Italy"]])), {"purchase": 3}, {}),
    ("a sheet of notes", excel(("data", ROWS), ("notes", [["about"], ["this"]])), PLAIN, {}),
    ("empty rows in a sheet", excel(("data", [ROWS[0], ROWS[1], [], ROWS[2]])), PLAIN, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "expected", "settings"), [case[1:] for case in RIGHT], ids=[c[0] for c in RIGHT]
)
def test_the_right_answer_with_every_reject_counted(
    tmp_path: Path, make: Make, expected: dict[str, int], settings: dict[str, Any]
) -> None:
    made = given(tmp_path, make)
    account = through([made] if isinstance(made, str | Path) else made, tmp_path / "run", **settings)
    assert counts(account) == {name: n for name, n in expected.items() if n}
    assert account["rows_in"] == sum(expected.values())


def not_utf8(folder: Path) -> Path:
    path = folder / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(BYTES)
    return path


def far_cell(row: int, column: int) -> Make:
    """Return a maker of a workbook of some kilobytes with two lines, and a cell far from them."""
    cells: list[list[Any]] = [*ROWS, *([[]] * (row - len(ROWS) - 1)), [None] * (column - 1) + ["x"]]
    return excel(("data", cells))


def disappearing(folder: Path) -> Path:
    return folder / "*.csv"


def empty_folder(folder: Path) -> Path:
    path = folder / "x.csv"
    path.mkdir()
    return path


def zipped(folder: Path) -> Path:
    path = folder / "x.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("y.csv", BYTES)
    return path


WRONG: list[tuple[str, Make, int, str, list[str]]] = [
    ("nothing there", lambda folder: folder / "x.csv", 66, "no such file or folder", []),
    ("a glob that finds nothing", disappearing, 66, "no such file or folder", []),
    ("a link to nowhere", gone, 66, "cannot be read: No such file", []),
    ("a pipe", pipe, 66, "no regular file", []),
    ("an empty folder called x.csv", empty_folder, 66, "holds no file", []),
    ("no bytes", raw(b""), 65, "the file is empty", []),
    ("no bytes among others", several(text(ONE), raw(b"")), 65, "the file is empty", []),
    ("an empty gzip", raw(gzip.compress(b""), "x.csv.gz"), 65, "the file is empty", []),
    ("nothing but line ends", raw(b"\n\n\n"), 65, "expected a header", []),
    ("a header alone", text(), 65, "holds no lines", []),
    ("a truncated gzip", raw(gzip.compress(BYTES * 50)[:-9], "x.csv.gz"), 65, "damaged or breaks off", []),
    ("a damaged gzip", raw(gzip.compress(BYTES)[:30] + b"\x00\xff" + gzip.compress(BYTES)[32:], "x.csv.gz"), 65, "damaged or breaks off", []),
    ("an image called .csv", raw(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 99), 65, "no text by its content", []),
    ("a zip archive called .csv", zipped, 65, "zip archive", []),
    ("an old Excel file", raw(b"\xd0\xcf\x11\xe0" + bytes(99), "x.xls"), 65, "save it as .xlsx", []),
    ("a text called .parquet", raw(BYTES, "x.parquet"), 65, "not Parquet", []),
    ("a text called .xlsx", raw(BYTES, "x.xlsx"), 65, "not Excel", []),
    ("a parquet file that breaks off", truncated_parquet, 65, "damaged or breaks off", []),
    ("a parquet file with damaged pages", damaged_pages, 65, r"x\.parquet: the file is damaged", []),
    ("an Excel file that breaks off", raw(b"PK\x03\x04" + bytes(99), "x.xlsx"), 65, "damaged or breaks off", []),
    ("a zip that is no Excel file", lambda folder: zipped(folder).rename(folder / "x.xlsx"), 65, "Excel", []),
    ("an Excel file without a table", excel(("empty", [])), 65, "no sheet holds a table|required column", []),
    ("an Excel file beyond the budget", large_excel, 65, "needs about 6.. MB, the budget is 500 MB", ["--memory", "500MB"]),
    ("a column twice", text(ONE, header=HEADER.replace("Country", "Quantity")), 65, "names Quantity more than once", []),
    ("a column missing", text(ONE[:-7], header=HEADER.replace(",Country", "").replace("CustomerID", "Who")), 65, "1 required column.s. not found: customer_id", []),
    ("another schema in one file", several(text(ONE), text("1,2", header="a,b")), 65, "required column", []),
    ("no header", raw(f"{ONE}\n{TWO}\n".encode()), 65, "required column", []),
    ("a header that goes on over lines", text(ONE, header=HEADER.replace("CustomerID", '"Who\n\x1b[31m' + "x" * 9_999 + '"')), 65, "not found: customer_id.*Who .31mx+…", []),
    ("a mapped column missing", text(ONE), 65, "maps customer_id to 'Kunde'", ["--job", "kunde.toml"]),
    ("dates that could be either", text(good(InvoiceDate="1/2/2011"), good(InvoiceDate="3/4/2011")), 65, "may be day-first or month-first, and no line decides it: give --date-format", []),
    ("both orders in files of one header", several(text(good(InvoiceDate="13/2/2011")), text(good(InvoiceDate="2/13/2011"))), 65, "give --date-format", []),
    ("numbers that could be either", raw(f"{HEADER}\n{ONE}\n".replace(",", ";").replace("1.25", "1,250").encode()), 65, "--decimal", []),
    ("no date that can be read", text(good(InvoiceDate="soon")), 65, "none has a date", []),
    ("no purchase", text(good(Quantity="-1")), 65, "no purchase left", []),
    ("rubble", text(ONE, "x", "y", "z"), 65, "were rejected beyond missing customers", []),
    ("a column twice in parquet", twice, 65, "'Quantity' has more than one occurrence; write the file with each name once", []),
    ("no lines in parquet", parquet(frame().clear()), 65, "the input holds no lines; expected at least one", []),
    ("lists in parquet", parquet(frame(CustomerID=pl.Series([[1], [2]]))), 65, "is of type List", []),
    ("a line without an end", text(ONE, TWO, "x" * 33_000_000), 65, r"x\.csv: line 4 goes on for more than 32 MB", []),
    ("a field without an end in a gzip", raw(gzip.compress(BYTES + b'3,"' + b"y" * 40_000_000, 1), "x.csv.gz"), 65, r"x\.csv\.gz: line 4 goes on for more than 32 MB", []),
    ("a line of JSON without an end", raw(b'{"CustomerID": 7}\n{"CustomerID": "' + b"x" * 33_000_000, "x.jsonl"), 65, r"x\.jsonl: line 2 goes on for more than 32 MB", []),
    ("a text without an end in parquet", parquet(frame(Description=pl.Series(["HOLDER", "x" * 33_000_000]))), 65, r"x\.parquet: row 2, column 'Description': a value goes on for 33 MB, as no field of a table does", []),
    ("utf-16 without a mark that tells which", text(ONE, encoding="utf-16-le"), 65, "x.csv: is no utf-16: UTF-16 stream does not start with BOM; give another", ["--encoding", "utf-16"]),
    ("an encoding of host names", text(ONE), 65, "is no punycode: .*; give another", ["--encoding", "punycode"]),
    ("a quoted field without an end", text(ONE, good(Description='"HOLDER'), *[good(StockCode='""')] * 300_000), 65, r'x\.csv: line 3: a quote opens a field there that is not closed in the next 2..,... lines, .* set input.quote = ""', []),
    ("bytes without an end in another encoding", raw("\n".join([HEADER, ONE, "ü" * 33_000_000]).encode("latin-1")), 65, "line 3 goes on for more than 32 MB", []),
    ("a cell at the end of a sheet", far_cell(1_048_576, 101), 65, "sheet1 reaches to cell CW1048576: .* needs about 6,354 MB, the budget is 500 MB", ["--memory", "500MB"]),
    ("a cell in the last corner of a sheet", far_cell(1_048_576, 16_384), 65, "sheet1 reaches to cell XFD1048576: .* needs about 1,030,792 MB", []),
    ("columns without an end", text("1", header=",".join(f"c{place}" for place in range(20_000))), 65, "has 20,000 columns, at most 1,000 can be read", []),
    ("columns without an end in parquet", parquet(pl.DataFrame({f"c{place}": [1] for place in range(1_001)})), 65, "has 1,001 columns", []),
    ("prices that are days", parquet(frame(UnitPrice=pl.Series([1, 2]).cast(pl.Date))), 65, "column 'UnitPrice' is of type Date; expected numbers or text for unit_price", []),
    ("numbers of 60 digits in parquet", arrow(UnitPrice=pa.array([1, 2, 3], pa.decimal256(60, 2))), 65, "column 'UnitPrice' has numbers of 60 digits; at most 38", []),
    ("such numbers in a column without a use", arrow(Other=pa.array([1, 2, 3], pa.decimal256(60, 2))), 65, "column 'Other' has numbers of 60 digits", []),
    ("bytes that are no text", arrow(CustomerID=pa.array([b"\xff", b"a", b"b"])), 65, "cannot be read: invalid utf8", []),
    ("a name that is not UTF-8", not_utf8, 66, r"caf\\udce9.csv: the name is not UTF-8; rename it", []),
    ("such a name in a folder", lambda folder: not_utf8(folder).parent, 66, "the name is not UTF-8", []),
    ("more money than can be counted", text(*(good(UnitPrice="900000", Quantity="900000000", InvoiceNo=n, CustomerID=c) for c in ["77", "78"] for n in "1234")), 65, "purchases or returns of 77, 78 add up to more than 922,337,203,685,478 of money", []),
    ("more items than can be counted", text(*(good(UnitPrice="0.0001", Quantity=str(2**62), InvoiceNo=n) for n in "1234")), 65, "or 9,223,372,036,854,775,807 items", []),
    ("float ids beyond 2^53", parquet(frame(CustomerID=pl.Series([2.0**53, 1.0]))), 65, "2\\^53", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "code", "message", "arguments"), [case[1:] for case in WRONG], ids=[c[0] for c in WRONG]
)
def test_one_clear_line_and_nothing_left_behind(
    tmp_path: Path,
    make: Make,
    code: int,
    message: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    made = given(tmp_path, make)
    (tmp_path / "kunde.toml").write_text('[columns]\ncustomer_id = "Kunde"\n')
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert re.search(message, complaint(made, code, arguments, monkeypatch, capfd))
    assert sorted(tmp_path.rglob("*")) == before


def complaint(
    made: Made,
    code: int,
    arguments: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> str:
    """Run the command, which fails, and return the one line that it says."""
    monkeypatch.setattr(sys, "argv", ["segcore", "segment", str(made), "--out", "out", "-q", *arguments])
    with pytest.raises(SystemExit, match=str(code)):
        cli.main()
    said = capfd.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    return lines[0]


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    path.write_text(path.read_text() + ONE.replace("17850", "5") + "\n")


def shrink(path: Path) -> None:
    path.write_text(path.read_text()[:-60])


def rewrite(path: Path) -> None:
    path.write_text(path.read_text().replace("1.25", "9.25"))
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (vanish, 66, "moved while it was read"),
        (grow, 75, "has changed while it was read; run the same command again"),
        (shrink, 75, "has changed while it was read"),
        (rewrite, 75, "has changed while it was read"),
    ],
)
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path,
    change: Callable[[Path], None],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "x.csv"
    text(ONE, TWO, ONE.replace("17850", "4"))(tmp_path)
    understand = understand_formats.understand

    def meanwhile(*arguments: Any, **settings: Any) -> Any:
        found = understand(*arguments, **settings)
        change(path)
        return found

    monkeypatch.setattr(understand_formats, "understand", meanwhile)
    monkeypatch.chdir(tmp_path)
    assert re.search(message, complaint(path, code, [], monkeypatch, capfd))
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    text(ONE)(tmp_path)
    path.chmod(0)
    assert "Permission denied" in complaint(path, 66, [], monkeypatch, capfd)
