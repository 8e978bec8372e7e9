"""What counts as a purchase: rules of the job's own, in lines and money by hand, and what is said of bad ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors, job
from segcore.job.cleaning import CLASSES
from segcore.lines import cleaning, ledger
from segcore.selection import quality_gate
from tests.ingest.test_odd_inputs import Make
from tests.ingest.test_odd_inputs import given as made
from tests.ingest.test_right_or_refused import csv, spends, table
from tests.transaction_lines import through


@dataclass(frozen=True, kw_only=True)
class Counted:
    """An input, what each customer spent, and the lines and money of every class that has some."""

    name: str
    make: Make
    spend: dict[str, float]
    classes: dict[str, tuple[int, str]]
    settings: dict[str, Any] = field(default_factory=dict)


def by_state(folder: Path) -> Path:
    for n, state in enumerate(("paid", "void"), start=1):
        (folder / f"state={state}").mkdir()
        csv("customer_id,date,amount", f"a,2011-03-0{n},{n}")(folder / f"state={state}")
    return folder


# Amounts are powers of two, so that a sum tells which lines are in it.
ORDERS = csv(
    "customer_id,order_id,date,amount,Financial Status,test",
    "a,1,2011-03-01,1,paid,no",
    "a,2,2011-03-02,2,refunded,no",
    "b,3,2011-03-03,4, paid ,yes",
    "b,4,2011-03-04,8,,no",
    "c,5,2011-03-05,16,partially_refunded,no",
    ",6,2011-03-06,32,voided,no",
    "c,7,2011-03-07,x,voided,yes",
    "c,8,2011-03-08,64,NULL,yes",
)
KEEP = "\"Financial Status\" IN ('paid', 'partially_refunded')"
TEST = "lower(test) = 'yes'"

RULES = [
    Counted(
        name="which states are kept: what says none is not",
        make=ORDERS,
        settings={"cleaning__keep": KEEP},
        spend={"a": 1.0, "b": 4.0, "c": 16.0},
        classes={"purchase": (3, "21"), "not_kept": (5, "106")},
    ),
    Counted(
        name="rules by name, the first that applies, before which lines are kept and whose they are",
        make=ORDERS,
        settings={"cleaning__keep": KEEP, "cleaning__rules": {"test_order": TEST, "void": "order_id <> '1'"}},
        spend={"a": 1.0},
        classes={"purchase": (1, "1"), "test_order": (3, "68"), "void": (4, "58")},
    ),
    Counted(
        name="what stands above them: damaged lines and the window; what stands below: customers, values",
        make=ORDERS,
        settings={
            "cleaning__rules": {"void": "\"Financial Status\" = 'voided' AND test = 'yes'"},
            "features__window_from": "2011-03-02",
        },
        spend={"a": 2.0, "b": 12.0, "c": 80.0},
        classes={
            "outside_window": (1, "1"),
            "void": (1, "0"),
            "missing_customer": (1, "32"),
            "purchase": (5, "94"),
        },
    ),
    Counted(
        name="a rule that nothing is known for takes no line out",
        make=ORDERS,
        settings={"cleaning__rules": {"unpaid": f"NOT ({KEEP})"}},
        spend={"a": 1.0, "b": 12.0, "c": 80.0},
        classes={"purchase": (5, "93"), "unpaid": (3, "34")},
    ),
    Counted(
        name="a column that has a use of its own, by the name of the source",
        make=csv("customer_id,date,amount,quantity", "a,2011-03-01,1,x5", "a,2011-03-02,2,y"),
        settings={"cleaning__rules": {"odd": "quantity LIKE 'x%' OR CAST(amount AS DOUBLE) > 7"}},
        spend={"a": 2.0},
        classes={"purchase": (1, "2"), "odd": (1, "1")},
    ),
    *(
        Counted(
            name=f"numbers, flags and days of Parquet are texts, such as {condition}",
            make=table(
                "x.parquet",
                pl.DataFrame(
                    {
                        "customer_id": ["a", "a"],
                        "date": ["2011-03-01"] * 2,
                        "amount": [1, 2],
                        "flag": [True, False],
                        "code": [7, 12],
                        "sent": pl.Series([0, 86_400], dtype=pl.Int64).cast(pl.Datetime("ms")),
                        "state": pl.Series(["x", "y"], dtype=pl.Categorical),
                    }
                ).with_columns(pl.from_epoch(pl.Series([0, 86_400])).alias("sent")),
            ),
            settings={"cleaning__rules": {"out": condition}},
            spend={"a": 2.0},
            classes={"purchase": (1, "2"), "out": (1, "1")},
        )
        for condition in (
            "flag = 'true'",
            "code = '7'",
            "CAST(code AS INT) < 10",
            "sent < '1970-01-02'",
            "state = 'x'",
        )
    ),
    Counted(
        name="a state on an order's first line alone",
        make=csv(
            "Name,Email,Created at,amount,Financial Status,Lineitem fulfillment status,Cancelled at",
            "#1,a,2011-03-01,1,paid,fulfilled,",
            "#1,,,2,,,",
            "#2,b,2011-03-02,4,refunded,fulfilled,2011-03-03",
            "#2,,,8,,pending,",
            "#3,b,2011-03-04,16,paid,pending,",
        ),
        settings={
            "columns": {"order_id": "Name", "customer_id": "Email", "ordered_at": "Created at"},
            "input__fill_from": "order",
            # The state of a line is its own: a blank one is not filled.
            "cleaning__rules": {
                "cancelled": '"Cancelled at" IS NOT NULL',
                "pending": "\"Lineitem fulfillment status\" = 'pending'",
            },
            "cleaning__keep": "\"Financial Status\" = 'paid'",
        },
        spend={"a": 3.0},
        classes={"purchase": (2, "3"), "cancelled": (2, "12"), "pending": (1, "16")},
    ),
    Counted(
        name="a state in the names of folders",
        make=by_state,
        settings={"cleaning__keep": "state = 'paid'"},
        spend={"a": 1.0},
        classes={"purchase": (1, "1"), "not_kept": (1, "2")},
    ),
]


def money_of(account: dict[str, Any]) -> dict[str, tuple[int, Decimal]]:
    """Return lines and money of the classes of a ledger that have some."""
    classes = ((one["class"], one["rows"], Decimal(one["money"])) for one in account["classes"])
    return {name: (rows, money) for name, rows, money in classes if rows or money}


@pytest.mark.parametrize("case", RULES, ids=lambda case: case.name)
def test_lines_and_money_of_every_class(tmp_path: Path, case: Counted) -> None:
    inputs = made(tmp_path, case.make)
    account = through(
        [inputs] if isinstance(inputs, str | Path) else inputs, tmp_path / "run", **case.settings
    )
    assert money_of(account) == {
        name: (lines, Decimal(money)) for name, (lines, money) in case.classes.items()
    }
    assert spends(tmp_path / "run") == case.spend


STATES = ["paid", "void", "test", ""]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 99), st.sampled_from(STATES)), min_size=1),
    st.permutations(["paid", "void", "test"]).map(lambda states: states[:2]),
)
@settings(max_examples=15)
def test_rules_count_what_a_loop_counts(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int, str]], states: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    rows = [f"{who},{n},2011-03-01,{amount},{state}" for n, (who, amount, state) in enumerate(lines)]
    path = csv("customer_id,order_id,date,amount,state", "z,z,2011-03-01,1,kept", *rows)(folder)
    rules = {f"is_{state}": f"state = '{state}'" for state in states}
    account = through([str(path)], folder / "run", cleaning__rules=rules, cleaning__keep="state <> ''")
    found = {one["class"]: one["rows"] for one in account["classes"]}
    for state in states:
        assert found[f"is_{state}"] == sum(own == state for _, _, own in lines)
    assert found["not_kept"] == sum(own == "" for _, _, own in lines)
    assert sum(found.values()) == len(lines) + 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("keep = \"status IN ('paid'\"", "cleaning: keep: ends too early"),
        ('keep = "status"', "cleaning: keep: gives String, expected a condition"),
        ('keep = "TRUE"', "cleaning: keep: names no column of the source"),
        ('rules = { x = "count(status) > 1" }', "cleaning: rules.x: 'count' is of several lines"),
        ('rules = { x = "status > 5" }', "cleaning: rules.x: cannot compare string with numeric type"),
        ('rules = { x = "(SELECT 1) = a" }', "cleaning: rules.x: 'SELECT' at character 2 is not expected"),
        ("rules = { purchase = \"a = 'x'\" }", "'purchase' cannot name a rule"),
        ("rules = { not_kept = \"a = 'x'\" }\nkeep = \"a = 'x'\"", "'not_kept' cannot name a rule"),
        ("rules = { not_kept = \"a = 'x'\" }", "'not_kept' cannot name a rule"),
        ("rules = { unreadable_x = \"a = 'x'\" }", "'unreadable_x' cannot name a rule"),
        ('rules = { "No Test" = "a = \'x\'" }', "'No Test' cannot name a rule"),
    ],
)
def test_a_bad_rule_is_refused_before_any_line_is_read(table: str, said: str) -> None:
    with pytest.raises(errors.JobError, match=re.escape(said)):
        job.resolve(f"[cleaning]\n{table}\n")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            {"x": "statsu = 'paid'"},
            "cleaning.rules.x names 'statsu', which is not there .did you mean 'status'",
        ),
        (
            {"x": "CAST(status AS INT) > 1"},
            "in column 'status' for 1 out of 2 values: .* TRY_CAST gives NULL",
        ),
    ],
)
def test_a_rule_that_the_lines_do_not_bear_is_refused(
    tmp_path: Path, rules: dict[str, str], said: str
) -> None:
    path = csv("customer_id,date,amount,status", "a,2011-03-01,1,paid", "a,2011-03-01,2,7")(tmp_path)
    with pytest.raises(errors.DataError, match=said):
        through([str(path)], tmp_path / "run", cleaning__rules=rules)


def test_what_rules_take_out_is_no_fault_of_the_input() -> None:
    rules = job.Cleaning(rules={"test_order": "a = 'x'"}, keep="b = 'y'")
    rows = dict.fromkeys(cleaning.classes(rules), 0) | {"purchase": 1, "test_order": 50, "not_kept": 50}
    ledger.check(rows, rules)
    assert quality_gate.reject_share(rows, ledger.no_fault(rules)) == 0
    with pytest.raises(errors.DataError, match="50% of 203 lines"):
        ledger.check(rows | {"adjustment": 102}, rules)


def test_no_rule_may_have_the_name_of_a_class() -> None:
    every = {
        name for name in cleaning.classes(job.Cleaning(keep="a = 'x'")) if not name.startswith("unreadable_")
    }
    assert every == CLASSES
