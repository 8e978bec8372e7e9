"""What each segment buys, where it lives and who is typical of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore.profile.wording import fill
from segcore.report.formatting import Formatter, cut, softened
from segcore.report.privacy import LEAST_CUSTOMERS
from segcore.report.report_data import ReportData
from segcore.report.sections.cards import Card
from segcore.report.sections.profile_rows import features

_TOP = 5


@dataclass(frozen=True, kw_only=True)
class CloseUp:
    """What a segment buys, where it lives, and who is typical of it."""

    card: Card
    best_sellers: list[dict[str, Any]]
    unusual: list[dict[str, Any]]
    countries: list[dict[str, Any]]
    typical: str
    nearest: list[tuple[str, str]]


def close_ups(data: ReportData, cards: list[Card], fmt: Formatter, *, show_ids: bool) -> list[CloseUp]:
    """Return what each segment buys, where it lives and its most typical customers."""
    return [
        CloseUp(
            card=card,
            best_sellers=_products(data, card.segment, "best seller", fmt),
            unusual=_products(data, card.segment, "unusual", fmt),
            countries=_countries(data, card.segment, fmt),
            typical=_typical(data, card.segment, fmt),
            nearest=_nearest(data, card.segment, fmt) if show_ids else [],
        )
        for card in cards
    ]


def _of(df: pl.DataFrame, segment: int) -> pl.DataFrame:
    return df if df.is_empty() else df.filter(pl.col("segment") == segment)


def _products(data: ReportData, segment: int, kind: str, fmt: Formatter) -> list[dict[str, Any]]:
    """Return the products of a kind, in the order of the run's table."""
    part = _of(data.tables["products"], segment)
    if "kind" not in part.columns:  # of a run of an earlier version
        return []
    rows = (
        part.filter((pl.col("kind") == kind) & (pl.col("customers") >= LEAST_CUSTOMERS)).head(_TOP).to_dicts()
    )
    return [_row(row, softened(row["description"] or row["product_id"] or "unknown"), fmt) for row in rows]


def _countries(data: ReportData, segment: int, fmt: Formatter) -> list[dict[str, Any]]:
    """Return the countries that are over-represented in a segment, highest lift first."""
    part = _of(data.tables["countries"], segment)
    if part.is_empty():
        return []
    top = part.sort("lift", "customers", "country", descending=[True, True, False]).head(_TOP)
    return [_row(row, row["country"] or "unknown", fmt) for row in top.to_dicts()]


def _row(row: dict[str, Any], text: str, fmt: Formatter) -> dict[str, Any]:
    return {
        "text": cut(text, 60),
        "times": f"{fmt.number(row['lift'], 1)}×",
        "customers": fmt.count(row["customers"]),
        "share": fmt.percent(row["share"]),
        "population": fmt.percent(row["population_share"]),
    }


def _typical(data: ReportData, segment: int, fmt: Formatter) -> str:
    """Return the medians of the customers nearest to the centre in words, empty where they are too few to be nobody."""
    part = _of(data.tables["examples"], segment)
    if part.height < LEAST_CUSTOMERS:
        return ""
    return _in_words(part.select(pl.exclude("segment", "customer_id").median()).row(0, named=True), data, fmt)


def _nearest(data: ReportData, segment: int, fmt: Formatter) -> list[tuple[str, str]]:
    """Return the customers nearest to the centre, each with the id first."""
    part = _of(data.tables["examples"], segment)
    rows = part.sort("distance").head(_TOP).to_dicts() if part.height else []
    return [(cut(row["customer_id"], 24), _in_words(row, data, fmt)) for row in rows]


def _in_words(row: dict[str, Any], data: ReportData, fmt: Formatter) -> str:
    shown = [name for name in features(data) if row.get(name) is not None and name in data.job.matrix.columns]
    return ", ".join(fill(name, fmt.bare(name, row[name]), one=row[name] == 1) for name in shown)
