"""What moved since the previous run, as the report shows it: the news, identities and flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcore.changes.summary import summarise
from segcore.records.changes import Flow, Identity, MovementReport, NamedSegment
from segcore.report import charts, privacy
from segcore.report.charts import Figure, colour
from segcore.report.formatting import MISSING, Formatter, cut, day, sentence
from segcore.report.report_data import ReportData


@dataclass(frozen=True, kw_only=True)
class Movement:
    """The section on what moved since the previous run."""

    since: str
    news: list[str]
    previous: str
    reasons: list[str]
    words: list[str]
    identities: list[dict[str, str]]
    chart: Figure | None
    matrices: list[dict[str, Any]]


def movement(data: ReportData, fmt: Formatter) -> Movement | None:
    """Collect the news, identities and flows since the previous run, None where there is none."""
    moves = data.movement
    if moves is None:
        return None
    changed = summarise(moves)
    old, new = _names(moves.old_segments), _names(moves.new_segments)
    return Movement(
        since=changed.since_day,
        news=changed.parts,
        previous=f"{moves.previous.run_id}, made {day(moves.previous.created_at)}",
        reasons=[sentence(cut(text, 300)) for text in moves.reasons],
        words=[cut(text, 300) for text in moves.words],
        identities=[_identity(own, fmt) for own in (data.lineage.segments if data.lineage else ())],
        chart=charts.flows(moves.flows, old, new, fmt) if moves.flows else None,
        matrices=_matrices(moves, old, new, fmt),
    )


def _matrices(
    moves: MovementReport, old: dict[int, str], new: dict[int, str], fmt: Formatter
) -> list[dict[str, Any]]:
    """Return the migration in customers and in money, and its two parts; newcomers and leavers in the first two."""
    before, after = _ends(old, "Not there before"), _ends(new, "Gone")
    parts = (
        (moves.flows, "customers", "Customers", "whatever the cause", before, after),
        (moves.flows, "money", "Money", "counted in what they have spent by now", before, after),
        (
            moves.time,
            "customers",
            "Because time passed",
            "by the old model on the old data, once time has passed, against the old labels",
            _ends(old),
            _ends(old),
        ),
        (
            moves.behaviour,
            "customers",
            "Because they bought or sent back",
            "by the old model on the new data, against the old data once time has passed",
            _ends(old),
            _ends(old),
        ),
        (
            moves.model,
            "customers",
            "Because the model changed",
            "by the new model against the old one, on the new data",
            _ends(old),
            _ends(new),
        ),
    )
    return [
        _matrix(title, why, flows, start, end, fmt, value)
        for flows, value, title, why, start, end in parts
        if flows
    ]


def _ends(names: Mapping[int, str], outside: str = "") -> dict[int | None, str]:
    ends: dict[int | None, str] = dict(names.items())
    return ends | ({None: outside} if outside else {})


def _names(segments: Sequence[NamedSegment]) -> dict[int, str]:
    return {own.segment: cut(own.segment_name, 40) for own in segments}


def _identity(own: Identity, fmt: Formatter) -> dict[str, str]:
    return {
        "now": cut(own.segment_name or MISSING, 40),
        "before": cut(own.previous_name or MISSING, 40),
        "verdict": own.verdict,
        "jaccard": fmt.number(own.jaccard),
        "colour": colour(own.segment) if own.segment else "",
    }


def _matrix(
    title: str,
    why: str,
    flows: Sequence[Flow],
    start: Mapping[int | None, str],
    end: Mapping[int | None, str],
    fmt: Formatter,
    value: str,
) -> dict[str, Any]:
    """Return a migration matrix: from down, to across; the diagonal stayed."""
    cells = {(flow.old, flow.new): flow for flow in flows}
    moved = sum(flow.customers for flow in flows if flow.old != flow.new and None not in (flow.old, flow.new))
    return {
        "title": title,
        "caption": f"{fmt.counted(moved, 'customer')} moved, {why}.",
        "columns": list(end.values()),
        "rows": [
            (name, [(_cell(cells.get((a, b)), value, fmt), a == b and a is not None) for b in end])
            for a, name in start.items()
        ],
    }


def _cell(flow: Flow | None, value: str, fmt: Formatter) -> str:
    """Return a cell of a matrix; of a few customers neither their number nor their money is shown."""
    if flow is None or not flow.customers:
        return fmt.money(0.0) if value == "money" else fmt.count(0)
    if flow.customers < privacy.LEAST_CUSTOMERS:
        return MISSING if value == "money" else privacy.FEW
    return fmt.money(flow.money) if value == "money" else fmt.count(flow.customers)
