"""The account of every line: in = purchases + returns + rejected by reason, in rows and in money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from segcore import errors, job
from segcore.lines import cleaning
from segcore.lines.shuffle import FILE
from segcore.records.ledger import Amount, ClassAmount, Discounts, FileAmount, Ledger, ReturnsNet

KEPT = cleaning.KEPT
COUNTED = ("file", "class", "rows", "money", "unreadable_amount_rows")
"""Columns of :func:`count`."""
_MUCH = 0.25  # of lines or money that are nobody's
_MANY = 0.02  # of lines that are rejected for other reasons
# Rejects that are no sign of a bad input.
NO_FAULT = (cleaning.MISSING_CUSTOMER, cleaning.OUTSIDE_WINDOW, cleaning.OTHER_CURRENCY)


# What may have more decimals than a job reads.
_FINER = (
    ("quantity", "quantities", "those with decimals, such as weights, need cleaning.quantity_decimals"),
    ("unit_price", "prices", 'those with more decimals need cleaning.money_decimals, or "auto" for up to 8'),
)


def no_fault(rules: job.Cleaning) -> tuple[str, ...]:
    """Return the classes of rejects that are no sign of a bad input, those of the job's own rules among them."""
    return (*NO_FAULT, *rules.own_conditions)


def count(lines: pl.LazyFrame, *, by: Sequence[str] = ()) -> pl.LazyFrame:
    """Count lines and money (minor units, Int128) by file and class, and by some columns more."""
    # Both as one number, which is quicker to tell apart; what comes first of a group would take the lines' order to tell.
    file, name = FILE.cast(pl.UInt64), pl.col("class").to_physical().cast(pl.UInt64)
    counts = lines.group_by(*by, __of=file * 256 + name).agg(
        rows=pl.len().cast(pl.Int64),
        money=pl.col("amount").cast(pl.Int128).sum(),
        unreadable_amount_rows=pl.col("amount").null_count().cast(pl.Int64),
    )
    kind = lines.collect_schema()["class"]
    return counts.select(
        *by,
        (pl.col("__of") // 256).cast(pl.UInt32).alias("file"),
        (pl.col("__of") % 256).cast(pl.UInt8).cat.to(kind).alias("class"),
        "rows",
        "money",
        "unreadable_amount_rows",
    )


def account(counts: pl.DataFrame, rules: job.Cleaning, *, files: Sequence[str]) -> Ledger:
    """Add up the counts of all buckets.

    Parameters
    ----------
    counts : polars.DataFrame
        As :func:`count` returns them: ``file, class, rows, money, unreadable_amount_rows``.
    rules : segcore.job.Cleaning
    files : sequence of str
        Name of every file, by its number.
    """
    by_class = {
        name: (rows, money)
        for name, rows, money in counts.group_by("class").agg(pl.col("rows", "money").sum()).iter_rows()
    }
    by_file = counts.group_by("file", "class").agg(pl.col("rows", "money").sum()).sort("file", "class")
    amounts = (
        ClassAmount(name=name, rows=rows, money=_money(money, rules))
        for name in cleaning.classes(rules)
        for rows, money in [by_class.get(name, (0, 0))]
    )
    return Ledger(
        rows_in=int(counts["rows"].sum()),
        money_in=_money(int(counts["money"].sum()), rules),
        unreadable_amount_rows=int(counts["unreadable_amount_rows"].sum()),
        classes=tuple(amounts),
        by_file=tuple(
            FileAmount(file=files[file], name=name, rows=rows, money=_money(money, rules))
            for file, name, rows, money in by_file.iter_rows()
        ),
    )


def returns_net(counts: pl.DataFrame, rules: job.Cleaning) -> ReturnsNet:
    """Add up what returns took back in all buckets, as :func:`segcore.lines.returns.account` counts it."""
    total = counts.sum().row(0, named=True)

    def amount(name: str) -> Amount:
        return Amount(rows=total[f"{name}_rows"], money=_money(total[f"{name}_money"], rules))

    return ReturnsNet(
        matched=amount("matched"),
        unmatched=amount("unmatched"),
        taken_back=amount("taken_back"),
        partly_matched_rows=total["partly_matched_rows"],
        orders_emptied=total["orders_emptied"],
        customers_emptied=total["customers_emptied"],
    )


def discounts(counts: pl.DataFrame, rules: job.Cleaning) -> Discounts:
    """Add up what was taken off orders in all buckets, as :func:`segcore.lines.discounts.account` counts it."""
    total = counts.sum().row(0, named=True)

    def amount(name: str) -> Amount:
        return Amount(rows=total[f"{name}_orders"], money=_money(total[f"{name}_money"], rules))

    return Discounts(
        taken_off=amount("taken_off"), beyond=amount("beyond"), orders_emptied=total["emptied_orders"]
    )


def discounts_in_words(off: Discounts) -> tuple[str, str]:
    """Return what was taken off, and a warning of what was not; empty where all was."""
    summary = f"discounts: {off.taken_off.money:,.2f} off the purchases of {off.taken_off.rows:,} orders"
    if off.orders_emptied:
        summary += f"; {off.orders_emptied:,} of them cost nothing then and are not counted"
    if not off.beyond.rows:
        return summary, ""
    return summary, (
        f"{off.beyond.money:,.2f} of discounts and refunds of {off.beyond.rows:,} orders is more than their purchases cost, such as "
        "for postage, or belongs to no purchase: it was not taken off"
    )


def _money(minor: int, rules: job.Cleaning) -> Decimal:
    return Decimal(minor).scaleb(-rules.amount_decimals)


def rejects_in_words(account: Ledger) -> str:
    """Return in one line what was rejected: lines and money of each reason, the most frequent first."""
    rejected = [one for one in account.classes if one.rows and one.name not in KEPT]
    reasons = ", ".join(
        f"{one.name} {one.rows:,} ({one.money:,.2f})"
        for one in sorted(rejected, key=lambda one: (-one.rows, one.name))
    )
    lines = sum(one.rows for one in rejected)
    return (
        f"rejected: {lines:,} of {account.rows_in:,} lines, with their money: {reasons}"
        if rejected
        else f"rejected: none of {account.rows_in:,} lines"
    )


def remarks(classes: Mapping[str, tuple[int, int | Decimal]], rules: job.Cleaning) -> list[str]:
    """Return warnings of lines without a customer that hold much of all lines or money, of stray dates, of many rejects.

    Parameters
    ----------
    classes : mapping of str to (int, number)
        Lines and money of each class.
    rules : segcore.job.Cleaning
    """
    rows, amount = classes.get(cleaning.MISSING_CUSTOMER, (0, 0))
    all_rows, all_money = (sum(column) for column in zip(*classes.values(), strict=True))
    lines = rows / all_rows
    money = float(amount) / float(all_money) if all_money > 0 else 0.0
    messages = []
    if stray := classes.get(cleaning.STRAY_DATE, (0, 0))[0]:
        messages.append(
            f"{stray:,} line(s) are dated far beyond all others and were set aside (stray_date): recency counts from the "
            "others' last day; features.as_of (--as-of) decides otherwise"
        )
    if classes.get("non_positive_price", (0, 0))[1] < 0 and not rules.discount_lines:
        messages.append(
            "lines with a negative price were rejected (non_positive_price): if they are discounts, "
            'cleaning.discount_lines = "negative" takes them off their orders'
        )
    messages += _finer({name: of[0] for name, of in classes.items()})
    faults = {name: of[0] for name, of in classes.items() if of[0] and name not in (*KEPT, *no_fault(rules))}
    looked_at = all_rows - classes.get(cleaning.OUTSIDE_WINDOW, (0, 0))[0]
    if sum(faults.values()) > _MANY * looked_at:
        messages.append(
            f"{sum(faults.values()) / looked_at:.1%} of the lines were rejected beyond missing customers "
            f"({_most_frequent(faults)}): see that they are none of the customers' purchases"
        )
    if max(lines, money) <= _MUCH:
        return messages
    return [
        *messages,
        f"lines without a customer hold {lines:.0%} of all lines and {money:.0%} of the money; "
        'if an order says it on its first line alone, input.fill_from = "order" fills the others',
    ]


def _finer(rows: Mapping[str, int]) -> list[str]:
    """Return what may be read of numbers that were not, with the key that decides."""
    return [
        f"{unread:,} {what} could not be read (unreadable_{name}): {remedy}"
        for name, what, remedy in _FINER
        if (unread := rows.get(f"unreadable_{name}", 0))
    ]


def _most_frequent(rejected: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(rejected.items(), key=lambda item: -item[1])[:4])


def check(rows: Mapping[str, int], rules: job.Cleaning) -> None:
    """Refuse to go on when there is nothing to build on.

    Parameters
    ----------
    rows : mapping of str to int
        Lines of each class, that of purchases and of what lies outside the window included.
    rules : segcore.job.Cleaning

    Raises
    ------
    segcore.errors.DataError
        If there are no lines, no purchases, or more rejects than the job allows.
    """
    lines_in = sum(rows.values())
    rejected = {name: n for name, n in rows.items() if name not in KEPT and n}
    reasons = _most_frequent(rejected)
    if lines_in == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")
    if rows[cleaning.PURCHASE] == 0:
        raise errors.DataError(
            f"no purchase left: all of {lines_in:,} lines were returns or rejected ({reasons}); "
            f"{'; '.join([*_finer(rejected), ''])}check the columns, the job's cleaning rules and the observation window"
        )
    beyond = sum(n for name, n in rejected.items() if name not in no_fault(rules))
    looked_at = lines_in - rows[cleaning.OUTSIDE_WINDOW]
    if beyond > rules.max_reject_share * looked_at:
        raise errors.DataError(
            f"{beyond / looked_at:.0%} of {looked_at:,} lines were rejected beyond missing customers ({reasons}); "
            f"at most {rules.max_reject_share:.0%} is allowed: {'; '.join([*_finer(rejected), ''])}mend the input or raise "
            "cleaning.max_reject_share"
        )
