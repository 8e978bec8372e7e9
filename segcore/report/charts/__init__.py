"""Altair charts of the report.

Every chart takes a table that does not grow with the number of customers, and is drawn as static SVG when the report is
made. Colours are CSS variables: the drawing follows the page from light to dark, and to paper.
"""

from segcore.report.charts.base import Figure, colour
from segcore.report.charts.calibration import calibration
from segcore.report.charts.cohorts import newcomers as cohort_newcomers
from segcore.report.charts.cohorts import triangle as cohort_triangle
from segcore.report.charts.distribution import distribution
from segcore.report.charts.flows import flows
from segcore.report.charts.models import Style, agreement, criterion, dendrogram, family_style
from segcore.report.charts.months import monthly
from segcore.report.charts.nights import nights
from segcore.report.charts.pays import ranking as pays_ranking
from segcore.report.charts.pays import shares as pays_shares
from segcore.report.charts.segment_map import segment_map
from segcore.report.charts.waterfall import waterfall

__all__ = [
    "Figure",
    "Style",
    "agreement",
    "calibration",
    "cohort_newcomers",
    "cohort_triangle",
    "colour",
    "criterion",
    "dendrogram",
    "distribution",
    "family_style",
    "flows",
    "monthly",
    "nights",
    "pays_ranking",
    "pays_shares",
    "segment_map",
    "waterfall",
]
