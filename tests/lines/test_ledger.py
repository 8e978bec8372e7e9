"""The account of every line, and when there is too little to build on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from segcore import errors, job
from segcore.lines import cleaning, ledger
from segcore.records.ledger import Amount, Discounts

HALF = job.Cleaning(max_reject_share=0.5)


def lines(**rows: int) -> dict[str, int]:
    """Return so many lines of each class."""
    return dict.fromkeys(cleaning.classes(HALF), 0) | rows


@pytest.mark.parametrize(
    "rows",
    [
        {"purchase": 5, "duplicate": 6},
        {"purchase": 5, "non_positive_price": 3, "duplicate": 3},
        {"purchase": 2, "return": 3, "unreadable_quantity": 6},
        {"purchase": 5, "excluded_customer": 6, "outside_window": 90},
    ],
)
def test_more_rejects_than_the_job_allows_are_refused(rows: dict[str, int]) -> None:
    with pytest.raises(errors.DataError, match="55% of 11 lines were rejected beyond missing customers"):
        ledger.check(lines(**rows), HALF)


@pytest.mark.parametrize(
    "rows",
    [
        {"purchase": 5, "duplicate": 5},
        {"purchase": 2, "return": 3, "duplicate": 2, "zero_amount": 3},
        {"purchase": 1, "missing_customer": 90},
        {"purchase": 1, "outside_window": 90},
    ],
)
def test_as_many_rejects_as_the_job_allows_are_no_fault(rows: dict[str, int]) -> None:
    ledger.check(lines(**rows), HALF)


def test_the_reasons_are_the_four_most_frequent() -> None:
    rows = {"zero_amount": 2, "duplicate": 9, "adjustment": 1, "not_a_product": 3, "malformed_line": 4}
    with pytest.raises(errors.DataError) as caught:
        ledger.check(lines(purchase=1, **rows), HALF)
    expected = "(duplicate 9, malformed_line 4, not_a_product 3, zero_amount 2)"
    assert expected in str(caught.value)


def test_there_has_to_be_a_line_and_a_purchase() -> None:
    with pytest.raises(errors.DataError, match="the input holds no lines"):
        ledger.check(lines(), HALF)
    with pytest.raises(errors.DataError, match="no purchase left: all of 3 lines were returns or rejected"):
        ledger.check(lines(**{"return": 3}), HALF)


def test_an_account_by_hand() -> None:
    # Two buckets: of file 0, purchases in both; of file 1, a return. Money in hundredths, more than 64 bits hold.
    huge = 10**20
    counts = pl.DataFrame(
        {
            "file": [1, 0, 0],
            "class": ["return", "purchase", "purchase"],
            "rows": [2, 3, 4],
            "money": pl.Series([-150, 1, huge], dtype=pl.Int128),
            "unreadable_amount_rows": [1, 0, 2],
        }
    )
    found = ledger.account(counts, job.Cleaning(money_decimals=2), files=["a.csv", "b.csv"])
    assert (found.rows_in, found.unreadable_amount_rows) == (9, 3)
    assert found.money_in == Decimal(10**20 - 149) / 100
    assert [entry.name for entry in found.classes] == cleaning.classes(HALF)
    by_class = {entry.name: (entry.rows, entry.money) for entry in found.classes if entry.rows}
    assert by_class == {"return": (2, Decimal("-1.50")), "purchase": (7, Decimal(huge + 1) / 100)}
    assert all(entry.money == 0 for entry in found.classes if not entry.rows)
    assert [(entry.file, entry.name, entry.rows) for entry in found.by_file] == [
        ("a.csv", "purchase", 7),
        ("b.csv", "return", 2),
    ]
    assert [entry.money for entry in found.by_file] == [Decimal(huge + 1) / 100, Decimal("-1.50")]


def test_what_returns_took_back_is_added_up_over_the_buckets() -> None:
    names = ["matched_rows", "unmatched_rows", "taken_back_rows", "partly_matched_rows", "orders_emptied"]
    names += ["customers_emptied", "matched_money", "unmatched_money", "taken_back_money"]
    counts = pl.DataFrame({name: [n, 10 * n] for n, name in enumerate(names, 1)})
    found = ledger.returns_net(counts, job.Cleaning(money_decimals=1))
    assert [(one.rows, one.money) for one in (found.matched, found.unmatched, found.taken_back)] == [
        (11, Decimal("7.7")),
        (22, Decimal("8.8")),
        (33, Decimal("9.9")),
    ]
    assert (found.partly_matched_rows, found.orders_emptied, found.customers_emptied) == (44, 55, 66)


def test_rejects_are_told_with_their_money_the_most_frequent_first() -> None:
    rows = {
        "zero_amount": (2, 0),
        "missing_customer": (1, 12_345_678),
        "return": (4, -5),
        "purchase": (1_993, 7),
    }
    df = pl.DataFrame(
        [
            {"file": 0, "class": name, "rows": n, "money": money, "unreadable_amount_rows": 0}
            for name, (n, money) in rows.items()
        ]
    )
    account = ledger.account(df, HALF, files=["x"])
    assert ledger.rejects_in_words(account) == (
        "rejected: 3 of 2,000 lines, with their money: zero_amount 2 (0.00), missing_customer 1 (1,234.57)"
    )


@pytest.mark.parametrize(("rows", "said"), [(21, "2.1% of the lines were rejected"), (20, "")])
def test_many_rejects_are_warned_about(rows: int, said: str) -> None:
    rules = job.Cleaning(keep="a = 'x'")
    classes = {
        "purchase": (1_000 - rows, 5),
        "duplicate": (rows, 1),
        "missing_customer": (0, 0),
        "outside_window": (900, 0),
    }
    warned = ledger.remarks(classes, rules)
    assert (said in warned[0] and "(duplicate 21)" in warned[0]) if said else not warned
    # What the job asks for is no fault.
    asked = classes | {"not_kept": (rows, 1), "duplicate": (0, 0)}
    assert not ledger.remarks(asked, rules)


def test_what_was_taken_off_orders_is_added_up_and_told() -> None:
    counts = pl.DataFrame(
        {
            "taken_off_orders": [1, 2],
            "taken_off_money": [15, 25],
            "beyond_orders": [0, 1],
            "beyond_money": [0, 7],
            "emptied_orders": [0, 1],
        }
    )
    off = ledger.discounts(counts, job.Cleaning(money_decimals=1))
    assert off == Discounts(
        taken_off=Amount(rows=3, money=Decimal("4.0")),
        beyond=Amount(rows=1, money=Decimal("0.7")),
        orders_emptied=1,
    )
    said, warning = ledger.discounts_in_words(off)
    assert said == (
        "discounts: 4.00 off the purchases of 3 orders; 1 of them cost nothing then and are not counted"
    )
    assert warning.startswith("0.70 of discounts and refunds of 1 orders is more than their purchases cost")
    assert ledger.discounts_in_words(replace(off, beyond=Amount(rows=0, money=Decimal(0))))[1] == ""
