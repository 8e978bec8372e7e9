"""What the report shows of RFM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from segcore import report, tables
from segcore.records.manifest import RfmCutPoints
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData, load
from segcore.report.sections.rfm import RfmTables, rfm

FMT = Formatter(currency="£")


@pytest.fixture(scope="module")
def data(run_dir: Path) -> ReportData:
    return load(run_dir)


def shown(data: ReportData) -> RfmTables:
    found = rfm(data, FMT)
    assert found is not None
    return found


def test_the_table_by_hand_and_nobody_is_lost() -> None:
    customers = pl.LazyFrame(
        {
            "segment": [1, 1, None, 2],
            "r_score": [5, 5, 1, 5],
            "f_score": [5, 5, 1, 5],
            "rfm_group": ["Champions", "Champions", "Hibernating", "Champions"],
            "total_spend": [0.1, 0.2, 5.0, 7.0],
        }
    )
    assert tables.rfm(customers).rows() == [
        (0, 1, 1, "Hibernating", 1, 5.0),
        (1, 5, 5, "Champions", 2, 0.3),
        (2, 5, 5, "Champions", 1, 7.0),
    ]
    assert tables.rfm(customers.drop("r_score")).is_empty()


def test_cells_of_few_customers_are_one_with_their_neighbours(data: ReportData) -> None:
    sizes = {(5, 1): 9, (5, 2): 3, (5, 3): 3, (5, 4): 8, (5, 5): 2, (3, 4): 4}
    rows = [
        {
            "segment": 1,
            "r_score": r,
            "f_score": f,
            "rfm_group": "Champions",
            "customers": n,
            "revenue": 10.0 * n,
        }
        for (r, f), n in sizes.items()
    ]
    then = pl.DataFrame(
        [
            {"rule": "recency x frequency", "cell": f"{r}{f}", "customers": n, "buyers": b}
            for r, f, n, b in ((5, 1, 10, 2), (5, 2, 4, 1), (5, 3, 6, 4), (5, 4, 1, 1), (5, 5, 1, 1))
        ]
    )
    own = replace(data, tables=data.tables | {"rfm": pl.DataFrame(rows)}, look_back=then)
    grid = [
        [(cell.span, cell.orders, cell.customers, cell.revenue_share, cell.rate) for cell in cells]
        for _, cells in shown(own).grid
    ]
    assert grid[0] == [
        (1, "up to 1 order", "9", "31%", "20%"),
        (2, "2 orders – 3 orders", "6", "21%", "50%"),
        (2, "4 to 5 orders – over 5 orders", "10", "34%", "–"),
    ]
    assert all(row == [(5, "up to 1 order", "–", "", "–")] for row in grid[1:])


def test_scores_are_said_in_orders_and_days(data: ReportData) -> None:
    points = RfmCutPoints(recency=(14, 33, 72, 180), frequency=(1, 1, 3, 9.5), monetary=(1, 2, 3, 4))
    found = shown(replace(data, manifest=replace(data.manifest, rfm=points)))
    assert found.orders == ["up to 1 order", "– orders", "2 to 3 orders", "4 to 9 orders", "over 9 orders"]
    assert [days for days, _ in found.grid][:2] == ["up to 14 days ago", "15 to 33 days ago"]


def test_the_page_has_every_customer_of_the_grid(run_dir: Path, data: ReportData) -> None:
    page, text = report.build(run_dir), report.build_markdown(run_dir)
    section = page[page.index('<section id="rfm"') :]
    for _, cells in shown(data).grid:
        assert sum(cell.span for cell in cells) == 5
        for cell in cells:
            assert f"{cell.customers}{'<br>' if cell.revenue_share else ''}" in section
    assert "| Champions |" in text
    for row in shown(data).groups:
        group = data.tables["rfm"].filter(pl.col("rfm_group") == row[0])
        for name, told in zip(shown(data).headings[1:-1], row[1:-1], strict=True):
            segment = data.profile.filter(pl.col("segment_name") == name)["segment"].item()
            n = group.filter(pl.col("segment") == segment)["customers"].sum()
            assert told == ("<5" if 0 < n < 5 else f"{n:,}")


def test_without_scores_there_is_no_such_section(run_dir: Path, data: ReportData) -> None:
    assert rfm(replace(data, manifest=replace(data.manifest, rfm=None)), FMT) is None
    assert rfm(replace(data, tables=data.tables | {"rfm": pl.DataFrame()}), FMT) is None
