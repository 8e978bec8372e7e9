"""Customers that may be none."""

from __future__ import annotations

import polars as pl
import pytest

from segcore.lines import suspects


def heavy(customer: str, lines: int) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": [customer], "lines": [lines]})


def test_no_more_of_an_id_than_its_beginning_is_in_the_warning() -> None:
    (text,) = suspects.guests(heavy("annabel@example.org", 60), 1_000, 500)
    assert "begins with 'an'," in text
    assert "ann" not in text
    assert "6% of all lines" in text


@pytest.mark.parametrize(
    ("lines", "n_customers", "warned"),
    [
        (51, 500, True),
        (50, 500, False),  # a twentieth of the lines is not more than that
        (251, 20, True),
        (250, 20, False),  # five times an even share: where there are few customers, each has many lines
    ],
)
def test_a_customer_with_many_times_an_even_share_may_be_a_guest_account(
    lines: int, n_customers: int, warned: bool
) -> None:
    assert bool(suspects.guests(heavy("17850", lines), 1_000, n_customers)) == warned


@pytest.mark.parametrize(
    "customer", ["Guest", "walk-in", "walk in", "0000", "-1", "999", "anonymous user", "Gäste"]
)
def test_a_customer_called_like_nobody_is_told_by_that(customer: str) -> None:
    (text,) = suspects.guests(heavy(customer, 21), 1_000, 2)
    assert "called like nobody" in text


@pytest.mark.parametrize("customer", ["Guestling", "100", "99", "latest", "Cashmere"])
def test_a_name_that_holds_such_a_word_is_a_name(customer: str) -> None:
    assert suspects.guests(heavy(customer, 21), 1_000, 2) == []


def test_of_many_customers_some_are_compared_and_the_number_is_estimated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [form for number in range(2_000) for form in (f"a{number}", f"A{number}")]
    customers = pl.LazyFrame({"customer_id": ids})
    exact = suspects.in_two_forms(customers, len(ids))
    monkeypatch.setattr(suspects, "_FORMS", 1_000)  # 4 times that: an eighth of the forms is compared
    estimated = suspects.in_two_forms(customers, len(ids))
    counts = [int(message.split()[0].replace(",", "")) for (message,) in (exact, estimated)]
    assert counts[0] == 2_000
    assert counts[1] % 8 == 0
    assert 1_400 < counts[1] < 2_600
