"""What moved since the previous run, as the report shows it: identities, flows and drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcore.report import charts
from segcore.report.charts import Figure, colour
from segcore.report.run import Run
from segcore.report.words import Words, cut, day, label, sentence


@dataclass(frozen=True, kw_only=True)
class Movement:
    """The section on what moved since the previous run."""

    previous: str
    reasons: list[str]
    words: list[str]
    identities: list[dict[str, str]]
    chart: Figure | None
    matrices: list[dict[str, Any]]


def drift(run: Run, words: Words) -> dict[str, Any] | None:
    """Return drift against the fitted run, None where it was not measured."""
    if not run.drift:
        return None
    rows = run.drift.get("features", [])
    most = max([row.get("psi") or 0.0 for row in rows] + [0.25])
    return {
        "verdict": run.drift.get("verdict", ""),
        "reasons": [sentence(cut(text, 300)) for text in run.drift.get("reasons", [])],
        "outside": words.percent(run.drift.get("out_of_range_share")),
        "outside_then": words.percent(run.drift.get("out_of_range_then")),
        "rows": [
            {
                "label": label(row["feature"]),
                "psi": words.number(row.get("psi"), 3),
                "bar": round(100 * (row.get("psi") or 0.0) / most),
                "chance": words.number(row.get("chance"), 3),
                "verdict": str(row.get("verdict", ""))
                + ("" if row.get("in_model", True) else ", not in the model"),
            }
            for row in rows
        ],
        "segments": [
            {
                "name": cut(row["segment_name"], 40),
                "colour": colour(int(row["segment"])),
                "then": words.percent(row["share_then"]),
                "now": words.percent(row["share_now"]),
            }
            for row in run.drift.get("segments", [])
        ],
    }


def movement(run: Run, words: Words) -> Movement | None:
    """Collect identities and flows since the previous run, None where there is none."""
    if not run.movement and not run.lineage:
        return None
    moves = run.movement or {}
    old = _names(moves.get("old_segments", []))
    new = _names(moves.get("new_segments", []))
    previous = moves.get("previous") or {}
    said = f"{previous.get('run_id', '')}, made {day(previous.get('created_at'))}" if previous else ""
    flows = moves.get("flows", [])
    return Movement(
        previous=said,
        reasons=[sentence(cut(text, 300)) for text in moves.get("reasons", [])],
        words=[cut(text, 300) for text in moves.get("words", [])],
        identities=[_identity(row, words) for row in (run.lineage or {}).get("segments", [])],
        chart=charts.flows(flows, old, new, words) if flows else None,
        matrices=_matrices(moves, old, new, words),
    )


def _matrices(
    moves: dict[str, Any], old: dict[Any, str], new: dict[Any, str], words: Words
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
        _matrix(title, why, moves[key], start, end, words, value)
        for key, value, title, why, start, end in parts
        if moves.get(key) and value in moves[key][0]
    ]


def _names(rows: list[dict[str, Any]]) -> dict[int, str]:
    return {int(row["segment"]): cut(row["segment_name"], 40) for row in rows}


def _identity(row: dict[str, Any], words: Words) -> dict[str, str]:
    number = row.get("segment")
    return {
        "now": cut(row.get("segment_name") or "–", 40),
        "before": cut(row.get("previous_name") or "–", 40),
        "verdict": str(row.get("verdict", "")),
        "jaccard": words.number(row.get("jaccard")),
        "colour": colour(int(number)) if number else "",
    }


def _matrix(
    title: str,
    why: str,
    rows: list[dict[str, Any]],
    start: Mapping[Any, str],
    end: Mapping[Any, str],
    words: Words,
    value: str,
) -> dict[str, Any]:
    """Return a migration matrix: from down, to across; the diagonal stayed."""
    found = {(row["old"], row["new"]): row[value] for row in rows}
    moved = sum(
        row["customers"] for row in rows if row["old"] != row["new"] and None not in (row["old"], row["new"])
    )
    text = words.money if value == "money" else words.count
    return {
        "title": title,
        "caption": f"{words.counted(moved, 'customer')} moved, {why}.",
        "columns": list(end.values()),
        "rows": [
            (name, [(text(found.get((a, b), 0)), a == b and a is not None) for b in end])
            for a, name in start.items()
        ],
    }
