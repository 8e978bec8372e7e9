"""Order numbers that begin anew every day: told, and read where the job says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore.lines import suspects
from segcore.pipeline import inspect_input
from tests.ingest.test_right_or_refused import csv
from tests.transaction_lines import through

HEADER = "customer_id,order_id,date,amount"
BY_DAY = {"cleaning__order_key": "order+day"}
# Receipts 1 to 3 of every day; a comes every day, first in the queue.
RECEIPTS = csv(
    HEADER,
    *(
        f"{who},{n},2011-03-0{day},{day}"
        for day in range(1, 5)
        for n, who in enumerate(["a", f"b{day}", "c"])
    ),
    "a,0,2011-03-04 09:00:00,8",
)


def orders(folder: Path, **settings: Any) -> tuple[dict[str, int], list[str]]:
    path = RECEIPTS(folder)
    account = through([str(path)], folder / f"run{len(settings)}", **settings)
    features = pl.read_parquet(folder / f"run{len(settings)}/customers/features")
    counted = dict(features.select("customer_id", "order_count").iter_rows())
    return counted, [text for text in account["warnings"] if "order ids" in text]


def test_they_are_orders_of_a_day_each_where_the_job_says_so(tmp_path: Path) -> None:
    counted, warned = orders(tmp_path)
    assert (counted["a"], counted["b1"], counted["c"]) == (1, 1, 1)
    assert warned == [
        "33% of the order ids are of several customers on several days, as numbers are that begin anew: "
        'cleaning.order_key = "order+day" makes them orders of a day each'
    ]
    counted, warned = orders(tmp_path, **BY_DAY)
    assert (counted["a"], counted["b1"], counted["c"], warned) == (4, 1, 4, [])


@pytest.mark.parametrize(
    ("zones", "orders"), [({}, 1), ({"input__time_zone": "Europe/Paris", "input__source_zone": "UTC"}, 2)]
)
def test_a_day_is_one_of_the_zone_that_times_are_shifted_to(
    tmp_path: Path, zones: dict[str, str], orders: int
) -> None:
    path = csv(HEADER, "a,1,2011-07-01 21:59:00,1", "a,1,2011-07-01 22:00:00,2")(tmp_path)
    through([str(path)], tmp_path / "run", **BY_DAY, **zones)
    assert pl.read_parquet(tmp_path / "run/customers/features")["order_count"].to_list() == [orders]


def test_inspect_says_it_too(tmp_path: Path) -> None:
    path = str(RECEIPTS(tmp_path))
    assert "33% of the order ids are of several customers" in inspect_input(path)
    assert "order ids" not in inspect_input(path, overrides={"cleaning.order_key": "order+day"})


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ([("x", 1, "a"), ("x", 2, "b"), *((f"y{n}", 1, "a") for n in range(8))], 1),  # one of nine
        ([("x", 1, "a"), ("x", 2, "b"), *((f"y{n}", 1, "a") for n in range(9))], 0),  # one of ten
        ([("x", 1, "a"), ("x", 1, "b")], 0),  # two customers on one day: a table in a restaurant
        ([("x", 1, "a"), ("x", 2, "a")], 0),  # one customer on two days: sent in parts
        ([], 0),
    ],
)
def test_so_many_ids_are_odd(lines: list[tuple[str, int, str]], warned: int) -> None:
    schema = {"order": pl.String, "day": pl.Int64, "customer_id": pl.String}
    df = pl.DataFrame(lines, schema=schema, orient="row")
    assert len(suspects.restarting(df)) == warned


def test_ids_are_drawn_whole_and_no_more_than_fit() -> None:
    n = 200_000
    order = pl.Series(range(n), dtype=pl.UInt64).hash()
    lines = pl.LazyFrame(
        {"order": pl.concat([order, order]), "ordered_at": [0] * n + [86_400] * n}
    ).with_columns(customer_id=pl.lit("a"))
    drawn = suspects.some_orders(lines, suspects.drawn_below(2 * n)).collect()
    assert 24_000 < drawn["order"].n_unique() < 26_000
    assert drawn.group_by("order").len()["len"].unique().to_list() == [2]
