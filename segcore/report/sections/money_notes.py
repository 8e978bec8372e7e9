"""What the revenue of the first screen leaves out, each with its money."""

from __future__ import annotations

import polars as pl

from segcore.lines.cleaning import MISSING_CUSTOMER
from segcore.report import privacy
from segcore.report.formatting import Formatter
from segcore.report.net_revenue import ALL
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import population


def money_notes(data: ReportData, fmt: Formatter) -> list[str]:
    """Return a sentence each on returns, on customers who sent back nearly everything and on lines without a customer."""
    everybody = population(data)
    before, after = everybody.get("gross_revenue") or 0.0, everybody.get("revenue") or 0.0
    notes = []
    if data.job.features.returns == "net":
        notes.append(
            "Revenue is net of returns: what was sent back is taken off the purchases that it belongs to."
        )
    elif before > after:
        notes.append(
            f"Revenue is net of returns: {fmt.money(before)} before returns, {fmt.money(before - after)} sent back."
        )
        notes += _returners(data, fmt)
    unknown = sum(float(own.money) for own in data.ledger.classes if own.name == MISSING_CUSTOMER)
    if unknown > 0:
        notes.append(
            f"Another {fmt.money(unknown)} was bought without a customer's name and is in no segment."
        )
    return notes


def _returners(data: ReportData, fmt: Formatter) -> list[str]:
    row = data.tables["returns"].row(by_predicate=pl.col("segment") == ALL, named=True)
    if not row["returners"]:
        return []
    if row["returners"] < privacy.LEAST_CUSTOMERS:
        return [
            f"Fewer than {privacy.LEAST_CUSTOMERS} customers sent back nine tenths or more of what they bought."
        ]
    return [
        f"{fmt.count(row['returners'])} customers sent back nine tenths or more of what they bought: "
        f"{fmt.money(row['returners_returned'])} of {fmt.money(row['returners_revenue'])}."
    ]
