"""The map of the sample: its chart, its axes in words and their loadings."""

from __future__ import annotations

import polars as pl

from segcore.report import charts
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter, label, listed
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import features, names

_TOOLTIP_FEATURES = 4


def axes(data: ReportData) -> tuple[str, str]:
    """Return each axis of the map in words: the features that drive it, from its loadings."""
    return _axis(data.tables["map_loadings"], "1"), _axis(data.tables["map_loadings"], "2")


def _axis(loadings: pl.DataFrame, component: str) -> str:
    if loadings.is_empty():
        return f"Component {component}"
    part = loadings.filter(pl.col("component").cast(pl.String).str.ends_with(component))
    rows = sorted(part.to_dicts(), key=lambda row: -abs(row["loading"]))
    strong = [row for row in rows if abs(row["loading"]) >= 0.6 * abs(rows[0]["loading"])][:3]
    high = listed([label(row["feature"]).lower() for row in strong if row["loading"] > 0])
    low = listed([label(row["feature"]).lower() for row in strong if row["loading"] <= 0])
    text = "; ".join(t for t in (f"higher {high}" if high else "", f"lower {low}" if low else "") if t)
    return f"{text} →"


def explained(data: ReportData, fmt: Formatter) -> str:
    """Return the share of variance that the two axes of the map hold, empty where it is unknown."""
    df = data.tables["map_loadings"]
    if df.is_empty() or "explained" not in df.columns:
        return ""
    return fmt.percent(float(df.unique("component")["explained"].sum()))


def loadings(data: ReportData, fmt: Formatter) -> list[tuple[str, list[str]]]:
    """Return each feature's loading on the two axes of the map."""
    df = data.tables["map_loadings"]
    if df.is_empty():
        return []
    by_feature: dict[str, dict[str, float]] = {}
    for row in df.to_dicts():
        by_feature.setdefault(row["feature"], {})[str(row["component"])[-1]] = row["loading"]
    return [(label(name), [fmt.number(by.get(c)) for c in "12"]) for name, by in by_feature.items()]


def segment_map(data: ReportData, fmt: Formatter) -> Figure | None:
    """Draw the map, None where the run has none."""
    points = data.tables["map"]
    if points.is_empty():
        return None
    shown = [name for name in features(data) if name in points.columns][:_TOOLTIP_FEATURES]
    return charts.segment_map(points, names(data), axes(data), shown, fmt)
