"""Everything that the report's templates show, from the files of a run."""

from __future__ import annotations

from typing import Any

from altair.utils.schemapi import debug_mode

from segcore.report import privacy
from segcore.report.charts import Figure
from segcore.report.formatting import Formatter, cut, period
from segcore.report.report_data import ReportData
from segcore.report.sections import (
    candidates,
    cards,
    choice,
    close_ups,
    cohorts,
    distributions,
    drift,
    heat,
    ledger,
    money_notes,
    months,
    movement,
    nights,
    outlook,
    pays,
    profile_rows,
    provenance,
    rfm,
    rules,
    segment_map,
    trust,
)
from segcore.selection.doubt import doubt


@debug_mode(
    False
)  # a tenth of a second, in which Altair looks at each part of a chart; the tests look at the whole
def context(data: ReportData, *, show_ids: bool) -> dict[str, Any]:
    """Return what both templates, HTML and Markdown, need."""
    fmt = Formatter(currency=data.job.report.currency)
    of_segments = cards.cards(data, fmt)
    manifest = data.manifest
    warned = doubt(manifest.chosen.admissible, manifest.pinned_cost, data.job.selection)
    content = {
        "title": cut(data.job.report.title, 120),
        "period": period(manifest.input.first_day, manifest.input.last_day),
        "totals": _totals(data, fmt),
        "headline": cards.headline(of_segments),
        "cards": of_segments,
        "doubt": doubt(manifest.chosen.admissible, None, data.job.selection),
        "money_notes": money_notes.money_notes(data, fmt),
        "bands": cards.bands(of_segments),
        "mentions_typical": cards.mentions_typical(of_segments),
        "heat": heat.heat(data, fmt),
        "close_ups": close_ups.close_ups(data, of_segments, fmt, show_ids=show_ids),
        "pays": pays.pays(data, fmt),
        "trust": trust.trust(data, fmt),
        "show_ids": show_ids,
        "rfm": rfm.rfm(data, fmt),
        "rules": rules.rules(data, fmt),
        "distributions": distributions.distributions(data, fmt),
        "outlook": outlook.outlook(data, fmt),
        "monthly": months.monthly(data, fmt),
        "month_rows": months.month_rows(data, fmt),
        "partial_months": months.partial_note(data),
        "map": segment_map.segment_map(data, fmt),
        "explained": segment_map.explained(data, fmt),
        "loadings": segment_map.loadings(data, fmt),
        "cohorts": cohorts.cohorts(data, fmt),
        "choice": choice.choice(data, profile_rows.names(data), fmt),
        "symbols": candidates.SYMBOLS,
        "movement": movement.movement(data, fmt),
        "nights": nights.nights(data, fmt),
        "ledger": ledger.ledger(data, fmt, show_ids=show_ids, shown_above={warned}),
        "drift": drift.drift(data, fmt),
        "provenance": provenance.provenance(data, fmt),
        "job_text": data.job_text if show_ids else privacy.job_text(data.job, data.job_text),
    }
    return content | {"figures": _figures(content)}


def _totals(data: ReportData, fmt: Formatter) -> list[tuple[str, float, str]]:
    """Return the numbers beside the title: name, value as in the run, text."""
    everybody = profile_rows.population(data)
    customers = data.manifest.customers
    revenue = float(everybody.get("revenue") or 0.0)
    totals = [("Customers", float(customers), fmt.count(customers)), ("Revenue", revenue, fmt.money(revenue))]
    orders = everybody.get("n_orders")
    return totals + ([("Orders", float(orders), fmt.count(orders))] if orders else [])


def _figures(content: dict[str, Any]) -> list[Figure]:
    """Return every chart in the order of the page."""
    choice, moves, next_up = content["choice"], content["movement"], content["outlook"]
    drawn = [
        *content["pays"].figures,
        next_up.figure if next_up else None,
        *content["distributions"],
        content["monthly"],
        *content["nights"],
        content["map"],
        *(content["cohorts"].figures if content["cohorts"] else []),
        *choice.criteria,
        *choice.trees,
        choice.bic,
        choice.agreement,
        moves.chart if moves else None,
        *content["ledger"].waterfalls,
    ]
    return [figure for figure in drawn if figure is not None]
