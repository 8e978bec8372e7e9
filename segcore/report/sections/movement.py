"""What moved since the previous run, as the report shows it: identities, flows and drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcore.report import charts, privacy
from segcore.report.charts import Figure, colour
from segcore.report.formatting import MISSING, Formatter, cut, day, label, sentence
from segcore.report.report_data import ReportData


@dataclass(frozen=True, kw_only=True)
class Movement:
    """The section on what moved since the previous run."""

    previous: str
    reasons: list[str]
    words: list[str]
    identities: list[dict[str, str]]
    chart: Figure | None
    matrices: list[dict[str, Any]]


def drift(data: ReportData, fmt: Formatter) -> dict[str, Any] | None:
    """Return drift against the fitted run, None where it was not measured."""
    if not data.drift:
        return None
    rows = data.drift.get("features", [])
    most = max([row.get("psi") or 0.0 for row in rows] + [0.25])
    return {
        "verdict": data.drift.get("verdict", ""),
        "reasons": [sentence(cut(text, 300)) for text in data.drift.get("reasons", [])],
        "outside": fmt.percent(data.drift.get("out_of_range_share")),
        "outside_then": fmt.percent(data.drift.get("out_of_range_then")),
        "rows": [
            {
                "label": label(row["feature"]),
                "psi": fmt.number(row.get("psi"), 3),
                "bar": round(100 * (row.get("psi") or 0.0) / most),
                "chance": fmt.number(row.get("chance"), 3),
                "verdict": str(row.get("verdict", ""))
                + ("" if row.get("in_model", True) else ", not in the model"),
            }
            for row in rows
        ],
        "segments": [
            {
                "name": cut(row["segment_name"], 40),
                "colour": colour(int(row["segment"])),
                "then": fmt.percent(row["share_then"]),
                "now": fmt.percent(row["share_now"]),
            }
            for row in data.drift.get("segments", [])
        ],
    }


def movement(data: ReportData, fmt: Formatter) -> Movement | None:
    """Collect identities and flows since the previous run, None where there is none."""
    if not data.movement and not data.lineage:
        return None
    moves = data.movement or {}
    old = _names(moves.get("old_segments", []))
    new = _names(moves.get("new_segments", []))
    previous = moves.get("previous") or {}
    previous_run = f"{previous.get('run_id', '')}, made {day(previous.get('created_at'))}" if previous else ""
    flows = moves.get("flows", [])
    return Movement(
        previous=previous_run,
        reasons=[sentence(cut(text, 300)) for text in moves.get("reasons", [])],
        words=[cut(text, 300) for text in moves.get("words", [])],
        identities=[_identity(row, fmt) for row in (data.lineage or {}).get("segments", [])],
        chart=charts.flows(flows, old, new, fmt) if flows else None,
        matrices=_matrices(moves, old, new, fmt),
    )


def _matrices(
    moves: dict[str, Any], old: dict[Any, str], new: dict[Any, str], fmt: Formatter
) -> list[dict[str, Any]]:
    """Return the migration in customers and in money, and its two parts; newcomers and leavers in the first two."""
    before = old | {None: "Not there before"}
    after = new | {None: "Gone"}
    parts = (
        (
            "flows",
            "customers",
            "Customers",
            "whatever the cause",
            before,
            after,
        ),
        (
            "flows",
            "money",
            "Money",
            "counted in what they have spent by now",
            before,
            after,
        ),
        (
            "behaviour",
            "customers",
            "Because behaviour changed",
            "by the old model on the new data, against the old labels",
            old,
            old,
        ),
        (
            "model",
            "customers",
            "Because the model changed",
            "by the new model against the old one, on the new data",
            old,
            new,
        ),
    )
    return [
        _matrix(title, why, moves[key], start, end, fmt, value)
        for key, value, title, why, start, end in parts
        if moves.get(key) and value in moves[key][0]
    ]


def _names(rows: list[dict[str, Any]]) -> dict[int, str]:
    return {int(row["segment"]): cut(row["segment_name"], 40) for row in rows}


def _identity(row: dict[str, Any], fmt: Formatter) -> dict[str, str]:
    number = row.get("segment")
    return {
        "now": cut(row.get("segment_name") or "–", 40),
        "before": cut(row.get("previous_name") or "–", 40),
        "verdict": str(row.get("verdict", "")),
        "jaccard": fmt.number(row.get("jaccard")),
        "colour": colour(int(number)) if number else "",
    }


def _matrix(
    title: str,
    why: str,
    rows: list[dict[str, Any]],
    start: Mapping[Any, str],
    end: Mapping[Any, str],
    fmt: Formatter,
    value: str,
) -> dict[str, Any]:
    """Return a migration matrix: from down, to across; the diagonal stayed."""
    cells = {(row["old"], row["new"]): row for row in rows}
    moved = sum(
        row["customers"] for row in rows if row["old"] != row["new"] and None not in (row["old"], row["new"])
    )
    return {
        "title": title,
        "caption": f"{fmt.counted(moved, 'customer')} moved, {why}.",
        "columns": list(end.values()),
        "rows": [
            (name, [(_cell(cells.get((a, b)), value, fmt), a == b and a is not None) for b in end])
            for a, name in start.items()
        ],
    }


def _cell(row: dict[str, Any] | None, value: str, fmt: Formatter) -> str:
    """Return a cell of a matrix; of a few customers neither their number nor their money is shown."""
    if row is None or not row["customers"]:
        return fmt.money(0.0) if value == "money" else fmt.count(0)
    if row["customers"] < privacy.LEAST_CUSTOMERS:
        return MISSING if value == "money" else privacy.FEW
    return fmt.money(row["money"]) if value == "money" else fmt.count(row["customers"])
