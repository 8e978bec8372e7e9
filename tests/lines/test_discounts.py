"""Discounts and refunds: off their line or their order, exactly, and never a return."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors, job
from segcore.lines import cleaning, discounts
from segcore.pipeline import inspect_input
from tests.ingest.test_right_or_refused import csv, spends
from tests.lines.test_what_counts import Counted, money_of
from tests.transaction_lines import prepared, taken_through, through

HEADER = "customer_id,order_id,date,sku,quantity,unit_price,off"
NEGATIVE = {"cleaning__discount_lines": "negative"}
SALE = csv(
    HEADER,
    "a,1,2011-03-01,p,2,5.00,",
    "a,1,2011-03-01,q,1,4.00,",
    "a,1,2011-03-01,voucher,1,-1.40,",
    "a,2,2011-03-02,q,1,8.00,",
    "b,3,2011-03-02,q,1,16.00,",
)
BY_AMOUNT = csv(
    "customer_id,order_id,date,amount", "a,1,2011-03-01,10", "a,1,2011-03-01,-3", "b,2,2011-03-01,5"
)
# Off an order: on its first line, which is no product; on every line; beyond what it cost; all of it; nothing.
ORDERS = csv(
    HEADER,
    "a,1,2011-03-01,post,1,3.00,-2.00",
    "a,1,2011-03-01,q,1,4.00,",
    "a,1,2011-03-01,r,1,8.00,0.00",
    "b,2,2011-03-01,q,1,16.00,1.00",
    "b,2,2011-03-01,r,1,32.00,1.00",
    "c,3,2011-03-01,q,1,64.00,70.00",
    "c,4,2011-03-01,q,1,128.00,NULL",
    "d,5,2011-03-01,q,1,256.00,256.00",
    "d,6,2011-03-01,q,1,512.00,",
    "e,7,2011-03-01,post,1,1024.00,7.00",
)

CASES = [
    Counted(
        name="a line with a negative price",
        make=SALE,
        settings=NEGATIVE,
        spend={"a": 20.6, "b": 16.0},
        classes={"purchase": (4, "38"), "discount": (1, "-1.40")},
    ),
    Counted(
        name="a listed code, with its capitals",
        make=SALE,
        settings={"cleaning__discount_products": ["Voucher"]},
        spend={"a": 20.6, "b": 16.0},
        classes={"purchase": (4, "38"), "discount": (1, "-1.40")},
    ),
    Counted(
        name="a line with a negative price, where nothing says what it is",
        make=SALE,
        spend={"a": 22.0, "b": 16.0},
        classes={"purchase": (4, "38"), "non_positive_price": (1, "-1.40")},
    ),
    Counted(
        name="a listed code that takes nothing off, and one with a negative quantity",
        make=csv(
            HEADER,
            "a,1,2011-03-01,p,2,5.00,",
            "a,1,2011-03-01,D,-1,2.50,",
            "b,2,2011-03-01,p,1,5.00,",
            "b,2,2011-03-01,D,1,2.50,",
        ),
        settings={"cleaning__discount_products": ["D"]},
        spend={"a": 7.5, "b": 5.0},
        classes={"purchase": (2, "15"), "discount": (1, "-2.50"), "no_discount": (1, "2.50")},
    ),
    Counted(
        name="a negative amount",
        make=BY_AMOUNT,
        settings=NEGATIVE,
        spend={"a": 7.0, "b": 5.0},
        classes={"purchase": (2, "15"), "discount": (1, "-3")},
    ),
    Counted(
        name="a negative amount, where nothing says that it is no return",
        make=BY_AMOUNT,
        spend={"a": 10.0, "b": 5.0},
        classes={"purchase": (2, "15"), "return": (1, "-3")},
    ),
    Counted(
        name="a negative quantity is a return, with a negative price too",
        make=csv(
            HEADER, "a,1,2011-03-01,p,2,5.00,", "a,1,2011-03-02,p,-1,5.00,", "a,1,2011-03-02,p,-1,-4.00,"
        ),
        settings=NEGATIVE,
        spend={"a": 10.0},
        classes={"purchase": (1, "10"), "return": (2, "-9")},
    ),
    Counted(
        name="money off a line, with or without a minus; all of it is off one, and one cannot be read",
        make=csv(
            HEADER,
            "a,1,2011-03-01,p,2,5.00,0.50",
            "a,1,2011-03-01,q,1,4.00,-1.25",
            "a,2,2011-03-02,p,-1,5.00,0.25",
            "a,3,2011-03-02,p,1,5.00,5.00",
            "a,3,2011-03-02,q,1,2.00,9.00",
            "a,3,2011-03-02,r,1,2.00,10%",
        ),
        settings={"cleaning__line_discount": "off"},
        spend={"a": 12.25},
        classes={
            "purchase": (2, "12.25"),
            "return": (1, "-4.75"),
            "zero_amount": (2, "-7"),
            "unreadable_discount": (1, "0"),
        },
    ),
    Counted(
        name="an amount that has it off already beside quantity and price",
        make=csv(f"{HEADER},amount", "a,1,2011-03-01,p,2,5.00,1.00,9.00", "b,2,2011-03-02,p,1,5.00,,5.00"),
        settings={"cleaning__line_discount": "off"},
        spend={"a": 9.0, "b": 5.0},
        classes={"purchase": (2, "14")},
    ),
    Counted(
        name="money off an order, which with all else stands on its first line alone",
        make=csv(
            "Name,Email,Created at,amount,Discount Amount",
            "#1,a,2011-03-01,10,3",
            "#1,,,4,",
            "#2,b,2011-03-02,8,",
            "#2,,,16,",
        ),
        settings={
            "columns": {"order_id": "Name", "customer_id": "Email", "ordered_at": "Created at"},
            "input__fill_from": "order",
            "cleaning__order_discount": "Discount Amount",
        },
        spend={"a": 11.0, "b": 24.0},
        classes={"purchase": (4, "38"), "discount": (0, "-3")},
    ),
    *(
        Counted(
            name=f"money off an order by {key}",
            make=ORDERS,
            settings={f"cleaning__{key}": "off", "cleaning__not_products": ["POST"]},
            spend={"a": 10.0, "b": 47.0, "c": 128.0, "d": 512.0},
            # The line that says it may be no product: that of a counts, and those of c and e are beyond.
            classes={"purchase": (8, "1020"), "discount": (0, "-336"), "not_a_product": (2, "1027")},
        )
        for key in ("order_discount", "order_refund")
    ),
]


NET: dict[str, Any] = {"features__returns": "net"}
CASES += [
    Counted(
        name="a return takes back what its share of a discounted order cost",
        make=csv(
            HEADER, "a,1,2011-03-01,p,2,5.00,2.00", "a,1,2011-03-01,q,1,10.00,", "a,2,2011-03-05,p,-1,5.00,"
        ),
        settings={**NET, "cleaning__order_discount": "off"},
        spend={"a": 13.5},  # half of 9.00 and 9.00
        classes={"purchase": (2, "20"), "return": (1, "-5"), "discount": (0, "-2")},
    ),
    Counted(
        name="a third of what three cost, to the last unit, and then the rest",
        make=csv(
            HEADER,
            "a,1,2011-03-01,p,3,3.35,0.05",
            "b,2,2011-03-01,p,3,3.35,0.05",
            "a,3,2011-03-05,p,-1,3.35,",
            "b,4,2011-03-05,p,-1,3.35,",
            "b,4,2011-03-05,p,-2,3.35,",
            "b,5,2011-03-05,q,1,1.00,",
        ),
        settings={**NET, "cleaning__line_discount": "off"},
        spend={"a": 6.6667, "b": 1.0},
        classes={"purchase": (3, "21"), "return": (3, "-13.40")},
    ),
    Counted(
        name="a return finds the purchase at its price before the discount, not the latest one",
        make=csv(
            HEADER, "a,1,2011-03-01,p,1,5.00,1.00", "a,2,2011-03-02,p,1,3.00,", "a,3,2011-03-05,p,-1,5.00,"
        ),
        settings={**NET, "cleaning__order_discount": "off"},
        spend={"a": 3.0},
        classes={"purchase": (2, "8"), "return": (1, "-5"), "discount": (0, "-1")},
    ),
    Counted(
        name="a return of what was charged less than quantity times price",
        make=csv(
            "customer_id,order_id,date,sku,quantity,unit_price,amount",
            "a,1,2011-03-01,p,2,5.00,9.50",
            "a,2,2011-03-05,p,-1,5.00,4.75",
            "b,3,2011-03-01,p,1,5.00,5.00",
        ),
        settings=NET,
        spend={"a": 4.75, "b": 5.0},
        classes={"purchase": (2, "14.50"), "return": (1, "-4.75")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_lines_and_money_of_every_class(tmp_path: Path, case: Counted) -> None:
    account = through([str(case.make(tmp_path))], tmp_path / "run", **case.settings)
    assert money_of(account) == {
        name: (lines, Decimal(money)) for name, (lines, money) in case.classes.items()
    }
    assert spends(tmp_path / "run") == case.spend


def test_what_is_beyond_the_order_is_told_and_not_taken_off(tmp_path: Path) -> None:
    rules: dict[str, Any] = {"cleaning__order_discount": "off", "cleaning__not_products": ["POST"]}
    account = through([str(ORDERS(tmp_path))], tmp_path / "run", **rules)
    assert account["discounts"] == {
        "taken_off": {"rows": 4, "money": "323.0000"},
        "beyond": {"rows": 2, "money": "13.0000"},
        "orders_emptied": 2,
    }
    assert any("13.00 of discounts and refunds of 2 orders" in text for text in account["warnings"])
    rejects = pl.read_parquet(tmp_path / "run/customers/rejects")
    assert rejects["reason"].to_list() == ["not_a_product"]  # the first of the file, although a bucket has it
    every = through([str(ORDERS(tmp_path))], tmp_path / "all", cleaning__rejects="all", **rules)
    assert every["discounts"] == account["discounts"]
    assert pl.read_parquet(tmp_path / "all/customers/rejects")["reason"].to_list() == ["not_a_product"] * 2


def test_negative_amounts_and_prices_that_may_be_discounts_are_told(tmp_path: Path) -> None:
    told = (
        "negative amounts stand among the purchases of 1 order(s) and count as returns: if they are discounts, "
        'cleaning.discount_lines = "negative" takes them off their orders'
    )
    path = str(BY_AMOUNT(tmp_path))
    assert told in through([path], tmp_path / "run")["warnings"]
    assert told in inspect_input(path)
    assert told not in inspect_input(path, overrides={"cleaning.discount_lines": "negative"})
    warned = through([str(SALE(tmp_path))], tmp_path / "sale")["warnings"]
    assert any(text.startswith("lines with a negative price were rejected") for text in warned)


def test_columns_that_may_be_discounts_are_told_unless_the_job_names_some(tmp_path: Path) -> None:
    header = "customer_id,order_id,date,amount,Discount Code,Discount Amount,Refunded Amount,tax_discount,off"
    path = str(csv(header, "a,1,2011-03-01,5,X,1,,,", "b,2,2011-03-01,5,,,,,")(tmp_path))
    told = inspect_input(path)
    assert (
        "x.csv: 'Discount Amount', 'Refunded Amount' may be money that is off a line or an order, and is not used"
        in told
    )
    for rules in ({"cleaning.order_discount": "Discount Amount"}, {"cleaning.line_discount": "off"}):
        assert "may be money that is off" not in inspect_input(path, overrides=rules)


@pytest.mark.parametrize(
    ("price", "off", "least", "most"),
    [("10.00", "1.00", 9.66, 9.67), ("10.001", "1.00", 9.6676, 9.6677), ("0.03", "0.08", 0.0, 0.01)],
)
def test_lines_share_it_to_the_cent(tmp_path: Path, price: str, off: str, least: float, most: float) -> None:
    lines = [f"a,1,2011-03-01,p{n},1,{price},{off}" for n in range(3)]
    own = {"features__own": {"least": "min(amount)", "most": "max(amount)"}}
    through([str(csv(HEADER, *lines)(tmp_path))], tmp_path / "run", cleaning__order_discount="off", **own)
    found = pl.read_parquet(tmp_path / "run/customers/features").select("least", "most", "total_spend").row(0)
    assert found == (least, most, float(3 * Decimal(price) - Decimal(off)))


def test_the_spend_of_some_time_ago_has_its_own_discounts(tmp_path: Path) -> None:
    """What was off an order is off it in the look back as well, and another order's is not."""
    lines = [
        *(f"c{n},{n},2011-0{1 + n % 3}-01,p,1,10.00," for n in range(9)),
        "a,x,2011-02-01,p,1,30.00,",
        "a,x,2011-02-01,v,1,-5.00,",
        "a,y,2011-12-01,p,1,8.00,",
        "a,y,2011-12-01,v,1,-1.00,",
    ]
    through([str(csv(HEADER, *lines)(tmp_path))], tmp_path / "run", **NEGATIVE)
    then = pl.read_parquet(tmp_path / "run/customers/then").filter(pl.col("customer_id") == "a")
    assert then.select("total_spend", "next_spend_minor").row(0) == (25.0, 70_000)


@pytest.mark.parametrize(
    ("lines", "rules", "said"),
    [
        (
            ["a,1,2011-03-01,p,1,5,1", "a,1,2011-03-01,q,1,5,2"],
            {"order_discount": "off"},
            r"cleaning.order_discount = 'off': 1 or more orders, such as one of customer 'a', have different values .* "
            r"cleaning.line_discount",
        ),
        (
            ["a,1,2011-03-01,p,1,5,1"],
            {"order_refund": "of"},
            "cleaning.order_refund names 'of', which is not there .did you mean 'off'",
        ),
        (
            ["a,1,2011-03-01,p,1,5,5"],
            {"order_refund": "off"},
            "discounts took off all; check cleaning's keys",
        ),
        (
            ["a,1,2011-03-01,p,1,5,1.234", "b,1,2011-03-01,p,1,5,2.345"],
            {"line_discount": "off"},
            "column .*off: nothing decides whether the mark in '1.234'",
        ),
    ],
)
def test_what_cannot_be_taken_off_is_refused(
    tmp_path: Path, lines: list[str], rules: dict[str, str], said: str
) -> None:
    path = csv(HEADER, *lines)(tmp_path)
    if "different values" in said:  # which looking at the input finds as well
        with pytest.raises(errors.DataError, match=said):
            inspect_input(str(path), overrides={f"cleaning.{key}": value for key, value in rules.items()})
    with pytest.raises(errors.DataError, match=said):
        through([str(path)], tmp_path / "run", **{f"cleaning__{key}": value for key, value in rules.items()})


ROWS = st.tuples(
    st.sampled_from("ab"),
    st.integers(1, 2),
    st.integers(1, 70),
    st.integers(-500, 500).filter(bool),
    st.sampled_from(["", "0.5", "2.125"]),
)


@given(
    st.lists(ROWS, min_size=1, max_size=30),
    st.permutations(range(30)),
    st.sampled_from(["order", "order+day"]),
)
@settings(max_examples=4)
def test_the_money_adds_up_however_the_lines_are_dealt_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], order: list[int], key: str
) -> None:
    """Purchases less discounts is what customers spent, to the last unit, with the same bytes for any slices and order."""
    folder = tmp_path_factory.mktemp("lines")
    refunds: dict[tuple[str, int], str] = {}
    texts = []
    for n, (who, day, eighths, price, off) in enumerate(rows):
        own = n % 4  # so that an order fits into a slice
        refund = refunds.setdefault((who, own), off)
        texts.append(f"{who},{own},2011-03-0{day},p{n},{eighths / 8},{price / 100},{refund}")
    texts.append("z,z,2011-03-01,p,1,1.25,")
    shuffled = [texts[place] for place in order if place < len(texts)] + texts[30:]
    rules = {
        "cleaning.discount_lines": "negative",
        "cleaning.order_refund": "off",
        "cleaning.order_key": key,
        "cleaning.quantity_decimals": 3,
        "input.decimal": ".",
    }
    found = []
    for n, (lines, n_buckets, capacity) in enumerate(
        [(texts, 1, 10**6), (shuffled, 4, 10**6), (shuffled, 1, 12)]
    ):
        (folder / str(n)).mkdir()
        path = csv(HEADER, *lines)(folder / str(n))
        assert isinstance(path, Path)
        settings = job.resolve("", rules)
        done = taken_through(
            prepared([path], settings),
            settings,
            folder / str(n) / "run",
            n_buckets=n_buckets,
            capacity=capacity,
        )
        features = pl.concat(pl.read_parquet(file) for file in done.features)
        money = {one.name: one.money for one in done.ledger.classes}
        off = done.ledger.discounts
        assert off is not None
        spend = sum((Decimal(str(value)) for value in features["total_spend"]), Decimal(0))
        assert (
            spend.quantize(Decimal("0.0000001")) == money["purchase"] + money["discount"] + off.beyond.money
        )
        assert done.ledger.money_in == sum(money.values())
        found.append((features.write_csv(), money, off))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        ("feature", "one order has more than the 3 lines, and its discounts are shared with all of them"),
        ("net", "some customers have more than the 3 lines, and what returns take back of discounted orders"),
    ],
)
def test_what_does_not_fit_in_memory_is_refused_with_its_size(
    tmp_path: Path, returns: str, said: str
) -> None:
    path = csv(HEADER, *(f"a,1,2011-03-01,p{n},1,5.00,1.00" for n in range(9)))(tmp_path)
    rules = job.resolve("", {"cleaning.order_discount": "off", "features.returns": returns})
    with pytest.raises(errors.BudgetError, match=said):
        taken_through(prepared([Path(str(path))], rules), rules, tmp_path / "run", capacity=3)


def test_the_money_of_columns_is_that_of_no_line() -> None:
    places = pl.Series([3, 4, 5, 2**40 + 1], dtype=pl.UInt64)
    off = pl.LazyFrame({"place": places, "by_columns": [5, 0, 7, 2]})
    dtype = cleaning.class_type(job.Cleaning(order_discount="off"))
    counted = discounts.by_file(off, dtype).collect().sort("file")
    assert counted.drop("file").rows() == [("discount", 0, -12, 0), ("discount", 0, -2, 0)]
