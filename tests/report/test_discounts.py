"""What the section on the data says of discounts."""

from __future__ import annotations

from decimal import Decimal

from segcore.records.ledger import Amount, Discounts
from segcore.report.formatting import Formatter
from segcore.report.sections.ledger import off_sentence

FMT = Formatter(currency="£")


def test_it_says_what_was_taken_off_and_what_was_not() -> None:
    off = Discounts(
        taken_off=Amount(rows=3, money=Decimal("4")),
        beyond=Amount(rows=1, money=Decimal("0.7")),
        orders_emptied=1,
    )
    assert off_sentence(off, FMT) == (
        "Discounts and refunds lower what the purchases of 3 orders cost by £4.00; nothing is left of 1 order; £0.70 more than "
        "their purchases cost was not taken off."
    )
    whole = Discounts(taken_off=off.taken_off, beyond=Amount(rows=0, money=Decimal(0)), orders_emptied=0)
    assert off_sentence(whole, FMT).endswith("by £4.00; nothing is left of 0 orders.")
    assert off_sentence(None, FMT) == ""
