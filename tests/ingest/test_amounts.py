"""An amount beside quantity and price: the money of a line, or an order's total that is never taken for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors
from segcore.pipeline import inspect_input
from tests.ingest.test_odd_inputs import Make
from tests.ingest.test_right_or_refused import csv, spends
from tests.transaction_lines import counts, through

HEADER = "customer_id,order_id,date,quantity,unit_price,amount"


@pytest.mark.parametrize(
    ("lines", "spend"),
    [
        # Discounted: what was paid counts, and the items stay.
        (["a,1,2011-03-01,2,5,9.50", "a,2,2011-03-02,1,4,4", "b,3,2011-03-01,3,1,3"], {"a": 13.5, "b": 3.0}),
        # Equal to the product everywhere: either.
        (["a,1,2011-03-01,2,5,10.00", "b,3,2011-03-01,3,1,3"], {"a": 10.0, "b": 3.0}),
        # The order's total on each of its lines.
        (["a,1,2011-03-01,2,5,14", "a,1,2011-03-01,1,4,14", "b,3,2011-03-01,3,1,3"], {"a": 14.0, "b": 3.0}),
        # The order's total on its first line alone.
        (["a,1,2011-03-01,2,5,15", "a,1,2011-03-01,1,4,", "b,3,2011-03-01,3,1,3"], {"a": 14.0, "b": 3.0}),
        # Without the sign of what comes back.
        (
            ["a,1,2011-03-01,2,5,9.50", "a,2,2011-03-02,-1,5,4.75", "b,3,2011-03-01,3,1,3"],
            {"a": 9.5, "b": 3.0},
        ),
    ],
)
def test_what_is_the_money(tmp_path: Path, lines: list[str], spend: dict[str, float]) -> None:
    account = through([str(csv(HEADER, *lines)(tmp_path))], tmp_path / "run")
    assert spends(tmp_path / "run") == spend
    returned = sum(",-" in line for line in lines)
    assert counts(account) == {"purchase": len(lines) - returned, **({"return": 1} if returned else {})}
    if returned:
        assert Decimal(account["classes"][-2]["money"]) == Decimal("-4.75")


def test_it_is_said(tmp_path: Path) -> None:
    path = csv(HEADER, "a,1,2011-03-01,2,5,9.50", "b,3,2011-03-01,3,1,3")(tmp_path)
    said = inspect_input(str(path))
    assert "the money of a line is 'amount', which is not quantity times price everywhere" in said


def total(n_orders: int, *, alike: bool = False) -> Make:
    """Return a maker of orders of two lines with one amount each, all of them alike or not."""
    rows = [f"c{n},{n},2011-03-01,{10 if alike else 10 + n}" for n in range(n_orders) for _ in range(2)]
    return csv("customer_id,order_id,date,total,sku", *(f"{row},p{n}" for n, row in enumerate(rows)))


def test_an_orders_total_is_no_amount_of_its_lines(tmp_path: Path) -> None:
    path = str(total(5)(tmp_path))
    with pytest.raises(
        errors.DataError, match=r"'total' is the same on all lines of an order, .* name it as line_amount"
    ):
        through([path], tmp_path / "run")
    named = through([path], tmp_path / "again", columns__line_amount="total")
    assert counts(named) == {"purchase": 10}


@pytest.mark.parametrize(("make", "lines"), [(total(4), 8), (total(9, alike=True), 18)])
def test_equal_amounts_of_few_orders_or_of_all_tell_nothing(tmp_path: Path, make: Make, lines: int) -> None:
    account = through([str(make(tmp_path))], tmp_path / "run")
    assert counts(account) == {"purchase": lines}


def test_the_job_that_is_written_reads_the_same(tmp_path: Path) -> None:
    path = csv(HEADER, "a,1,2011-03-01,2,5,9.50", "b,3,2011-03-01,3,1,3")(tmp_path)
    inspect_input(str(path), write_job_to=tmp_path / "j.toml")
    text = (tmp_path / "j.toml").read_text()
    assert 'unit_price = "unit_price"' in text
    assert "line_amount" not in text
    assert re.search("the money of a line is 'amount'", inspect_input(str(path), job=tmp_path / "j.toml"))


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 999), st.integers(0, 50)), min_size=2, max_size=12)
)
@settings(max_examples=15)
def test_the_money_is_what_was_paid(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    paid = [(quantity * price * (100 - off)) for quantity, price, off in lines]  # in hundredths of a cent
    rows = (
        f"a,{n},2011-03-01,{quantity},{price / 100:.2f},{money / 10_000:.4f}"
        for n, ((quantity, price, _), money) in enumerate(zip(lines, paid, strict=True))
    )
    path = csv(HEADER, "z,z,2011-03-01,2,5.00,9.5000", *rows)(folder)
    account = through([str(path)], folder / "run", input__decimal=".")
    bought = next(one["money"] for one in account["classes"] if one["class"] == "purchase")
    assert Decimal(bought) == Decimal(sum(paid)) / 10_000 + Decimal("9.5")


@pytest.mark.parametrize(
    ("price", "is_amount"),
    [
        (lambda one, pieces: one * pieces, True),
        (lambda one, pieces: one, False),
        # Cheaper by the dozen: no multiple, and no price of one.
        (lambda one, pieces: one - Decimal("0.01") * (pieces > 1), False),
    ],
)
def test_a_price_that_has_its_quantity_in_it_is_asked_about(
    tmp_path: Path, price: Callable[[Decimal, int], Decimal], is_amount: bool
) -> None:
    prices = [Decimal(cents) / 100 for cents in (307, 599, 1151, 2003)]
    lines = [
        f"c{n},2011-03-{n % 28 + 1:02},{n % 5 + 1},{price(prices[n // 5 % 4], n % 5 + 1)}" for n in range(60)
    ]
    path = csv("customer_id,date,quantity,price", *lines)(tmp_path)
    if not is_amount:
        through([str(path)], tmp_path / "run")
        return
    with pytest.raises(
        errors.DataError, match=r"'price' is taken for the price of one piece, .* name it as line_amount"
    ):
        through([str(path)], tmp_path / "run")
    through([str(path)], tmp_path / "amount", columns__line_amount="price")
    assert sum(spends(tmp_path / "amount").values()) == pytest.approx(3 * 15 * float(sum(prices)))
    through([str(path)], tmp_path / "price", columns__unit_price="price")
