"""What a holdout can show, and what a treatment changed: a table as a page, and as text."""

from __future__ import annotations

import polars as pl

from segcore.report.formatting import MISSING, Formatter, cut

_HEADINGS = {
    "segment_name": "Segment",
    "customers": "Customers",
    "held_out": "Held out",
    "rate": "Rate",
    "lift": "Lift wanted",
    "needed": "Customers needed",
    "smallest_lift": "Smallest lift seen",
    "customers_held_out": "Held out",
    "rate_held_out": "Rate held out",
    "rate_difference": "Difference",
    "revenue_per_customer": "Each spent",
    "revenue_per_customer_held_out": "Held out spent",
    "revenue_difference": "Difference in money",
}
_INTERVALS = ("rate_difference", "revenue_difference")


def cells(table: pl.DataFrame, currency: str) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows as people read them; an interval stands with its difference."""
    shown = [name for name in table.columns if name in _HEADINGS]
    fmt = Formatter(currency=currency)
    rows = [[_cell(row, name, fmt) for name in shown] for row in table.iter_rows(named=True)]
    return [_HEADINGS[name] for name in shown], rows


def _cell(row: dict[str, object], name: str, fmt: Formatter) -> str:
    value = row[name]
    if value is None:
        return MISSING
    if isinstance(value, str):
        return cut(value, 40)
    if isinstance(value, int):
        return fmt.count(value)
    of = fmt.money if name.startswith("revenue") else fmt.percent
    text = of(float(value))  # type: ignore[arg-type]
    if name in _INTERVALS:
        low, high = (of(float(row[f"{name}{end}"])) for end in ("_low", "_high"))  # type: ignore[arg-type]
        return f"{text} ({low} to {high})"
    return text
