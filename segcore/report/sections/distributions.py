"""How each feature is spread in each segment."""

from __future__ import annotations

import math
from collections.abc import Callable

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
            _rounded_ends(df.filter(pl.col("feature") == name)),
            called,
            {int(row["segment"]): row.get(f"{name}_median") for row in rows},
            fmt,
        )
        for name in shown
    ]


def _rounded_ends(bins: pl.DataFrame) -> pl.DataFrame:
    """Move both ends of a feature's bins outwards to two digits, since each is the value of one customer."""
    low, high = float(bins["left"].min()), float(bins["right"].max())  # type: ignore[arg-type]
    first, last = pl.col("left") == low, pl.col("right") == high
    return bins.with_columns(
        left=pl.when(first).then(_two_digits(low, math.floor)).otherwise("left"),
        right=pl.when(last).then(_two_digits(high, math.ceil)).otherwise("right"),
    )


def _two_digits(value: float, towards: Callable[[float], int]) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / unit) * unit:.2g}")
