"""What happened to the data, as the report shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segcore.report import charts
from segcore.report.charts import Figure
from segcore.report.run import Run
from segcore.report.words import Words, cut, label, listed, sentence

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
class Accounts:
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


def accounts(run: Run, words: Words) -> Accounts:
    """Collect the ledger, examples of rejects and warnings."""
    every = [{**row, "money": Decimal(str(row["money"]))} for row in run.ledger.get("classes", [])]
    classes = [row for row in every if row["rows"]]
    rows_in = int(run.ledger.get("rows_in", 0))
    money_in = Decimal(str(run.ledger.get("money_in", "0")))
    return Accounts(
        sentence=_ledger_sentence(classes, rows_in, words),
        classes=[
            {
                "name": class_name(row["class"]),
                "rows": words.count(row["rows"]),
                "share": words.percent(row["rows"] / rows_in if rows_in else 0.0),
                "money": exact(row["money"], words),
                "kind": "kept" if row["class"] in _KEPT else "rejected",
            }
            for row in classes
        ]
        + [
            {
                "name": "All lines in",
                "rows": words.count(rows_in),
                "share": "100%",
                "money": exact(money_in, words),
                "kind": "total",
            }
        ],
        waterfalls=_waterfalls(classes, rows_in, money_in, words),
        by_file=_by_file(run, words),
        examples=_examples(run),
        unmet=listed([class_name(row["class"]).lower() for row in every if not row["rows"]]),
        unreadable=int(run.ledger.get("unreadable_amount_rows") or 0),
        net=_net_sentence(run.ledger.get("returns_net"), words),
        extra=[_extra_sentence(table, words) for table in run.manifest.get("extra", [])],
        warnings=[sentence(cut(text, 400)) for text in run.manifest.get("warnings", [])],
    )


def _net_sentence(net: dict[str, Any] | None, words: Words) -> str:
    """Say what returns took back, where the job lets them."""
    if net is None:
        return ""

    def part(name: str) -> str:
        return f"{words.counted(net[name]['rows'], 'line')} ({exact(Decimal(net[name]['money']), words)})"

    return (
        f"Returns take back what they belong to: {part('matched')} found an earlier purchase, {part('unmatched')} none; "
        f"{words.counted(net['orders_emptied'], 'order')} and {words.counted(net['customers_emptied'], 'customer')} "
        "had nothing left and are not counted."
    )


def _extra_sentence(table: dict[str, Any], words: Words) -> str:
    """Say of how many customers another table says something, and what."""
    known = [f"{label(c['feature'])} of {words.percent(c['share'])}" for c in table["columns"]]
    path = cut(str(table["path"]).rsplit("/", 1)[-1], 60)
    return (
        f"{path} has a row for {words.count(table['customers_with_row'])} customers ({words.percent(table['share'])}) "
        f"and {words.count(table['rows_without_customer'])} rows of others; it says {listed(known)}."
    )


def class_name(name: str) -> str:
    """Return a ledger class in words."""
    known = {
        "purchase": "Purchases",
        "return": "Returns",
        "duplicate": "Duplicates",
        "outside_window": "Outside the observation window",
        "non_positive_price": "Price not positive",
        "non_positive_quantity": "Quantity not positive",
    }
    return known.get(name, sentence(cut(name, 60).replace("_", " ")))


def exact(amount: Decimal, words: Words) -> str:
    """Return money to the penny, since a ledger is to be added up."""
    text = f"{abs(amount):,.2f}"
    space = "\u00a0" if words.currency[-1:].isalnum() else ""
    return f"{'−' if amount < 0 and text.strip('0.,') else ''}{words.currency}{space}{text}"


def _is(name: str, kind: str) -> bool:
    return name in {kind, f"{kind}s"}


def _ledger_sentence(classes: list[dict[str, Any]], rows_in: int, words: Words) -> str:
    purchases = sum(row["rows"] for row in classes if _is(row["class"], "purchase"))
    rejected = [row for row in classes if row["class"] not in _KEPT]
    text = f"Of {words.count(rows_in)} lines, {words.count(purchases)} are purchases ({words.percent(purchases / rows_in if rows_in else 0.0)})"
    if not rejected:
        return f"{text}; none was rejected."
    worst = max(rejected, key=lambda row: row["rows"])
    total = sum(row["rows"] for row in rejected)
    return f"{text} and {words.count(total)} were rejected, {words.count(worst['rows'])} of them as “{class_name(worst['class']).lower()}”."


def _waterfalls(classes: list[dict[str, Any]], rows_in: int, money_in: Decimal, words: Words) -> list[Figure]:
    """Draw the ledger in rows and in money: what came in, what went, what is left."""
    if not classes:
        return []
    both: tuple[tuple[str, str, float, Callable[[float], str], str], ...] = (
        ("rows", "Rows", float(rows_in), words.count, ""),
        ("money", "Money", float(money_in), words.money, words.currency),
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


def _by_file(run: Run, words: Words, most: int = 15) -> list[dict[str, str]]:
    """Return rejects by file and reason, the largest first."""
    rows = [row for row in run.ledger.get("by_file", []) if row["class"] not in _KEPT and row["rows"]]
    rows.sort(key=lambda row: (-row["rows"], str(row["file"]), row["class"]))
    return [
        {
            "file": cut(str(row["file"]).rsplit("/", 1)[-1], 48),
            "reason": class_name(row["class"]),
            "rows": words.count(row["rows"]),
            "money": exact(Decimal(str(row["money"])), words),
        }
        for row in rows[:most]
    ]


def _examples(run: Run) -> list[dict[str, Any]]:
    if run.rejects.is_empty():
        return []
    there = [name for name in _EXAMPLE_COLUMNS if name in run.rejects.columns]
    line = next((name for name in ("record", "line") if name in run.rejects.columns), None)
    return [
        {
            "reason": class_name(row["reason"]),
            "where": cut(str(row.get("file") or "").rsplit("/", 1)[-1], 32)
            + (f":{row[line]}" if line else ""),
            "line": _line([row[name] for name in there]),
        }
        for row in run.rejects.to_dicts()
    ]


def _line(values: list[Any]) -> str:
    """Return a rejected line in one text; copies of a line keep no text."""
    if not any(values):
        return "text not kept"
    return " · ".join(cut(value, 40) if value else "(empty)" for value in values)
