"""Drift since the model was fitted, as the report shows it."""

from __future__ import annotations

from typing import Any

from segcore.report.charts import colour
from segcore.report.formatting import Formatter, cut, label, sentence
from segcore.report.report_data import ReportData


def drift(data: ReportData, fmt: Formatter) -> dict[str, Any] | None:
    """Return drift against the fitted run, None where it was not measured."""
    if not data.drift:
        return None
    measured = data.drift
    most = max([0.25, *(row.psi for row in measured.features)])
    return {
        "verdict": measured.verdict,
        "reasons": [sentence(cut(text, 300)) for text in measured.reasons],
        "outside": fmt.percent(measured.out_of_range_share),
        "outside_then": fmt.percent(measured.out_of_range_then),
        "rows": [
            {
                "label": label(row.feature),
                "psi": fmt.number(row.psi, 3),
                "bar": round(100 * row.psi / most),
                "chance": fmt.number(row.chance, 3),
                "verdict": row.verdict + ("" if row.in_model else ", not in the model"),
            }
            for row in measured.features
        ],
        "segments": [
            {
                "name": cut(row.segment_name, 40),
                "colour": colour(row.segment),
                "then": fmt.percent(row.share_then),
                "now": fmt.percent(row.share_now),
            }
            for row in measured.segments
        ],
    }
