"""Charts of what happened to the data and to the customers: the ledger, moves since the previous run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from segcore.records.changes import Flow
from segcore.report import privacy
from segcore.report.charts import geometry
from segcore.report.charts.base import INK, Figure, segment_scale, short_numbers, spec
from segcore.report.formatting import Formatter


def waterfall(name: str, title: str, steps: list[dict[str, Any]], currency: str) -> Figure:
    """Draw the ledger from what came in down to the purchases.

    Parameters
    ----------
    name, title : str
    steps : list of dict
        label, start, end, kind ("total", "out" or "in") and text, from top to bottom.
    currency : str
    """
    df = pl.DataFrame(steps, infer_schema_length=None)
    order = [step["label"] for step in steps]
    span = max(max(step["start"], step["end"]) for step in steps) or 1.0
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=150, grid=False, labelColor=INK))
    fills = alt.Scale(domain=["total", "out", "in"], range=[INK, "var(--out)", "var(--in)"])
    axis = alt.Axis(
        labelExpr=short_numbers(currency), tickCount=4, grid=False
    )  # lines would cross the figures
    bars = (
        alt.Chart(df)
        .mark_bar(size=18)
        .encode(
            x=alt.X("start:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, span * 1.45], nice=False)),
            x2="end:Q",
            y=y,
            color=alt.Color("kind:N", legend=None, scale=fills),
            tooltip=[alt.Tooltip("label:N", title="Class"), alt.Tooltip("text:N", title=title)],
        )
    )
    text = (
        alt.Chart(df)
        .transform_calculate(right="max(datum.start, datum.end)")
        .mark_text(align="left", dx=5)
        .encode(x="right:Q", y=y, text="text:N")
    )
    figures = "; ".join(f"{step['label']} {step['text']}" for step in steps)
    return Figure(
        name=name, title=title, alt=f"{title}: {figures}.", spec=spec(alt.layer(bars, text), 30 * len(order))
    )


def flows(moves: Sequence[Flow], old: Mapping[int, str], new: Mapping[int, str], fmt: Formatter) -> Figure:
    """Draw customers' moves between two runs as bands, in the colour of where they come from."""
    bands, blocks = geometry.ribbons(moves)
    bands = bands.filter(pl.col("customers") >= privacy.LEAST_CUSTOMERS)
    few = sum(m.customers for m in moves if m.customers < privacy.LEAST_CUSTOMERS)
    outside = geometry.OUTSIDE
    sides = {
        "old": {outside: "New customers", 0: "Unassigned", **old},
        "new": {outside: "Gone", 0: "Unassigned", **new},
    }
    bands = bands.with_columns(
        _named("old", sides["old"]).alias("was"), _named("new", sides["new"]).alias("now")
    )
    colours = segment_scale(sorted({outside, 0, *old, *new}))
    y = alt.Y("y0:Q", axis=None, scale=alt.Scale(reverse=True, nice=False, zero=False))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    layers = [
        alt.Chart(bands)
        .mark_area(opacity=0.45)
        .encode(
            x=x,
            y=y,
            y2="y1:Q",
            color=alt.Color("old:N", legend=None, scale=colours),
            detail="flow:N",
            tooltip=[
                alt.Tooltip("was:N", title="From"),
                alt.Tooltip("now:N", title="To"),
                alt.Tooltip("customers:Q", title="Customers", format=",d"),
            ],
        )
    ]
    for side, at in (("old", 0.0), ("new", 1.0)):
        labels = [
            f"{sides[side].get(row['segment'], '')}  {fmt.count(row['customers'])}"
            for row in blocks.filter(side=side).to_dicts()
        ]
        part = blocks.filter(side=side).with_columns(
            pl.Series("label", labels), x=pl.lit(at), middle=(pl.col("y0") + pl.col("y1")) / 2
        )
        colour = alt.Color("segment:N", legend=None, scale=colours)
        layers.append(alt.Chart(part).mark_rule(strokeWidth=8).encode(x=x, y=y, y2="y1:Q", color=colour))
        layers.append(
            alt.Chart(part)
            .mark_text(align="right" if at else "left", dx=-12 if at else 12, fontWeight=600)
            .encode(x=x, y=alt.Y("middle:Q", axis=None), text="label:N")
        )
    stayed = sum(m.customers for m in moves if m.old == m.new)
    both = sum(m.customers for m in moves if None not in (m.old, m.new))
    return Figure(
        name="flows",
        title="Where customers went",
        alt=f"{fmt.count(stayed)} of {fmt.count(both)} customers of both runs stayed in their segment.",
        caption=f"Moves of fewer than {privacy.LEAST_CUSTOMERS} customers are not drawn: {few} customers."
        if few
        else "",
        spec=spec(alt.layer(*layers), 340),
    )


def _named(column: str, names: Mapping[int, str]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(names), default="", return_dtype=pl.String)
