"""ledger.json: in = purchases + returns + rejected by reason, in rows and in money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from segcore.records.files import RunFile


@dataclass(frozen=True, kw_only=True)
class Amount:
    """So many lines, and their money; exact, and decimal text in the file."""

    rows: int
    money: Decimal


@dataclass(frozen=True, kw_only=True)
class ClassAmount(Amount):
    """The lines of one class; ``class`` in the file."""

    name: Annotated[str, Field(alias="class")]


@dataclass(frozen=True, kw_only=True)
class FileAmount(ClassAmount):
    """The lines of one class in one file of the input."""

    file: str


@dataclass(frozen=True, kw_only=True)
class ReturnsNet:
    """What returns took back.

    Rows and money of ``matched`` and ``unmatched`` are those of the class ``return``; the money of ``taken_back`` is
    that of purchases, at their own price. The rows in ``partly_matched_rows`` are among the matched; the part of their
    money without a purchase is not.
    """

    matched: Amount
    unmatched: Amount
    taken_back: Amount
    partly_matched_rows: int
    orders_emptied: int
    customers_emptied: int


@dataclass(frozen=True, kw_only=True)
class Discounts:
    """What was taken off orders; ``rows`` count orders.

    ``taken_off`` is what purchases cost less than the ledger says. ``beyond`` was more than they cost, and was not taken
    off; orders that were emptied are not counted.
    """

    taken_off: Amount
    beyond: Amount
    orders_emptied: int


@dataclass(frozen=True, kw_only=True)
class Ledger(RunFile):
    """The account of every line.

    Attributes
    ----------
    rows_in : int
    money_in : Decimal
    unreadable_amount_rows : int
        Lines without an amount: they count in rows only.
    classes : tuple of ClassAmount
        Every class, in the order of the rules, also of those that no line met.
    by_file : tuple of FileAmount
    returns_net : ReturnsNet or None
        Where the job lets returns take back what they belong to.
    discounts : Discounts or None
        Where the job says what lowers the spend of an order. The class ``discount`` has their lines, and the money of
        lines and columns together.
    """

    FILE = "ledger.json"

    rows_in: int
    money_in: Decimal
    unreadable_amount_rows: int
    classes: tuple[ClassAmount, ...]
    by_file: tuple[FileAmount, ...]
    returns_net: ReturnsNet | None = None
    discounts: Discounts | None = None

    @property
    def rows(self) -> dict[str, int]:
        """Lines of each class."""
        return {own.name: own.rows for own in self.classes}
