"""The public data set, from a server on this machine that does what servers do."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import download, errors
from tests.test_cli import run
from tests.transaction_lines import HEADER, counts, through

# Two customers, 2 x 2.55 + 6 x 3.39 - 1 x 2.55 = 22.89.
LINES: list[tuple[Any, ...]] = [
    ("536365", "85123A", "HOLDER", 2, datetime(2010, 12, 1, 8, 26), 2.55, 17850, "France"),
    (536366, 22633, "WARMER", 6, datetime(2011, 1, 3, 10, 0), 3.39, 13047, "France"),
    ("C536367", "85123A", None, -1, datetime(2011, 1, 4, 9, 30), 2.55, None, "France"),
]
CONTENTS: Mapping[str, Any] = {"rows": 3, "customers": 2, "total": Decimal("22.89")}


def book(lines: list[tuple[Any, ...]], header: list[str] = HEADER) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"default_date_format": "m/d/yyyy h:mm", "in_memory": True})
    sheet = made.add_worksheet("Online Retail")
    sheet.write_row(0, 0, header)
    for number, entry in enumerate(lines, 1):
        sheet.write_row(number, 0, entry)
    made.close()
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


@pytest.fixture(scope="module")
def good() -> bytes:
    return zipped({"Online Retail.xlsx": book(LINES)})


@dataclass
class Server:
    """Serves `body`; the first answers break off after so many bytes."""

    url: str = ""
    body: bytes = b""
    breaks: list[int] = field(default_factory=list)
    kind: str = "application/zip"
    status: int = 0
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.status or 200)
            self.send_header("Content-Type", state.kind)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body[: state.breaks.pop(0)] if state.breaks else state.body)

        def log_message(self, *_: object) -> None: ...

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/online+retail.zip"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def get(server: Server, out: Path, expected: Mapping[str, Any] = CONTENTS) -> list[Path]:
    return download.download(out, url=server.url, timeout=10, expected=expected)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_lines_come_as_one_file_a_month(server: Server, good: bytes, tmp_path: Path) -> None:
    server.body = good
    made = get(server, tmp_path / "dump")
    assert left(tmp_path) == ["dump"]
    assert [path.name for path in made] == left(tmp_path / "dump") == ["2010-12.parquet", "2011-01.parquet"]
    df = pl.read_parquet(made)
    assert df.columns == HEADER
    assert df["InvoiceNo"].to_list() == ["536365", "536366", "C536367"]
    assert df["CustomerID"].to_list() == ["17850", "13047", None]
    assert df["InvoiceDate"].to_list() == [entry[4] for entry in LINES]
    assert df["UnitPrice"].to_list() == [2.55, 3.39, 2.55]
    account = through([tmp_path / "dump"], tmp_path / "run", cleaning__cancellation_prefix="C")
    assert counts(account) == {"purchase": 2, "missing_customer": 1}


def test_what_breaks_off_is_said_and_leaves_nothing(server: Server, good: bytes, tmp_path: Path) -> None:
    server.body, server.breaks = good, [1000]
    with pytest.raises(
        errors.UnreachableError, match=rf"broke off after 1,000 of {len(good):,} bytes; run the same command"
    ):
        get(server, tmp_path / "dump")
    assert left(tmp_path) == []
    get(server, tmp_path / "dump")
    assert left(tmp_path) == ["dump"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda: b"<!DOCTYPE html><title>Not here</title>", "no zip archive"),
        (lambda: zipped({"Online Retail.xlsx": b"not a book"}), "workbook cannot be read"),
        (lambda: zipped({"readme.txt": b""}), "holds 0 Excel files, expected one: 'readme.txt'"),
        (lambda: zipped({"a.xlsx": book(LINES), "b.xlsx": b""}), "holds 2 Excel files"),
        (
            lambda: zipped({"a.xlsx": book(LINES, [*HEADER[:7], "Land"])}),
            "CustomerID, Land; expected InvoiceNo",
        ),
        (
            lambda: zipped({"a.xlsx": book(LINES[:1])}),
            r"rows 1 \(expected 3\); customers 1 \(expected 2\); total 5.1000 \(expected 22.89\)",
        ),
        (
            lambda: zipped({"a.xlsx": book([*LINES[:2], (*LINES[2][:4], "soon", *LINES[2][5:])])}),
            "another data set than expected: 1 lines without a date",
        ),
    ],
)
def test_what_is_not_the_data_set_is_refused_and_leaves_nothing(
    server: Server, tmp_path: Path, body: Callable[[], bytes], message: str
) -> None:
    server.body = body()
    with pytest.raises(errors.DataError, match=message) as caught:
        get(server, tmp_path / "dump")
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_a_name_that_leads_elsewhere_is_not_followed(server: Server, tmp_path: Path) -> None:
    server.body = zipped({"../../Online Retail.xlsx": book(LINES), "/etc/b.txt": b"", "..\\c.txt": b""})
    get(server, tmp_path / "deep/down/dump")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "2010-12.parquet",
        "2011-01.parquet",
    ]


def test_a_web_page_is_refused(server: Server, tmp_path: Path) -> None:
    server.body, server.kind = b"<html>log in first</html>" * 100, "text/html; charset=utf-8"
    with pytest.raises(errors.DataError, match=r"a web page came .*expected a zip archive"):
        get(server, tmp_path / "dump")
    assert left(tmp_path) == []


def test_far_too_much_is_refused(
    server: Server, good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = good
    monkeypatch.setattr(download, "LARGEST", len(good) - 1)
    with pytest.raises(errors.DataError, match=r"more than .* bytes came"):
        get(server, tmp_path / "dump")
    server.body = zipped({"a.xlsx": bytes(len(good))})
    with pytest.raises(errors.DataError, match=r"unpacks to .* bytes, expected at most"):
        get(server, tmp_path / "dump")
    assert left(tmp_path) == []


def test_a_member_that_lies_about_its_size_is_refused(server: Server, tmp_path: Path) -> None:
    server.body = zipped({"a.xlsx": bytes(6000)}).replace(
        (6000).to_bytes(4, "little"), (60).to_bytes(4, "little")
    )
    with pytest.raises(errors.DataError, match="a damaged one"):
        get(server, tmp_path / "dump")
    assert left(tmp_path) == []


def test_an_answer_that_is_no_file_is_unreachable(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(errors.UnreachableError, match="the server answers 503 Service Unavailable"):
        get(server, tmp_path / "dump")
    with pytest.raises(errors.UnreachableError, match="is no address"):
        download.download(tmp_path / "dump", url="file:///etc/passwd")
    assert left(tmp_path) == []


def test_a_proxy_of_the_environment_is_asked(
    server: Server, good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = good
    monkeypatch.setenv("http_proxy", server.url.rsplit("/", 1)[0])
    download.download(tmp_path / "dump", url="http://data.invalid/a.zip", timeout=10, expected=CONTENTS)
    assert server.asked == ["http://data.invalid/a.zip"]


def test_the_command_says_what_failed(
    server: Server,
    good: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(out: Path, url: str) -> tuple[int, str]:
        code = run(monkeypatch, "download", "online-retail", "--out", str(out), "--url", url)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.count("\n") == 1
        return code, shown.err

    server.body = good  # three lines, not the data set
    assert fails(tmp_path / "dump", server.url)[0] == 65
    code, said = fails(tmp_path / "dump", "http://127.0.0.1:9/a.zip")
    assert (code, "refused" in said) == (69, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a.txt").touch()
    assert fails(tmp_path / "full", server.url)[0] == 73
    assert fails(tmp_path / "full/a.txt/dump", server.url)[0] == 73
    assert left(tmp_path) == ["full"]


@pytest.mark.slow
def test_the_real_lines(server: Server, online_retail: Path, tmp_path: Path) -> None:
    df = pl.read_csv(
        online_retail / "*.csv",
        schema_overrides=dict.fromkeys(("InvoiceNo", "StockCode", "CustomerID"), pl.String),
        try_parse_dates=True,
    )
    df = df.with_columns(pl.col("CustomerID").str.strip_suffix(".0").cast(pl.Int64))
    out = io.BytesIO()
    df.write_excel(out, dtype_formats={pl.Datetime: "m/d/yyyy h:mm"}, float_precision=3)
    server.body = zipped({"Online Retail.xlsx": out.getvalue()})
    made = get(server, tmp_path / "dump", download.EXPECTED)
    assert len(made) == 13
    ledgers = [
        through(given, tmp_path / name)["classes"]
        for name, given in (("csv", [online_retail]), ("parquet", [tmp_path / "dump"]))
    ]
    assert ledgers[0] == ledgers[1]
    parts = [
        (tmp_path / name / "customers/features/part-00000.parquet").read_bytes()
        for name in ("csv", "parquet")
    ]
    assert parts[0] == parts[1]
