"""What the segments of some time ago brought since, and how well simpler rules tell who comes back."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from segcore.report.charts import placing
from segcore.report.charts.base import (
    FONT_SIZE,
    INK,
    INTERVAL,
    MUTED,
    NARROW,
    PAPER,
    Figure,
    Layers,
    segment_scale,
    spec,
    tip,
)
from segcore.report.formatting import Formatter, cut

_HALF = 520  # pixels of half a page
_ROW, _RULE = 46, 26  # pixels of a segment, and of a rule
_LONGEST = 32  # letters of a name on a phone


def shares(rows: list[dict[str, Any]], fmt: Formatter) -> Figure:
    """Draw each segment's share of the customers, of their revenue before and of it since, with its interval.

    Parameters
    ----------
    rows : list of dict
        segment, name, customer_share, past_share, revenue_share, revenue_share_se and rate, from top to bottom.
    fmt : Formatter
    """
    texts = [
        f"{fmt.percent(row['customer_share'])} of customers, {fmt.percent(row['past_share'])} of revenue before, "
        f"{fmt.percent(row['revenue_share'])} since, {fmt.percent(row['rate'])} bought again"
        for row in rows
    ]
    error = INTERVAL * pl.col("revenue_share_se")
    df = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        row=pl.int_range(pl.len()),
        low=(pl.col("revenue_share") - error).clip(lower_bound=0),
        high=pl.col("revenue_share") + error,
        again=pl.Series([f"{fmt.percent(row['rate'])} bought again" for row in rows]),
        brought=pl.Series([f"{fmt.percent(row['revenue_share'])} of revenue, " for row in rows]),
        tip=pl.Series([tip(row["name"], text) for row, text in zip(rows, texts, strict=True)]),
    )
    return Figure(
        name="pays-shares",
        title="What each segment brought since",
        caption="Ring: share of customers. Diamond: of their revenue before. Full dot: of their revenue since, and its "
        "interval of 95%.",
        alt=f"{'; '.join(texts)}.",
        spec=spec(
            _dots(df.with_columns(again=pl.col("brought") + pl.col("again"))), _ROW * len(rows) + 34, _HALF
        ),
        narrow=spec(
            _dots(df.with_columns(name=pl.Series([cut(row["name"], _LONGEST) for row in rows]))),
            _ROW * len(rows) + 34,
            NARROW,
        ),
        natural_width=_HALF,
    )


def _dots(df: pl.DataFrame) -> Layers:
    """Draw a line of dots for each segment, its name above them."""
    most = max(float(df[name].max() or 0.0) for name in ("high", "past_share", "customer_share"))  # type: ignore[arg-type]
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[-0.7, df.height - 0.5], reverse=True, nice=False))
    scale = alt.Scale(domain=[min(0.0, float(df["revenue_share"].min())), 1.02 * most], nice=False)  # type: ignore[arg-type]
    axis = alt.Axis(format="%", tickCount=5)
    colours = segment_scale(df["segment"].to_list())
    own = alt.Color("segment:N", legend=None, scale=colours)
    base = alt.Chart(df).encode(y=y, description=alt.Description("tip:N"))

    def at(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=None, scale=scale, axis=axis)

    point: dict[str, Any] = {"opacity": 1, "strokeWidth": 1.6}
    left: dict[str, Any] = {"align": "left", "x": 0, "dy": -17, "fontWeight": 600}
    right: dict[str, Any] = {"align": "right", "x": alt.ExprRef(expr="width"), "dy": -17}
    return [
        base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=at("low"), x2=alt.X2("high:Q"), color=own),
        base.mark_point(shape="circle", size=80, fill=PAPER, **point).encode(
            x=at("customer_share"), stroke=alt.StrokeValue(MUTED)
        ),
        base.mark_point(shape="diamond", size=80, fill=PAPER, **point).encode(
            x=at("past_share"), stroke=alt.Stroke("segment:N", legend=None, scale=colours)
        ),
        base.mark_circle(size=100, opacity=1).encode(x=at("revenue_share"), color=own),
        base.mark_text(color=INK, **left).encode(text=alt.Text("name:N")),
        base.mark_text(color=MUTED, **right).encode(text=alt.Text("again:N")),
    ]


def ranking(rows: list[dict[str, Any]], fmt: Formatter) -> Figure:
    """Draw how well each rule ranks who bought again, with its interval.

    Parameters
    ----------
    rows : list of dict
        name, auc, auc_se and own (whether it is the segments), the best first.
    fmt : Formatter
    """
    error = INTERVAL * pl.col("auc_se").fill_null(0.0)
    texts = [f"{row['name']}: {100 * row['auc']:.1f}%" for row in rows]
    df = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        low=pl.col("auc") - error,
        high=pl.col("auc") + error,
        text=pl.Series([f"{100 * row['auc']:.1f}%" for row in rows]),
        tip=pl.Series([tip(*text.split(": ")) for text in texts]),
    )
    names = [row["name"] for row in rows]
    extent = max(placing.text_width(name, FONT_SIZE) for name in names)
    y = alt.Y(
        "name:N",
        sort=names,
        title=None,
        axis=alt.Axis(minExtent=min(150.0, extent), labelLimit=190, grid=False, labelColor=INK),
    )
    low, high = min(0.5, *df["low"]), max(df["high"])
    scale = alt.Scale(domain=[low - 0.02, high + 0.25 * (high - low)], nice=False, zero=False)
    base = alt.Chart(df).encode(
        y=y,
        color=alt.ColorValue(MUTED).condition(test="datum.own", value=INK),
        description=alt.Description("tip:N"),
    )

    def at(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=None, scale=scale, axis=alt.Axis(format="%", tickCount=5))

    coin = alt.Chart(pl.DataFrame({"coin": [0.5]})).mark_rule(strokeDash=[3, 3], color=INK)
    chart = [
        coin.encode(x=at("coin")),
        base.mark_rule(strokeWidth=2).encode(x=at("low"), x2=alt.X2("high:Q")),
        base.mark_circle(size=70, opacity=1).encode(x=at("auc")),
        base.mark_text(align="left", dx=6).encode(x=at("high"), text=alt.Text("text:N")),
    ]
    return Figure(
        name="pays-ranking",
        title="How well a rule tells who buys again",
        caption="How often, of one customer who bought again and one who did not, the rule puts the right one first; the "
        "dashed line is a coin. Bars: intervals of 95%.",
        alt=f"{'; '.join(texts)}.",
        spec=spec(chart, _RULE * len(rows) + 34, _HALF),
        narrow=spec(chart, _RULE * len(rows) + 34, NARROW),
        natural_width=_HALF,
    )
