"""How each feature is spread in each segment."""

from __future__ import annotations

import polars as pl

from segcore.report import charts
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import features, names, rows_by_revenue

_MOST = 6


def distributions(data: ReportData, fmt: Formatter) -> list[Figure]:
    """Draw how the first features are spread in each segment."""
    df, called = data.tables["histogram"], names(data)
    if df.is_empty():
        return []
    df = df.filter(pl.col("segment").is_in(list(called)))
    rows = rows_by_revenue(data)
    shown = [name for name in features(data) if name in set(df["feature"])][:_MOST]
    return [
        charts.distribution(
            name,
            df.filter(pl.col("feature") == name),
            called,
            {int(row["segment"]): row.get(f"{name}_median") for row in rows},
            fmt,
        )
        for name in shown
    ]
