"""Where customers come from and go: cohorts, newcomers, and how much hangs on a few."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import MISSING, Formatter, month
from segcore.report.report_data import ReportData

_SHOWN = 13  # months since the first order


@dataclass(frozen=True, kw_only=True)
class Cohorts:
    """What the section shows.

    Attributes
    ----------
    concentration : str
        What the customers with the most revenue bring.
    figures : list of Figure
    headings, rows : list
        The cohorts as a table.
    """

    concentration: str
    figures: list[Figure]
    headings: list[str]
    rows: list[list[str]]


def cohorts(data: ReportData, fmt: Formatter) -> Cohorts | None:
    """Return the section, None where the run has no cohorts."""
    table, months = data.tables["cohorts"], data.tables["newcomers"]
    if table.is_empty():
        return None
    later = months.slice(1)
    figures = [charts.cohort_triangle(table, fmt)] if table["months_since"].max() else []
    if later.height and float(later["revenue"].sum()) > 0:
        figures.append(charts.cohort_newcomers(later, fmt))
    return Cohorts(
        concentration=_concentration(data.tables["concentration"], fmt),
        figures=figures,
        headings=["First order", "Customers", "Revenue since", *map(str, range(1, _SHOWN))],
        rows=_rows(table, fmt),
    )


def _concentration(table: pl.DataFrame, fmt: Formatter) -> str:
    if table.is_empty():
        return ""
    shares = [
        (f"{100 * row['top']:g}%", fmt.percent(row["revenue_share"]))
        for row in table.to_dicts()
        if row["customers"] >= privacy.LEAST_CUSTOMERS and row["revenue_share"] is not None
    ]
    if not shares:
        return ""
    first, *others = shares
    more = "".join(f", the top {top} {share}" for top, share in others)
    return f"The top {first[0]} of customers bring {first[1]} of all revenue before returns{more}."


def _rows(table: pl.DataFrame, fmt: Formatter) -> list[list[str]]:
    cells = {(row["cohort"], row["months_since"]): row for row in table.to_dicts()}
    last = max(table["month"])
    rows = []
    for cohort in sorted({own for own, _ in cells}):
        size = cells[cohort, 0]["customers"]
        if size < privacy.LEAST_CUSTOMERS:
            continue
        revenue = float(table.filter(pl.col("cohort") == cohort)["revenue"].sum())
        ahead = (last.year - cohort.year) * 12 + last.month - cohort.month
        shares = [
            "" if since > ahead else _share(cells.get((cohort, since)), fmt) for since in range(1, _SHOWN)
        ]
        rows.append([month(str(cohort)), fmt.count(size), fmt.money(revenue), *shares])
    return rows


def _share(row: dict[str, object] | None, fmt: Formatter) -> str:
    if row is None:
        return fmt.percent(0.0)
    few = int(str(row["customers"])) < privacy.LEAST_CUSTOMERS
    return MISSING if few else fmt.percent(float(str(row["share"])))
