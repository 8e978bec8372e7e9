"""Fields on an order's first line alone: filled, they give what the whole lines give, however they are cut."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import job
from segcore.pipeline import inspect_input
from tests.transaction_lines import prepared, taken_through

HEADER = ["order_id", "customer_id", "date", "country", "product", "quantity", "price", "note"]
FILL = {"input": {"fill_from": "order"}, "cleaning": {"rejects": "all"}}


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of some lines, of a guest where there is no customer."""

    customer: str
    day: int
    lines: int


ORDERS = st.lists(
    st.builds(
        Order,
        customer=st.sampled_from(["a", "b", "c", "d e", ""]),
        day=st.integers(1, 28),
        lines=st.integers(1, 5),
    ),
    min_size=2,
    max_size=25,
).filter(lambda orders: any(order.customer for order in orders))


def whole(orders: list[Order], *, restart: int = 10**6) -> list[list[str]]:
    """Return every line with all of its fields; order numbers begin again after so many orders."""
    return [
        [
            str(100 + number % restart),
            order.customer,
            f"2011-03-{order.day:02}",
            "France" if number % 3 else "",
            f"p{number}-{line}",
            "1",
            f"{number + 1}.{line:02}",
            '"quoted, note"' if (number + line) % 7 == 0 else "plain",
        ]
        for number, order in enumerate(orders)
        for line in range(order.lines)
    ]


def blanked(rows: list[list[str]], columns: list[str], lines: list[int]) -> list[list[str]]:
    """Return the lines with fields on the first line of an order alone; `lines` has the lines of each order."""
    first = {sum(lines[:number]) for number in range(len(lines))}
    places = [HEADER.index(name) for name in columns]
    return [
        [("" if n not in first and place in places else field) for place, field in enumerate(row)]
        for n, row in enumerate(rows)
    ]


def written(folder: Path, rows: list[list[str]], cuts: int) -> list[Path]:
    """Write lines to so many files, one after the other."""
    folder.mkdir()
    size = -(-len(rows) // cuts)
    paths = []
    for number in range(0, len(rows), size):
        path = folder / f"{number:04}.csv"
        path.write_text("\n".join([",".join(HEADER), *map(",".join, rows[number : number + size]), ""]))
        paths.append(path)
    return paths


def features(folder: Path, paths: list[Path], given: dict[str, Any], **cut: Any) -> pl.DataFrame:
    wanted = job.Job.model_validate(given)
    taken_through(prepared(paths, wanted), wanted, folder, **cut)
    return pl.read_parquet(folder / "customers" / "features")


BY_ID = ["customer_id", "date", "country"]


@given(orders=ORDERS, cuts=st.integers(1, 3), capacity=st.sampled_from([6, 30, 10**6]))
@settings(max_examples=6)
def test_by_its_id_an_order_is_filled_wherever_its_lines_are(
    tmp_path_factory: pytest.TempPathFactory, orders: list[Order], cuts: int, capacity: int
) -> None:
    folder = tmp_path_factory.mktemp("by-id")
    rows = whole(orders)
    sparse = blanked(rows, BY_ID, [order.lines for order in orders])
    expected = features(folder / "a", written(folder / "whole", rows, 1), {})
    found = features(
        folder / "b", written(folder / "sparse", sparse, cuts), FILL, n_buckets=4, capacity=capacity
    )
    assert found.equals(expected)


@given(orders=ORDERS, capacity=st.sampled_from([3, 20, 10**6]))
@settings(max_examples=6)
def test_by_its_place_an_order_is_filled_up_to_the_next(
    tmp_path_factory: pytest.TempPathFactory, orders: list[Order], capacity: int
) -> None:
    folder = tmp_path_factory.mktemp("by-place")
    rows = whole(orders)
    sparse = blanked(rows, ["order_id", *BY_ID], [order.lines for order in orders])
    expected = features(folder / "a", written(folder / "whole", rows, 1), {})
    found = features(
        folder / "b", written(folder / "sparse", sparse, 1), FILL, n_buckets=4, capacity=capacity
    )
    assert found.equals(expected)


@given(orders=ORDERS)
@settings(max_examples=6)
def test_an_order_number_that_comes_again_on_another_day_is_another_order(
    tmp_path_factory: pytest.TempPathFactory, orders: list[Order]
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    orders = [
        Order(customer=order.customer, day=number + 1, lines=order.lines)
        for number, order in enumerate(orders)
    ]
    rows = whole(orders, restart=3)
    lines = [order.lines for order in orders]
    expected = features(folder / "a", written(folder / "whole", rows, 1), {})
    for name, columns in {"dated": ["customer_id", "country"], "undated": BY_ID}.items():
        sparse = written(folder / name, blanked(rows, columns, lines), 2)
        assert features(folder / f"run-{name}", sparse, FILL).equals(expected), name


SHOP = [
    "order_id,customer_id,date,country,product,quantity,price",
    "1,a,2011-03-01,France,p,1,2.00",
    "1,,,,q,1,3.00",
    "2,NULL,2011-03-02,Spain,p,1,4.00",
    "2,,,,q,1,5.00",
    "broken",
    "3,b,2011-03-03,,p,1,6.00",
    "3,,,,q,x,7.00",
    "3,,,,r,1,8.00",
]


def test_guests_broken_lines_and_rejects_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*SHOP, ""]))
    wanted = job.Job.model_validate({**FILL, "cleaning": {"rejects": "all", "max_reject_share": 1.0}})
    read = prepared([path], wanted)
    found = taken_through(read, wanted, tmp_path / "run", capacity=4)
    df = pl.read_parquet(tmp_path / "run" / "customers" / "features")
    assert dict(df.select("customer_id", "total_spend").iter_rows()) == {"a": 5.0, "b": 14.0}
    assert dict(df.select("customer_id", "country").iter_rows()) == {"a": "France", "b": None}
    classes = {one.name: one.rows for one in found.ledger.classes if one.rows}
    assert classes == {"purchase": 4, "missing_customer": 2, "malformed_line": 1, "unreadable_quantity": 1}
    rejects = pl.read_parquet(tmp_path / "run" / "customers" / "rejects").sort("record")
    assert rejects["record"].to_list() == [3, 4, 5, 7]
    assert rejects["quantity"].to_list()[-1] == "x"


def test_the_line_that_says_it_need_not_be_the_first_of_its_id(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        "1,,,,q,1,3.00",
        "1,a,2011-03-01,France,p,1,2.00",
        "2,b,2011-03-02,Spain,p,1,4.00",
        "2,,,,q,1,5.00",
    ]
    path.write_text("\n".join([SHOP[0], *lines, ""]))
    found = features(tmp_path / "run", [path], FILL)
    assert dict(found.select("customer_id", "total_spend").iter_rows()) == {"a": 5.0, "b": 9.0}


@pytest.mark.parametrize(
    ("columns", "fillable"),
    [
        (BY_ID, True),
        (["customer_id"], True),
        (["date"], True),
        (["order_id", *BY_ID], True),
        (["order_id", "customer_id"], False),
        (["country"], False),
        ([], False),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else str(value),
)
def test_inspect_sees_it_and_writes_it_down(tmp_path: Path, columns: list[str], fillable: bool) -> None:
    orders = [Order(customer=str(n), day=n % 9 + 1, lines=2 + n % 3) for n in range(9)]
    orders.append(Order(customer="", day=3, lines=2))
    rows = blanked(whole(orders), columns, [order.lines for order in orders])
    (path,) = written(tmp_path / "in", rows, 1)
    text = inspect_input(path, write_job_to=tmp_path / "job.toml")
    assert ("many lines lack what the first line of their order says" in text) == fillable
    assert tomllib.loads((tmp_path / "job.toml").read_text())["input"]["fill_from"] == "order" * fillable
    if fillable:
        again = inspect_input(path, job=tmp_path / "job.toml")
        assert "many lines lack" not in again
        assert re.search(rf"purchase +{sum(order.lines for order in orders) - 2} ", again)


def test_guests_whose_orders_have_no_customer_at_all_are_left_alone(tmp_path: Path) -> None:
    orders = [Order(customer=str(n) if n % 2 else "", day=n % 9 + 1, lines=2) for n in range(10)]
    (path,) = written(tmp_path / "in", whole(orders), 1)
    assert "many lines lack" not in inspect_input(path)


def test_nothing_is_filled_where_every_line_says_all(tmp_path: Path) -> None:
    rows = whole([Order(customer="a", day=1, lines=2), Order(customer="b", day=2, lines=1)])
    paths = written(tmp_path / "in", [[*row[:3], "France", *row[4:]] for row in rows], 1)
    found = features(tmp_path / "run", paths, FILL)
    assert found["customer_id"].sort().to_list() == ["a", "b"]
    assert not list((tmp_path / "run" / "fill").rglob("*.parquet"))
