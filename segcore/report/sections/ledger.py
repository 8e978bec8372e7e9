"""What happened to the data, as the report shows it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segcore import records
from segcore.records.extra import TableCoverage
from segcore.records.ledger import Amount, ClassAmount, Discounts, ReturnsNet
from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter, cut, label, listed, sentence
from segcore.report.report_data import ReportData

_PURCHASE = "purchase"
_MOST = 15  # rejects by file and reason
_KEPT = {_PURCHASE, "return", "discount"}
_EXAMPLE_COLUMNS = (
    "order_id",
    "product_id",
    "description",
    "quantity",
    "unit_price",
    "customer_id",
    "country",
)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The section on the data."""

    sentence: str
    classes: list[dict[str, str]]
    waterfalls: list[Figure]
    by_file: list[dict[str, str]]
    examples: list[dict[str, Any]]
    unmet: str
    unreadable: int
    net: str
    extra: list[str]
    warnings: list[str]


def ledger(data: ReportData, fmt: Formatter, *, show_ids: bool, shown_above: Collection[str] = ()) -> Ledger:
    """Collect the ledger, examples of rejects and the warnings that are not shown above."""
    account = data.ledger
    classes = [own for own in account.classes if own.rows or own.money]
    return Ledger(
        sentence=_ledger_sentence(classes, account.rows_in, fmt),
        classes=[
            {
                "name": class_name(own.name),
                "rows": fmt.count(own.rows),
                "share": fmt.percent(own.rows / account.rows_in),
                "money": exact(own.money, fmt),
                "kind": "kept" if own.name in _KEPT else "rejected",
            }
            for own in classes
        ]
        + [
            {
                "name": "All lines in",
                "rows": fmt.count(account.rows_in),
                "share": "100%",
                "money": exact(account.money_in, fmt),
                "kind": "total",
            }
        ],
        waterfalls=_waterfalls(classes, account, fmt),
        by_file=_by_file(data, fmt),
        examples=_examples(data, show_ids=show_ids),
        unmet=listed([class_name(own.name).lower() for own in account.classes if not own.rows]),
        unreadable=account.unreadable_amount_rows,
        net=" ".join(
            text
            for text in (_net_sentence(account.returns_net, fmt), off_sentence(account.discounts, fmt))
            if text
        ),
        extra=[_extra_sentence(table, fmt) for table in data.manifest.extra],
        warnings=[sentence(cut(text, 400)) for text in data.manifest.warnings if text not in shown_above],
    )


def _net_sentence(net: ReturnsNet | None, fmt: Formatter) -> str:
    """Return what returns took back, where the job lets them."""
    if net is None:
        return ""

    def part(amount: Amount) -> str:
        return f"{fmt.counted(amount.rows, 'line')} ({exact(amount.money, fmt)})"

    return (
        f"Returns take back what they belong to: {part(net.matched)} found an earlier purchase, {part(net.unmatched)} none; "
        f"{fmt.counted(net.orders_emptied, 'order')} and {fmt.counted(net.customers_emptied, 'customer')} "
        "had nothing left and are not counted."
    )


def off_sentence(off: Discounts | None, fmt: Formatter) -> str:
    """Return what discounts and refunds took off, where the job has some."""
    if off is None:
        return ""
    text = (
        f"Discounts and refunds lower what the purchases of {fmt.counted(off.taken_off.rows, 'order')} cost by "
        f"{exact(off.taken_off.money, fmt)}; nothing is left of {fmt.counted(off.orders_emptied, 'order')}"
    )
    if not off.beyond.rows:
        return f"{text}."
    return f"{text}; {exact(off.beyond.money, fmt)} more than their purchases cost was not taken off."


def _extra_sentence(table: TableCoverage, fmt: Formatter) -> str:
    """Return of how many customers another table knows something, and what."""
    known = [f"{label(column.feature)} of {fmt.percent(column.share)}" for column in table.columns]
    path = cut(table.path.rsplit("/", 1)[-1], 60)
    return (
        f"{path} has a row for {fmt.count(table.customers_with_row)} customers ({fmt.percent(table.share)}) "
        f"and {fmt.count(table.rows_without_customer)} rows of others; it says {listed(known)}."
    )


def class_name(name: str) -> str:
    """Return a ledger class in fmt."""
    known = {
        "purchase": "Purchases",
        "return": "Returns",
        "discount": "Discounts",
        "duplicate": "Duplicates",
        "outside_window": "Outside the observation window",
        "not_kept": "Not kept by the job's rule",
        "non_positive_price": "Price not positive",
        "non_positive_quantity": "Quantity not positive",
    }
    return known.get(name, sentence(cut(name, 60).replace("_", " ")))


def exact(amount: Decimal, fmt: Formatter) -> str:
    """Return money to the penny, since a ledger is to be added up."""
    text = f"{abs(amount):,.2f}"
    space = "\u00a0" if fmt.currency[-1:].isalnum() else ""
    return f"{'−' if amount < 0 and text.strip('0.,') else ''}{fmt.currency}{space}{text}"


def _ledger_sentence(classes: list[ClassAmount], rows_in: int, fmt: Formatter) -> str:
    purchases = sum(own.rows for own in classes if own.name == _PURCHASE)
    rejected = [own for own in classes if own.name not in _KEPT]
    text = f"Of {fmt.count(rows_in)} lines, {fmt.count(purchases)} are purchases ({fmt.percent(purchases / rows_in)})"
    if not rejected:
        return f"{text}; none was rejected."
    worst = max(rejected, key=lambda own: own.rows)
    total = sum(own.rows for own in rejected)
    return f"{text} and {fmt.count(total)} were rejected, {fmt.count(worst.rows)} of them as “{class_name(worst.name).lower()}”."


def _waterfalls(classes: list[ClassAmount], ledger: records.Ledger, fmt: Formatter) -> list[Figure]:
    """Draw the ledger in rows and in money: what came in, what went, what is left."""
    if not classes:
        return []
    both: tuple[tuple[str, str, float, Callable[[float], str], str], ...] = (
        ("rows", "Lines, from all that came in to purchases", float(ledger.rows_in), fmt.count, ""),
        ("money", "Money, from all lines to purchases", float(ledger.money_in), fmt.money, fmt.currency),
    )
    figures = []
    for column, title, total, text, currency in both:
        steps = [{"label": "All lines in", "start": 0.0, "end": total, "kind": "total", "text": text(total)}]
        level = total
        taken = [own for own in classes if own.name != _PURCHASE]
        for own in sorted(taken, key=lambda own: -abs(getattr(own, column))):
            change = -float(getattr(own, column))
            steps.append(
                {
                    "label": class_name(own.name),
                    "start": level,
                    "end": level + change,
                    "kind": "out" if change <= 0 else "in",
                    "text": ("+" if change > 0 else "") + text(change),
                }
            )
            level += change
        left = float(sum(getattr(own, column) for own in classes if own.name == _PURCHASE))
        steps.append({"label": "Purchases", "start": 0.0, "end": left, "kind": "total", "text": text(left)})
        figures.append(charts.waterfall(f"ledger-{column}", title, steps, currency))
    return figures


def _by_file(data: ReportData, fmt: Formatter) -> list[dict[str, str]]:
    """Return rejects by file and reason, the largest first."""
    rejected = [own for own in data.ledger.by_file if own.name not in _KEPT and own.rows]
    rejected.sort(key=lambda own: (-own.rows, own.file, own.name))
    return [
        {
            "file": cut(own.file.rsplit("/", 1)[-1], 48),
            "reason": class_name(own.name),
            "rows": fmt.count(own.rows),
            "money": exact(own.money, fmt),
        }
        for own in rejected[:_MOST]
    ]


def _examples(data: ReportData, *, show_ids: bool) -> list[dict[str, Any]]:
    if data.rejects.is_empty():
        return []
    there = [name for name in _EXAMPLE_COLUMNS if name in data.rejects.columns]
    line = next((name for name in ("record", "line") if name in data.rejects.columns), None)
    written = str if show_ids else privacy.pattern
    return [
        {
            "reason": class_name(row["reason"]),
            "where": cut(str(row.get("file") or "").rsplit("/", 1)[-1], 32)
            + (f":{row[line]}" if line else ""),
            "line": written(_line([row[name] for name in there]) or cut(row.get("text") or "", 200))
            or "text not kept",
        }
        for row in data.rejects.to_dicts()
    ]


def _line(values: list[Any]) -> str:
    """Return a rejected line in one text, empty where its text is not kept."""
    if not any(values):
        return ""
    return " · ".join(cut(value, 40) if value else "∅" for value in values)
