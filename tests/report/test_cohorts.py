"""What the report shows of cohorts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from segcore import report
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData, load
from segcore.report.sections.cohorts import cohorts

FMT = Formatter(currency="£")


@pytest.fixture(scope="module")
def data(run_dir: Path) -> ReportData:
    return load(run_dir)


def test_the_page_has_the_shares_of_the_table(run_dir: Path, data: ReportData) -> None:
    page, text = report.build(run_dir), report.build_markdown(run_dir)
    found = cohorts(data, FMT)
    assert found is not None
    section = page[page.index('<section id="cohorts"') :]
    for row in data.tables["cohorts"].filter(pl.col("months_since").is_between(1, 12)).to_dicts():
        assert f"{row['months_since']} months later: {FMT.percent(row['share'])} of" in section
    assert "The top 5% of customers bring 40% of all revenue before returns, the top 10% 60%" in section
    assert all(f"| {' | '.join(row[:3])} |" in text for row in found.rows)
    assert len(found.figures) == 2


def test_of_few_customers_nothing_is_told(data: ReportData) -> None:
    table = data.tables["cohorts"]
    first, second = table["cohort"].unique().sort()[:2]
    few = table.with_columns(
        pl.when((pl.col("cohort") == first) & (pl.col("months_since") == 0))
        .then(4)
        .when((pl.col("cohort") == second) & (pl.col("months_since") == 1))
        .then(4)
        .otherwise("customers")
        .alias("customers")
    )
    found = cohorts(replace(data, tables=data.tables | {"cohorts": few}), FMT)
    whole = cohorts(data, FMT)
    assert found is not None
    assert whole is not None
    assert len(found.rows) == len(whole.rows) - 1
    assert found.rows[0][3] == "–"
    dots = next(iter(found.figures[0].spec["datasets"].values()))
    assert not any(dot["name"] == f"{first:%Y-%m}" for dot in dots)
    assert [
        dot["label"] for dot in dots if dot["name"] == f"{second:%Y-%m}" and dot["months_since"] == 1
    ] == ["–"]


def test_without_the_table_there_is_no_such_section(data: ReportData) -> None:
    assert cohorts(replace(data, tables=data.tables | {"cohorts": pl.DataFrame()}), FMT) is None
