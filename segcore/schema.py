"""Every column of the project: its name, type, unit and meaning, written once.

Documentation, checks, the report and the job file's defaults read from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FeatureKind = Literal["number", "text", "time"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A canonical column of a transaction line, as ingest hands it on (text where text came in)."""

    name: str
    meaning: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A column of the customer features.

    Attributes
    ----------
    name, meaning : str
    unit : str
        ``"days"``, ``"orders"``, ``"products"``, ``"items"``, ``"months"``, ``"money"``,
        ``"share"`` or ``""``.
    label : str
        The words used for it in a report.
    kind : {"number", "text", "time"}
    high, low : str
        Plain words for a segment that is high or low in it.
    integer : bool
        Whether its values are whole numbers.
    """

    name: str
    meaning: str
    unit: str
    label: str
    kind: FeatureKind = "number"
    high: str = ""
    low: str = ""
    integer: bool = False


LINE_COLUMNS: tuple[Column, ...] = (
    Column(name="order_id", meaning="the order, invoice or receipt that the line belongs to", required=False),
    Column(name="product_id", meaning="product code; compared in upper case", required=False),
    Column(name="description", meaning="the product in words", required=False),
    Column(name="quantity", meaning="items on the line; negative when they come back", required=True),
    Column(name="ordered_at", meaning="date, or date and time, of the order", required=True),
    Column(name="unit_price", meaning="price of one item", required=True),
    Column(name="customer_id", meaning="who ordered; empty when unknown", required=True),
    Column(name="country", meaning="where the order went", required=False),
    Column(
        name="line_amount",
        meaning="money of the whole line, in place of quantity and unit_price; negative when goods come back",
        required=False,
    ),
)

LINE_NAMES: tuple[str, ...] = tuple(column.name for column in LINE_COLUMNS)

FEATURES: tuple[Feature, ...] = (
    Feature(
        name="days_since_last_order",
        meaning="whole days (floor) from the last purchase to as_of",
        unit="days",
        label="Days since last order",
        high="have not ordered for a long time",
        low="ordered recently",
        integer=True,
    ),
    Feature(
        name="order_count",
        meaning="distinct orders",
        unit="orders",
        label="Orders",
        high="order often",
        low="order rarely",
        integer=True,
    ),
    Feature(
        name="total_spend",
        meaning="sum of quantity x price over all purchases (total purchase value)",
        unit="money",
        label="Total spend",
        high="spend a lot in total",
        low="spend little in total",
    ),
    Feature(
        name="average_order_value",
        meaning="total_spend / order_count",
        unit="money",
        label="Average order value",
        high="place large orders",
        low="place small orders",
    ),
    Feature(
        name="unique_products",
        meaning="distinct product codes, compared in upper case",
        unit="products",
        label="Different products",
        high="buy many different products",
        low="buy few different products",
        integer=True,
    ),
    Feature(
        name="item_count",
        meaning="sum of quantity",
        unit="items",
        label="Items",
        high="buy many items",
        low="buy few items",
        integer=True,
    ),
    Feature(
        name="mean_basket_items",
        meaning="item_count / order_count",
        unit="items",
        label="Items per order",
        high="fill large baskets",
        low="fill small baskets",
    ),
    Feature(
        name="tenure_days",
        meaning="whole days (floor) from the first to the last purchase",
        unit="days",
        label="Tenure",
        high="have been buying for a long time",
        low="have bought over a short time only",
        integer=True,
    ),
    Feature(
        name="mean_days_between_orders",
        meaning="calendar days from first to last purchase / (distinct purchase days - 1); empty with one day",
        unit="days",
        label="Days between orders",
        high="leave long gaps between orders",
        low="leave short gaps between orders",
    ),
    Feature(
        name="active_months",
        meaning="distinct calendar months with a purchase",
        unit="months",
        label="Active months",
        high="buy in many months",
        low="buy in few months",
        integer=True,
    ),
    Feature(
        name="return_count",
        meaning="distinct return orders",
        unit="orders",
        label="Return orders",
        high="return often",
        low="rarely return",
        integer=True,
    ),
    Feature(
        name="returned_value",
        meaning="money of returns, positive",
        unit="money",
        label="Returned value",
        high="return goods of high value",
        low="return little",
    ),
    Feature(
        name="return_rate",
        meaning="return_count / (return_count + order_count), orders before any are taken back",
        unit="share",
        label="Return rate",
        high="return a large share of orders",
        low="return few of their orders",
    ),
    Feature(
        name="returned_share",
        meaning="returned_value / total_spend, spend before any is taken back; can exceed 1",
        unit="share",
        label="Returned share of spend",
        high="return much of what they spend",
        low="return little of what they spend",
    ),
    Feature(
        name="country",
        meaning="country of most orders; ties: the latest, then alphabetical",
        unit="",
        label="Country",
        kind="text",
    ),
    Feature(
        name="first_order_at", meaning="time of the first purchase", unit="", label="First order", kind="time"
    ),
    Feature(
        name="last_order_at", meaning="time of the last purchase", unit="", label="Last order", kind="time"
    ),
)

FEATURE_BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}

DEFAULT_MATRIX: tuple[str, ...] = (
    "days_since_last_order",
    "order_count",
    "total_spend",
    "average_order_value",
    "unique_products",
)


# Features that the pipeline itself reads: the job cannot switch them off, nor those that are no numbers.
NEEDED: tuple[str, ...] = ("days_since_last_order", "order_count", "total_spend")


# Names that stand beside the features in what a run writes.
_TAKEN = {
    *FEATURE_BY_NAME,
    *LINE_NAMES,
    *("h", "class", "label", "segment", "segment_name", "confidence", "distance", "outside"),
    *("row", "index", "spend", "orders", "customers", "file", "record", "malformed", "text", "undecodable"),
}
_MODEL = r"(kmeans|hierarchical|mixture|dbscan|hdbscan|spectral)(_|$)"


def is_free(name: str) -> bool:
    """Say whether a feature that a job adds may be called so."""
    return bool(re.fullmatch("[a-z][a-z0-9_]*", name)) and name not in _TAKEN and not re.match(_MODEL, name)


# A column of 0 and 1 that says whether a feature has some value is called feature=value; an empty one is missing.
OTHER, MISSING = "other", ""
_LONGEST_VALUE = 40


def indicator(feature: str, value: str) -> str:
    """Return the name of the column that says whether a feature has a value, or is missing."""
    return f"{feature}={value}"


def is_indicator(name: str) -> bool:
    """Say whether a column is one of 0 and 1 that says whether a feature has a value."""
    return "=" in name


def parts_of(indicator: str) -> tuple[str, str]:
    """Return the feature and the value that an indicator stands for."""
    feature, _, value = indicator.partition("=")
    return feature, value


def feature_of(name: str) -> Feature:
    """Return the declared feature, or a plain one for a column that a job adds."""
    known = FEATURE_BY_NAME.get(name)
    if known is None and is_indicator(name):
        return _feature_of_indicator(name)
    return known or Feature(name=name, meaning="", unit="", label=name.replace("_", " ").capitalize())


def value_in_words(value: str) -> str:
    """Return the value that an indicator stands for on one line, cut where it is long."""
    if value == MISSING:
        return "not known"
    text = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _feature_of_indicator(name: str) -> Feature:
    feature, value = parts_of(name)
    return Feature(
        name=name, meaning="", unit="share", label=f"{feature_of(feature).label}: {value_in_words(value)}"
    )


def numeric_features(names: Iterable[str] | None = None) -> list[Feature]:
    """Return the features that hold numbers, of `names` where given, in the order declared here."""
    wanted = None if names is None else set(names)
    return [f for f in FEATURES if f.kind == "number" and (wanted is None or f.name in wanted)]
