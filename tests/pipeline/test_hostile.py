"""Data that nobody hopes for: a sensible result or one clear line, never a NaN, a warning storm or a crash.

Warnings are errors here, and what worker processes say to stderr is read too.
"""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest

from segcore import Run, errors, segment
from tests.conftest import QUICK
from tests.transaction_lines import Line, line, write_csv

EVERY = {
    **QUICK,
    "models.families": ["kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"],
    "models.k_max": 4,
    "models.mixture_restarts": 2,
}
STABLE = {
    **EVERY,
    "models.k_max": 3,
    "models.linkages": ["ward", "average"],
    "models.covariance_types": ["diag", "full"],
    "stability.splits": 3,
    "stability.resamples": 3,
    "stability.min_splits": 2,
}


def customer(name: object, *, orders: int = 1, quantity: int = 2, price: str = "1.25") -> list[Line]:
    return [
        line(
            InvoiceNo=f"{name}-{order}",
            CustomerID=name,
            Quantity=quantity,
            UnitPrice=price,
            StockCode=f"p{order}",
            InvoiceDate=f"2011-{1 + order // 28:02}-{1 + order % 28:02} 10:00:00",
        )
        for order in range(orders)
    ]


def kinds(n_customers: int, n_kinds: int) -> list[Line]:
    """Customers of a few kinds; those of a kind are equal in every feature."""
    return [row for c in range(n_customers) for row in customer(c, orders=1 + 3 * (c % n_kinds))]


def different(n_customers: int) -> list[Line]:
    rng = random.Random(0)
    return [
        row
        for c in range(n_customers)
        for row in customer(
            c,
            orders=rng.choice([1, 1, 2, 3, 5, 9]),
            quantity=rng.randint(1, 40),
            price=f"{rng.randint(1, 900) / 100}",
        )
    ]


def tied(n_customers: int) -> list[Line]:
    """Nine in ten are equal."""
    return [row for c in range(n_customers) for row in customer(c, orders=1 if c % 10 else 1 + c // 10 % 4)]


def sized(n_customers: int) -> list[Line]:
    """Orders, products and recency are constant; spend, order value and items are the same up to a factor."""
    return [row for c in range(n_customers) for row in customer(c, quantity=1 + c)]


ENORMOUS = line(
    CustomerID="enormous", Quantity="80000000", UnitPrice="900000", InvoiceDate="2011-01-10 10:00:00"
)


def run_job(tmp_path: Path, lines: list[Line], overrides: dict[str, Any]) -> Run:
    return segment(write_csv(tmp_path / "a.csv", lines), tmp_path / "out", overrides=overrides, quiet=True)


def check(run: Run, lines: list[Line]) -> tuple[pl.DataFrame, list[str]]:
    """Check all that a run wrote, and return the segments with the features and the warnings."""
    for path in run.folder.rglob("*.parquet"):
        df = pl.read_parquet(path)
        for name in df.columns:
            check_finite(df[name].to_list(), f"{path.name}: {name}")
    for path in run.folder.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), parse_constant=not_a_number)
    page = re.sub(r"<(script|style).*?</\1>", "", run.report.read_text(encoding="utf-8"), flags=re.DOTALL)
    # The job, as the page shows it, lists the words that stand for missing values.
    told = page.replace("&#34;NaN&#34;,", "").replace("&#34;None&#34;,", "")
    assert not re.findall(r".{0,80}\b(?:nan|NaN|inf|Infinity|None)\b.{0,80}", told)
    assert not re.search(r"\b(nan|NaN|inf)\b", (run.folder / "segments.csv").read_text(encoding="utf-8"))
    segments = pl.read_parquet(run.segments / "*.parquet")
    assert sorted(segments["customer_id"]) == sorted({row[6] for row in lines})
    assert segments["segment"].null_count() == 0
    assert segments["segment"].n_unique() >= 2
    features = pl.read_parquet(run.features / "*.parquet")
    warnings: list[str] = json.loads((run.folder / "manifest.json").read_text())["warnings"]
    return segments.join(features, on="customer_id", validate="1:1"), warnings


def check_finite(values: Any, where: str) -> None:
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        for value in values:
            check_finite(value, where)
    elif isinstance(values, float):
        assert math.isfinite(values), where


# What is rightly said of so few customers, one of whom has the id 0.
OF_FEW_CUSTOMERS = ("one customer, called like nobody ('0')", "No model passed the rule's checks")


def not_a_number(name: str) -> NoReturn:
    raise AssertionError(f"{name} in JSON")


@pytest.mark.parametrize(
    ("lines", "overrides", "most_warnings"),
    [
        pytest.param(different(30), EVERY, 0, id="30 customers"),
        pytest.param(different(30), STABLE, 0, id="30 customers, refitted", marks=pytest.mark.slow),
        pytest.param(different(6), STABLE, 0, id="6 customers, refitted", marks=pytest.mark.slow),
        pytest.param([*different(60), ENORMOUS], EVERY, 0, id="one enormous outlier"),
        pytest.param(
            [*different(40), ENORMOUS],
            {**STABLE, "matrix.columns": {"total_spend": "none", "order_count": "none"}},
            0,
            id="one enormous outlier as it is, refitted",
            marks=pytest.mark.slow,
        ),
        pytest.param(sized(50), EVERY, 3, id="constant features"),
        pytest.param(
            sized(50),
            {
                **EVERY,
                "matrix.columns": dict.fromkeys(["total_spend", "average_order_value", "item_count"], "none"),
            },
            0,
            id="perfectly correlated features",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            sized(50),
            {**EVERY, "matrix.columns": dict.fromkeys(["mean_days_between_orders", "total_spend"], "log1p")},
            1,
            id="a feature that is always empty",
            marks=pytest.mark.slow,
        ),
        # That few come back, and that features are nearly the same for most customers, is said of each.
        pytest.param(tied(150), EVERY, 5, id="heavy ties", marks=pytest.mark.slow),
        pytest.param(tied(150), STABLE, 5, id="heavy ties, refitted", marks=pytest.mark.slow),
        pytest.param(
            different(100),
            {**EVERY, "models.sample": 40, "models.tree_sample": 15, "models.evaluation_sample": 30},
            0,
            id="samples smaller than the data",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            different(25),
            {**EVERY, "features.rows_per_file": 4},
            0,
            id="files of four customers",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            different(25),
            {**EVERY, "models.dbscan_eps": 1e-6, "models.min_cluster_size": 0.9},
            0,
            id="nothing but noise",
        ),
        pytest.param(
            different(40),
            {**EVERY, "models.one_time_buyers": "separate"},
            0,
            id="one-time buyers apart",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_sensible_result(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    lines: list[Line],
    overrides: dict[str, Any],
    most_warnings: int,
) -> None:
    found, warnings = check(run_job(tmp_path, lines, overrides), lines)
    others = [text for text in warnings if not text.startswith(OF_FEW_CUSTOMERS)]
    assert len(others) <= most_warnings, warnings
    assert all("\n" not in text for text in warnings)
    said = capfd.readouterr()
    assert said.out + said.err == ""
    # Customers that are equal in every feature are in one segment.
    same = found.group_by("order_count", "total_spend", "unique_products", "last_order_at")
    assert (same.agg(pl.col("segment").n_unique())["segment"] == 1).all()


@pytest.mark.parametrize(
    "overrides",
    [pytest.param(EVERY, id="fitted"), pytest.param(STABLE, id="refitted", marks=pytest.mark.slow)],
)
def test_two_kinds_of_customers_are_two_segments(tmp_path: Path, overrides: dict[str, Any]) -> None:
    lines = kinds(40, 2)
    run = run_job(tmp_path, lines, overrides)
    found, warnings = check(run, lines)
    assert sorted(found.group_by("segment", "order_count").len()["len"]) == [20, 20]
    assert "k above 2 is left out: the sample has 2 different rows of features" in warnings
    for row in pl.read_parquet(run.folder / "candidates.parquet").iter_rows(named=True):
        assert row["n_clusters"] <= 2, row["family"]


def test_two_customers_are_two_segments(tmp_path: Path) -> None:
    lines = [*customer(1), *customer(2, orders=5)]
    found, warnings = check(run_job(tmp_path, lines, EVERY), lines)
    assert found["segment"].n_unique() == 2
    assert any(text.startswith("spectral with k = 2 is left out") for text in warnings)


def test_more_segments_than_different_rows_are_not_tried(tmp_path: Path) -> None:
    lines = kinds(40, 3)
    run = run_job(tmp_path, lines, {**EVERY, "models.k_max": 8})
    found, warnings = check(run, lines)
    assert pl.read_parquet(run.folder / "candidates.parquet")["k"].max() == 3
    assert [text for text in warnings if "k above" in text] == [
        "k above 3 is left out: the sample has 3 different rows of features"
    ]
    assert found["segment"].n_unique() <= 3


@pytest.mark.parametrize(
    ("lines", "overrides", "message"),
    [
        (
            kinds(30, 1),
            {},
            "all customers are equal in average_order_value, .*a feature in which they differ",
        ),
        (kinds(30, 1), {"models.one_time_buyers": "separate"}, "0 customers with more than one order"),
        (
            [*kinds(30, 1), *customer("a", orders=4)],
            {"models.one_time_buyers": "separate"},
            "1 customer with",
        ),
        (kinds(30, 3), {"selection.k": 4}, "no candidate has 4 segments.*there are k = 2, 3"),
        (
            [*customer(0, orders=3), *(row for c in range(1, 300) for row in customer(c))],
            {"models.sample": 10, "models.tree_sample": 10},
            "no more than 1 different rows of features.*raise models.sample",
        ),
    ],
)
def test_one_clear_line(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    lines: list[Line],
    overrides: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(errors.DataError, match=message) as caught:
        run_job(tmp_path, lines, {**EVERY, **overrides})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.glob("out/runs/*"))
