"""The rows and features of the profile, in the order in which the report shows them."""

from __future__ import annotations

from typing import Any

import polars as pl

from segcore import schema
from segcore.report.formatting import cut
from segcore.report.report_data import ReportData

NAME_LENGTH = 40


def rows_by_revenue(data: ReportData) -> list[dict[str, Any]]:
    """Return the profile's segments, largest revenue first; without the population."""
    return (
        data.profile.filter(pl.col("segment") > 0)
        .sort("revenue", "segment", descending=[True, False])
        .to_dicts()
    )


def population(data: ReportData) -> dict[str, Any]:
    """Return the profile's row of all customers, empty where it has none."""
    rows = data.profile.filter(pl.col("segment") == 0).to_dicts()
    return rows[0] if rows else {}


def names(data: ReportData) -> dict[int, str]:
    """Return each segment's name, cut, in the order of the cards."""
    return {int(row["segment"]): cut(row["segment_name"], NAME_LENGTH) for row in rows_by_revenue(data)}


def features(data: ReportData) -> list[str]:
    """Return the features of the profile: those of the matrix first, then the others."""
    there = [name.removesuffix("_median") for name in data.profile.columns if name.endswith("_median")]
    matrix = list(data.job.matrix.columns)
    modelled = [name for feature in matrix for name in there if schema.parts_of(name)[0] == feature]
    return modelled + [name for name in there if name not in modelled]
