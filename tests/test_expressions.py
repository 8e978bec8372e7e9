"""Features that a job adds as SQL: by hand, whatever the order of the lines, and what is said of a bad one."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import errors, expressions, job
from segcore.pipeline.customers import customers
from segcore.progress import Progress
from tests.transaction_lines import Line, any_line, line, prepared, taken_through, write_csv

OWN = {
    "weekend_share": "avg(CASE WHEN DATE_PART('isodow', ordered_at) >= 6 THEN 1.0 ELSE 0.0 END)",
    "mean_price": "avg(unit_price)",
    "spread": "stddev(amount * unit_price)",
    "first_amount": "first(amount)",
    "lamps": "sum(CASE WHEN description LIKE '%LAMP%' THEN quantity ELSE 0 END)",
    "own_orders": "count(DISTINCT order_id)",
    "own_products": "count(DISTINCT product_id)",
    "abroad": "max(country <> 'United Kingdom')",
    "nothing": "sum(amount) / (sum(quantity) - sum(quantity))",
}


def features_of(
    paths: list[Path],
    folder: Path,
    *,
    n_buckets: int = 1,
    capacity: int = 10**6,
    keys: dict[str, object] | None = None,
) -> pl.DataFrame:
    """Take files through the stages to the features of their customers."""
    given_job = job.resolve("", {"features.own": OWN, "cleaning.cancellation_prefix": "C", **(keys or {})})
    read = prepared(paths, given_job)
    taken_through(read, given_job, folder, n_buckets=n_buckets, capacity=capacity)
    return pl.read_parquet(folder / "customers/features/*.parquet")


LINES = [
    # A Saturday, a Sunday and a Monday; a second copy of the Monday's; a return of one of the Sunday's.
    line(InvoiceNo="1", StockCode="a", Quantity="2", UnitPrice="1.50", InvoiceDate="2011-01-08 12:00:00"),
    line(InvoiceNo="2", StockCode="b", Quantity="4", UnitPrice="0.10", InvoiceDate="2011-01-09 12:00:00"),
    line(InvoiceNo="2", StockCode="A", Quantity="3", UnitPrice="2.00", InvoiceDate="2011-01-10 12:00:00"),
    line(InvoiceNo="2", StockCode="A", Quantity="3", UnitPrice="2.00", InvoiceDate="2011-01-10 12:00:00"),
    line(InvoiceNo="C3", StockCode="b", Quantity="-4", UnitPrice="0.10", InvoiceDate="2011-01-11 12:00:00"),
]


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (
            "feature",
            {
                "weekend_share": 2 / 3,
                "mean_price": 1.2,
                "first_amount": 3.0,
                "lamps": 0.0,
                "own_orders": 2.0,
                "own_products": 2.0,
                "abroad": 1.0,
                "nothing": None,
            },
        ),
        # The return takes the Sunday's line away.
        ("net", {"weekend_share": 1 / 2, "mean_price": 1.75, "own_orders": 2.0, "own_products": 1.0}),
    ],
)
def test_a_customer_by_hand(tmp_path: Path, returns: str, expected: dict[str, float | None]) -> None:
    path = write_csv(tmp_path / "lines.csv", LINES)
    (row,) = features_of([path], tmp_path / "out", keys={"features.returns": returns}).iter_rows(named=True)
    assert {name: row[name] for name in expected} == pytest.approx(expected)


@settings(max_examples=5)
@given(
    lines=st.lists(any_line(), min_size=5, max_size=60),
    seed=st.integers(0, 2**16),
    n_files=st.integers(1, 3),
    n_buckets=st.sampled_from([2, 8]),
    capacity=st.sampled_from([5, 10**6]),
)
def test_values_ignore_order_split_and_buckets_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[Line],
    seed: int,
    n_files: int,
    n_buckets: int,
    capacity: int,
) -> None:
    draw = random.Random(seed)
    prices = [
        line(InvoiceNo=str(n), UnitPrice=f"{draw.uniform(0.01, 9):.4f}", CustomerID=str(n % 3))
        for n in range(40)
    ]
    lines = [*lines, *prices]
    folder = tmp_path_factory.mktemp("split")
    bound: dict[str, object] = {"cleaning.max_reject_share": 1.0}
    whole = features_of([write_csv(folder / "whole.csv", lines)], folder / "whole", keys=bound)
    mixed = draw.sample(lines, len(lines))
    paths = [write_csv(folder / f"{n}.csv", mixed[n::n_files]) for n in range(n_files)]
    split = features_of(paths, folder / "split", n_buckets=n_buckets, capacity=capacity, keys=bound)
    assert_frame_equal(whole, split, check_exact=True)


def test_only_columns_that_are_named_are_carried(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "lines.csv", LINES)
    features_of([path], tmp_path / "some", keys={"features.own": {"top": "max(unit_price)"}})
    some = pl.scan_parquet(tmp_path / "some/lines/**/*.parquet").collect_schema().names()
    assert "unit_price" in some
    assert not {"order_id", "product_id", "description"} & set(some)


def test_a_feature_that_the_input_says_nothing_about_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("customer_id,ordered_at,quantity,unit_price\n1,2011-01-08,2,1.50\n")
    read = prepared([path])
    progress = Progress(quiet=True)
    given_job = job.Job(features=job.Features(own={"lamps": OWN["lamps"], "spent": "sum(amount)"}))
    assert customers.computable(given_job, read, progress) == {"spent": "sum(amount)"}
    assert progress.warnings == ["no feature lamps: the input has no description"]


def test_features_that_are_switched_off_are_not_written(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "lines.csv", LINES)
    found = features_of([path], tmp_path / "out", keys={"features.without": ["active_months", "return_rate"]})
    assert not {"active_months", "return_rate"} & set(found.columns)
    assert "return_count" in found.columns


def test_what_cannot_be_computed_on_the_lines_names_the_feature() -> None:
    lines = pl.DataFrame({"customer_id": ["1"], "description": ["HOLDER"]})
    with pytest.raises(errors.DataError, match=r"features\.own\.size cannot be computed: .*HOLDER"):
        expressions.evaluate(lines, {"size": "sum(CAST(description AS INTEGER))"})


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            "x = 'sum(quantitty)'",
            r"x: unknown column 'quantitty' \(did you mean 'quantity'\?\); there are .*amount",
        ),
        ("x = 'quantity + 1'", "x: gives a value for each line, expected one for each customer"),
        ("x = 'max(description)'", "x: gives String, expected a number"),
        ("x = 'avg('", "x: ends too early"),
        ("x = 'mode_of(quantity)'", "x: unknown function 'mode_of'"),
        ("x = 'avg(quantity, 1)'", "x: no function matches"),
        ("x = 'avg(description)'", "x: .*not supported for dtype `str`"),
        ("x = '(SELECT 1)'", "x: 'SELECT' at character 2 is not expected there"),
        ("order_count = 'count(*)'", "'order_count' cannot name a feature"),
        ("kmeans_4 = 'count(*)'", "'kmeans_4' cannot name a feature"),
        ("'a b' = 'count(*)'", "'a b' cannot name a feature"),
    ],
)
def test_a_bad_expression_is_refused_before_anything_is_read(own: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message) as caught:
        job.resolve(f"[features.own]\n{own}", source="a.toml")
    assert str(caught.value).startswith("a.toml: features")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[features]\nwithout = ['order_count']", "'order_count' cannot be left out"),
        ("[features]\nwithout = ['active_month']", r"did you mean 'active_months'"),
        ("[features]\nwithout = ['unique_products']", "matrix.columns.unique_products is left out"),
    ],
)
def test_what_the_run_needs_cannot_be_switched_off(text: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message):
        job.resolve(text)


def test_the_matrix_may_name_a_feature_of_the_jobs_own() -> None:
    text = "[features.own]\nitems = 'sum(quantity)'\n[matrix]\ncolumns = { items = 'log1p' }"
    resolved = job.resolve(text)
    assert job.resolve(job.to_toml(resolved)) == resolved
    assert tomllib.loads(job.to_toml(resolved))["features"]["own"] == {"items": "sum(quantity)"}
