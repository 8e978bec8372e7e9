"""Who is next: how many customers are due, overdue and gone, and how well the model told the last period."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from segcore.evaluation.next_period import RFM_FIFTHS, SEGMENTS
from segcore.outlook.states import DUE, GONE, NOT_YET, OVERDUE
from segcore.records.fit_figures import OutlookFigures
from segcore.report import charts, privacy
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter, listed, sentence
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import names

_STATES = (DUE, OVERDUE, NOT_YET, GONE)
_RULES = {SEGMENTS: "the segments", RFM_FIFTHS: "RFM in fifths"}


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The section; nothing but its sentence where the model is not published.

    Attributes
    ----------
    sentence : str
        How many are due, and what their tenth brings.
    ranking, level, states : str
        How well it ranks beside simpler rules, whether its level can be relied on, and what the states mean.
    figure : Figure or None
    headings, rows : list
        The table of states by segment.
    """

    sentence: str
    ranking: str = ""
    level: str = ""
    states: str = ""
    figure: Figure | None = None
    headings: tuple[str, ...] = ()
    rows: list[list[str]]


def outlook(data: ReportData, fmt: Formatter) -> Outlook | None:
    """Return what the run says of who is next, None where it says nothing."""
    figures = data.manifest.outlook
    if figures is None:
        return None
    counted = data.tables["outlook"]
    if not figures.published or counted.is_empty():
        return Outlook(sentence=f"{sentence(figures.sentence)}.", rows=[])
    tenths = data.tables["outlook_calibration"]
    if tenths.height:  # a run that scores was judged where it was fitted
        tenths = tenths.filter(pl.col("customers") >= privacy.LEAST_CUSTOMERS)
    return Outlook(
        sentence=_first(counted, figures, fmt),
        ranking=_ranking(data, figures, fmt),
        level=_level(figures, fmt),
        states=(
            "Due: at least an even chance. Gone: less than one in ten. Overdue: between, and away for longer than the mean "
            "time between their orders."
        ),
        figure=charts.calibration(tenths, caption=_judged(figures, fmt), fmt=fmt) if tenths.height else None,
        headings=("Segment", *map(sentence, _STATES), f"Spend to expect in {figures.days} days"),
        rows=[_row(counted, segment, name, fmt) for segment, name in names(data).items()],
    )


def _first(counted: pl.DataFrame, figures: OutlookFigures, fmt: Formatter) -> str:
    due = int(counted.filter(pl.col("state") == DUE)["customers"].sum())
    everybody = int(counted["customers"].sum())
    text = (
        f"{fmt.count(due)} of {fmt.counted(everybody, 'customer')} are more likely than not to buy in the next "
        f"{figures.days} days."
    )
    if figures.top_tenth_share is None:
        return text
    return (
        f"{text} When the model was tried, the tenth of the customers of whom it expected most brought "
        f"{fmt.percent(figures.top_tenth_share)} of the revenue."
    )


def _judged(figures: OutlookFigures, fmt: Formatter) -> str:
    on = fmt.counted(figures.judged, "customer")
    if figures.judged_on == "a period later":
        return (
            f"{on} in tenths, in the last {figures.days} days; learned from the {figures.days} days before."
        )
    return f"{on} in tenths, whom the model had not seen, in the last {figures.days} days: the history is too short to try an earlier period."


def _ranking(data: ReportData, figures: OutlookFigures, fmt: Formatter) -> str:
    rules = {} if data.manifest.look_back is None else data.manifest.look_back.rules
    others = [
        f"{words} {fmt.number(rules[rule].auc, 3)}"
        for rule, words in _RULES.items()
        if rule in rules and rules[rule].auc is not None
    ]
    return (
        f"Of two customers, one of whom bought, it ranks the buyer first {fmt.percent(figures.auc)} of the time "
        f"(AUC {fmt.number(figures.auc, 3)} ± {fmt.number(figures.auc_se, 3)}; "
        f"{listed([*others, f'the number of orders {fmt.number(figures.order_count_auc, 3)}'])})."
    )


def _level(figures: OutlookFigures, fmt: Formatter) -> str:
    if figures.season is None:
        return (
            f"The level is that of the last {figures.days} days, as the year before is not in the data: rank by it, and "
            f"mind the season. When it was tried, it expected {fmt.percent(figures.level)} of the buyers that came."
        )
    return f"For the season the odds of buying are multiplied by {fmt.number(figures.season)}, as a year ago."


def _row(counted: pl.DataFrame, segment: int, name: str, fmt: Formatter) -> list[str]:
    part = counted.filter(pl.col("segment") == segment)
    of = dict(part.select("state", "customers").iter_rows())
    few = [0 < of.get(state, 0) < privacy.LEAST_CUSTOMERS for state in _STATES]
    cells = [privacy.FEW if hide else fmt.count(of.get(s, 0)) for s, hide in zip(_STATES, few, strict=True)]
    return [name, *cells, fmt.money(float(part["expected"].sum()))]
