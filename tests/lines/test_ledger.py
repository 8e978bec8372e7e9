"""The account of every line, and when there is too little to build on."""

from __future__ import annotations

import pytest

from segcore import errors, job
from segcore.lines import cleaning, ledger

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
