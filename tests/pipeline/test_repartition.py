"""Buckets and slices change no byte: many small ones, a customer with most of the lines, one bucket for all."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors, job
from segcore.lines import shuffle
from segcore.pipeline.lines import buckets, memory_plan
from segcore.pipeline.lines.memory_plan import Costs, PartitionPlan, costs, measured, plan
from segcore.pipeline.lines.repartition import more_bits
from tests.transaction_lines import Line, any_line, line, prepared, taken_through, write_csv

RULES: dict[str, Any] = {
    "cleaning.cancellation_prefix": "C",
    "cleaning.max_reject_share": 1.0,
    "cleaning.rejects": "all",
    "features.rows_per_file": 7,
}


def a_dump(seed: int, n_customers: int, guest_lines: int) -> list[Line]:
    """Return lines of some customers, and of one that has most of them."""
    draw = random.Random(seed)

    def one(customer: int) -> Line:
        order = f"{draw.choice(['', '', 'C'])}{customer}{draw.randint(1, 9)}"
        return line(
            CustomerID=str(customer),
            InvoiceNo=order,
            StockCode=draw.choice("abcdefgh"),
            Quantity=str(draw.randint(1, 9) * (-1 if order.startswith("C") else 1)),
            InvoiceDate=f"2011-0{draw.randint(1, 9)}-1{draw.randint(0, 9)} 10:00:00",
            UnitPrice=f"{draw.uniform(0.01, 9):.4f}",
            Country=draw.choice(["France", "Spain"]),
        )

    return (
        [one(draw.randint(1, n_customers)) for _ in range(5 * n_customers)]
        + [one(0)] * guest_lines
        + [one(0) for _ in range(guest_lines)]
    )


def written(folder: Path) -> dict[str, bytes]:
    """Return what the stage of the customers left, but for what is parted by bucket."""
    stage = folder / "customers"
    files = {
        f"{part}/{path.name}": path.read_bytes()
        for part in ("features", "then", "earlier")
        for path in (stage / part).glob("*.parquet")
    }
    facts = {name: (stage / name).read_bytes() for name in ("ledger.json", "stage.json")}
    return files | facts


def rejected(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "customers/rejects/*.parquet").sort(pl.all())


@pytest.mark.parametrize(
    ("returns", "window"),
    [
        pytest.param("feature", "", marks=pytest.mark.slow),
        pytest.param("net", "", marks=pytest.mark.slow),
        pytest.param("feature", "100d", marks=pytest.mark.slow),
        ("net", "100d"),
    ],
)
@settings(max_examples=3)
@given(
    lines=st.lists(any_line(), max_size=20),
    seed=st.integers(0, 2**16),
    bits=st.integers(0, 6),
    capacity=st.sampled_from([3, 20, 10**6]),
)
def test_no_byte_depends_on_how_lines_are_parted(
    tmp_path_factory: pytest.TempPathFactory,
    returns: str,
    window: str,
    lines: list[Line],
    seed: int,
    bits: int,
    capacity: int,
) -> None:
    folder = tmp_path_factory.mktemp("parted")
    back = {"features.returns": returns, "features.window": window, "look_back.days": 50}
    rules = job.resolve("", {**RULES, **back})
    path = write_csv(folder / "dump.csv", [*a_dump(seed, 30, 60), *lines])
    whole = taken_through(prepared([path], rules), rules, folder / "whole")
    parted = taken_through(
        prepared([path], rules), rules, folder / "parted", n_buckets=2**bits, capacity=capacity
    )
    assert written(folder / "whole") == written(folder / "parted")
    assert (
        min(
            pl.scan_parquet(list(paths)).select(pl.len()).collect().item()
            for paths in (whole.then, whole.earlier)
        )
        > 10
    )
    assert rejected(folder / "whole").equals(rejected(folder / "parted"))
    assert whole.product_customers == parted.product_customers == whole.customers


@settings(max_examples=5)
@given(seed=st.integers(0, 2**16), bits=st.integers(0, 6), capacity=st.sampled_from([5, 60, 10**6]))
def test_buckets_say_their_ranges_of_hashes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, bits: int, capacity: int
) -> None:
    folder, rules = tmp_path_factory.mktemp("ranges"), job.resolve("", RULES)
    path = write_csv(folder / "dump.csv", a_dump(seed, 30, 60))
    taken_through(prepared([path], rules), rules, folder / "parted", n_buckets=2**bits, capacity=capacity)
    stage = folder / "parted/lines"
    found = buckets.load(stage, str(stage))
    for one in found.buckets:
        paths = [path for some in one.slices for path in found.paths(some)]
        hashes = pl.read_parquet(paths, columns=["h"], hive_partitioning=False)["h"]
        assert hashes.is_between(pl.lit(one.low, pl.UInt64), pl.lit(one.high, pl.UInt64)).all()
        assert len(hashes) == one.rows
    ends = [end for one in found.buckets for end in (one.low, one.high)]
    assert ends == sorted({*ends})
    if bits and capacity == 5:
        assert any(one.high - one.low < 2 ** (64 - bits) - 1 for one in found.buckets)


def test_a_large_customer_is_worked_on_in_slices_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="segcore")
    rules = job.resolve("", RULES)
    path = write_csv(tmp_path / "dump.csv", a_dump(0, 20, 500))
    taken_through(prepared([path], rules), rules, tmp_path / "parted", n_buckets=8, capacity=100)
    (said,) = [text for text in caplog.messages if "slices" in text]
    assert said.startswith("one customer has most of ")
    assert not list((tmp_path / "parted/lines").rglob("*.part"))


def test_two_customers_with_one_hash_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle, "hashed", lambda seed: pl.col("customer_id").str.len_bytes().cast(pl.UInt64))
    rules = job.resolve("", RULES)
    path = write_csv(tmp_path / "a.csv", a_dump(1, 12, 0))
    with pytest.raises(
        errors.DataError, match=r"the customers 1, 10, 11 and 9 more have the same hash .* another seed"
    ):
        taken_through(prepared([path], rules), rules, tmp_path / "out")


@pytest.mark.parametrize("mode", ["all", "sample", "count"])
def test_rejects_have_the_text_that_came_in(tmp_path: Path, mode: str) -> None:
    lines = [
        line(),
        line(),
        line(Quantity="x y"),
        line(Quantity="z"),
        line(CustomerID=""),
        line(CustomerID=""),
    ]
    first = write_csv(tmp_path / "a.csv", lines)
    second = write_csv(tmp_path / "b.csv", [line(InvoiceNo="2"), line(UnitPrice="-1")])
    rules = job.resolve("", {**RULES, "cleaning.rejects": mode})
    found = taken_through(prepared([first, second], rules), rules, tmp_path / "out", n_buckets=4)
    counted = {name: rows for name, rows in found.ledger.rows.items() if rows}
    assert counted == {
        "purchase": 2,
        "duplicate": 1,
        "unreadable_quantity": 2,
        "missing_customer": 2,
        "non_positive_price": 1,
    }
    files = list((tmp_path / "out/customers/rejects").glob("*.parquet"))
    if mode == "count":
        assert not files
        return
    rows = pl.read_parquet(files).sort("file", "record")
    where = [
        (Path(file).name, record, reason)
        for file, record, reason in rows.select("file", "record", "reason").rows()
    ]
    expected = [
        ("a.csv", 2, "duplicate"),
        ("a.csv", 3, "unreadable_quantity"),
        ("a.csv", 4, "unreadable_quantity"),
        ("a.csv", 5, "missing_customer"),
        ("a.csv", 6, "missing_customer"),
        ("b.csv", 2, "non_positive_price"),
    ]
    assert where == (expected if mode == "all" else [expected[n] for n in (0, 1, 3, 5)])
    text = dict(rows.select("record", "quantity").rows())
    assert text[3] == "x y"


def test_a_plan_holds_a_bucket_in_half_of_the_budget() -> None:
    small = plan(10**6, 10**9)
    large = plan(2 * 10**8, 10**9)
    assert small.capacity == large.capacity
    assert large.bits == 6
    assert plan(3 * 10**7, 10**11).bits == plan(3 * 10**7, 10**9).bits  # more memory makes no larger ones
    assert plan(10, 10**9) == PartitionPlan(bits=0, capacity=small.capacity, at_once=small.at_once)


@pytest.mark.parametrize(
    ("cpus", "memory", "at_once"),
    [(2, 10**9, 2), (2, 2 * 10**9, 3), (2, 10**10, 4), (1, 10**10, 2), (8, 10**9, 4)],
)
def test_more_buckets_are_worked_on_at_once_where_there_is_room_for_them(
    monkeypatch: pytest.MonkeyPatch, cpus: int, memory: int, at_once: int
) -> None:
    monkeypatch.setattr(memory_plan, "available_cpus", lambda: cpus)
    planned = plan(10**8, memory)
    assert planned.at_once == at_once
    assert planned.at_once * planned.capacity * 400 <= memory // 2
    assert plan(10**8, memory, columns=40).at_once <= at_once


def test_customers_of_few_lines_and_long_texts_make_smaller_buckets() -> None:
    planned = plan(5 * 10**6, 10**9)

    def capacity(*, customers: int = 0, letters: int = 0, columns: int = 0) -> int:
        lines = 10**6
        found = measured(planned, 10**9, Costs(lines, customers, letters), columns=columns)
        assert (found.bits, found.at_once) == (planned.bits, planned.at_once)
        return found.capacity

    assert capacity() == capacity(customers=50_000) == planned.capacity
    assert capacity(letters=10**6) == planned.capacity * 400 // 402
    # 1,100 bytes a line for 400, but what 20 lines of each customer would have had; and 2 for each letter beside them.
    assert capacity(customers=10**6) == pytest.approx(planned.capacity * 400 / 1_065, rel=0.01)
    assert capacity(letters=2_000 * 10**6, columns=1) == pytest.approx(
        planned.capacity * 400 / 4_400, rel=0.01
    )
    # Texts shorter than was planned for make no larger ones.
    own = plan(5 * 10**6, 10**9, columns=2)
    assert measured(own, 10**9, Costs(lines=9, letters=9), columns=2) == own
    assert measured(own, 10**9, Costs(), columns=2) == own


def test_what_lines_cost_is_counted_on_some_of_their_customers() -> None:
    customers = pl.int_range(200_000, eager=True).hash(1)
    lines = pl.LazyFrame({"h": customers.append(customers), "description": ["é" * 5] * 400_000})
    found = costs(lines).collect().row(0, named=True)
    assert (found["lines"], found["letters"]) == (400_000, 4_000_000)  # bytes
    assert found["customers"] == pytest.approx(200_000, rel=0.3)
    plain = costs(lines.drop("description").with_columns(customer_id=pl.lit("a"))).collect()
    assert plain["letters"].item() == 0


@pytest.mark.parametrize(("rows", "bits"), [(101, 1), (200, 1), (201, 2), (400, 2), (10**9, 6)])
def test_bits_are_as_many_as_parts_are_needed(rows: int, bits: int) -> None:
    assert more_bits(rows, 100) == bits
