"""A look back from an observation window: what was before it counts at the cuts, in a window as long, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import job
from segcore.pipeline.customers.customers import Customers
from tests.transaction_lines import Line, line, prepared, taken_through, write_csv

# The window of today begins on 3 July; that of the cut on 2 August begins on 3 June, that of the one before on 4 May.
AS_OF, CUT, EARLIER = "2011-09-01", "2011-08-02", "2011-07-03"
RULES: dict[str, Any] = {
    "features.window": "60d",
    "cleaning.cancellation_prefix": "C",
    "cleaning.rules": {"test_order": "StockCode = 'test'"},
    "cleaning.max_reject_share": 1.0,
    "features.own": {"most": "max(quantity)"},
    "models.one_time_buyers": "separate",
    "input.decimal": ".",
}
SURE = [
    line(InvoiceDate="2010-01-01 00:00:00"),  # the dump goes back far enough for all cuts
    line(InvoiceDate="2011-06-20 00:00:00"),
    line(InvoiceDate="2011-07-20 00:00:00"),
]
BEFORE = ["2011-05-03 23:59:59", "2011-05-04 00:00:00", "2011-06-02 23:59:59"]
KNOWN = ["2011-06-03 00:00:00", "2011-07-02 23:59:59", "2011-07-03 00:00:00", "2011-08-01 23:59:59"]
SINCE = ["2011-08-02 00:00:00", "2011-08-02 00:00:01", "2011-08-31 23:59:59", "2011-09-01 00:00:00"]


def lines(times: list[str], most: int) -> st.SearchStrategy[list[Line]]:
    """Draw purchases and returns that meet, copies of lines, tests and broken lines, at some times."""
    one = st.builds(
        lambda order, product, quantity, when, customer: line(
            InvoiceNo=order if quantity != "-1" else f"C{order}",
            StockCode=product,
            Quantity=quantity,
            InvoiceDate=when,
            CustomerID=customer,
        ),
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from(["a", "b", "b", "test"]),
        st.sampled_from(["-1", "1", "2", "3", "x"]),
        st.sampled_from(times),
        st.sampled_from(["1", "2", "3", ""]),
    )
    return st.lists(one, max_size=most)


def taken(path: Path, name: str, as_of: str, days: int, **more: Any) -> Customers:
    overrides = RULES | {"features.as_of": as_of, "look_back.days": days} | more
    rules = job.resolve("", overrides)
    return taken_through(prepared([path], rules), rules, path.parent / name)


def rows(paths: tuple[Path, ...]) -> pl.DataFrame:
    return pl.read_parquet(list(paths)).drop("bought", "next_spend_minor", "half", strict=False)


def of_today(found: Customers) -> dict[str, bytes]:
    """Return every file that is of today, rejects included."""
    parts = ("features", "months", "products", "rejects")
    files = {
        path.relative_to(found.folder): path for part in parts for path in (found.folder / part).iterdir()
    }
    files |= {Path("ledger.json"): found.folder / "ledger.json"}
    return {str(name): path.read_bytes() for name, path in files.items()}


@settings(max_examples=5)
@given(
    dump=lines([*BEFORE, *KNOWN, *SINCE], 30),
    returns=st.sampled_from(["feature", "net"]),
    mode=st.sampled_from(["sample", "all"]),
)
def test_customers_at_a_cut_are_those_of_a_run_on_that_day(
    tmp_path_factory: pytest.TempPathFactory, dump: list[Line], returns: str, mode: str
) -> None:
    folder = tmp_path_factory.mktemp("before")
    path = write_csv(folder / "dump.csv", [*SURE, *dump])
    more = {"features.returns": returns, "cleaning.rejects": mode}
    found = taken(path, "back", AS_OF, 30, **more)
    assert_frame_equal(rows(found.then), rows(taken(path, "cut", CUT, 0, **more).features))
    assert_frame_equal(rows(found.earlier), rows(taken(path, "earlier", EARLIER, 0, **more).features))
    today = taken(path, "today", AS_OF, 0, **more)
    if mode == "sample":
        assert of_today(found) == of_today(today)
    assert found.ledger == today.ledger
    assert_frame_equal(
        *(pl.read_parquet(one.folder / "rejects/*.parquet").sort(pl.all()) for one in (found, today))
    )
    assert (found.first_at, found.last_at, found.product_customers) == (
        today.first_at,
        today.last_at,
        today.product_customers,
    )


@settings(max_examples=5)
@given(
    known=lines(KNOWN, 16),
    others=st.tuples(lines([*BEFORE, *SINCE], 16), lines([*BEFORE, *SINCE], 16)),
    returns=st.sampled_from(["feature", "net"]),
)
def test_nothing_outside_the_window_of_a_cut_reaches_what_is_said_of_it(
    tmp_path_factory: pytest.TempPathFactory,
    known: list[Line],
    others: tuple[list[Line], list[Line]],
    returns: str,
) -> None:
    folder = tmp_path_factory.mktemp("leak")
    found = [
        taken(
            write_csv(folder / f"{n}.csv", [*SURE, *known, *other]),
            str(n),
            AS_OF,
            30,
            **{"features.returns": returns},
        )
        for n, other in enumerate(others)
    ]
    assert_frame_equal(*(rows(one.then) for one in found))


def test_what_customers_did_since_a_cut_before_the_window_by_hand(tmp_path: Path) -> None:
    dump = [
        line(CustomerID="a", InvoiceDate="2011-05-20 10:00:00"),  # known at the earlier cut
        line(CustomerID="a", InvoiceDate="2011-07-10 10:00:00", InvoiceNo="2", Quantity="3"),
        line(CustomerID="a", InvoiceDate="2011-07-11 10:00:00", InvoiceNo="C3", Quantity="-1"),
        line(CustomerID="b", InvoiceDate="2011-05-21 10:00:00"),
        line(CustomerID="b", InvoiceDate="2011-08-03 10:00:00", InvoiceNo="5"),
        line(CustomerID="c", InvoiceDate="2010-07-10 10:00:00"),
        line(CustomerID="c", InvoiceDate="2010-08-10 10:00:00", InvoiceNo="7"),
        line(CustomerID="d", InvoiceDate="2010-08-20 10:00:00"),
    ]
    found = taken(write_csv(tmp_path / "dump.csv", [*SURE, *dump]), "run", AS_OF, 30)
    told = pl.read_parquet(list(found.earlier)).select("customer_id", "bought", "next_spend_minor").rows()
    assert sorted(told) == [("17850", True, 25_000), ("a", True, 25_000), ("b", False, 0)]
    (then,) = pl.read_parquet(list(found.then)).filter(customer_id="a").iter_rows(named=True)
    assert (then["order_count"], then["return_count"], then["days_since_last_order"], then["bought"]) == (
        1,
        1,
        22,
        False,
    )
    # b was known two months before the cut, and no more at the cut itself.
    assert found.newcomers == {"new_customers": 1, "new_spend_minor": 25_000, "all_spend_minor": 25_000}
    # A year before, c came again; of c and d nobody did in the month after.
    assert found.seasons == [{"known": 1, "again": 1}, {"known": 2, "again": 0}]


def test_a_window_shorter_than_a_period_looks_back_before_itself(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "dump.csv", SURE)
    found = taken(path, "run", "2011-07-25", 30, **{"features.window": "10d", "outlook.enabled": False})
    assert found.cut is not None
    assert rows(found.then)["customer_id"].to_list() == ["17850"]
    # Nobody knows whether there was more before the dump began.
    late = write_csv(tmp_path / "late.csv", SURE[1:])
    assert taken(late, "late", "2011-07-25", 30, **{"features.window": "10d"}).cut is None


def test_a_discount_before_the_window_stands_on_a_line_that_is_no_product(tmp_path: Path) -> None:
    path = tmp_path / "dump.csv"
    path.write_text(
        "customer_id,order_id,date,sku,quantity,unit_price,off\n"
        "a,1,2010-01-01,q,1,1.00,\n"
        "a,2,2011-06-20,post,1,3.00,2.00\n"
        "a,2,2011-06-20,q,1,4.00,\n"
        "a,3,2011-07-20,q,1,8.00,\n"
    )
    more: dict[str, Any] = {
        "cleaning.rules": {},
        "cleaning.order_discount": "off",
        "cleaning.not_products": ["post"],
    }
    found = taken(path, "back", AS_OF, 30, **more)
    assert rows(found.then)["total_spend"].to_list() == [10.0]
    assert_frame_equal(rows(found.then), rows(taken(path, "cut", CUT, 0, **more).features))
    assert rows(found.features)["total_spend"].to_list() == [8.0]
    today = taken(path, "today", AS_OF, 0, **more)
    assert found.ledger == today.ledger
    assert_frame_equal(
        *(pl.read_parquet(one.folder / "rejects/*.parquet").sort(pl.all()) for one in (found, today))
    )
