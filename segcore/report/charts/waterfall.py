"""The ledger as a waterfall."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from segcore.report.charts import placing
from segcore.report.charts.base import FONT_SIZE, INK, NARROW, Figure, Layers, short_numbers, spec, tip

_HALF = 520  # pixels of half a page


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
    df = df.with_columns(tip=pl.Series([tip(step["label"], step["text"]) for step in steps]))
    order = [step["label"] for step in steps]
    span = max(max(step["start"], step["end"]) for step in steps) or 1.0
    extent = min(190.0, max(placing.text_width(label, FONT_SIZE) for label in order))
    y = alt.Y(
        "label:N",
        sort=order,
        title=None,
        axis=alt.Axis(labelLimit=190, minExtent=extent, grid=False, labelColor=INK),
    )
    longest = max(placing.text_width(step["text"], FONT_SIZE) for step in steps) + 12
    fills = alt.Scale(domain=["total", "out", "in"], range=[INK, "var(--out)", "var(--in)"])
    axis = alt.Axis(
        labelExpr=short_numbers(currency), tickCount=4, grid=False
    )  # lines would cross the figures

    def layers(width: int) -> Layers:
        plot = width - extent - 20
        end = span * plot / max(plot - longest, 1.0)  # beside the longest bar its figure has room
        bars = (
            alt.Chart(df)
            .mark_bar(size=18)
            .encode(
                x=alt.X("start:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, end], nice=False)),
                x2=alt.X2("end:Q"),
                y=y,
                color=alt.Color("kind:N", legend=None, scale=fills),
                description=alt.Description("tip:N"),
            )
        )
        text = (
            alt.Chart(df)
            .transform_calculate(right="max(datum.start, datum.end)")
            .mark_text(align="left", dx=5)
            .encode(x=alt.X("right:Q"), y=y, text=alt.Text("text:N"))
        )
        return [bars, text]

    figures = "; ".join(f"{step['label']} {step['text']}" for step in steps)
    return Figure(
        name=name,
        title=title,
        alt=f"{title}: {figures}.",
        spec=spec(layers(_HALF), 30 * len(order) + 30, _HALF),
        narrow=spec(layers(NARROW), 26 * len(order) + 30, NARROW),
        natural_width=_HALF,
    )
