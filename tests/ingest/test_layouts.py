"""Files that are laid out in another way than a header and separated fields: the same lines come out of all of them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segcore import errors, ingest, job
from segcore.pipeline.core.job_file import with_clock
from segcore.pipeline.lines import understand_formats
from tests.transaction_lines import CLOCK, NOW, prepared

LINES = [("a", "2024-03-01", "1.50"), ("a", "2024-03-02", "12.00"), ("b", "2024-03-01", "7.25")]
HEADER = ("customer_id", "date", "amount")
Make = Callable[[Path], Path]


def text(*lines: str, name: str = "x.csv", encoding: str = "utf-8", end: str = "\n") -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    return make


def csv(*above: str, separator: str = ",", **form: str) -> Make:
    rows = (HEADER, *LINES)
    return text(*above, *(separator.join(row) for row in rows), **form)


def workbook(**sheets: Sequence[Sequence[object]]) -> Make:
    import xlsxwriter

    def make(folder: Path) -> Path:
        path = folder / "x.xlsx"
        with xlsxwriter.Workbook(path) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for place, row in enumerate(rows):
                    sheet.write_row(place, 0, row)
        return path

    return make


def archive(files: dict[str, bytes]) -> Make:
    def make(folder: Path) -> Path:
        path = folder / "x.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in files.items():
                packed.writestr(name, data)
        return path

    return make


def json_lines(end: str = "\n") -> bytes:
    objects = [json.dumps({"customer": {"id": c}, "date": d, "amount": float(a)}) for c, d, a in LINES]
    return "".join(one + end for one in objects).encode()


PLAIN = ("\n".join(",".join(row) for row in (HEADER, *LINES)) + "\n").encode()
ROWS = [HEADER, *LINES]
BY_NUMBER = {"columns": {"customer_id": 1, "ordered_at": 2, "line_amount": 3}, "input": {"header": False}}
BLANKS = [" {:<6}{}  {:>6} ".format(*row) for row in LINES]
FIXED = ["".join(field.ljust(width) for field, width in zip(row, (12, 11, 6), strict=True)) for row in ROWS]

READ: dict[str, tuple[Make, dict[str, Any], str]] = {
    "a title above": (csv("Sales report", ""), {}, "2 line(s) above the header"),
    "a title in quotes": (csv('"Sales, of\nspring",,'), {}, "2 line(s) above"),
    "a title and a period": (csv("Report;;", "From;1.1.2024;", ";;", separator=";"), {}, "3 line(s) above"),
    "a title in another encoding": (
        csv("Umsätze", encoding="utf-16", end="\r\n"),
        {},
        "1 line(s) above",
    ),
    "a title above old line ends": (csv("Sales", end="\r"), {}, "1 line(s) above"),
    "a title above names that nobody knows": (
        text("Sales", "", "wer,wann,wieviel", *(",".join(row) for row in LINES)),
        {"columns": {"customer_id": "wer", "ordered_at": "wann", "line_amount": "wieviel"}},
        "2 line(s) above",
    ),
    "lines that are passed over": (csv("a,b,c", "d,e,f"), {"input": {"skip_lines": 2}}, "2 line(s) above"),
    "empty lines above": (csv("", ""), {}, ""),
    "no header": (text(*(",".join(row) for row in LINES)), BY_NUMBER, ""),
    "no header, semicolons and quotes": (
        text(*(";".join(f'"{field}"' for field in row) for row in LINES)),
        BY_NUMBER,
        "",
    ),
    "columns by number below a header": (
        csv(),
        {"columns": {"customer_id": 1, "ordered_at": "2", "line_amount": 3}},
        "",
    ),
    "several blanks and no header": (text(*BLANKS, name="x.txt"), BY_NUMBER, "one blank or more"),
    "several blanks": (
        text("customer_id   date    amount", *BLANKS, name="x.txt", end="\r\n"),
        {},
        "one blank or more",
    ),
    "several blanks, by the job": (
        text("customer_id date amount", *BLANKS),
        {"input": {"separator": " "}},
        "one blank or more",
    ),
    "fixed widths": (text(*FIXED), {"input": {"widths": [12, 11, 6]}}, ""),
    "fixed widths without a header": (
        text(*FIXED[1:]),
        {"columns": BY_NUMBER["columns"], "input": {"header": False, "widths": [12, 11, 6]}},
        "",
    ),
    "a workbook with a title": (workbook(Report=[["Sales 2024"], [], *ROWS]), {}, "2 row(s) above"),
    "a workbook without a header": (workbook(Report=LINES), BY_NUMBER, ""),
    "a workbook of five sheets": (
        workbook(
            Notes=[["see", "below", "please"]], Jan=ROWS[:2], Feb=[HEADER, *LINES[1:]], Prices=[["sku"], ["a"]], Empty=[]
        ),
        {},
        "sheet(s) Notes, Prices have another header",
    ),
    "a sheet by name": (
        workbook(Other=[HEADER, LINES[0]], Lines=ROWS),
        {"input": {"sheet": "Lines"}},
        "",
    ),
    "JSON lines": (text(*json_lines().decode().splitlines(), name="x.jsonl"), {}, ""),
    "JSON lines in gzip": (
        lambda folder: _written(folder / "x.ndjson.gz", gzip.compress(json_lines("\r\n"))),
        {},
        "",
    ),
    "an archive": (archive({"x.csv": PLAIN}), {}, ""),
    "an archive of several kinds": (
        archive(
            {
                "a.csv": b"Sales\n\n" + PLAIN[: PLAIN.index(b"b,")],
                "in/b.csv.gz": gzip.compress(b"customer_id,date,amount\nb,2024-03-01,7.25\n"),
                "__MACOSX/c.csv": b"x",
                "notes.md": b"x",
            }
        ),
        {},
        "2 line(s) above",
    ),
    "an archive with JSON lines": (archive({"x.jsonl": json_lines()}), {}, ""),
}  # fmt: skip


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(path: Path, settings: dict[str, Any]) -> tuple[list[tuple[str, ...]], str]:
    given = job.Job.model_validate(settings)
    source = prepared([path], given)
    lf = pl.concat(ingest.scan(group) for group in source.file_groups)
    df = lf.filter(~pl.col("malformed")).select("customer_id", "ordered_at", "line_amount").collect()
    said = "; ".join(note for file in source.files for note in file.notes)
    return sorted((c, d, f"{float(a):.2f}") for c, d, a in df.iter_rows()), said


@pytest.mark.parametrize("name", READ)
def test_the_same_lines_come_out(tmp_path: Path, name: str) -> None:
    make, settings, said = READ[name]
    lines, notes = read(make(tmp_path), settings)
    assert lines == sorted(LINES)
    assert said in notes
    assert bool(said) == bool(notes)


REFUSED: dict[str, tuple[Make, dict[str, Any], str]] = {
    "no header, and nobody says so": (
        text(*(",".join(row) for row in LINES)),
        {},
        r"the first line looks like data, such as '2024-03-01': input\.header = false",
    ),
    "a number beyond the columns": (csv(), {"columns": {"customer_id": 4}}, "maps customer_id to '4'"),
    "a sheet that is not there": (
        workbook(Jan=ROWS, Feb=ROWS),
        {"input": {"sheet": "Feb."}},
        r"no sheet 'Feb\.' \(did you mean 'Feb'\?\); sheets: Jan, Feb",
    ),
    "two sheets that could be meant": (
        workbook(Lines=ROWS, Orders=[[*HEADER, "status"], [*LINES[0], "paid"]]),
        {},
        r"sheets Lines, Orders have different headers, .* input\.sheet names",
    ),
    "sheets without what is needed": (
        workbook(Notes=[["a", "b"]], Prices=[["sku", "date"]]),
        {},
        r"required .*sheet\(s\) Prices have another header",
    ),
    "nothing below what is passed over": (csv(), {"input": {"skip_lines": 9}}, "nothing stands below"),
    "one list of objects": (text("[", '{"customer": 1},', "]", name="x.json"), {}, "expected JSON lines"),
    "orders with their lines": (
        text('{"customer": 1, "items": [{"sku": 2}]}', name="x.jsonl"),
        {},
        "'items' holds a list of objects; expected one line of JSON for each line",
    ),
    "an archive in an archive": (
        archive({"x.zip": b"PK\x03\x04" + bytes(40)}),
        {},
        r"holds no file to read; it holds .*x\.zip",
    ),
    "an archive that breaks off": (
        lambda folder: _written(folder / "x.zip", archive({"x.csv": PLAIN})(folder).read_bytes()[:-30]),
        {},
        "is damaged or breaks off",
    ),
    "an archive that is much larger inside": (
        archive({"x.csv": PLAIN + bytes(101_000_000)}),
        {},
        "would be 101 MB; unpack the archive if that is right",
    ),
    "lines without a quantity": (
        text("customer_id,date,price", "a,2024-03-01,1.50"),
        {},
        r"not found: quantity \(input\.one_each = true if every line is one item",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_known_is_asked(tmp_path: Path, name: str) -> None:
    make, settings, message = REFUSED[name]
    with pytest.raises((errors.DataError, errors.InputNotFoundError), match=message):
        read(make(tmp_path), settings)


def test_members_are_never_written_by_their_own_names(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("../../outside.csv", PLAIN)
        packed.writestr("/root.csv", PLAIN)
    before = sorted(tmp_path.parent.iterdir())
    assert len(read(path, {})[0]) == 2 * len(LINES)
    assert sorted(tmp_path.parent.iterdir()) == before
    assert not Path("/root.csv").exists()


def test_an_archive_that_changes_is_seen(tmp_path: Path) -> None:
    (source,) = ingest.discover([archive({"x.csv": PLAIN})(tmp_path)])
    assert not ingest.has_changed(source)
    _written(Path(source.path), Path(source.path).read_bytes() + b" ")
    assert ingest.has_changed(source)


def test_lines_of_json_that_are_no_objects_are_malformed(tmp_path: Path) -> None:
    odd = ["{", "7", '{"customer": 1, "customer": 2}']
    lines = (
        '{"customer": 18446744073709551617, "amount": 0.10}',
        *odd,
        "",
        '{"customer": "\\ud800", "date": null, "new": [1]}',
    )
    columns = {"customer_id": "customer", "ordered_at": "date", "line_amount": "amount"}
    source = prepared([text(*lines, name="x.jsonl")(tmp_path)], job.Job(columns=columns))
    df = ingest.scan(source.file_groups[0]).sort("record").collect()
    assert df["record"].to_list() == [1, 2, 3, 4, 6]
    assert df["malformed"].to_list() == [False, True, True, True, False]
    assert df["text"].to_list() == [None, *odd, None]
    assert [df["customer_id"][0], df["customer_id"][4]] == ["18446744073709551617", "?"]
    assert df["line_amount"][0] == "0.10"


def test_date_and_time_of_two_columns_are_one_time(tmp_path: Path) -> None:
    lines = ("who;day;clock;amount", "a;2024-03-01;10:30;1", "b;2024-03-02;;2", "c;;11:00;3")
    given = job.Job(columns={"customer_id": "who", "ordered_at": ["day", "clock"]})
    (group,) = prepared([text(*lines)(tmp_path)], given).file_groups
    assert ingest.scan(group).collect()["ordered_at"].to_list() == ["2024-03-01 10:30", "2024-03-02", None]


def test_lines_without_a_quantity_are_one_each_where_the_job_says_so(tmp_path: Path) -> None:
    path = text("customer_id,date,price", "a,2024-03-01,1.50")(tmp_path)
    (group,) = prepared([path], job.Job(input=job.Input(one_each=True))).file_groups
    assert ingest.scan(group).select("quantity", "unit_price").collect().row(0) == ("1", "1.50")
    path.write_text("customer_id,date,price,qty\na,2024-03-01,1.50,3\n")
    (group,) = prepared([path], job.Job(input=job.Input(one_each=True))).file_groups
    assert ingest.scan(group).select("quantity", "unit_price").collect().row(0) == ("3", "1.50")


def test_two_layouts_in_one_folder_stop_a_run_unless_it_leaves_one_aside(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text("sku,stock\na,1\n")
    (tmp_path / "1.csv").write_bytes(PLAIN)
    (tmp_path / "2.csv").write_text("name,city\na,b\n")
    with pytest.raises(
        errors.DataError,
        match=r'2 of 3 files differ from the others: .*0\.csv, .*2\.csv: .*other_layouts = "leave"',
    ):
        read(tmp_path, {})
    source = prepared([tmp_path], job.Job(input=job.Input(other_layouts="leave")))
    assert [(file.number, Path(file.source.path).name) for file in source.files] == [(0, "1.csv")]
    assert [Path(name).name for name in source.aside] == ["0.csv", "2.csv"]
    (tmp_path / "1.csv").unlink()
    with pytest.raises(errors.DataError, match=r"0\.csv: 4 required column"):
        read(tmp_path, {"input": {"other_layouts": "leave"}})


# A writer of many dialects: the reader gives the same lines, or stops.
_NAMES = st.text("abz AÖé你好Жß019.#&/-", min_size=1, max_size=8).map(lambda name: f"n{name}".strip())
_LINES = st.lists(
    st.tuples(_NAMES, st.dates(date(1990, 1, 1), date(2023, 12, 31)), st.integers(-(10**7), 10**7)),
    min_size=1,
    max_size=8,
)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file is written."""

    above: int
    separator: str
    end: str
    encoding: str
    quoted: bool
    comma: bool
    header: Sequence[str]
    order: Sequence[int]
    packed: str


_DIALECTS = st.builds(
    Dialect,
    above=st.integers(0, 3),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoted=st.booleans(),
    comma=st.booleans(),
    header=st.sampled_from(
        [
            HEADER,
            ("Kundennummer", "Bestelldatum", "Betrag"),
            ("Cliente", "Fecha", "Importe"),
            ("客户ID", "日期", "金额"),
        ]
    ),
    order=st.permutations(range(3)),
    packed=st.sampled_from(["", "gz", "zip"]),
)


def written(lines: Sequence[tuple[str, date, int]], how: Dialect, folder: Path) -> Path:
    """Write lines in a dialect."""
    mark = "," if how.comma else "."
    rows: list[Sequence[str]] = [how.header]
    rows += [
        (name, day.isoformat(), f"{'-' * (cents < 0)}{abs(cents) // 100}{mark}{abs(cents) % 100:02}")
        for name, day, cents in lines
    ]
    rows = [[row[place] for place in how.order] for row in rows]
    quote = how.quoted or (how.comma and how.separator == ",")
    fields = ([f'"{field}"' if quote else field for field in row] for row in rows)
    text = how.end.join([*["Sales of all shops"] * how.above, *map(how.separator.join, fields), ""])
    data = text.encode(how.encoding)
    if how.packed == "zip":
        return archive({"x.csv": data})(folder)
    return _written(
        folder / f"x.csv{'.gz' * (how.packed == 'gz')}", gzip.compress(data) if how.packed == "gz" else data
    )


@given(lines=_LINES, how=_DIALECTS)
@hypothesis_settings(max_examples=60)
def test_any_dialect_gives_the_same_lines_or_stops(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, date, int]], how: Dialect
) -> None:
    folder = tmp_path_factory.mktemp("dialect")
    path = written(lines, how, folder)
    source = prepared([path])
    settings = with_clock(source.settings, CLOCK)
    formats = understand_formats.understand(source, settings, every=True)
    lf = pl.concat(
        ingest.read_values(ingest.scan(group), group, form, settings, latest=NOW)
        for group, form in zip(source.file_groups, formats, strict=True)
    )
    df = lf.select("bare_customer_id", pl.from_epoch("ordered_at").dt.date(), "line_amount").collect()
    assert sorted(df.iter_rows()) == sorted((name, day, cents * 100) for name, day, cents in lines)
