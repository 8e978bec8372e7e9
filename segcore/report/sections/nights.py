"""The last runs side by side."""

from __future__ import annotations

import polars as pl

from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import names

_EVERYBODY = 0
_OF_SEGMENTS = {
    "customers": "Customers",
    "revenue": "Revenue, before returns",
    "chance_to_buy": "Chance to buy",
}


def nights(data: ReportData, fmt: Formatter) -> list[Figure]:
    """Draw sizes, revenue, chance to buy and movement over the last runs; nothing before there are two."""
    df = data.tables["nights"]
    if df.is_empty() or df["as_of"].n_unique() < 2:
        return []
    called = names(data)
    shown = df.filter(pl.col("segment").is_in(list(called)), pl.col("customers") >= privacy.LEAST_CUSTOMERS)
    figures = [
        charts.nights(shown.drop_nulls(value), value, title, called, fmt)
        for value, title in _OF_SEGMENTS.items()
        if shown[value].count()
    ]
    moved = df.drop_nulls("moved_share").unique("run_id", maintain_order=True)
    if moved.height:
        everybody = moved.with_columns(segment=pl.lit(_EVERYBODY))
        title = "Customers who moved since the run before"
        figures.append(charts.nights(everybody, "moved_share", title, {_EVERYBODY: "All customers"}, fmt))
    return figures
