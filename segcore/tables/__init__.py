"""Aggregates behind the report's charts; none grows with the number of customers."""

from segcore.tables.cohorts import cohorts, concentration, newcomers
from segcore.tables.purchases import add_up, buyers, countries, monthly, products
from segcore.tables.returns import returns
from segcore.tables.rfm import rfm
from segcore.tables.sample import examples, histogram, segment_map, tree

__all__ = [
    "add_up",
    "buyers",
    "cohorts",
    "concentration",
    "countries",
    "examples",
    "histogram",
    "monthly",
    "newcomers",
    "products",
    "returns",
    "rfm",
    "segment_map",
    "tree",
]
