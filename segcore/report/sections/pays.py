"""Whether the segments tell what comes: the last period, as the customers before it would have told it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from segcore.evaluation import next_period
from segcore.records.manifest import LookBackFigures, RuleFigures
from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.charts.base import INTERVAL
from segcore.report.formatting import Formatter, cut, day, listed
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import NAME_LENGTH, names

_CALLED = {
    next_period.SEGMENTS: "The segments",
    next_period.RFM_FIFTHS: "RFM's 125 cells",
    next_period.RFM_GROUPS: "RFM's ten groups",
    next_period.TENTHS: "Past spend in tenths",
    next_period.QUARTERS: "Recency in quarters",
    next_period.ORDER_COUNT: "Order count",
    next_period.RANDOM: "At random",
}


@dataclass(frozen=True, kw_only=True)
class Pays:
    """What the section shows.

    Attributes
    ----------
    sentence : str
        What the segments would have told, beside the simplest other rule; or why it is not known.
    ranking : str
        Which rules tell as well who buys again, and which do not.
    newcomers : str
        What was bought by who was not known.
    headings, rows : list
        The segments as a table.
    rules : list of (str, str)
        The rules, and how well each tells who buys again.
    figures : list of Figure
    """

    sentence: str
    ranking: str = ""
    newcomers: str = ""
    headings: tuple[str, ...] = ()
    rows: list[list[str]]
    rules: list[tuple[str, str]]
    figures: list[Figure]


def pays(data: ReportData, fmt: Formatter) -> Pays:
    """Return the section; without figures where there was no look back."""
    figures = data.manifest.look_back
    if figures is None or data.look_back.is_empty():
        return Pays(sentence=_why_not(data), rows=[], rules=[], figures=[])
    if not figures.buyers or figures.revenue <= 0:
        bought = "hardly any" if figures.buyers else "none"
        text = f"Of the customers known on {_cut(data)}, {bought} bought in the {figures.days} days since."
        return Pays(sentence=text, rows=[], rules=[], figures=[])
    rows = _segments(data)
    ranked = _ranked(figures)
    drawn = [charts.pays_shares(rows, fmt)] if rows else []
    if len(ranked) > 1:
        drawn.append(charts.pays_ranking(ranked, fmt))
    return Pays(
        sentence=_sentence(data, figures, fmt),
        ranking=_ranking(figures),
        newcomers=_newcomers(figures, fmt),
        headings=(
            "Segment",
            "Customers then",
            "Bought again",
            "Revenue before",
            "Revenue since",
            "95% interval",
        ),
        rows=[_row(row, fmt) for row in rows],
        rules=[(row["name"], _percent(row["auc"], row["auc_se"])) for row in ranked],
        figures=drawn,
    )


def _why_not(data: ReportData) -> str:
    """Return in a sentence why nothing is known of the last period."""
    settings, manifest = data.job, data.manifest
    days = settings.look_back.days
    first = datetime.fromisoformat(manifest.input.first_day)
    history = (datetime.fromisoformat(manifest.as_of) - first).days
    if not days:
        why = "the job switches the look back off ([look_back] days = 0)"
    elif manifest.kind == "score":
        why = "this run labels customers by an earlier run's model, whose own report has it"
    elif any(table.in_matrix for table in settings.extra) or {*settings.matrix.columns} & {
        *settings.extra_features
    }:
        why = "the segments rest on other tables, which are as of today and say nothing of the past"
    elif history < 2 * days:
        there = "fewer" if settings.features.window or settings.features.window_from else f"{history}"
        why = f"it takes {2 * days} days of lines to look back on {days}, and there are {there}"
    else:
        why = f"nobody is known from before the last {days} days"
    return f"It was not measured whether the segments tell what comes: {why}."


def _cut(data: ReportData) -> str:
    days = data.job.look_back.days
    return day(datetime.fromisoformat(data.manifest.as_of) - timedelta(days=days))


def _segments(data: ReportData) -> list[dict[str, Any]]:
    """Return the segments that enough customers were in, as on the cards."""
    by_name = {row["segment_name"]: int(row["segment"]) for row in data.profile.to_dicts()}
    order = list(names(data))
    table = data.look_back.filter(
        pl.col("rule") == next_period.SEGMENTS,
        pl.col("customers") >= privacy.LEAST_CUSTOMERS,
        pl.col("revenue_share").is_not_null(),
    )
    rows = [
        row | {"segment": by_name.get(row["cell"], 0), "name": cut(row["cell"], NAME_LENGTH)}
        for row in table.to_dicts()
    ]
    return sorted(
        rows, key=lambda row: order.index(row["segment"]) if row["segment"] in order else len(order)
    )


def _row(row: dict[str, Any], fmt: Formatter) -> list[str]:
    error = INTERVAL * row["revenue_share_se"]
    return [
        row["name"],
        f"{fmt.count(row['customers'])} ({fmt.percent(row['customer_share'])})",
        fmt.percent(row["rate"]),
        fmt.percent(row["past_share"]),
        fmt.percent(row["revenue_share"]),
        f"{fmt.percent(max(0.0, row['revenue_share'] - error))} to {fmt.percent(row['revenue_share'] + error)}",
    ]


def _sentence(data: ReportData, figures: LookBackFigures, fmt: Formatter) -> str:
    """Return what the first segment would have told, and whether past spend alone would have told as much."""
    until = f"in the {figures.days} days to {day(data.manifest.input.last_day)}"
    rows = _segments(data)
    top = next((row for row in rows if row["segment"] == figures.top), None)
    if top is None:
        share = fmt.percent(figures.buyers / figures.customers)
        return f"Of the customers known on {_cut(data)}, {share} bought again {until}."
    error = top["revenue_share_se"]
    low, high = top["revenue_share"] - INTERVAL * error, top["revenue_share"] + INTERVAL * error
    sentence = (
        f"“{top['name']}”, {fmt.percent(top['customer_share'])} of the customers known on {_cut(data)}, brought "
        f"{fmt.percent(top['revenue_share'])} of what all of them spent {until} "
        f"(95% interval: {fmt.percent(max(0.0, low))} to {fmt.percent(high)})"
    )
    most = data.look_back.filter(
        pl.col("rule") == next_period.SPENDERS, pl.col("cell") == next_period.MOST_SPEND
    )["revenue_share"].to_list()
    if not most or most[0] is None:
        return f"{sentence}."
    other = f"the same number picked by past spend ({fmt.percent(most[0])})"
    if abs(most[0] - top["revenue_share"]) <= error:
        return f"{sentence}, as would {other}."
    return f"{sentence}, {'less' if most[0] > top['revenue_share'] else 'more'} than {other}."


def _ranked(figures: LookBackFigures) -> list[dict[str, Any]]:
    """Return the rules that rank customers, the best first."""
    rows = [
        {"name": _called(rule), "auc": own.auc, "auc_se": own.auc_se, "own": rule == next_period.SEGMENTS}
        for rule, own in figures.rules.items()
        if rule != next_period.SPENDERS and own.auc is not None
    ]
    return sorted(rows, key=lambda row: (-float(row["auc"] or 0.0), str(row["name"])))


def _called(rule: str) -> str:
    return _CALLED.get(rule, rule)


def _ranking(figures: LookBackFigures) -> str:
    """Return which rules tell better, as well or less well than the segments: within their standard error it is as well."""
    own = figures.rules.get(next_period.SEGMENTS)
    if own is None or own.auc is None:
        return ""
    others = {
        rule: own_figures
        for rule, own_figures in figures.rules.items()
        if rule not in (next_period.SEGMENTS, next_period.SPENDERS, next_period.RANDOM)
        and own_figures.auc is not None
    }
    kinds = {
        word: [_in_text(rule) for rule, own_figures in others.items() if _compared(own_figures, own) == word]
        for word in ("better", "as well", "less well")
    }
    clauses = [f"{word} by {listed(rules)}" for word, rules in kinds.items() if rules]
    return f"Who buys again is told {', and '.join(clauses)}." if clauses else ""


def _in_text(rule: str) -> str:
    name = _called(rule)
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


def _compared(other: RuleFigures, own: RuleFigures) -> str:
    difference, error = (other.auc or 0.0) - (own.auc or 0.0), own.auc_se or 0.0
    return "as well" if abs(difference) <= error else "better" if difference > 0 else "less well"


def _newcomers(figures: LookBackFigures, fmt: Formatter) -> str:
    if figures.new_customers < privacy.LEAST_CUSTOMERS:
        return ""
    return (
        f"{fmt.count(figures.new_customers)} customers whom nobody knew before brought another "
        f"{fmt.percent(figures.new_revenue_share)} of all purchases of these days."
    )


def _percent(value: float, error: float | None) -> str:
    return f"{100 * value:.1f}%" + (f" ± {100 * error:.1f}" if error else "")
