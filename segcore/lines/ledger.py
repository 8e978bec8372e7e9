"""The account of every line: in = purchases + returns + rejected by reason, in rows and in money."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from segcore import errors, job
from segcore.lines import cleaning

KEPT = (cleaning.PURCHASE, cleaning.RETURN)
# Rejects that are no sign of a bad input.
NO_FAULT = (cleaning.MISSING_CUSTOMER, cleaning.OUTSIDE_WINDOW)


def account(counts: pl.DataFrame, rules: job.Cleaning, *, files: Sequence[str]) -> dict[str, Any]:
    """Add up the counts of all buckets.

    Parameters
    ----------
    counts : polars.DataFrame
        As :func:`segcore.lines.features.ledger` returns them: ``file, class, rows, money, unreadable_amount_rows``.
    rules : segcore.job.Cleaning
    files : sequence of str
        Name of every file, by its number.

    Returns
    -------
    dict
        Plain values for ledger.json; money as decimal text, exact.
    """
    by_class = {
        row["class"]: row
        for row in counts.group_by("class").agg(pl.col("rows", "money").sum()).iter_rows(named=True)
    }
    by_file = counts.group_by("file", "class").agg(pl.col("rows", "money").sum()).sort("file", "class")
    nothing = {"rows": 0, "money": 0}
    return {
        "rows_in": int(counts["rows"].sum()),
        "money_in": _money(int(counts["money"].sum()), rules),
        "unreadable_amount_rows": int(counts["unreadable_amount_rows"].sum()),
        "classes": [
            {
                "class": name,
                "rows": by_class.get(name, nothing)["rows"],
                "money": _money(by_class.get(name, nothing)["money"], rules),
            }
            for name in cleaning.classes(rules)
        ],
        "by_file": [
            {"file": files[file], "class": name, "rows": rows, "money": _money(money, rules)}
            for file, name, rows, money in by_file.iter_rows()
        ],
    }


def returns_net(counts: pl.DataFrame, rules: job.Cleaning) -> dict[str, Any]:
    """Add up what returns took back in all buckets, as :func:`segcore.lines.returns.account` counts it.

    Returns
    -------
    dict
        Plain values for ledger.json. Rows and money of ``matched`` and ``unmatched`` are those of the class
        ``return``; the money of ``taken_back`` is that of purchases, at their own price. The rows in
        ``partly_matched_rows`` are among the matched; the part of their money without a purchase is not.
    """
    total = counts.sum().row(0, named=True)
    out: dict[str, Any] = {
        name: {"rows": total[f"{name}_rows"], "money": _money(total[f"{name}_money"], rules)}
        for name in ("matched", "unmatched", "taken_back")
    }
    return out | {
        name: total[name] for name in ("partly_matched_rows", "orders_emptied", "customers_emptied")
    }


def _money(minor: int, rules: job.Cleaning) -> str:
    return str(Decimal(minor).scaleb(-rules.money_decimals))


def check(account: dict[str, Any], rules: job.Cleaning) -> None:
    """Refuse to go on when there is nothing to build on.

    Raises
    ------
    segcore.errors.DataError
        If there are no lines, no purchases, or more rejects than the job allows.
    """
    rows = {entry["class"]: entry["rows"] for entry in account["classes"]}
    lines_in = account["rows_in"]
    rejected = {name: n for name, n in rows.items() if name not in KEPT and n}
    reasons = ", ".join(
        f"{name} {n:,}" for name, n in sorted(rejected.items(), key=lambda item: -item[1])[:4]
    )
    if lines_in == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")
    if rows[cleaning.PURCHASE] == 0:
        raise errors.DataError(
            f"no purchase left: all of {lines_in:,} lines were returns or rejected ({reasons}); "
            "check the columns, the job's cleaning rules and the observation window"
        )
    beyond = sum(n for name, n in rejected.items() if name not in NO_FAULT)
    looked_at = lines_in - rows[cleaning.OUTSIDE_WINDOW]
    if beyond > rules.max_reject_share * looked_at:
        raise errors.DataError(
            f"{beyond / looked_at:.0%} of {looked_at:,} lines were rejected beyond missing customers ({reasons}); "
            f"at most {rules.max_reject_share:.0%} is allowed: mend the input or raise cleaning.max_reject_share"
        )
