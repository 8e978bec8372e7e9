"""Altair charts of the report.

Every chart takes a table that does not grow with the number of customers. Colours are CSS variables: the
SVG follows the page from light to dark, and to paper, without being drawn again.
"""

from segcore.report.charts.base import CONFIG, Figure, colour
from segcore.report.charts.flows import flows, waterfall
from segcore.report.charts.models import Style, agreement, criterion, dendrogram, family_style
from segcore.report.charts.segments import distribution, monthly, segment_map

__all__ = [
    "CONFIG",
    "Figure",
    "Style",
    "agreement",
    "colour",
    "criterion",
    "dendrogram",
    "distribution",
    "family_style",
    "flows",
    "monthly",
    "segment_map",
    "waterfall",
]
