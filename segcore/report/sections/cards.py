"""The first screen: the headline, shares and a card per segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segcore import schema
from segcore.profile.recency import LONG, usual_gap_of
from segcore.profile.wording import fill
from segcore.report.charts import colour
from segcore.report.formatting import Formatter, cut, sentence
from segcore.report.privacy import FEW, LEAST_CUSTOMERS
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import NAME_LENGTH, population, rows_by_revenue

_WORTH_A_WORD = 0.01  # of the revenue share
_TYPICAL = "typical customer"


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number as it is in the run's table, and as it is written."""

    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """A segment on the first screen."""

    segment: int
    name: str
    colour: str
    customers: Amount
    customer_share: Amount
    revenue: Amount
    revenue_share: Amount
    before_returns: str
    confidence: Amount | None
    marks: list[str]
    name_holds: str
    recency: list[str]
    treatment: str


def cards(data: ReportData, fmt: Formatter) -> list[Card]:
    """Return a card per segment, largest revenue first."""
    gap = usual_gap_of(population(data))
    return [_card(row, gap, fmt) for row in rows_by_revenue(data)]


def _card(row: dict[str, Any], usual_gap: float | None, fmt: Formatter) -> Card:
    confidence = row.get("confidence")
    return Card(
        segment=int(row["segment"]),
        name=cut(row["segment_name"], NAME_LENGTH),
        colour=colour(int(row["segment"])),
        customers=Amount(value=row["customers"], text=fmt.count(row["customers"])),
        customer_share=Amount(value=row["customer_share"], text=fmt.percent(row["customer_share"])),
        revenue=Amount(value=row["revenue"], text=fmt.money(row["revenue"])),
        revenue_share=Amount(value=row["revenue_share"], text=fmt.percent(row["revenue_share"])),
        before_returns=_before_returns(row, fmt),
        confidence=None if confidence is None else Amount(value=confidence, text=fmt.percent(confidence)),
        marks=[_mark(mark, fmt) for mark in row.get("marks") or []],
        name_holds="" if row.get("name_holds") is None else fmt.percent(row["name_holds"]),
        recency=_recency(row, usual_gap, fmt),
        treatment=cut(row.get("treatment") or "", 300),
    )


def _recency(row: dict[str, Any], usual_gap: float | None, fmt: Formatter) -> list[str]:
    """Return how many to keep, to call and to let go: ``1,657 bought in the last 59 days (£2,100,000)``."""
    if usual_gap is None or row.get("now_customers") is None:
        return []
    days, long = fmt.count(usual_gap), fmt.count(LONG * usual_gap)
    words = {
        "now": f"bought in the last {days} days, the usual gap between orders",
        "overdue": f"overdue, silent for {days} to {long} days",
        "long_gone": "silent for longer",
    }
    return [
        _of(row[f"{state}_customers"], row[f"{state}_revenue"], text, fmt) for state, text in words.items()
    ]


def _of(customers: int, spent: float, text: str, fmt: Formatter) -> str:
    if customers < LEAST_CUSTOMERS:
        return f"{FEW if customers else 0} {text}"
    return f"{fmt.count(customers)} {text} ({fmt.money(spent)})"


def _before_returns(row: dict[str, Any], fmt: Formatter) -> str:
    """Return the share of revenue before returns, empty where they hardly change it."""
    changed = abs(row["gross_share"] - row["revenue_share"]) > _WORTH_A_WORD
    return fmt.percent(row["gross_share"]) if changed else ""


def _mark(mark: dict[str, Any], fmt: Formatter) -> str:
    """Return what marks a segment: ``1 order (typical customer: 2)``."""
    feature, value, everybody = mark["feature"], mark.get("value"), mark.get("population")
    if schema.is_indicator(feature) or value is None or everybody is None:
        return sentence(cut(mark["text"], 160))
    words = fill(feature, fmt.bare(feature, value), one=value == 1)
    return cut(f"{sentence(words)} ({_TYPICAL}: {fmt.bare(feature, everybody)})", 160)


def mentions_typical(cards: list[Card]) -> bool:
    """Whether the cards speak of a typical customer, which then has to be explained once."""
    return any(_TYPICAL in text for card in cards for text in card.marks)


def bands(cards: list[Card]) -> list[dict[str, str]]:
    """Return the bands between the two bars of shares, as polygons in a box of 1,000 by 10."""
    polygons, a, b = [], 0.0, 0.0
    for card in cards:
        c, d = a + 1000 * card.customer_share.value, b + 1000 * max(0.0, card.revenue_share.value)
        polygons.append({"colour": card.colour, "points": f"{a:.1f},0 {c:.1f},0 {d:.1f},10 {b:.1f},10"})
        a, b = c, d
    return polygons


def headline(cards: list[Card]) -> str:
    """Return the first thing to know, in one sentence."""
    if not cards:
        return ""
    first = cards[0]
    before = f" ({first.before_returns} before returns)" if first.before_returns else ""
    shares = f"{first.customer_share.text} of customers, bring {first.revenue_share.text} of revenue{before}"
    return f"“{first.name}”, {shares}."
