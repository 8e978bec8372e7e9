"""What moved since the previous run, as the report shows it: identities, flows and drift."""

from __future__ import annotations

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
        "outside": words.percent(run.drift.get("out_of_range_share")),
        "rows": [
            {
                "label": label(row["feature"]),
                "psi": words.number(row.get("psi"), 3),
                "bar": round(100 * (row.get("psi") or 0.0) / most),
                "verdict": row.get("verdict", ""),
            }
            for row in rows
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
        matrices=[
            _matrix(title, why, moves[key], old, new, words)
            for key, title, why in (
                (
                    "behaviour",
                    "Because behaviour changed",
                    "the old model on the new data, against the old labels",
                ),
                (
                    "model",
                    "Because the model changed",
                    "the new model against the old model, on the new data",
                ),
            )
            if moves.get(key)
        ],
    )


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
    title: str, why: str, rows: list[dict[str, Any]], old: dict[int, str], new: dict[int, str], words: Words
) -> dict[str, Any]:
    """Return a migration matrix: from down, to across; the diagonal stayed."""
    count = {(row["old"], row["new"]): row["customers"] for row in rows}
    moved = sum(n for (a, b), n in count.items() if a != b)
    return {
        "title": title,
        "caption": f"{words.count(moved)} customers moved: {why}.",
        "columns": list(new.values()),
        "rows": [
            (name, [(words.count(count.get((a, b), 0)), a == b) for b in new]) for a, name in old.items()
        ],
    }
