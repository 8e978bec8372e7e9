"""Segments as the report shows them: cards, the heat map and what each segment buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore import schema
from segcore.report.charts import colour
from segcore.report.run import Run
from segcore.report.words import Words, cut, label, listed, sentence, unit

NAME_LENGTH = 40
_TOP = 6
_LONG_MEDIAN, _MEDIAN = "the median of all customers", "the median"


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number as it is in the run's table, and as it is written."""

    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that marks a segment: plain words, then the numbers behind them where the words have none."""

    text: str
    numbers: str
    value: float | None
    population: float | None


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
    confidence: Amount | None
    marks: list[Mark]
    treatment: str


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


@dataclass(frozen=True, kw_only=True)
class CloseUp:
    """What a segment buys, where it lives, and who is typical of it."""

    card: Card
    products: list[dict[str, Any]]
    countries: list[dict[str, Any]]
    examples: list[list[str]]
    ids: list[str]


def rows_by_revenue(run: Run) -> list[dict[str, Any]]:
    """Return the profile's segments, largest revenue first; without the population."""
    return (
        run.profile.filter(pl.col("segment") > 0)
        .sort("revenue", "segment", descending=[True, False])
        .to_dicts()
    )


def population(run: Run) -> dict[str, Any]:
    """Return the profile's row of all customers, empty where it has none."""
    rows = run.profile.filter(pl.col("segment") == 0).to_dicts()
    return rows[0] if rows else {}


def names(run: Run) -> dict[int, str]:
    """Return each segment's name, cut, in the order of the cards."""
    return {int(row["segment"]): cut(row["segment_name"], NAME_LENGTH) for row in rows_by_revenue(run)}


def features(run: Run) -> list[str]:
    """Return the features of the profile: those of the matrix first, then the others."""
    there = [name.removesuffix("_median") for name in run.profile.columns if name.endswith("_median")]
    matrix = list(run.job.matrix.columns)
    seen = [name for feature in matrix for name in there if schema.parts_of(name)[0] == feature]
    return seen + [name for name in there if name not in seen]


def cards(run: Run, words: Words) -> list[Card]:
    """Return a card per segment, largest revenue first."""
    return [_card(row, words) for row in rows_by_revenue(run)]


def _card(row: dict[str, Any], words: Words) -> Card:
    confidence = row.get("confidence")
    return Card(
        segment=int(row["segment"]),
        name=cut(row["segment_name"], NAME_LENGTH),
        colour=colour(int(row["segment"])),
        customers=Amount(value=row["customers"], text=words.count(row["customers"])),
        customer_share=Amount(value=row["customer_share"], text=words.percent(row["customer_share"])),
        revenue=Amount(value=row["revenue"], text=words.money(row["revenue"])),
        revenue_share=Amount(value=row["revenue_share"], text=words.percent(row["revenue_share"])),
        confidence=None if confidence is None else Amount(value=confidence, text=words.percent(confidence)),
        marks=[_mark(mark, words) for mark in row.get("marks") or []],
        treatment=cut(row.get("treatment") or "", 300),
    )


def _mark(mark: dict[str, Any], words: Words) -> Mark:
    text = cut(mark["text"], 160).removeprefix("typically ").replace(_LONG_MEDIAN, _MEDIAN)
    value, everybody = mark.get("value"), mark.get("population")
    said = any(c.isdigit() for c in text) or value is None
    against = [words.value(mark["feature"], number) for number in (value, everybody)]
    return Mark(
        text=sentence(text),
        numbers="" if said else f"{against[0]}, against {against[1]} for all",
        value=value,
        population=everybody,
    )


def says_median(cards: list[Card]) -> bool:
    """Say whether the cards speak of a median, which then has to be explained once."""
    return any(_MEDIAN in mark.text for card in cards for mark in card.marks)


def bands(cards: list[Card]) -> list[dict[str, str]]:
    """Return the bands between the two bars of shares, as polygons in a box of 1,000 by 10."""
    found, a, b = [], 0.0, 0.0
    for card in cards:
        c, d = a + 1000 * card.customer_share.value, b + 1000 * card.revenue_share.value
        found.append({"colour": card.colour, "points": f"{a:.1f},0 {c:.1f},0 {d:.1f},10 {b:.1f},10"})
        a, b = c, d
    return found


def headline(cards: list[Card]) -> str:
    """Return the first thing to know, in one sentence."""
    if not cards:
        return ""
    first = cards[0]
    return f"“{first.name}”, {first.customer_share.text} of customers, bring {first.revenue_share.text} of revenue."


def heat(run: Run, words: Words) -> list[HeatRow]:
    """Return medians of every feature by segment, with their standardised distance from all customers.

    Of a column of 0 and 1 it is the mean: the share of customers.
    """
    everybody, rows = population(run), rows_by_revenue(run)
    return [
        HeatRow(
            feature=feature,
            label=label(feature),
            unit="" if unit(feature) in {"money", "share"} else unit(feature),
            population=words.bare(feature, everybody.get(f"{feature}_{_middle(feature)}")),
            modelled=schema.parts_of(feature)[0] in run.job.matrix.columns,
            cells=[_cell(row, feature, words) for row in rows],
        )
        for feature in features(run)
    ]


def _middle(feature: str) -> str:
    return "mean" if schema.is_indicator(feature) else "median"


def _cell(row: dict[str, Any], feature: str, words: Words) -> Cell:
    effect = float(row.get(f"effect_{feature}") or 0.0)
    level = min(4, round(abs(effect) / 0.4))  # a step is 0.4 standard deviations, the darkest from 1.4 up
    low, high = (words.bare(feature, row.get(f"{feature}_{q}")) for q in ("p25", "p75"))
    return Cell(
        text=words.bare(feature, row.get(f"{feature}_{_middle(feature)}")),
        spread="" if schema.is_indicator(feature) else f"{low} to {high}",
        level=level if effect > 0 else -level,
        effect=effect,
    )


def close_ups(run: Run, cards: list[Card], words: Words, *, show_ids: bool) -> list[CloseUp]:
    """Return what each segment buys, where it lives and its most typical customers."""
    return [
        CloseUp(
            card=card,
            products=_lifts(run.tables["products"], card.segment, "description", words),
            countries=_lifts(run.tables["countries"], card.segment, "country", words),
            examples=_examples(run, card.segment, words),
            ids=_ids(run, card.segment) if show_ids else [],
        )
        for card in cards
    ]


def _of(df: pl.DataFrame, segment: int) -> pl.DataFrame:
    return df if df.is_empty() else df.filter(pl.col("segment") == segment)


def _lifts(df: pl.DataFrame, segment: int, text: str, words: Words) -> list[dict[str, Any]]:
    """Return what is over-represented in a segment, highest lift first."""
    part = _of(df, segment)
    if part.is_empty():
        return []
    top = part.sort("lift", "customers", text, descending=[True, True, False]).head(_TOP).to_dicts()
    most = max([row["lift"] or 0.0 for row in top], default=0.0) or 1.0
    return [
        {
            "text": cut(row[text] or row.get("product_id") or "unknown", 60),
            "lift": f"{words.number(row['lift'], 1)}×",
            "bar": round(100 * (row["lift"] or 0.0) / most),
            "customers": words.count(row["customers"]),
            "share": words.percent(row["share"]),
            "population": words.percent(row["population_share"]),
        }
        for row in top
    ]


def example_features(run: Run) -> list[str]:
    """Return the features that the table of typical customers has."""
    return [name for name in features(run) if name in run.tables["examples"].columns]


def _examples(run: Run, segment: int, words: Words) -> list[list[str]]:
    part = _of(run.tables["examples"], segment)
    rows = part.sort("distance").head(_TOP).to_dicts() if part.height else []
    return [[words.bare(name, row[name]) for name in example_features(run)] for row in rows]


def _ids(run: Run, segment: int) -> list[str]:
    part = _of(run.tables["examples"], segment)
    return [cut(i, 24) for i in part.sort("distance").head(_TOP)["customer_id"]] if part.height else []


def axes(run: Run) -> tuple[str, str]:
    """Return each axis of the map in words: the features that drive it, from its loadings."""
    return _axis(run.tables["map_loadings"], "1"), _axis(run.tables["map_loadings"], "2")


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


def explained(run: Run, words: Words) -> str:
    """Return the share of variance that the two axes of the map hold, empty where it is unknown."""
    df = run.tables["map_loadings"]
    if df.is_empty() or "explained" not in df.columns:
        return ""
    return words.percent(float(df.unique("component")["explained"].sum()))
