"""Expected and observed rates of a model, by tenths of what it expects."""

from __future__ import annotations

import altair as alt
import polars as pl

from segcore.report.charts.base import ACCENT, INTERVAL, MUTED, Figure, spec, tip
from segcore.report.formatting import Formatter

_SIDE = 360


def calibration(tenths: pl.DataFrame, *, caption: str, fmt: Formatter) -> Figure:
    """Draw how many of each tenth bought against how many were expected to.

    Parameters
    ----------
    tenths : polars.DataFrame
        As :func:`segcore.outlook.judging.calibration` returns it, of tenths that are shown.
    caption : str
        Of which customers and when.
    fmt : Formatter
    """
    texts = [
        f"{fmt.percent(row['chance'])} expected, {fmt.percent(row['rate'])} bought"
        for row in tenths.to_dicts()
    ]
    error = INTERVAL * pl.col("rate_se")
    df = tenths.with_columns(
        low=(pl.col("rate") - error).clip(lower_bound=0),
        high=(pl.col("rate") + error).clip(upper_bound=1),
        tip=pl.Series(
            [tip(f"Tenth {n}", text) for n, text in zip(tenths["tenth"], texts, strict=True)], dtype=pl.String
        ),
    )
    line = alt.Chart(pl.DataFrame({"chance": [0.0, 1.0], "rate": [0.0, 1.0]}))
    x, y = (
        alt.X("chance:Q", title="Expected to buy", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        alt.Y("rate:Q", title="Bought", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
    )
    layers = [
        line.mark_line(color=MUTED, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y),
        alt.Chart(df)
        .mark_rule(color=ACCENT)
        .encode(x=x, y=alt.Y("low:Q", title="Bought"), y2=alt.Y2("high:Q")),
        alt.Chart(df)
        .mark_circle(color=ACCENT, size=50, opacity=1)
        .encode(x=x, y=y, description=alt.Description("tip:N")),
    ]
    return Figure(
        name="calibration",
        title="What was expected, and what came",
        caption=caption,
        alt=f"By tenths of customers, the least likely first: {'; '.join(texts)}.",
        spec=spec(layers, _SIDE, _SIDE),
        natural_width=_SIDE,
    )
