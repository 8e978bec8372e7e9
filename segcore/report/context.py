"""Everything that the report's templates show, from the files of a run."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

import polars as pl

from segcore.report import accounts, charts, choice, making, movement, segments
from segcore.report.charts import Figure
from segcore.report.run import Run
from segcore.report.words import Words, cut, day, label, period

_DISTRIBUTIONS = 6
_HOVER = 4


def context(run: Run, *, show_ids: bool) -> dict[str, Any]:
    """Return what both templates, HTML and Markdown, need."""
    words = Words(currency=run.job.report.currency)
    names = segments.names(run)
    cards = segments.cards(run, words)
    manifest = run.manifest
    source = manifest.get("input") or {}
    model = choice.choice(run, names, words)
    moved = movement.movement(run, words)
    ledger = accounts.accounts(run, words)
    closer = _closer(run, names, words)
    return {
        "title": cut(run.job.report.title, 120),
        "period": period(source.get("first_day"), source.get("last_day")),
        "totals": _totals(run, words),
        "headline": segments.headline(cards),
        "cards": cards,
        "bands": segments.bands(cards),
        "says_median": segments.says_median(cards),
        "population": segments.population(run),
        "heat": segments.heat(run, words),
        "close_ups": segments.close_ups(run, cards, words, show_ids=show_ids),
        "example_features": [label(name) for name in segments.example_features(run)],
        "show_ids": show_ids,
        "rules": _rules(run, words),
        "explained": segments.explained(run, words),
        "axes": segments.axes(run),
        "loadings": _loadings(run, words),
        **closer,
        "choice": model,
        "symbols": choice.SYMBOLS,
        "movement": moved,
        "accounts": ledger,
        "drift": movement.drift(run, words),
        "made": making.made(run, words),
        "job_text": run.job_text,
        "figures": _figures(closer, model, moved, ledger),
    }


def _totals(run: Run, words: Words) -> list[tuple[str, float, str]]:
    """Return the numbers beside the title: name, value as in the run, text."""
    everybody = segments.population(run)
    customers = run.manifest.get("customers") or everybody.get("customers") or 0
    revenue = float(run.manifest.get("revenue") or everybody.get("revenue") or 0.0)
    totals = [
        ("Customers", float(customers), words.count(customers)),
        ("Revenue", revenue, words.money(revenue)),
    ]
    orders = everybody.get("n_orders")
    return totals + ([("Orders", float(orders), words.count(orders))] if orders else [])


def _closer(run: Run, names: dict[int, str], words: Words) -> dict[str, Any]:
    """Return the charts of the sections on segments and on the map."""
    by_month, points = run.tables["monthly"], run.tables["map"]
    features = [name for name in segments.features(run) if name in points.columns][:_HOVER]
    return {
        "distributions": _distributions(run, names, words),
        "monthly": charts.monthly(by_month, names, words) if by_month.height else None,
        "monthly_rows": _monthly_rows(by_month, names, words),
        "partial": _partial(run),
        "map": charts.segment_map(points, names, segments.axes(run), features) if points.height else None,
    }


def _distributions(run: Run, names: dict[int, str], words: Words) -> list[Figure]:
    df = run.tables["histogram"]
    if df.is_empty():
        return []
    df = df.filter(pl.col("segment").is_in(list(names)))
    rows = segments.rows_by_revenue(run)
    shown = [name for name in segments.features(run) if name in set(df["feature"])][:_DISTRIBUTIONS]
    return [
        charts.distribution(
            name,
            df.filter(pl.col("feature") == name),
            names,
            {int(row["segment"]): row.get(f"{name}_median") for row in rows},
            words,
        )
        for name in shown
    ]


def _monthly_rows(df: pl.DataFrame, names: dict[int, str], words: Words) -> list[tuple[str, list[str]]]:
    """Return revenue by month and segment, for who has no chart."""
    if df.is_empty():
        return []
    cells = {(str(row["month"])[:7], row["segment"]): row["revenue"] for row in df.to_dicts()}
    months = sorted({month for month, _ in cells})
    return [(month, [words.money(cells.get((month, s), 0.0)) for s in names]) for month in months]


def _partial(run: Run) -> str:
    """Say that the last month is not whole, where it is not."""
    text = (run.manifest.get("input") or {}).get("last_day")
    if not text:
        return ""
    last = date.fromisoformat(str(text)[:10])
    whole = last.day == calendar.monthrange(last.year, last.month)[1]
    return "" if whole else f"The last month is not whole: the data end on {day(last)}."


def _rules(run: Run, words: Words) -> dict[str, Any] | None:
    rules = run.manifest.get("rules") or {}
    if not rules.get("text"):
        return None
    return {
        "text": [cut(line, 300) for line in rules["text"]],
        "accuracy": words.percent(rules.get("accuracy")),
        "measured_on": cut(rules.get("measured_on") or "", 60),
    }


def _loadings(run: Run, words: Words) -> list[tuple[str, list[str]]]:
    """Return each feature's loading on the two axes of the map."""
    df = run.tables["map_loadings"]
    if df.is_empty():
        return []
    found: dict[str, dict[str, float]] = {}
    for row in df.to_dicts():
        found.setdefault(row["feature"], {})[str(row["component"])[-1]] = row["loading"]
    return [(label(name), [words.number(by.get(c)) for c in "12"]) for name, by in found.items()]


def _figures(
    closer: dict[str, Any],
    model: choice.Choice,
    moved: movement.Movement | None,
    ledger: accounts.Accounts,
) -> list[Figure]:
    """Return every chart in the order of the page."""
    single = [closer["monthly"], closer["map"]]
    late = [model.bic, model.agreement, moved.chart if moved else None]
    drawn = [*closer["distributions"], *single, *model.criteria, *model.trees, *late, *ledger.waterfalls]
    return [figure for figure in drawn if figure is not None]
