"""Quantities with decimals and fine prices: exact, or rejects that name the option."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors
from tests.ingest.test_right_or_refused import csv, spends, table
from tests.lines.test_what_counts import Counted, money_of
from tests.transaction_lines import through

HEADER = "customer_id,order_id,date,sku,quantity,unit_price"
WEIGHTS = csv(
    HEADER,
    "a,1,2011-03-01,p,1.715,2.99",  # 5.12785, which four decimals of money do not hold
    "a,1,2011-03-01,q,2,4",
    "b,2,2011-03-02,p,0.5,2.99",
    "b,3,2011-03-03,p,-.25,2.99",
    "b,4,2011-03-03,q,0.1234,1",
)
FINE = csv(
    HEADER, "a,1,2011-03-01,p,3,8.403361", "b,2,2011-03-02,p,1,0.12345678", "b,3,2011-03-03,p,1,0.123456789"
)

CASES = [
    Counted(
        name="weights",
        make=WEIGHTS,
        settings={"cleaning__quantity_decimals": 3},
        spend={"a": 13.12785, "b": 1.495},
        classes={"purchase": (3, "14.62285"), "return": (1, "-0.7475"), "unreadable_quantity": (1, "0")},
    ),
    Counted(
        name="weights in Parquet",
        make=table(
            "x.parquet",
            pl.DataFrame(
                {
                    "customer_id": ["a", "b"],
                    "date": ["2011-03-01"] * 2,
                    "quantity": [1.715, 0.1],
                    "unit_price": [2.99, 3.0],
                }
            ),
        ),
        settings={"cleaning__quantity_decimals": 3},
        spend={"a": 5.12785, "b": 0.3},
        classes={"purchase": (2, "5.42785")},
    ),
    Counted(
        name="weights by thousandths throughout, where the job says what the mark is",
        make=csv(HEADER, "a,1,2011-03-01,p,1.710,2.000", "a,2,2011-03-01,p,2.500,3.000"),
        settings={"cleaning__quantity_decimals": 3, "input__decimal": "."},
        spend={"a": 10.92},
        classes={"purchase": (2, "10.92")},
    ),
    Counted(
        name="weights that returns take back",
        make=csv(
            HEADER, "a,1,2011-03-01,p,2.5,3.33", "a,2,2011-03-02,p,-1.25,3.33", "b,3,2011-03-02,p,0.75,2"
        ),
        settings={"cleaning__quantity_decimals": 2, "features__returns": "net"},
        spend={"a": 4.1625, "b": 1.5},
        classes={"purchase": (2, "9.825"), "return": (1, "-4.1625")},
    ),
    Counted(
        name="prices finer than cents",
        make=FINE,
        settings={"cleaning__money_decimals": "auto"},
        spend={"a": 25.210083, "b": 0.12345678},
        classes={"purchase": (2, "25.33353978"), "unreadable_unit_price": (1, "0")},
    ),
    Counted(
        name="prices with as many decimals as the job says",
        make=FINE,
        settings={"cleaning__money_decimals": 6, "cleaning__max_reject_share": 1},
        spend={"a": 25.210083},
        classes={"purchase": (1, "25.210083"), "unreadable_unit_price": (2, "0")},
    ),
    Counted(
        name="an amount beside a weight and its price",
        make=csv(f"{HEADER},amount", "a,1,2011-03-01,p,1.715,2.99,5.13", "b,2,2011-03-02,p,0.5,2.99,1.5"),
        settings={"cleaning__quantity_decimals": 3},
        spend={"a": 5.13, "b": 1.5},
        classes={"purchase": (2, "6.63")},
    ),
    Counted(
        name="a discount shared by weights",
        make=csv(
            f"{HEADER},off",
            "a,1,2011-03-01,p,1.5,2.00,0.10",
            "a,1,2011-03-01,q,1,2.00,",
            "b,2,2011-03-01,q,1,2.00,",
        ),
        settings={"cleaning__quantity_decimals": 3, "cleaning__order_discount": "off"},
        spend={"a": 4.9, "b": 2.0},
        classes={"purchase": (3, "7"), "discount": (0, "-0.10")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_lines_and_money_of_every_class(tmp_path: Path, case: Counted) -> None:
    account = through([str(case.make(tmp_path))], tmp_path / "run", **case.settings)
    assert money_of(account) == {
        name: (lines, Decimal(money)) for name, (lines, money) in case.classes.items()
    }
    assert spends(tmp_path / "run") == case.spend


def test_features_of_items_have_the_decimals_and_say_so(tmp_path: Path) -> None:
    own = {"features__own": {"most": "max(quantity)", "dearest": "max(unit_price)"}}
    account = through([str(WEIGHTS(tmp_path))], tmp_path / "run", cleaning__quantity_decimals=3, **own)
    features = pl.read_parquet(tmp_path / "run/customers/features").sort("customer_id")
    assert features["item_count"].to_list() == [3.715, 0.5]
    assert features["mean_basket_items"].to_list() == [3.715, 0.5]
    assert features.select("most", "dearest").rows() == [(2.0, 4.0), (0.5, 2.99)]
    assert any("quantities have decimals" in text for text in account["warnings"])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (WEIGHTS, "4 quantities could not be read (unreadable_quantity): those with decimals, such as weights, need "
         "cleaning.quantity_decimals"),
        (FINE, "2 prices could not be read (unreadable_unit_price): those with more decimals need "
         'cleaning.money_decimals, or "auto" for up to 8'),
    ],
)  # fmt: skip
def test_rejects_name_the_option(tmp_path: Path, make: Any, said: str) -> None:
    rules = {"cleaning__max_reject_share": 1} | ({"cleaning__money_decimals": 6} if make is FINE else {})
    account = through([str(make(tmp_path))], tmp_path / "run", **rules)
    assert said in account["warnings"]


def test_thousandths_throughout_are_asked_about(tmp_path: Path) -> None:
    path = csv(HEADER, "a,1,2011-03-01,p,1.710,2", "a,2,2011-03-01,p,2.500,3")(tmp_path)
    with pytest.raises(
        errors.DataError, match=r"column quantity: nothing decides whether the mark in '1.710'"
    ):
        through([str(path)], tmp_path / "run", cleaning__quantity_decimals=3)


@given(st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 10**9)), min_size=1, max_size=20))
@settings(max_examples=5)
def test_every_product_is_exact(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    rows = [(Decimal(quantity) / 1_000, Decimal(price) / 10**8) for quantity, price in lines]
    texts = (f"a,{n},2011-03-01,p,{quantity:f},{price:.8f}" for n, (quantity, price) in enumerate(rows))
    path = csv(HEADER, *texts)(folder)
    rules = {"cleaning__quantity_decimals": 3, "cleaning__money_decimals": "auto", "input__decimal": "."}
    account = through([str(path)], folder / "run", **rules)
    assert money_of(account) == {"purchase": (len(rows), sum(quantity * price for quantity, price in rows))}
