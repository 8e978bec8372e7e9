"""Every column of the project: its name, type, unit and meaning, written once.

Documentation, checks, the report and the job file's defaults read from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from segcore.feature_identities import IDENTITIES

FeatureKind = Literal["number", "text", "time"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A canonical column of a transaction line, as ingest hands it on (text where text came in)."""

    name: str
    meaning: str
    required: bool


@dataclass(frozen=True)
class Feature:
    """A column of the customer features.

    Attributes
    ----------
    name : str
    unit : str
        ``"days"``, ``"orders"``, ``"products"``, ``"items"``, ``"months"``, ``"money"``,
        ``"share"`` or ``""``.
    label : str
        The words used for it in a report.
    meaning : str
    kind : {"number", "text", "time"}
    integer : bool
        Whether its values are whole numbers.
    """

    name: str
    unit: str
    label: str
    meaning: str = ""
    kind: FeatureKind = "number"
    integer: bool = False


LEAST_CUSTOMERS = 5
"""Customers that a figure for readers stands for at least: fewer could be told apart."""

FEW = f"<{LEAST_CUSTOMERS}"

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
        "days_since_last_order",
        "days",
        "Days since last order",
        "whole days (floor) from the last purchase to as_of",
        integer=True,
    ),
    Feature("order_count", "orders", "Orders", "distinct orders", integer=True),
    Feature(
        "total_spend",
        "money",
        "Total spend",
        "sum of quantity x price over all purchases (total purchase value)",
    ),
    Feature("average_order_value", "money", "Average order value", IDENTITIES["average_order_value"].formula),
    Feature(
        "unique_products",
        "products",
        "Different products",
        "distinct product codes, compared in upper case",
        integer=True,
    ),
    Feature(
        "item_count",
        "items",
        "Items",
        "sum of quantity, with decimals where the job reads some",
        integer=True,
    ),
    Feature("mean_basket_items", "items", "Items per order", IDENTITIES["mean_basket_items"].formula),
    Feature(
        "tenure_days",
        "days",
        "Tenure",
        "whole days (floor) from the first to the last purchase",
        integer=True,
    ),
    Feature(
        "mean_days_between_orders",
        "days",
        "Days between orders",
        "calendar days from first to last purchase / (distinct purchase days - 1); empty with one day",
    ),
    Feature(
        "active_months", "months", "Active months", "distinct calendar months with a purchase", integer=True
    ),
    Feature("return_count", "orders", "Return orders", "distinct return orders", integer=True),
    Feature("returned_value", "money", "Returned value", "money of returns, positive"),
    Feature(
        "return_rate",
        "share",
        "Return rate",
        IDENTITIES["return_rate"].formula + ", orders before any are taken back",
    ),
    Feature(
        "returned_share",
        "share",
        "Returned share of spend",
        IDENTITIES["returned_share"].formula + ", spend before any is taken back; can exceed 1",
    ),
    Feature(
        "country", "", "Country", "country of most orders; ties: the latest, then alphabetical", kind="text"
    ),
    Feature("first_order_at", "", "First order", "time of the first purchase", kind="time"),
    Feature("last_order_at", "", "Last order", "time of the last purchase", kind="time"),
)

# Beside the features, and made from them: no model sees these.
RFM: tuple[Feature, ...] = (
    Feature(
        "r_score",
        "",
        "Recency score",
        "1 to 5 by days_since_last_order: 5 is a fifth of the customers with the latest orders, or by the job's own "
        "cut points; equal values have the same score",
        integer=True,
    ),
    Feature("f_score", "", "Frequency score", "1 to 5 by order_count: 5 is the most orders", integer=True),
    Feature("m_score", "", "Monetary score", "1 to 5 by total_spend: 5 is the most money", integer=True),
    Feature("rfm_group", "", "RFM group", "one of ten names for recency and frequency score", kind="text"),
)

# Of the others a customer who has more is worth more.
LESS_IS_BETTER: frozenset[str] = frozenset(
    {
        *("days_since_last_order", "mean_days_between_orders"),
        *("return_count", "returned_value", "return_rate", "returned_share"),
    }
)

FEATURE_BY_NAME: dict[str, Feature] = {feature.name: feature for feature in (*FEATURES, *RFM)}

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
    *("h", "class", "label", "segment", "segment_name", "confidence", "margin", "distance", "outside"),
    *("chance_to_buy", "expected_spend", "bought", "next_spend_minor", "half"),
    *("row", "index", "spend", "orders", "customers", "file", "record", "malformed", "text", "undecodable"),
}
_MODEL = r"(kmeans|hierarchical|mixture|dbscan|hdbscan|spectral)(_|$)"


def is_free(name: str) -> bool:
    """Whether a feature that a job adds may have this name."""
    return bool(re.fullmatch("[a-z][a-z0-9_]*", name)) and name not in _TAKEN and not re.match(_MODEL, name)


# A column of 0 and 1 that says whether a feature has some value is called feature=value; an empty one is missing.
OTHER, MISSING = "other", ""
_LONGEST_VALUE = 40


def indicator(feature: str, value: str) -> str:
    """Return the name of the column that says whether a feature has a value, or is missing."""
    return f"{feature}={value}"


def is_indicator(name: str) -> bool:
    """Whether a column is an indicator: 0 and 1 for whether a feature has a value."""
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
    return known or Feature(name, unit="", label=name.replace("_", " ").capitalize())


def value_in_words(value: str) -> str:
    """Return the value that an indicator stands for on one line, cut where it is long."""
    if value == MISSING:
        return "not known"
    text = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _feature_of_indicator(name: str) -> Feature:
    feature, value = parts_of(name)
    return Feature(name, unit="share", label=f"{feature_of(feature).label}: {value_in_words(value)}")


def numeric_features(names: Iterable[str] | None = None) -> list[Feature]:
    """Return the features that hold numbers, of `names` where given, in the order declared here."""
    wanted = None if names is None else set(names)
    return [f for f in FEATURES if f.kind == "number" and (wanted is None or f.name in wanted)]
