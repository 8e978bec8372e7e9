"""The last runs as small multiples: one line per segment, or one for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from segcore.report.charts.base import Figure, segment_scale, short_numbers, spec, tip
from segcore.report.formatting import Formatter, day

_HEIGHT = 150


def nights(rows: pl.DataFrame, value: str, title: str, names: Mapping[int, str], fmt: Formatter) -> Figure:
    """Draw one figure over the last runs.

    Parameters
    ----------
    rows : polars.DataFrame
        as_of, segment (0: everybody) and the figure; the oldest first.
    value : str
        Column of the figure: customers, revenue, chance_to_buy or moved_share.
    title : str
    names : mapping of int to str
        Of the segments.
    fmt : Formatter
    """
    order = [s for s in names if s in set(rows["segment"])]
    df = rows.with_columns(
        when=pl.col("as_of").dt.to_string("%Y-%m-%d"),
        tip=pl.Series([_tip(row, value, names, fmt) for row in rows.to_dicts()], dtype=pl.String),
    )
    share = value in ("chance_to_buy", "moved_share")
    axis = (
        alt.Axis(tickCount=4, format=".0%") if share else alt.Axis(tickCount=4, labelExpr=short_numbers(""))
    )
    if value == "revenue":
        axis = alt.Axis(tickCount=4, labelExpr=short_numbers(fmt.currency))
    base = alt.Chart(df).encode(
        x=alt.X(
            "when:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=alt.Axis(grid=False, format="%-d %b", tickCount=4, labelOverlap=True),
        ),
        y=alt.Y(f"{value}:Q", title=None, axis=axis, scale=alt.Scale(zero=True)),
        color=alt.Color("segment:N", scale=segment_scale(order), legend=None),
        description=alt.Description("tip:N"),
    )
    last = df.filter(pl.col("as_of") == df["as_of"].max()).to_dicts()
    finding = "; ".join(f"{names[row['segment']]} {_text(row, value, fmt)}" for row in last)
    return Figure(
        name=f"nights-{value.replace('_', '-')}",
        title=title,
        alt=f"{title} over the last runs. Now: {finding}.",
        spec=spec([base.mark_line(), base.mark_circle(size=26, opacity=1)], _HEIGHT),
    )


def _text(row: Mapping[str, Any], value: str, fmt: Formatter) -> str:
    if value == "customers":
        return fmt.counted(row[value], "customer")
    return fmt.money(row[value]) if value == "revenue" else fmt.percent(row[value])


def _tip(row: Mapping[str, Any], value: str, names: Mapping[int, str], fmt: Formatter) -> str:
    return tip(names[row["segment"]], day(row["as_of"].isoformat()), _text(row, value, fmt))
