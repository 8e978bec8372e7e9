"""The heat map: medians of every feature by segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segcore import schema
from segcore.report.formatting import Formatter, label, unit
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import features, population, rows_by_revenue


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of the heat map; `level` is -4 (far below the population) to 4."""

    text: str
    spread: str
    level: int
    effect: float


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    """A feature in the heat map."""

    feature: str
    label: str
    unit: str
    population: str
    modelled: bool
    cells: list[Cell]


def heat(data: ReportData, fmt: Formatter) -> list[HeatRow]:
    """Return medians of every feature by segment, with their standardised distance from all customers.

    Of a column of 0 and 1 it is the mean: the share of customers.
    """
    everybody, rows = population(data), rows_by_revenue(data)
    return [
        HeatRow(
            feature=feature,
            label=label(feature),
            unit="" if unit(feature) in {"money", "share"} else unit(feature),
            population=fmt.bare(feature, everybody.get(f"{feature}_{_middle(feature)}")),
            modelled=schema.parts_of(feature)[0] in data.job.matrix.columns,
            cells=[_cell(row, feature, fmt) for row in rows],
        )
        for feature in features(data)
    ]


def _middle(feature: str) -> str:
    return "mean" if schema.is_indicator(feature) else "median"


def _cell(row: dict[str, Any], feature: str, fmt: Formatter) -> Cell:
    effect = float(row.get(f"effect_{feature}") or 0.0)
    level = min(4, round(abs(effect) / 0.4))  # a step is 0.4 standard deviations, the darkest from 1.4 up
    low, high = (fmt.bare(feature, row.get(f"{feature}_{q}")) for q in ("p25", "p75"))
    return Cell(
        text=fmt.bare(feature, row.get(f"{feature}_{_middle(feature)}")),
        spread="" if schema.is_indicator(feature) else f"{low} to {high}",
        level=level if effect > 0 else -level,
        effect=effect,
    )
