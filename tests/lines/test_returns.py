"""Returns that take back purchases: every clause by hand, then laws against a slow and plain version."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import job
from segcore.lines import cleaning, returns
from segcore.lines.orders import by_month, condense
from tests.transaction_lines import (
    NOW,
    RULES,
    Line,
    Shuffled,
    any_line,
    features_of,
    line,
    shuffled,
    write_csv,
)

RETURN_FEATURES = ["return_count", "returned_value", "return_rate", "returned_share"]


def bought(order: str, day: int, quantity: int, price: str = "1", **more: Any) -> Line:
    when = f"2011-03-{day:02d} 10:00:00"
    return line(InvoiceNo=order, InvoiceDate=when, Quantity=quantity, UnitPrice=price, **more)


def returned(order: str, day: int, quantity: int, price: str = "1", **more: Any) -> Line:
    return bought(order, day, -quantity, price, **more)


def matched(buckets: Shuffled) -> list[pl.LazyFrame]:
    return [returns.match(lf) for lf in buckets.frames()]


def net_customers(buckets: Shuffled) -> pl.DataFrame:
    return pl.concat(
        features_of(returns.remaining(lines), as_of=NOW, gross=lines) for lines in matched(buckets)
    )


def gross_customers(buckets: Shuffled) -> pl.DataFrame:
    return pl.concat(features_of(lines, as_of=NOW) for lines in matched(buckets))


def account(buckets: Shuffled) -> dict[str, int]:
    parts = [
        returns.account(lines)
        .collect()
        .hstack(returns.emptied(condense(lines), condense(returns.remaining(lines))).collect())
        for lines in matched(buckets)
    ]
    return pl.concat(parts).sum().row(0, named=True)


def net(tmp_path: Path, lines: list[Line], rules: job.Cleaning = RULES) -> Shuffled:
    path = write_csv(tmp_path / "lines.csv", lines)
    return shuffled([path], tmp_path / "buckets", n_buckets=1, rules=rules)


def left(buckets: Shuffled) -> dict[str, tuple[int, int]]:
    """Return units and money of what is left, by product price and time: what a test plants them apart by."""
    (lines,) = matched(buckets)
    rows = returns.remaining(lines).filter(pl.col("class") == cleaning.PURCHASE).sort("ordered_at", "order")
    day = pl.from_epoch("ordered_at").dt.day()
    return {
        f"day {d}": (q, a // 10_000) for d, q, a in rows.select(day, "quantity", "amount").collect().rows()
    }


def test_the_line_of_the_same_quantity_and_price_goes_first(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 5, "2"),
        bought("2", 2, 5, "3"),
        bought("3", 3, 7, "2"),
        returned("C4", 4, 5, "2"),
    ]
    assert left(net(tmp_path, lines)) == {"day 2": (5, 15), "day 3": (7, 14)}


def test_the_latest_of_two_such_lines_goes(tmp_path: Path) -> None:
    lines = [bought("1", 1, 5), bought("2", 2, 5), bought("3", 3, 6), returned("C4", 4, 5)]
    assert left(net(tmp_path, lines)) == {"day 1": (5, 5), "day 3": (6, 6)}


def test_what_is_left_of_a_line_counts_as_its_quantity(tmp_path: Path) -> None:
    lines = [bought("1", 1, 9), returned("C2", 2, 4), bought("3", 3, 8), returned("C4", 4, 5)]
    assert left(net(tmp_path, lines)) == {"day 3": (8, 8)}


def test_without_such_a_line_the_latest_go_partly_and_at_their_own_price(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 4, "2"),
        bought("2", 2, 3, "5"),
        bought("3", 3, 2, "7"),
        returned("C4", 4, 4, "9"),
    ]
    buckets = net(tmp_path, lines)
    assert left(buckets) == {"day 1": (4, 8), "day 2": (1, 5)}
    assert account(buckets) == {
        "matched_rows": 1,
        "matched_money": -360_000,
        "partly_matched_rows": 0,
        "unmatched_rows": 0,
        "unmatched_money": 0,
        "taken_back_rows": 2,
        "taken_back_money": 2 * 70_000 + 2 * 50_000,
        "orders_emptied": 1,
        "customers_emptied": 0,
    }


def test_only_earlier_purchases_of_the_same_customer_and_product_are_taken_back(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 5),
        bought("2", 5, 2),
        bought("3", 1, 2, StockCode="22"),
        bought("4", 1, 2, CustomerID="18"),
        returned("C5", 4, 2),
    ]
    buckets = net(tmp_path, lines)
    spend = dict(net_customers(buckets).select("customer_id", "total_spend").rows())
    assert spend == {"17850": 3 + 2 + 2, "18": 2}
    assert left(net(tmp_path / "..", [*lines[:1], returned("C5", 1, 2)])) == {"day 1": (3, 3)}


def test_a_purchase_at_the_very_time_of_the_return_counts_as_earlier(tmp_path: Path) -> None:
    lines = [returned("C0", 1, 5), bought("1", 1, 5), bought("2", 2, 1)]
    assert left(net(tmp_path, lines)) == {"day 2": (1, 1)}


def test_codes_that_differ_in_case_are_one_product(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 5, StockCode="85123A"),
        bought("2", 1, 1),
        returned("C2", 2, 5, StockCode="85123a"),
    ]
    assert net_customers(net(tmp_path, lines))["total_spend"].to_list() == [1.0]


def test_no_code_is_no_product(tmp_path: Path) -> None:
    buckets = net(tmp_path, [bought("1", 1, 5, StockCode=""), returned("C2", 2, 5, StockCode="")])
    assert left(buckets) == {"day 1": (5, 5)}
    assert (account(buckets)["unmatched_rows"], account(buckets)["unmatched_money"]) == (1, -50_000)


def test_returns_without_a_purchase_are_counted_as_unmatched(tmp_path: Path) -> None:
    lines = [bought("1", 2, 3), returned("C0", 1, 3), returned("C2", 3, 5, "2"), returned("C3", 4, 1)]
    lines += [
        bought("2", 9, 1),
        returned("C4", 5, 1, StockCode="22"),
        bought("C5", 6, 1, "4"),
        bought("C6", 6, 0),
    ]
    found = account(net(tmp_path, lines))
    # Of C2, three units of five found a purchase: at its price of 2 that is -6, and -4 are left over.
    assert (found["matched_rows"], found["partly_matched_rows"]) == (1, 1)
    assert found["matched_money"] == -60_000
    # C0 came before its purchase, C3 found all gone, C4 never had one, C5 and C6 bring nothing back.
    assert found["unmatched_rows"] == 5
    assert found["unmatched_money"] == -40_000 - 30_000 - 10_000 - 10_000 + 40_000
    assert (found["taken_back_rows"], found["taken_back_money"]) == (1, 30_000)


def test_second_copies_of_a_return_take_nothing_back(tmp_path: Path) -> None:
    lines = [bought("1", 1, 4), bought("2", 2, 9), returned("C3", 3, 4), returned("C3", 3, 4)]
    assert left(net(tmp_path, lines)) == {"day 2": (9, 9)}


def test_orders_that_are_emptied_vanish_from_every_feature_but_those_of_returns(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 2, "1.50", StockCode="a"),
        bought("2", 11, 6, "1.00", StockCode="b"),
        bought("2", 11, 1, "9.00", StockCode="c"),
        bought("3", 21, 5, "4.00", StockCode="d", Country="Spain"),
        bought("3", 21, 5, "2.00", StockCode="d", Country="Spain"),
        returned("C4", 22, 5, "4.00", StockCode="d"),
        returned("C4", 22, 5, "2.00", StockCode="d"),
        returned("C5", 23, 2, "1.00", StockCode="b"),
    ]
    buckets = net(tmp_path, lines)
    (row,) = net_customers(buckets).iter_rows(named=True)
    expected = {
        "order_count": 2,
        "total_spend": 16.0,
        "average_order_value": 8.0,
        "unique_products": 3,
        "item_count": 7,
        "mean_basket_items": 3.5,
        "tenure_days": 10,
        "mean_days_between_orders": 10.0,
        "active_months": 1,
        "return_count": 2,
        "returned_value": 32.0,
        "return_rate": 0.4,
        "returned_share": 32 / 48,
        "country": "France",
    }
    assert {name: row[name] for name in expected} == expected
    assert str(row["last_order_at"]) == "2011-03-11 10:00:00"
    assert account(buckets)["orders_emptied"] == 1
    months = by_month(condense(returns.remaining(matched(buckets)[0]))).collect()
    assert months.select("amount", "orders").rows() == [(160_000, 2)]


def test_customers_whose_purchases_are_all_taken_back_have_no_features(tmp_path: Path) -> None:
    lines = [
        bought("1", 1, 74_215, "1.04"),
        returned("C2", 2, 74_215, "1.04"),
        bought("3", 1, 1, CustomerID="2"),
    ]
    buckets = net(tmp_path, lines)
    assert net_customers(buckets)["customer_id"].to_list() == ["2"]
    found = account(buckets)
    assert (found["orders_emptied"], found["customers_emptied"]) == (1, 1)
    assert found["taken_back_money"] == 771_836_000


def test_without_a_prefix_a_negative_quantity_is_a_return(tmp_path: Path) -> None:
    lines = [bought("1", 1, 5), bought("2", 2, 1), returned("9", 3, 5)]
    assert left(net(tmp_path, lines, job.Cleaning())) == {"day 2": (1, 1)}


def a_line() -> st.SearchStrategy[Line]:
    """Lines that often meet: two customers, two products, three prices, few times."""
    return st.builds(
        lambda order, code, quantity, day, price, customer, country: line(
            InvoiceNo=f"C{order}" if quantity < 0 else order,
            StockCode=code,
            Quantity=quantity,
            InvoiceDate=f"2011-03-0{day} 10:00:00",
            UnitPrice=price,
            CustomerID=customer,
            Country=country,
        ),
        st.integers(1, 5),
        st.sampled_from(["a", "A", "b"]),
        st.integers(-6, 6).filter(bool),
        st.integers(1, 4),
        st.sampled_from(["0.5", "1", "1.0001"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["France", "Spain"]),
    )


def plain(lines: list[dict[str, Any]]) -> dict[int, int]:
    """Match line by line as the words say it, and return the units taken by place."""
    taken: dict[int, int] = defaultdict(int)
    earlier: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    values = ("ordered_at", "class", "order", "amount", "quantity", "line")
    for row in sorted(lines, key=lambda row: [row[name] for name in values]):  # "purchase" < "return"
        seen = earlier[row["customer_id"], row["product"]]
        if row["class"] == cleaning.PURCHASE:
            seen.append({**row, "left": row["quantity"], "price": row["amount"] // row["quantity"]})
            continue
        wanted, price = -row["quantity"], row["amount"] // row["quantity"]
        exact = [p for p in seen if (p["left"], p["price"]) == (wanted, price)][-1:]
        for purchase in exact or reversed(seen):
            part = min(purchase["left"], wanted)
            purchase["left"] -= part
            wanted -= part
            taken[purchase["place"]] += part
            taken[row["place"]] += part
    return {place: units for place, units in taken.items() if units}


@given(lines=st.lists(a_line(), min_size=1, max_size=60))
def test_every_line_gives_and_takes_what_the_plain_version_says(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line]
) -> None:
    buckets = net(tmp_path_factory.mktemp("plain"), lines)
    (lf,) = matched(buckets)
    df = lf.collect()
    kept = df.to_dicts()
    found = {row["place"]: row["taken"] for row in kept if row["taken"]}
    assert found == plain(kept)


@settings(max_examples=10)
@given(lines=st.lists(a_line(), min_size=1, max_size=60))
def test_money_and_units_add_up(tmp_path_factory: pytest.TempPathFactory, lines: list[Line]) -> None:
    buckets = net(tmp_path_factory.mktemp("money"), lines)
    (lf,) = matched(buckets)
    before, after = lf.collect(), returns.remaining(lf).collect()
    found = account(buckets)
    classes = {
        name: (rows, money)
        for name, rows, money in before.group_by("class").agg(pl.len(), pl.col("amount").sum()).rows()
    }
    bought_before, bought_after = (df.filter(pl.col("class") == cleaning.PURCHASE) for df in (before, after))
    assert bought_after["amount"].sum() == bought_before["amount"].sum() - found["taken_back_money"]
    assert (bought_after["quantity"] > 0).all()
    assert (bought_after["amount"] > 0).all()
    rows, money = classes.get(cleaning.RETURN, (0, 0))
    assert found["matched_rows"] + found["unmatched_rows"] == rows
    assert found["matched_money"] + found["unmatched_money"] == money
    assert found["matched_money"] <= 0
    assert found["unmatched_money"] <= 0
    assert_frame_equal(  # what is no purchase stays as it is
        before.filter(pl.col("class") != cleaning.PURCHASE),
        after.filter(pl.col("class") != cleaning.PURCHASE),
        check_row_order=False,
    )
    gross, own = gross_customers(buckets), net_customers(buckets)
    assert found["customers_emptied"] == gross.height - own.height
    assert found["orders_emptied"] == sum(gross["order_count"]) - sum(own["order_count"])
    both = gross.join(own, on="customer_id", suffix="_net", maintain_order="right")
    assert (
        both.select(f"{name}_net" for name in RETURN_FEATURES).rows() == both.select(RETURN_FEATURES).rows()
    )
    for name in ("total_spend", "item_count", "unique_products", "order_count", "tenure_days"):
        assert (both[f"{name}_net"] <= both[name]).all(), name


@settings(max_examples=10)
@given(
    lines=st.lists(st.one_of(a_line(), any_line()), min_size=1, max_size=60),
    seed=st.integers(0, 2**16),
    n_files=st.integers(1, 4),
    n_buckets=st.sampled_from([2, 8, 64]),
)
def test_net_features_ignore_order_split_and_buckets(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], seed: int, n_files: int, n_buckets: int
) -> None:
    lines = [*lines, line(), line()]
    folder = tmp_path_factory.mktemp("split")
    whole = shuffled([write_csv(folder / "whole.csv", lines)], folder / "whole", n_buckets=1)
    mixed = random.Random(seed).sample(lines, len(lines))
    paths = [write_csv(folder / f"{n}.csv", mixed[n::n_files]) for n in range(n_files)]
    split = shuffled(paths, folder / "split", n_buckets=n_buckets)
    assert_frame_equal(net_customers(whole), net_customers(split))
    assert account(whole) == account(split)


@given(lines=st.lists(a_line().filter(lambda fields: "-" not in fields[3]), min_size=1, max_size=40))
def test_without_returns_nothing_changes(tmp_path_factory: pytest.TempPathFactory, lines: list[Line]) -> None:
    buckets = net(tmp_path_factory.mktemp("none"), lines)
    assert_frame_equal(net_customers(buckets), gross_customers(buckets))
    assert not any(account(buckets).values())


def test_a_hundred_thousand_returns_take_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 300_000
    is_return = rng.random(n) < 0.4
    quantity = rng.integers(1, 20, n) * np.where(is_return, -1, 1)
    lines = pl.LazyFrame(
        {
            "class": np.where(is_return, cleaning.RETURN, cleaning.PURCHASE),
            "customer_id": np.char.mod("%d", rng.integers(0, 300, n)),  # few and heavy: the worst case
            "product": rng.integers(0, 20, n, dtype=np.uint64),
            "order": rng.integers(0, 1000, n, dtype=np.uint64),
            "ordered_at": rng.integers(0, 10**6, n),
            "quantity": quantity,
            "amount": quantity * rng.integers(1, 4, n),
            "line": np.arange(n, dtype=np.uint64),
            "place": np.arange(n, dtype=np.uint64),
        }
    )
    began = time.perf_counter()
    found = returns.account(returns.match(lines)).collect().row(0, named=True)
    assert time.perf_counter() - began < 20
    assert found["matched_rows"] + found["unmatched_rows"] == is_return.sum()
    units = returns.match(lines).group_by("class").agg(pl.col("taken").sum()).collect()
    assert units["taken"].n_unique() == 1  # what purchases give is what returns take


def test_on_the_real_data(online_retail: Path, retail_job: Path, tmp_path: Path) -> None:
    """The figures are those of a plain script without any of this code."""
    shipped = job.resolve(retail_job.read_text(encoding="utf-8")).cleaning
    # The script counts "Next Day Carriage" as a product, which the job does not.
    codes = [code for code in shipped.not_products if code != "23444"]
    rules = shipped.model_copy(update={"not_products": codes})
    buckets = shuffled([online_retail], tmp_path / "buckets", n_buckets=2, rules=rules)
    assert account(buckets) == {
        "matched_rows": 7_453,
        "matched_money": -4_479_033_900,
        "partly_matched_rows": 55,
        "unmatched_rows": 1_053,
        "unmatched_money": -238_473_200,
        "taken_back_rows": 7_293,
        "taken_back_money": 4_478_127_200,
        "orders_emptied": 133,
        "customers_emptied": 10,
    }
    own = net_customers(buckets)
    assert own.height == 4_324
    assert sum((own["total_spend"] * 10_000).round()) == 87_372_276_400 - 4_478_127_200
    # 12346 bought 74,215 units and cancelled 16 minutes later: nothing is left. 16446 had two small lines besides.
    assert "12346" not in own["customer_id"]
    absurd = own.row(by_predicate=pl.col("customer_id") == "16446", named=True)
    assert (absurd["order_count"], absurd["item_count"], absurd["return_count"]) == (1, 2, 1)
    assert absurd["total_spend"] == pytest.approx(2.9)
    assert absurd["returned_share"] == pytest.approx(168_469.6 / 168_472.5)
