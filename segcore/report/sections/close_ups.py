"""What each segment buys, where it lives and who is typical of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore.report.formatting import Formatter, cut
from segcore.report.privacy import LEAST_CUSTOMERS
from segcore.report.report_data import ReportData
from segcore.report.sections.cards import Card
from segcore.report.sections.profile_rows import features

_TOP = 6


@dataclass(frozen=True, kw_only=True)
class CloseUp:
    """What a segment buys, where it lives, and who is typical of it."""

    card: Card
    products: list[dict[str, Any]]
    countries: list[dict[str, Any]]
    typical: list[str]
    nearest: list[list[str]]


def close_ups(data: ReportData, cards: list[Card], fmt: Formatter, *, show_ids: bool) -> list[CloseUp]:
    """Return what each segment buys, where it lives and its most typical customers."""
    return [
        CloseUp(
            card=card,
            products=_lifts(data.tables["products"], card.segment, "description", fmt),
            countries=_lifts(data.tables["countries"], card.segment, "country", fmt),
            typical=_typical(data, card.segment, fmt),
            nearest=_nearest(data, card.segment, fmt) if show_ids else [],
        )
        for card in cards
    ]


def _of(df: pl.DataFrame, segment: int) -> pl.DataFrame:
    return df if df.is_empty() else df.filter(pl.col("segment") == segment)


def _lifts(df: pl.DataFrame, segment: int, text: str, fmt: Formatter) -> list[dict[str, Any]]:
    """Return what is over-represented in a segment, highest lift first."""
    part = _of(df, segment)
    if part.is_empty():
        return []
    top = part.sort("lift", "customers", text, descending=[True, True, False]).head(_TOP).to_dicts()
    most = max([row["lift"] or 0.0 for row in top], default=0.0) or 1.0
    return [
        {
            "text": cut(row[text] or row.get("product_id") or "unknown", 60),
            "lift": f"{fmt.number(row['lift'], 1)}×",
            "bar": round(100 * (row["lift"] or 0.0) / most),
            "customers": fmt.count(row["customers"]),
            "share": fmt.percent(row["share"]),
            "population": fmt.percent(row["population_share"]),
        }
        for row in top
    ]


def example_features(data: ReportData) -> list[str]:
    """Return the features that the table of typical customers has."""
    return [name for name in features(data) if name in data.tables["examples"].columns]


def _typical(data: ReportData, segment: int, fmt: Formatter) -> list[str]:
    """Return the medians of the customers nearest to the centre, empty where they are too few to be nobody."""
    part = _of(data.tables["examples"], segment)
    if part.height < LEAST_CUSTOMERS:
        return []
    return [fmt.bare(name, float(part.select(pl.median(name)).item())) for name in example_features(data)]


def _nearest(data: ReportData, segment: int, fmt: Formatter) -> list[list[str]]:
    """Return the customers nearest to the centre, each with the id first."""
    part = _of(data.tables["examples"], segment)
    rows = part.sort("distance").head(_TOP).to_dicts() if part.height else []
    features = example_features(data)
    return [[cut(row["customer_id"], 24), *(fmt.bare(name, row[name]) for name in features)] for row in rows]
