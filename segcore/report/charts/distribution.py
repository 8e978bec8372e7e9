"""How a feature is spread in each segment."""

from __future__ import annotations

import math
from collections.abc import Mapping

import altair as alt
import polars as pl

from segcore.report import privacy
from segcore.report.charts.base import INK, PAPER, RULE, Figure, segment_scale, short_numbers, spec, tip
from segcore.report.formatting import Formatter, label, unit

_ROW = 60  # pixels of a segment's row: its name above its bars
_AXIS = 40  # pixels of the axis and its title
_BARS, _NAME = 0.6, 0.7  # tops of the bars and of the name, shares of a row


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
            "label": [f"{names[s]}: {fmt.value(feature, medians.get(s))}" for s in order],
        }
    )
    x, y = _value_axis(feature, rows, fmt), alt.Scale(domain=[0, len(order)], nice=False, zero=False)
    layers = [
        alt.Chart(base).mark_rule(color=RULE).encode(y=alt.Y("base:Q", scale=y, axis=None)),
        alt.Chart(_bars(feature, rows, base, fmt))
        .mark_rect(stroke=PAPER, strokeWidth=0.5)
        .encode(
            x=x,
            x2=alt.X2("right:Q"),
            y=alt.Y("base:Q", scale=y, axis=None),
            y2=alt.Y2("top:Q"),
            color=alt.Color("segment:N", scale=segment_scale(order), legend=None),
            description=alt.Description("tip:N"),
        ),
        alt.Chart(base)
        .transform_calculate(end=f"datum.base + {_BARS + 0.06}")
        .mark_rule(color=INK, strokeWidth=1.5)
        .encode(x=alt.X("median:Q"), y=alt.Y("base:Q", scale=y, axis=None), y2=alt.Y2("end:Q")),
        alt.Chart(base)
        .transform_calculate(top=f"datum.base + {_NAME}")
        .mark_text(align="left", baseline="bottom", color=INK, x=0)
        .encode(y=alt.Y("top:Q", scale=y, axis=None), text=alt.Text("label:N")),
    ]
    finding = "; ".join(f"{names[s]} {fmt.value(feature, medians.get(s))}" for s in order)
    return Figure(
        name=f"distribution-{feature}",
        title=label(feature),
        alt=f"{label(feature)}, median by segment: {finding}.",
        spec=spec(layers, len(order) * _ROW + _AXIS),
    )


def _bars(feature: str, rows: pl.DataFrame, base: pl.DataFrame, fmt: Formatter) -> pl.DataFrame:
    """Return the bars, each of enough customers, with their tops and tooltips."""
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
    tips = [
        tip(
            row["name"],
            f"{label(feature)}: {fmt.between(feature, row['left'], row['right'])}",
            f"{fmt.counted(row['customers'], 'customer')}, {fmt.percent(row['share'])} of the segment",
        )
        for row in bars.iter_rows(named=True)
    ]
    return bars.with_columns(tip=pl.Series(tips, dtype=pl.String))


def _value_axis(feature: str, rows: pl.DataFrame, fmt: Formatter) -> alt.X:
    """Return the axis of a feature: logarithmic where the bins are, ticks where people expect them."""
    left, right = rows["left"].to_numpy(), rows["right"].to_numpy()
    low, high = float(left.min()), float(right.max())
    widths = right - left
    log = low > 0 and widths.max() > 3 * widths.min()
    suffix = unit(feature) if unit(feature) not in {"", "money", "share"} else ""
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
