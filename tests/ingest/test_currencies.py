"""Money in several currencies: never added up, unless the job says which one counts or at what rates."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors, job
from segcore.pipeline import inspect_input
from tests.ingest.test_odd_inputs import Make
from tests.ingest.test_right_or_refused import csv, spends
from tests.transaction_lines import through

HEADER = "customer_id;order_id;date;quantity;price"


def run(folder: Path, make: Make, **given_settings: Any) -> dict[str, tuple[int, Decimal]]:
    """Return lines and money of every class."""
    made = make(folder)
    account = through([str(made)], folder / "run", **given_settings)
    return {one["class"]: (one["rows"], Decimal(one["money"])) for one in account["classes"] if one["rows"]}


def priced(*prices: str) -> Make:
    return csv(HEADER, *(f"c{n};{n};2011-03-01;2;{price}" for n, price in enumerate(prices)))


BY_COLUMN = csv(
    "customer_id,date,amount,Order Currency",
    "a,2011-03-01,1,EUR",
    "a,2011-03-02,2, usd ",
    "b,2011-03-03,4,EUR",
    "b,2011-03-04,8,",
    "b,2011-03-05,16,GBP",
)


@pytest.mark.parametrize(
    ("make", "counts"),
    [
        (priced("€5.00", "$5.00", "€1.00"), "EUR in 2 lines, USD in 1 lines"),
        (priced("5.00 EUR", "USD5.00", "1.00 EUR"), "EUR in 2 lines, USD in 1 lines"),
        (priced("0.50 EUR", "USD0.50", "0.25 EUR"), "EUR in 2 lines, USD in 1 lines"),
        (priced("5,00 €", "£5,00"), "EUR in 1 lines, GBP in 1 lines"),
        (priced("5.00 kr", "5.00 ₿", "5.00 CHF"), "CHF in 1 lines, ₿ in 1 lines"),
        (BY_COLUMN, "EUR in 2 lines, GBP in 1 lines, USD in 1 lines"),
        (
            lambda folder: (
                csv("customer_id,date,amount", "a,2011-03-01,$1")(folder / "x"),
                csv("customer_id,date,amount,currency", "a,2011-03-01,1,EUR")(folder / "y"),
                str(folder),
            )[-1],
            "EUR in 1 lines, USD in 1 lines",
        ),
    ],
)
def test_several_stop_the_run_with_their_counts(tmp_path: Path, make: Make, counts: str) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    made = make(folder)
    said = rf"money is in \d currencies \({counts}\); expected one: set input.currency = \".*\" to keep one, or input"
    with pytest.raises(errors.DataError, match=said):
        through([str(made)], tmp_path / "run")
    with pytest.raises(errors.DataError, match=said):
        inspect_input(str(made))


@pytest.mark.parametrize(
    "make",
    [
        priced("€5.00", "5.00", "€5.00"),
        priced("5.00 EUR", "€5.00", "EUR 5.00"),
        csv(
            f"{HEADER};currency",
            "a;1;2011-03-01;2;€5.00;EUR",
            "a;2;2011-03-01;2;5.00;",
            "a;3;2011-03-01;2;5;€",
        ),
    ],
)
def test_one_is_read_as_it_is(tmp_path: Path, make: Make) -> None:
    assert run(tmp_path, make) == {"purchase": (3, Decimal(30))}


def test_one_is_kept_and_others_are_rejects_by_name(tmp_path: Path) -> None:
    # What says none is not known to be in it.
    assert run(tmp_path, BY_COLUMN, input__currency="EUR") == {
        "purchase": (2, Decimal(5)),
        "other_currency": (3, Decimal(26)),
    }
    assert spends(tmp_path / "run") == {"a": 1.0, "b": 4.0}


def test_signs_tell_it_where_no_column_does(tmp_path: Path) -> None:
    make = priced("€5.00", "7 USD", "$8.00", "1.50")
    assert run(tmp_path, make, input__currency="USD") == {
        "purchase": (2, Decimal(30)),
        "other_currency": (2, Decimal(13)),
    }


def test_they_are_converted(tmp_path: Path) -> None:
    rates = {"USD": "0.85", "GBP": "1.1234567"}
    assert run(tmp_path, BY_COLUMN, input__currency="EUR", input__currency_rates=rates) == {
        # 2 x 0.85, 16 x 1.1234567 = 17.9753072
        "purchase": (4, Decimal("24.6753")),
        "other_currency": (1, Decimal(0)),
    }
    assert spends(tmp_path / "run") == {"a": 2.7, "b": 21.9753}


def test_a_column_of_another_name_is_named_by_the_job(tmp_path: Path) -> None:
    make = csv("customer_id,date,amount,cur", "a,2011-03-01,1,EUR", "a,2011-03-02,2,USD")
    named = {"input__currency_column": "cur"}
    with pytest.raises(errors.DataError, match="money is in 2 currencies"):
        run(tmp_path, make, **named)
    (tmp_path / "other").mkdir()
    assert run(tmp_path / "other", make, **named, input__currency="EUR")["purchase"] == (1, Decimal(1))
    with pytest.raises(
        errors.DataError, match=r"input.currency_column is .curr., which is not there .did you mean 'cur'"
    ):
        run(tmp_path, make, input__currency_column="curr")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["EUR", "USD", "JPY"]),
            st.integers(-50, 50).filter(bool),
            st.decimals("0.0001", 99_999, places=4),
        ),
        min_size=1,
    ),
    st.decimals("0.000001", 999, places=6),
    st.decimals("0.000001", 999, places=12),
)
@settings(max_examples=15)
def test_money_is_converted_as_decimals_are(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[str, int, Decimal]],
    usd: Decimal,
    jpy: Decimal,
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    rows = (
        f"a,{n},2011-03-01,{quantity},{price},{currency}"
        for n, (currency, quantity, price) in enumerate(lines)
    )
    make = csv("customer_id,order_id,date,quantity,unit_price,currency", "z,z,2011-03-01,1,1,EUR", *rows)
    rates = {"EUR": Decimal(1), "USD": usd, "JPY": jpy}
    found = run(
        folder,
        make,
        input__currency_rates={name: f"{rate:f}" for name, rate in rates.items()},
        input__decimal=".",
        cleaning__max_reject_share=1.0,
    )
    prices = [
        (quantity, (price * rates[currency]).quantize(Decimal("0.0001"), ROUND_HALF_UP))
        for currency, quantity, price in lines
    ]
    # A price that rounds to nothing is no price.
    counted = [quantity * price for quantity, price in prices if price]
    money = sum(
        (of for name in ("purchase", "return") for of in [found.get(name, (0, Decimal(0)))[1]]), Decimal(0)
    )
    assert money == sum(counted, Decimal(1))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('currency = "euro"', "input.currency"),
        ('currency_rates = { EUR = "x" }', "EUR = 'x' is no code of three capitals with a number"),
        ('currency_rates = { EUR = "-1" }', "EUR = '-1' is no code"),
        ('currency_rates = { eur = "1" }', "eur = '1' is no code"),
        ('currency_rates = { EUR = "0.00" }', "EUR is worth nothing"),
    ],
)
def test_bad_keys_are_refused(table: str, said: str) -> None:
    with pytest.raises(errors.JobError, match=said):
        job.resolve(f"[input]\n{table}\n")
