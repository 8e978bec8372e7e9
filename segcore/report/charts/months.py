"""Revenue by month and segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from segcore.report import privacy
from segcore.report.charts.base import (
    NARROW,
    PAPER,
    WIDE,
    Figure,
    months_axis,
    segment_scale,
    short_numbers,
    spec,
    tip,
)
from segcore.report.formatting import Formatter, month

_PARTIAL = 0.5  # opacity of a month that the data hold only in part


def monthly(
    rows: pl.DataFrame, names: Mapping[int, str], partial: Mapping[str, str], fmt: Formatter
) -> Figure:
    """Draw revenue by month, stacked by segment, the largest at the bottom.

    Parameters
    ----------
    rows : polars.DataFrame
        segment, month, revenue, orders and customers.
    names : mapping of int to str
        Of the segments, in the order of the stack.
    partial : mapping of str to str
        Months (``2011-12``) that the data hold only in part, and which part: ``to the 9th``.
    fmt : Formatter
    """
    rank = {s: i for i, s in enumerate(names)}
    df = (
        rows.filter(pl.col("segment").is_in(list(names)))
        .with_columns(
            rank=pl.col("segment").replace_strict(rank, return_dtype=pl.Int64),
            month=pl.col("month").cast(pl.Date).dt.to_string("%Y-%m"),
            share=pl.col("revenue") / pl.col("revenue").sum().over("month"),
        )
        .sort("month", "rank")
    )
    df = df.with_columns(
        opacity=pl.when(pl.col("month").is_in(list(partial))).then(_PARTIAL).otherwise(1.0),
        tip=pl.Series([_tip(row, names, partial, fmt) for row in df.to_dicts()], dtype=pl.String),
    )
    labels = {m: [*month(m).split(), partial.get(m, "")] for m in df["month"].unique(maintain_order=True)}
    best = df.group_by("month").agg(pl.col("revenue").sum()).sort("revenue", "month").row(-1, named=True)
    finding = f"The highest month is {month(best['month'])} with {fmt.money(best['revenue'])}."
    return Figure(
        name="monthly",
        title="Revenue by month, before returns",
        alt=f"Revenue by month and segment. {finding}",
        spec=spec(_bars(df, labels, names, fmt), 290, WIDE),
        narrow=spec(_bars(df, {m: [month(m)] for m in labels}, names, fmt, upright=True), 290, NARROW),
    )


def _bars(
    df: pl.DataFrame,
    labels: Mapping[str, list[str]],
    names: Mapping[int, str],
    fmt: Formatter,
    *,
    upright: bool = False,
) -> alt.Chart:
    axis = months_axis(labels, upright=upright)
    bars: alt.Chart = (
        alt.Chart(df)
        .mark_bar(stroke=PAPER, strokeWidth=1)
        .encode(
            x=alt.X("month:O", title=None, axis=axis),
            y=alt.Y(
                "revenue:Q",
                title=None,
                axis=alt.Axis(labelExpr=short_numbers(fmt.currency), tickCount=5, minExtent=46),
            ),
            color=alt.Color("segment:N", scale=segment_scale(list(names)), legend=None),
            opacity=alt.Opacity("opacity:Q", scale=None, legend=None),
            order=alt.Order("rank:Q"),
            description=alt.Description("tip:N"),
        )
    )
    return bars


def _tip(row: Mapping[str, Any], names: Mapping[int, str], partial: Mapping[str, str], fmt: Formatter) -> str:
    part = partial.get(row["month"])
    when = f"{month(row['month'])}{f', only {part}' if part else ''}"
    if row["customers"] < privacy.LEAST_CUSTOMERS:
        return tip(names[row["segment"]], when, f"fewer than {privacy.LEAST_CUSTOMERS} customers")
    return tip(
        names[row["segment"]],
        when,
        f"{fmt.money(row['revenue'])}, {fmt.percent(row['share'])} of the month",
        f"{fmt.counted(row['orders'], 'order')} of {fmt.counted(row['customers'], 'customer')}",
    )
