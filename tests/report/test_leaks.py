"""A report names nobody: e-mail addresses and phone numbers, put into every class of line, are in no page and no log."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from segcore import report, segment
from segcore.changes.summary import summarise
from segcore.report.report_data import load
from tests.conftest import QUICK

COLUMNS = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
MAIL, PHONE = "jo.doe{}@mail.example", "+44 20 7946 {:04}"
JOB = {
    **QUICK,
    "models.families": ["kmeans", "hierarchical"],
    "selection.k": 3,
    "cleaning.cancellation_prefix": "C",
    "cleaning.adjustment_prefix": "A",
    "cleaning.not_products": ["POST"],
    "cleaning.exclude_customers": [MAIL.format(9001), PHONE.format(9001)],
    "cleaning.rejects": "all",
    "gate.max_moved_share": 1.0,
    "features.window": "365d",
    "input.encoding": "utf8",
}


def person(number: int) -> str:
    return (MAIL if number % 2 else PHONE).format(number)


def purchases(seed: int, days: int) -> list[str]:
    """Return lines of 150 customers of three kinds, and of one who has far more lines than all others."""
    draw = random.Random(seed)
    lines = [
        f"{1000 * c + o},P{draw.randrange(9)},A THING,{1 + c % 3 * 4},2011-{1 + (o + c) % 12:02}-{1 + (days + c) % 28:02},{1 + c % 5}.50,{person(c)},United Kingdom"
        for c in range(1, 151)
        for o in range(1 + c % 3 * draw.randrange(1, 4))
    ]
    return lines + [
        f"G{o},P{o % 9},A THING,2,2011-06-{1 + o % 28:02},2.00,{person(7777)},France" for o in range(400)
    ]


def line(**values: str) -> str:
    """Return a line of every text a person: the values say what is wrong with it."""
    there = {
        "order": person(8001), "product": person(8002), "text": person(8003), "quantity": "2", "date": "2011-05-05",
        "price": "1.25", "customer": person(8004), "country": person(8005),
    }  # fmt: skip
    return ",".join((there | values).values())


CLASSES = {
    "malformed_line": line() + f",{person(8006)},{person(8007)}",
    "undecodable_text": line(country=f"caf\udce9 {person(8008)}"),
    "outside_window": line(date="2009-01-01"),
    "missing_customer": line(customer=""),
    "excluded_customer": line(customer=MAIL.format(9001)),
    "unreadable_quantity": line(quantity=person(8009)),
    "unreadable_ordered_at": line(date=person(8010)),
    "unreadable_unit_price": line(price=person(8011)),
    "adjustment": line(order=f"A{person(8012)}"),
    "not_a_product": line(product="POST"),
    "non_positive_price": line(price="0"),
    "non_positive_quantity": line(quantity="-3"),
    "duplicate": "1001,P1,A THING,2,2011-03-03,1.50,jo.doe1@mail.example,United Kingdom",
    "return": line(order=f"C{person(8013)}", quantity="-1", customer=person(4)),
}


def dump(path: Path, seed: int, days: int) -> Path:
    rows = [*purchases(seed, days), *CLASSES.values(), CLASSES["duplicate"]]
    path.write_bytes("\n".join([COLUMNS, *rows]).encode(errors="surrogateescape") + b"\n")
    return path


def leaked(text: str) -> list[str]:
    digits = re.sub(r"[\s()+.-]", "", text)
    return re.findall(r".{30}(?:jo.doe|%40|mail.example).{20}", text) + re.findall(r"4420794\d*", digits)


def test_nobody_is_named_in_a_report_or_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    segment(dump(tmp_path / "1.csv", 1, 3), out, overrides=JOB, log_format="text")
    run = segment(dump(tmp_path / "2.csv", 2, 11), out, overrides=JOB, log_format="json")
    log = capsys.readouterr().err
    ledger = json.loads((run.folder / "ledger.json").read_text())
    met = {row["class"] for row in ledger["classes"] if row["rows"]}
    assert met >= {*CLASSES, "purchase"}
    assert "one customer, of an id that begins with" in log
    moves = load(run.folder).movement
    assert moves is not None
    said = [json.loads(line)["message"] for line in log.splitlines() if line.startswith("{")]
    assert said[-2:] == [summarise(moves).text(), f"report: {run.report}"]

    page, text = run.report.read_text(encoding="utf-8"), report.build_markdown(run.folder)
    assert [leaked(shown) for shown in (page, text, log)] == [[], [], []]
    with_ids = report.build(run.folder, show_ids=True)
    assert {where for where in ("jo.doe", "7946") if where in with_ids} == {"jo.doe", "7946"}
