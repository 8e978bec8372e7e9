"""Returns that take back purchases, through the whole job."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from segcore import errors, segment
from tests.conftest import QUICK
from tests.transaction_lines import Line, line, write_csv

NET = {**QUICK, "features.returns": "net", "models.families": ["kmeans"], "cleaning.cancellation_prefix": "C"}


def orders(n_customers: int) -> list[Line]:
    return [
        line(InvoiceNo=f"{c}-{o}", CustomerID=str(c), Quantity=str(1 + (c + 3 * o) % 7), StockCode=f"p{o}")
        for c in range(n_customers)
        for o in range(1 + c % 4)
    ]


def test_ledger_customers_months_and_products_are_net(tmp_path: Path) -> None:
    absurd = line(CustomerID="9999", InvoiceNo="x", Quantity="80000", StockCode="paper")
    regretted = line(CustomerID="3", InvoiceNo="y", Quantity="500", StockCode="paper", UnitPrice="2")
    lines = [*orders(40), absurd, regretted]
    lines += [
        line(CustomerID="9999", InvoiceNo="Cx", Quantity="-80000", StockCode="paper"),
        line(CustomerID="3", InvoiceNo="Cy", Quantity="-499", StockCode="PAPER", UnitPrice="3"),
        line(CustomerID="3", InvoiceNo="Cz", Quantity="-4", StockCode="never bought"),
    ]
    run = segment(write_csv(tmp_path / "a.csv", lines), tmp_path / "out", overrides=NET, quiet=True)
    ledger = json.loads((run.folder / "ledger.json").read_text())
    assert ledger["returns_net"] == {
        "matched": {"rows": 2, "money": "-101497.0000"},
        "unmatched": {"rows": 1, "money": "-5.0000"},
        "taken_back": {"rows": 2, "money": "100998.0000"},
        "partly_matched_rows": 0,
        "orders_emptied": 1,
        "customers_emptied": 1,
    }
    money = {entry["class"]: Decimal(entry["money"]) for entry in ledger["classes"]}
    assert money["return"] == Decimal("-101502")
    features = pl.read_parquet(run.features / "*.parquet")
    assert sorted(features["customer_id"], key=int) == [str(c) for c in range(40)]
    net = money["purchase"] - Decimal(ledger["returns_net"]["taken_back"]["money"])
    assert features["total_spend"].sum() == pytest.approx(float(net))
    assert pl.read_parquet(run.folder / "tables/monthly.parquet")["revenue"].sum() == pytest.approx(
        float(net)
    )
    assert json.loads((run.folder / "manifest.json").read_text())["revenue"] == pytest.approx(float(net))


def test_without_returns_the_segments_are_the_same(tmp_path: Path) -> None:
    dump = write_csv(tmp_path / "a.csv", orders(40))
    runs = [
        segment(dump, tmp_path / mode, overrides={**NET, "features.returns": mode}, quiet=True)
        for mode in ("feature", "net")
    ]
    gross, net = (pl.read_parquet(run.segments / "*.parquet").drop("run_id") for run in runs)
    assert gross.equals(net)
    assert json.loads((runs[0].folder / "ledger.json").read_text())["returns_net"] is None


def test_a_dump_that_came_back_as_a_whole_is_said_in_one_line(tmp_path: Path) -> None:
    lines = [line(), line(InvoiceNo="C1", Quantity="-2")]
    with pytest.raises(errors.DataError, match="no purchase left: of 2 lines returns took back all"):
        segment(write_csv(tmp_path / "a.csv", lines), tmp_path / "out", overrides=NET, quiet=True)
