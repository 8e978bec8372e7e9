"""Columns that may say that a line is no purchase: counted, warned about, and written as rules to take or leave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segcore.pipeline import inspect_input
from tests.ingest.test_right_or_refused import csv
from tests.transaction_lines import through

HEADER = "customer_id,order_id,date,amount,Financial Status,is test,Cancelled at,note,channel"
# Amounts are powers of two, so that a sum tells which lines are in it.
LINES = (
    "a,1,2011-03-01,1,paid,no,,n1,web",
    "a,2,2011-03-02,2,refunded,no,,n2,shop",
    "b,3,2011-03-03,4, paid ,yes,,n3,web",
    "b,4,2011-03-04,8,,no,2011-03-05,n4,web",
    "c,5,2011-03-05,16,partially_refunded,no,,n5,shop",
    ",6,2011-03-06,32,voided,no,,n6,web",
    "c,8,2011-03-08,64,it's void,yes,,n7,web",
)


def rows(text: str) -> list[str]:
    return [" ".join(row.split()) for row in text.splitlines()]


def test_they_are_counted_in_lines_and_money_of_what_would_count(tmp_path: Path) -> None:
    csv(HEADER, *LINES)(tmp_path)
    said = rows(inspect_input(tmp_path, full=True))
    at = said.index("'Financial Status'")
    assert said[at + 1 : at + 6] == [
        "paid 2 5.00",
        "empty 1 8.00",
        "it's void 1 64.00",
        "partially_refunded 1 16.00",
        "refunded 1 2.00",
    ]
    assert said[said.index("'is test'") + 1 :][:2] == ["no 4 27.00", "yes 2 68.00"]
    assert said[said.index("'Cancelled at'") + 1 :][:2] == ["given 1 8.00", "empty 5 87.00"]
    assert not {"'note'", "'channel'"} & {*said}
    warned = [row for row in said if "may be no purchases by their" in row]
    assert [re.findall(r"(\S+) lines with (\S+) .* '([^']*)' \((.*)\)", row) for row in warned] == [
        [("1", "8.00", "Cancelled at", "given")],
        [("2", "66.00", "Financial Status", "it's void, refunded")],
        [("2", "68.00", "is test", "yes")],
    ]


def test_the_rules_of_the_job_that_is_written_take_them_out(tmp_path: Path) -> None:
    path = csv(HEADER, *LINES)(tmp_path)
    inspect_input(path, full=True, write_job_to=tmp_path / "j.toml")
    text = (tmp_path / "j.toml").read_text()
    assert text.count("\n# Without the # in front") == 3
    assert "\n[cleaning.rules]\n# Values of 'Cancelled at' in lines that count: given (1 lines, 8.00)" in text
    (tmp_path / "k.toml").write_text(re.sub(r'(?m)^# (\w+ = ".*)', r"\1", text))
    said = rows(inspect_input(path, job=tmp_path / "k.toml", full=True))
    for row in ("cancelled_at 1 14.3%", "financial_status 2 28.6%", "is_test 1 14.3%", "purchase 2 28.6%"):
        assert row in said
    assert not any("may be no purchases" in row for row in said)
    # As it was written, nothing is taken out.
    assert "purchase 6 85.7%" in rows(inspect_input(path, job=tmp_path / "j.toml", full=True))


@pytest.mark.parametrize(
    ("column", "values", "listed"),
    [
        ("status", ["paid", "open", "paid", "open"], True),
        ("status", ["paid"] * 4, False),
        ("kind", ["sale", "Refund", "sale", "Refund"], True),
        ("kind", ["sale", "gift", "sale", "gift"], False),
        ("kind", ["sale", "not refunded", "sale", "not refunded"], False),
        ("contest", ["yes", "no", "yes", "no"], False),
        ("refunded", ["0", "1", "0", "0"], True),
        ("refunded amount", ["0.00", "3.50", "0.00", "7.25"], False),
        ("Statut", ["payé", "annulé", "payé", "remboursé"], True),
        ("状态", ["已付款", "已取消", "已付款", "已付款"], True),
        ("reason", ["cancelled by a", "b", "c", "d"], False),
    ],
)
def test_which_columns_look_like_it(tmp_path: Path, column: str, values: list[str], listed: bool) -> None:
    lines = (f"a,{n},2011-03-01,1,{value}" for n, value in enumerate(values))
    said = rows(inspect_input(csv(f"customer_id,order_id,date,amount,{column}", *lines)(tmp_path), full=True))
    assert (f"'{column}'" in said) == listed


def test_a_state_on_the_first_line_of_an_order_is_that_of_all_its_lines(tmp_path: Path) -> None:
    path = csv(
        "order_id,customer_id,date,amount,status",
        "1,a,2011-03-01,1,paid",
        "1,,,2,",
        "2,b,2011-03-02,4,voided",
        "2,,,8,",
    )(tmp_path)
    (tmp_path / "j.toml").write_text('[input]\nfill_from = "order"\n')
    said = rows(inspect_input(path, job=tmp_path / "j.toml", full=True))
    assert said[said.index("'status'") + 1 :][:2] == ["paid 2 3.00", "voided 2 12.00"]
    account = through(
        [str(path)], tmp_path / "run", input__fill_from="order", cleaning__keep="status = 'paid'"
    )
    assert {one["class"]: one["rows"] for one in account["classes"] if one["rows"]} == {
        "purchase": 2,
        "not_kept": 2,
    }
