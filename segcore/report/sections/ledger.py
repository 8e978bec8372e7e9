"""What happened to the data, as the report shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segcore.report import charts
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter, cut, label, listed, sentence
from segcore.report.report_data import ReportData

_KEPT = {"purchase", "purchases", "return", "returns"}
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


def ledger(data: ReportData, fmt: Formatter) -> Ledger:
    """Collect the ledger, examples of rejects and warnings."""
    every = [{**row, "money": Decimal(str(row["money"]))} for row in data.ledger.get("classes", [])]
    classes = [row for row in every if row["rows"]]
    rows_in = int(data.ledger.get("rows_in", 0))
    money_in = Decimal(str(data.ledger.get("money_in", "0")))
    return Ledger(
        sentence=_ledger_sentence(classes, rows_in, fmt),
        classes=[
            {
                "name": class_name(row["class"]),
                "rows": fmt.count(row["rows"]),
                "share": fmt.percent(row["rows"] / rows_in if rows_in else 0.0),
                "money": exact(row["money"], fmt),
                "kind": "kept" if row["class"] in _KEPT else "rejected",
            }
            for row in classes
        ]
        + [
            {
                "name": "All lines in",
                "rows": fmt.count(rows_in),
                "share": "100%",
                "money": exact(money_in, fmt),
                "kind": "total",
            }
        ],
        waterfalls=_waterfalls(classes, rows_in, money_in, fmt),
        by_file=_by_file(data, fmt),
        examples=_examples(data),
        unmet=listed([class_name(row["class"]).lower() for row in every if not row["rows"]]),
        unreadable=int(data.ledger.get("unreadable_amount_rows") or 0),
        net=_net_sentence(data.ledger.get("returns_net"), fmt),
        extra=[_extra_sentence(table, fmt) for table in data.manifest.get("extra", [])],
        warnings=[sentence(cut(text, 400)) for text in data.manifest.get("warnings", [])],
    )


def _net_sentence(net: dict[str, Any] | None, fmt: Formatter) -> str:
    """Return what returns took back, where the job lets them, in a sentence."""
    if net is None:
        return ""

    def part(name: str) -> str:
        return f"{fmt.counted(net[name]['rows'], 'line')} ({exact(Decimal(net[name]['money']), fmt)})"

    return (
        f"Returns take back what they belong to: {part('matched')} found an earlier purchase, {part('unmatched')} none; "
        f"{fmt.counted(net['orders_emptied'], 'order')} and {fmt.counted(net['customers_emptied'], 'customer')} "
        "had nothing left and are not counted."
    )


def _extra_sentence(table: dict[str, Any], fmt: Formatter) -> str:
    """Return of how many customers another table knows something, and what."""
    known = [f"{label(c['feature'])} of {fmt.percent(c['share'])}" for c in table["columns"]]
    path = cut(str(table["path"]).rsplit("/", 1)[-1], 60)
    return (
        f"{path} has a row for {fmt.count(table['customers_with_row'])} customers ({fmt.percent(table['share'])}) "
        f"and {fmt.count(table['rows_without_customer'])} rows of others; it says {listed(known)}."
    )


def class_name(name: str) -> str:
    """Return a ledger class in fmt."""
    known = {
        "purchase": "Purchases",
        "return": "Returns",
        "duplicate": "Duplicates",
        "outside_window": "Outside the observation window",
        "non_positive_price": "Price not positive",
        "non_positive_quantity": "Quantity not positive",
    }
    return known.get(name, sentence(cut(name, 60).replace("_", " ")))


def exact(amount: Decimal, fmt: Formatter) -> str:
    """Return money to the penny, since a ledger is to be added up."""
    text = f"{abs(amount):,.2f}"
    space = "\u00a0" if fmt.currency[-1:].isalnum() else ""
    return f"{'−' if amount < 0 and text.strip('0.,') else ''}{fmt.currency}{space}{text}"


def _is(name: str, kind: str) -> bool:
    return name in {kind, f"{kind}s"}


def _ledger_sentence(classes: list[dict[str, Any]], rows_in: int, fmt: Formatter) -> str:
    purchases = sum(row["rows"] for row in classes if _is(row["class"], "purchase"))
    rejected = [row for row in classes if row["class"] not in _KEPT]
    text = f"Of {fmt.count(rows_in)} lines, {fmt.count(purchases)} are purchases ({fmt.percent(purchases / rows_in if rows_in else 0.0)})"
    if not rejected:
        return f"{text}; none was rejected."
    worst = max(rejected, key=lambda row: row["rows"])
    total = sum(row["rows"] for row in rejected)
    return f"{text} and {fmt.count(total)} were rejected, {fmt.count(worst['rows'])} of them as “{class_name(worst['class']).lower()}”."


def _waterfalls(
    classes: list[dict[str, Any]], rows_in: int, money_in: Decimal, fmt: Formatter
) -> list[Figure]:
    """Draw the ledger in rows and in money: what came in, what went, what is left."""
    if not classes:
        return []
    both: tuple[tuple[str, str, float, Callable[[float], str], str], ...] = (
        ("rows", "Rows", float(rows_in), fmt.count, ""),
        ("money", "Money", float(money_in), fmt.money, fmt.currency),
    )
    figures = []
    for column, title, total, text, currency in both:
        steps = [{"label": "All lines in", "start": 0.0, "end": total, "kind": "total", "text": text(total)}]
        level = total
        for row in sorted(
            (r for r in classes if not _is(r["class"], "purchase")), key=lambda r: -abs(float(r[column]))
        ):
            change = -float(row[column])
            steps.append(
                {
                    "label": class_name(row["class"]),
                    "start": level,
                    "end": level + change,
                    "kind": "out" if change <= 0 else "in",
                    "text": ("+" if change > 0 else "") + text(change),
                }
            )
            level += change
        left = float(sum(r[column] for r in classes if _is(r["class"], "purchase")))
        steps.append({"label": "Purchases", "start": 0.0, "end": left, "kind": "total", "text": text(left)})
        figures.append(charts.waterfall(f"ledger-{column}", title, steps, currency))
    return figures


def _by_file(data: ReportData, fmt: Formatter, most: int = 15) -> list[dict[str, str]]:
    """Return rejects by file and reason, the largest first."""
    rows = [row for row in data.ledger.get("by_file", []) if row["class"] not in _KEPT and row["rows"]]
    rows.sort(key=lambda row: (-row["rows"], str(row["file"]), row["class"]))
    return [
        {
            "file": cut(str(row["file"]).rsplit("/", 1)[-1], 48),
            "reason": class_name(row["class"]),
            "rows": fmt.count(row["rows"]),
            "money": exact(Decimal(str(row["money"])), fmt),
        }
        for row in rows[:most]
    ]


def _examples(data: ReportData) -> list[dict[str, Any]]:
    if data.rejects.is_empty():
        return []
    there = [name for name in _EXAMPLE_COLUMNS if name in data.rejects.columns]
    line = next((name for name in ("record", "line") if name in data.rejects.columns), None)
    return [
        {
            "reason": class_name(row["reason"]),
            "where": cut(str(row.get("file") or "").rsplit("/", 1)[-1], 32)
            + (f":{row[line]}" if line else ""),
            "line": _line([row[name] for name in there]),
        }
        for row in data.rejects.to_dicts()
    ]


def _line(values: list[Any]) -> str:
    """Return a rejected line in one text; copies of a line keep no text."""
    if not any(values):
        return "text not kept"
    return " · ".join(cut(value, 40) if value else "(empty)" for value in values)
