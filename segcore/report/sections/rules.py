"""The short rules that reproduce the segments, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from segcore import schema
from segcore.profile.rules import Bound
from segcore.report.charts import colour
from segcore.report.formatting import Formatter, cut, label
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import features, names

_FEW = 10  # whole numbers below it are counted ("2 or more"), larger ones compared ("over 60")


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """A rule: its segment, then a cell for each column of the table."""

    name: str
    colour: str
    cells: list[str]


@dataclass(frozen=True, kw_only=True)
class RuleTable:
    """The rules, and how far they go."""

    headings: list[str]
    rows: list[RuleRow]
    accuracy: str
    measured_on: str


def rules(data: ReportData, fmt: Formatter) -> RuleTable | None:
    """Return the rules with a column for each feature that any of them looks at, None where the run has none."""
    if data.rules is None:
        return None
    used = {bound.feature for rule in data.rules.rules for bound in rule.bounds}
    columns = [name for name in features(data) if name in used] + sorted(used - set(features(data)))
    called = names(data)
    rows = []
    for rule in data.rules.rules:
        bounds = {bound.feature: bound for bound in rule.bounds}
        rows.append(
            RuleRow(
                name=called.get(rule.segment, "Unassigned"),
                colour=colour(rule.segment),
                cells=[
                    *(_in_words(bounds.get(name), fmt) for name in columns),
                    fmt.percent(rule.coverage),
                    fmt.percent(rule.precision),
                ],
            )
        )
    return RuleTable(
        headings=["Segment", *(label(name) for name in columns), "Customers covered", "Right in"],
        rows=rows,
        accuracy=fmt.percent(data.rules.accuracy),
        measured_on=cut(data.rules.measured_on, 60),
    )


def _in_words(bound: Bound | None, fmt: Formatter) -> str:
    """Return what a rule asks of a feature: ``2 or more``, ``over £235, up to £1,400``; ``any`` where it asks nothing."""
    if bound is None:
        return "any"
    low, high = bound.above, bound.up_to
    if schema.is_indicator(bound.feature):
        return "no" if low is None else "yes"
    if low is None:
        return f"up to {fmt.value(bound.feature, high)}"
    if schema.feature_of(bound.feature).integer and low < _FEW:
        least = low + 1
        if high is None:
            return f"{fmt.bare(bound.feature, least)} or more"
        return fmt.between(bound.feature, least, high + 1)
    over = f"over {fmt.value(bound.feature, low)}"
    return over if high is None else f"{over}, up to {fmt.value(bound.feature, high)}"
