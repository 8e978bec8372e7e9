"""Other tables by customer, as the manifest tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of another table: how many of its values should be numbers and are none, and such a value."""

    feature: str
    column: str
    kind: Literal["number", "category"]
    unreadable: int
    example: str | None


@dataclass(frozen=True, kw_only=True)
class ColumnCoverage(TableColumn):
    """And of how many customers it says something."""

    customers: int
    share: float


@dataclass(frozen=True, kw_only=True)
class TableFacts:
    """Another table by itself.

    Attributes
    ----------
    path, key : str
        Its file, and its column of customers.
    rows, customers : int
        All of its rows, and those that name a customer.
    notes : tuple of str
        What is remarkable about how it was read.
    left_out : dict of str to int
        Rows by the reason that they are left out for.
    columns : tuple of TableColumn
    """

    path: str
    key: str
    rows: int
    notes: tuple[str, ...]
    left_out: dict[str, int]
    columns: tuple[TableColumn, ...]
    customers: int


@dataclass(frozen=True, kw_only=True)
class TableCoverage(TableFacts):
    """And how many customers of the input have a row in it, and how many of its rows are of nobody there."""

    columns: tuple[ColumnCoverage, ...]
    customers_with_row: int
    share: float
    rows_without_customer: int
