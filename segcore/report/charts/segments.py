"""Charts of the segments: distributions, months and the map."""

from __future__ import annotations

import math
from collections.abc import Mapping

import altair as alt
import polars as pl

from segcore.report import privacy
from segcore.report.charts import halftone
from segcore.report.charts.base import (
    INK,
    PAPER,
    RULE,
    Figure,
    segment_scale,
    short_numbers,
    spec,
)
from segcore.report.formatting import Formatter, label, listed, unit

_ROW = 60  # pixels of a segment's row in a distribution: its name above its bars
_BARS, _NAME = 0.6, 0.7  # tops of the bars and of the name, shares of a row
_MONTH = "timeFormat(utcParse(datum.label, '%Y-%m'), substring(datum.label, 5) == '01' || datum.index == 0 ? '%b %Y' : '%b')"


def distribution(
    feature: str,
    rows: pl.DataFrame,
    names: Mapping[int, str],
    medians: Mapping[int, float | None],
    fmt: Formatter,
) -> Figure:
    """Draw a row of bars per segment: how a feature is spread in it, its median marked."""
    order = [s for s in names if s in set(rows["segment"])]
    base = pl.DataFrame(
        {
            "segment": order,
            "base": [float(len(order) - 1 - i) for i in range(len(order))],
            "name": [names[s] for s in order],
            "median": pl.Series([medians.get(s) for s in order], dtype=pl.Float64),
            "label": [f"{names[s]}  {fmt.bare(feature, medians.get(s))}" for s in order],
        }
    )
    height = pl.col("customers") / pl.col("bins")
    bars = (
        rows.sort("left")
        .group_by("segment", maintain_order=True)
        .map_groups(lambda part: privacy.merged_bins(part).with_columns(segment=part["segment"][0]))
        .with_columns(share=pl.col("customers") / pl.col("customers").sum().over("segment"))
        .join(base, on="segment")
        .with_columns(top=pl.col("base") + height / height.max().over("segment") * _BARS)
        .sort("segment", "left")
    )
    x, y = _value_axis(feature, rows, fmt), alt.Scale(domain=[0, len(order)], nice=False, zero=False)
    layers = [
        alt.Chart(base).mark_rule(color=RULE).encode(y=alt.Y("base:Q", scale=y, axis=None)),
        alt.Chart(bars)
        .mark_rect(stroke=PAPER, strokeWidth=0.5)
        .encode(
            x=x,
            x2="right:Q",
            y=alt.Y("base:Q", scale=y, axis=None),
            y2="top:Q",
            color=alt.Color("segment:N", scale=segment_scale(order), legend=None),
            tooltip=[
                alt.Tooltip("name:N", title="Segment"),
                alt.Tooltip("left:Q", title="From", format=",.4~r"),
                alt.Tooltip("right:Q", title="to", format=",.4~r"),
                alt.Tooltip("customers:Q", title="Customers", format=",d"),
                alt.Tooltip("share:Q", title="Share of the segment", format=".1%"),
            ],
        ),
        alt.Chart(base)
        .transform_calculate(end=f"datum.base + {_BARS + 0.06}")
        .mark_rule(color=INK, strokeWidth=1.5)
        .encode(x="median:Q", y=alt.Y("base:Q", scale=y, axis=None), y2="end:Q"),
        alt.Chart(base)
        .transform_calculate(top=f"datum.base + {_NAME}")
        .mark_text(align="left", baseline="bottom", color=INK, x=0)
        .encode(y=alt.Y("top:Q", scale=y, axis=None), text="label:N"),
    ]
    finding = "; ".join(f"{names[s]} {fmt.value(feature, medians.get(s))}" for s in order)
    return Figure(
        name=f"distribution-{feature}",
        title=label(feature),
        alt=f"{label(feature)}, median by segment: {finding}.",
        spec=spec(alt.layer(*layers), len(order) * _ROW),
    )


def _value_axis(feature: str, rows: pl.DataFrame, fmt: Formatter) -> alt.X:
    """Return the axis of a feature: logarithmic where the bins are, ticks where people expect them."""
    left, right = rows["left"].to_numpy(), rows["right"].to_numpy()
    low, high = float(left.min()), float(right.max())
    widths = right - left
    log = low > 0 and widths.max() > 3 * widths.min()
    suffix = unit(feature) if unit(feature) not in {"", "money", "share"} else ""
    if suffix and suffix in label(feature).lower():
        suffix = ""
    title = ", ".join(part for part in (suffix, "log scale" if log else "") if part)
    prefix = fmt.currency if unit(feature) == "money" else ""
    axis = alt.Axis(grid=False, tickCount=5, labelOverlap=True, labelExpr=short_numbers(prefix))
    if unit(feature) == "share":
        axis = alt.Axis(grid=False, tickCount=5, format=".0%")
    if log:
        axis.values = [v for v in _decades(low, high) if low <= v <= high]
    scale = alt.Scale(type="log" if log else "linear", nice=False, domain=[low, high])
    return alt.X("left:Q", scale=scale, axis=axis, title=title or None)


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten, with 2 and 5 between them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    return [step * 10.0**power for power in range(first, last + 1) for step in steps]


def monthly(rows: pl.DataFrame, names: Mapping[int, str], fmt: Formatter) -> Figure:
    """Draw revenue by month, stacked by segment, the largest at the bottom."""
    rank = {s: i for i, s in enumerate(names)}
    df = (
        rows.filter(pl.col("segment").is_in(list(names)))
        .with_columns(
            name=pl.col("segment").replace_strict(dict(names), return_dtype=pl.String),
            rank=pl.col("segment").replace_strict(rank, return_dtype=pl.Int64),
            month=pl.col("month").cast(pl.Date).dt.to_string("%Y-%m"),
            share=pl.col("revenue") / pl.col("revenue").sum().over("month"),
        )
        .sort("month", "rank")
    )
    chart = (
        alt.Chart(df)
        .mark_bar(stroke=PAPER, strokeWidth=1)
        .encode(
            x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, labelExpr=_MONTH)),
            y=alt.Y(
                "revenue:Q", title=None, axis=alt.Axis(labelExpr=short_numbers(fmt.currency), tickCount=5)
            ),
            color=alt.Color("segment:N", scale=segment_scale(list(names)), legend=None),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="Segment"),
                alt.Tooltip("month:O", title="Month"),
                alt.Tooltip("revenue:Q", title="Revenue", format=",.0f"),
                alt.Tooltip("share:Q", title="Share of the month", format=".0%"),
                *[
                    alt.Tooltip(f"{column}:Q", title=column.capitalize(), format=",d")
                    for column in ("orders", "customers")
                    if column in df.columns
                ],
            ],
        )
    )
    best = df.group_by("month").agg(pl.col("revenue").sum()).sort("revenue", "month").row(-1, named=True)
    finding = f"The highest month is {best['month']} with {fmt.money(best['revenue'])}."
    return Figure(
        name="monthly",
        title="Revenue by month",
        alt=f"Revenue by month and segment. {finding}",
        spec=spec(chart, 260),
    )


def segment_map(
    points: pl.DataFrame, names: Mapping[int, str], axes: tuple[str, str], features: list[str]
) -> Figure:
    """Draw the halftone map: a dot per cell, its area the customers in it, its colour their segment."""
    points = points.filter(pl.col("segment").is_in(list(names)))
    inside = halftone.without_stragglers(points)
    called = pl.col("segment").replace_strict(dict(names), return_dtype=pl.String)
    cells = halftone.halftone(inside, features, least=privacy.LEAST_CUSTOMERS).with_columns(name=called)
    middles = (
        inside.group_by("segment")
        .agg(pl.col("pc1", "pc2").median())
        .sort("segment")
        .with_columns(name=called)
    )
    pitch = f"min(width / {halftone.COLUMNS}, height / {halftone.ROWS})"
    most = float(cells["customers"].quantile(0.99) or 1)
    area = alt.Scale(
        domain=[0, most],
        range=[alt.ExprRef(expr="3"), alt.ExprRef(expr=f"4 * pow(0.62 * {pitch}, 2)")],
        clamp=True,
    )
    frame = alt.Scale(zero=False, nice=False, padding=12)
    dots = (
        alt.Chart(cells)
        .mark_circle(opacity=1)
        .encode(
            x=alt.X("x:Q", title=axes[0], scale=frame, axis=alt.Axis(grid=False, labels=False)),
            y=alt.Y("y:Q", title=axes[1], scale=frame, axis=alt.Axis(grid=False, labels=False)),
            color=alt.Color("segment:N", scale=segment_scale(list(names)), legend=None),
            size=alt.Size("customers:Q", legend=None, scale=area),
            tooltip=[
                alt.Tooltip("name:N", title="Most are"),
                alt.Tooltip("purity:Q", title="Share of them", format=".0%"),
                alt.Tooltip("customers:Q", title="Customers", format=",d"),
                *[alt.Tooltip(f"{f}:Q", title=f"{label(f)}, median", format=",.4~r") for f in features],
            ],
        )
    )
    place = {"x": alt.X("pc1:Q", title=axes[0]), "y": alt.Y("pc2:Q", title=axes[1]), "text": "name:N"}
    wide = alt.ExprRef(expr="width < 480 ? 0 : 1")  # names would cover a small map; the legend has them
    halo = alt.Chart(middles).mark_text(
        opacity=wide,
        fontSize=14,
        fontWeight=600,
        stroke=PAPER,
        strokeWidth=5,
        strokeJoin="round",
        strokeOpacity=0.9,
    )
    text = alt.Chart(middles).mark_text(opacity=wide, fontSize=14, fontWeight=600, color=INK)
    beyond = points.height - inside.height
    caption = f"Beyond the edges, far from all others: {beyond:,}." if beyond else ""
    finding = (
        f"Map of {inside.height:,} customers of the sample; {listed(list(names.values()))} lie side by side."
    )
    return Figure(
        name="map",
        title="Where the segments lie",
        alt=finding,
        caption=caption,
        spec=spec(alt.layer(dots, halo.encode(**place), text.encode(**place)), 480),
        aspect=0.58,
    )
