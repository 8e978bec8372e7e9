"""Revenue by month and segment."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import MISSING, Formatter, listed, month
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import names


def monthly(data: ReportData, fmt: Formatter) -> Figure | None:
    """Draw revenue by month, None where the run has none."""
    df = data.tables["monthly"]
    return charts.monthly(df, names(data), partial_months(data), fmt) if df.height else None


def month_rows(data: ReportData, fmt: Formatter) -> list[tuple[str, list[str]]]:
    """Return revenue by month and segment, for who has no chart."""
    df = data.tables["monthly"]
    if df.is_empty():
        return []
    cells = {(str(row["month"])[:7], row["segment"]): _revenue(row, fmt) for row in df.to_dicts()}
    months = sorted({own for own, _ in cells})
    partial = partial_months(data)
    return [
        (
            f"{month(own)}{f', {partial[own]}' if own in partial else ''}",
            [cells.get((own, s), fmt.money(0.0)) for s in names(data)],
        )
        for own in months
    ]


def _revenue(row: dict[str, Any], fmt: Formatter) -> str:
    return fmt.money(row["revenue"]) if row["customers"] >= privacy.LEAST_CUSTOMERS else MISSING


def partial_months(data: ReportData) -> dict[str, str]:
    """Return the months that the data hold only in part, and which part: the first and the last may be such."""
    source = data.manifest.input
    first, last = date.fromisoformat(source.first_day), date.fromisoformat(source.last_day)
    parts: dict[str, str] = {}
    if first.day > 1:
        parts[f"{first:%Y-%m}"] = f"from {_ordinal(first.day)}"
    if last.day < calendar.monthrange(last.year, last.month)[1]:
        begun = parts.get(f"{last:%Y-%m}", "")
        parts[f"{last:%Y-%m}"] = f"{begun} to {_ordinal(last.day)}".strip()
    return parts


def partial_note(data: ReportData) -> str:
    """Return a sentence on months that the data hold only in part, empty where there is none."""
    parts = [f"{month(name)} {part}" for name, part in partial_months(data).items()]
    return f"Lighter: only part of the month, {listed(parts)}." if parts else ""


def _ordinal(day: int) -> str:
    suffix = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"
