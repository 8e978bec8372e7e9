"""Customers that may be none, or not what they seem: guest accounts, totals, lost digits, one customer in two forms."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from segcore import errors
from segcore.ingest.customer_ids import one_form
from segcore.times import SECONDS_A_DAY

# Of all lines: a customer with more of them may be a guest account if it is called like one, or by its number alone
# where it has many times an even share as well.
NAMED_GUEST_SHARE = 0.02
_GUEST_SHARE, _GUEST_TIMES = 0.05, 5
_NOBODY = re.compile(
    r"\b(guest|gast|gaeste|gäste|invité|invitado|ospite|convidado|anonym\w*|anónim\w*|unknown|unbekannt|inconnu|"
    r"desconocido|sconosciuto|nobody|noname|walk.?in|cash|barverkauf|comptoir|mostrador|dummy|default|test|"
    r"not registered|unregistered)\b|^(0+|-1|9{3,}|x+)$",
    re.IGNORECASE,
)
_TOTALS = (
    "total",
    "grand total",
    "subtotal",
    "sub total",
    "sum",
    "gesamt",
    "gesamtsumme",
    "summe",
    "total général",
)
_TOTALS_ELSEWHERE = ("total general", "totale", "totaal", "总计", "合计", "総計", "合計")
# Texts that stand in place of a customer where a line holds the total of others.
TOTALS = [
    form
    for word in (*_TOTALS, *_TOTALS_ELSEWHERE)
    for form in dict.fromkeys((word, word.upper(), word.capitalize(), word.title()))
]
LOST_DIGITS = pl.col("customer_id").str.contains(
    r"^\d(?:[.,]\d+)?E\+\d+$"
)  # as spreadsheets write long numbers
_ORDERS, _RESTARTING = 50_000, 0.1  # ids that are looked at, and the share of them that is odd
_FORMS = 2_000_000  # of ids, that are compared at once


def guests(heavy: pl.DataFrame, lines_in: int, n_customers: int) -> list[str]:
    """Return warnings of customers with far more lines than others, or called like nobody; by themselves few are many.

    Parameters
    ----------
    heavy : polars.DataFrame
        ``customer_id, lines`` of those with more than :data:`NAMED_GUEST_SHARE` of all lines.
    lines_in, n_customers : int
    """
    messages = []
    for customer, lines in heavy.iter_rows():
        nobody = _NOBODY.search(customer)
        if nobody or (lines > _GUEST_SHARE * lines_in and lines * n_customers > _GUEST_TIMES * lines_in):
            # No more of an id than that is in a log.
            who = (
                f"called like nobody ({nobody[0]!r})"
                if nobody
                else f"of an id that begins with {customer[:2]!r}"
            )
            messages.append(
                f"one customer, {who}, has {lines / lines_in:.0%} of all lines; "
                "if it is a guest account, name it in cleaning.exclude_customers"
            )
    return messages


def check_digits(customers: pl.DataFrame) -> None:
    """Refuse ids in scientific notation: customers whose last digits differ have become one.

    Raises
    ------
    segcore.errors.DataError
        If ``customer_id`` holds one.
    """
    lost = customers.filter(LOST_DIGITS)
    if lost.height:
        raise errors.DataError(
            f"customer ids such as {lost['customer_id'].min()!r} are in scientific notation, their last digits are gone; "
            "expected whole ids: export the column as text"
        )


def drawn_below(n_lines: int) -> int:
    """Return up to which hash of their id orders are drawn; there are no more of them than lines in the whole input."""
    return min(2**64 - 1, 2**64 * _ORDERS // max(n_lines, 1))


def is_drawn(below: int) -> pl.Expr:
    """Return whether an ``order`` is one of those."""
    return pl.col("order") <= pl.lit(below, dtype=pl.UInt64)


def some_orders(lines: pl.LazyFrame, below: int, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the days and customers of some order ids, drawn by their hash, none of them partly: ``order, day, customer_id``, and some columns more.

    Parameters
    ----------
    lines : polars.LazyFrame
        ``order``, a hash, ``ordered_at`` and ``customer_id``, in any number of rows.
    below : int
        As :func:`drawn_below` gives it.
    by : sequence of str
        Columns that stay.
    """
    day = (pl.col("ordered_at") // SECONDS_A_DAY).alias("day")
    return lines.filter(is_drawn(below)).select("order", day, "customer_id", *by).unique()


def restarting(orders: pl.DataFrame) -> list[str]:
    """Return a warning of order ids that are of several customers on several days, where they are many.

    Parameters
    ----------
    orders : polars.DataFrame
        What :func:`some_orders` returned for all customers.
    """
    ids = orders.group_by("order").agg(pl.col("day", "customer_id").n_unique())
    shared = ids.filter(pl.col("day") > 1, pl.col("customer_id") > 1).height
    if shared <= _RESTARTING * ids.height:
        return []
    return [
        f"{shared / ids.height:.0%} of the order ids are of several customers on several days, as numbers are that begin anew: "
        'cleaning.order_key = "order+day" makes them orders of a day each'
    ]


def in_two_forms(customers: pl.LazyFrame, n_customers: int) -> list[str]:
    """Return a warning of customers whose id differs from another one in capitals, blanks or the Unicode form of letters alone.

    Of many customers those whose hash begins with zeros are compared: the number is then an estimate.
    """
    bits = (n_customers // _FORMS).bit_length()
    form = one_form(pl.col("customer_id")).hash()
    forms = customers.filter(pl.col("customer_id").str.contains(r"[\p{L}\s]")).select(form=form)
    if bits:
        forms = forms.filter(pl.col("form") < pl.lit(2 ** (64 - bits), dtype=pl.UInt64))
    counted = forms.select(pl.len() - pl.col("form").n_unique()).collect(engine="streaming")
    count = int(counted.item()) << bits
    message = (
        f"{count:,} customers differ from another one in capitals, blanks or accents' form alone: "
        'cleaning.customer_case = "lower" makes them one'
    )
    return [message] if count else []


def heavy_customers(customers: pl.LazyFrame, *, more_than: int) -> pl.LazyFrame:
    """Return of customers with their ``lines`` those with more than so many, most first: ``customer_id, lines``."""
    heavy = customers.filter(pl.col("lines") > more_than).select("customer_id", "lines")
    return heavy.sort("lines", "customer_id", descending=[True, False])
