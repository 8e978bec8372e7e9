"""What the report says of the last period."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import job, report
from segcore.records.manifest import RuleFigures
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData, load
from segcore.report.sections.pays import Pays, pays

FMT = Formatter(currency="£")


@pytest.fixture(scope="module")
def data(run_dir: Path) -> ReportData:
    return load(run_dir)


def told(data: ReportData, **figures: Any) -> Pays:
    """The section with other figures of the look back."""
    look_back = data.manifest.look_back
    assert look_back is not None
    manifest = replace(data.manifest, look_back=replace(look_back, **figures))
    return pays(replace(data, manifest=manifest), FMT)


def with_cell(data: ReportData, rule: str, cell: str, **values: Any) -> ReportData:
    own = (pl.col("rule") == rule) & (pl.col("cell") == cell)
    table = data.look_back.with_columns(
        pl.when(own).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    )
    return replace(data, look_back=table)


@pytest.mark.parametrize(
    ("spenders", "words"),
    [
        (0.63, "as would the same number picked by past spend (63%)."),
        (0.57, "as would the same number picked by past spend (57%)."),
        (0.71, "less than the same number picked by past spend (71%)."),
        (0.41, "more than the same number picked by past spend (41%)."),
    ],
)
def test_the_sentence_is_honest_where_past_spend_does_as_well(
    data: ReportData, spenders: float, words: str
) -> None:
    own = {"customer_share": 0.21, "revenue_share": 0.6, "revenue_share_se": 0.035}
    data = with_cell(data, "segment", "Big spenders", **own)
    data = with_cell(data, "as many by past spend", "most spend", revenue_share=spenders)
    assert pays(data, FMT).sentence == (
        "“Big spenders”, 21% of the customers known on 11 September 2011, brought 60% of what all of them spent in the "
        f"90 days to 9 December 2011 (95% interval: 53% to 67%), {words}"
    )


def test_rules_are_told_apart_by_the_segments_standard_error(data: ReportData) -> None:
    areas = {
        "segment": 0.70,
        "RFM fifths": 0.715,
        "RFM groups": 0.692,
        "order count": 0.709,
        "spend in tenths": 0.68,
        "random": 0.9,
        "as many by past spend": 0.9,
    }
    rules = {
        name: RuleFigures(auc=area, auc_se=0.01, log_revenue_explained=0.2) for name, area in areas.items()
    }
    found = told(data, rules=rules)
    assert found.ranking == (
        "Who buys again is told better by RFM's 125 cells, and as well by RFM's ten groups and order count, and less "
        "well by past spend in tenths."
    )
    assert [name for name, _ in found.rules][:3] == ["At random", "RFM's 125 cells", "Order count"]
    assert ("The segments", "70.0% ± 1.0") in found.rules
    assert "as many by past spend" not in [name for name, _ in found.rules]


def test_the_page_and_the_markdown_have_the_figures_of_the_table(run_dir: Path, data: ReportData) -> None:
    page, text = report.build(run_dir), report.build_markdown(run_dir)
    figures = data.manifest.look_back
    assert figures is not None
    section = page[page.index('id="pays"') : page.index('id="trust"')]
    part = text[text.index("## Does it pay?") : text.index("## Can we trust it?")]
    assert page.index('id="overview"') < page.index('id="pays"') < page.index('id="trust"')
    for row in data.look_back.filter(pl.col("rule") == "segment").to_dicts():
        again, since = FMT.percent(row["rate"]), FMT.percent(row["revenue_share"])
        assert f"{since} of revenue, {again} bought again" in section
        assert (
            f"| {row['cell']} | {row['customers']} ({FMT.percent(row['customer_share'])}) | {again} |" in part
        )
    for rule, name in (("segment", "The segments"), ("RFM groups", "RFM's ten groups")):
        area = figures.rules[rule].auc
        assert area is not None
        assert f"| {name} | {100 * area:.1f}% ±" in part
    assert "96 customers whom nobody knew before brought another 20%" in section
    assert "not whom an offer brings back" in section
    assert "not whom an offer brings back" in part


def test_an_interval_is_two_standard_errors_either_way(data: ReportData) -> None:
    shares, ranking = pays(data, FMT).figures
    rows = {row["cell"]: row for row in data.look_back.filter(pl.col("rule") == "segment").to_dicts()}
    for dot in next(iter(shares.spec["datasets"].values())):
        error = 1.96 * rows[dot["name"]]["revenue_share_se"]
        assert dot["high"] - dot["revenue_share"] == pytest.approx(error)
        assert dot["revenue_share"] - dot["low"] == pytest.approx(min(error, dot["revenue_share"]))
    assert max(len(rows) for rows in ranking.spec["datasets"].values()) == 7


def test_of_few_customers_nothing_is_told(data: ReportData) -> None:
    few = with_cell(data, "segment", "Big spenders", customers=4)
    found = pays(few, FMT)
    assert "Big spenders" not in found.sentence
    assert found.sentence.startswith("Of the customers known on 11 September 2011, ")
    assert [row[0] for row in found.rows] == [
        row[0] for row in pays(data, FMT).rows if row[0] != "Big spenders"
    ]
    assert told(data, new_customers=4).newcomers == ""


def test_where_nobody_came_back_it_says_so(data: ReportData) -> None:
    found = told(data, buyers=0, revenue=0.0)
    assert found.sentence == "Of the customers known on 11 September 2011, none bought in the 90 days since."
    assert not found.figures


@pytest.mark.parametrize(
    ("text", "facts", "why"),
    [
        ("[look_back]\ndays = 0", {}, "the job switches the look back off ([look_back] days = 0)"),
        (
            "",
            {"kind": "score"},
            "this run labels customers by an earlier run's model, whose own report has it",
        ),
        (
            "[[extra]]\npath = 'a.csv'\nkey = 'id'\ncolumns = ['age']\n",
            {},
            "the segments rest on other tables, which are as of today and say nothing of the past",
        ),
        ("[look_back]\ndays = 200", {}, "it takes 400 days of lines to look back on 200, and there are 374"),
        ("", {}, "nobody is known from before the last 90 days"),
    ],
)
def test_it_says_why_there_is_none(data: ReportData, text: str, facts: dict[str, Any], why: str) -> None:
    manifest = replace(data.manifest, look_back=None, **facts)
    found = pays(replace(data, manifest=manifest, job=job.resolve(text)), FMT)
    assert found.sentence == f"It was not measured whether the segments tell what comes: {why}."
    assert not found.figures
