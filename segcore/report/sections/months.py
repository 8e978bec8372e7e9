"""Revenue by month and segment."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import MISSING, Formatter, day
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import names


def monthly(data: ReportData, fmt: Formatter) -> Figure | None:
    """Draw revenue by month, None where the run has none."""
    df = data.tables["monthly"]
    return charts.monthly(df, names(data), fmt) if df.height else None


def month_rows(data: ReportData, fmt: Formatter) -> list[tuple[str, list[str]]]:
    """Return revenue by month and segment, for who has no chart."""
    df = data.tables["monthly"]
    if df.is_empty():
        return []
    cells = {(str(row["month"])[:7], row["segment"]): _revenue(row, fmt) for row in df.to_dicts()}
    months = sorted({month for month, _ in cells})
    return [(month, [cells.get((month, s), fmt.money(0.0)) for s in names(data)]) for month in months]


def _revenue(row: dict[str, Any], fmt: Formatter) -> str:
    return fmt.money(row["revenue"]) if row["customers"] >= privacy.LEAST_CUSTOMERS else MISSING


def partial_month(data: ReportData) -> str:
    """Return a sentence where the last month is not whole, else nothing."""
    last = date.fromisoformat(data.manifest.input.last_day)
    whole = last.day == calendar.monthrange(last.year, last.month)[1]
    return "" if whole else f"The last month is not whole: the data end on {day(last)}."
