"""Customers' moves between two runs as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from segcore.records.changes import Flow
from segcore.report import privacy
from segcore.report.charts import geometry, placing
from segcore.report.charts.base import INK, NARROW, WIDE, Figure, Layers, segment_scale, spec, tip
from segcore.report.formatting import Formatter

_HEIGHT = 360
_FONT, _LINE = 11.5, 14
_LONGEST = {WIDE: 60, NARROW: 18}  # characters of a label's line


def flows(moves: Sequence[Flow], old: Mapping[int, str], new: Mapping[int, str], fmt: Formatter) -> Figure:
    """Draw customers' moves between two runs, in the colour of where they come from."""
    bands, blocks = geometry.ribbons(moves)
    bands = bands.filter(pl.col("customers") >= privacy.LEAST_CUSTOMERS)
    few = sum(m.customers for m in moves if m.customers < privacy.LEAST_CUSTOMERS)
    sides = {
        "old": {geometry.OUTSIDE: "New customers", 0: "Unassigned", **old},
        "new": {geometry.OUTSIDE: "Gone", 0: "Unassigned", **new},
    }
    tips = [
        tip(f"{sides['old'][a]} → {sides['new'][b]}", fmt.counted(n, "customer"))
        for a, b, n in bands.select("old", "new", "customers").rows()
    ]
    bands = bands.with_columns(tip=pl.Series(tips, dtype=pl.String))
    stayed = sum(m.customers for m in moves if m.old == m.new)
    both = sum(m.customers for m in moves if m.old is not None and m.new is not None)
    left_out = f"Moves of fewer than {privacy.LEAST_CUSTOMERS} customers are not drawn: {few} customers."
    drawn = {width: _drawn(bands, blocks, sides, width, fmt) for width in (WIDE, NARROW)}
    return Figure(
        name="flows",
        title="Where customers went",
        alt=f"{fmt.count(stayed)} of {fmt.count(both)} customers of both runs stayed in their segment.",
        caption=left_out if few else "",
        spec=spec(drawn[WIDE], _HEIGHT, WIDE),
        narrow=spec(drawn[NARROW], _HEIGHT, NARROW),
    )


def _drawn(
    bands: pl.DataFrame,
    blocks: pl.DataFrame,
    sides: Mapping[str, Mapping[int, str]],
    width: int,
    fmt: Formatter,
) -> Layers:
    colours = segment_scale(sorted({*sides["old"], *sides["new"]}))
    y = alt.Y("y0:Q", axis=None, scale=alt.Scale(reverse=True, nice=False, zero=False))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    layers = [
        alt.Chart(bands)
        .mark_area(opacity=0.45)
        .encode(
            x=x,
            y=y,
            y2=alt.Y2("y1:Q"),
            color=alt.Color("old:N", legend=None, scale=colours),
            detail=alt.Detail("flow:N"),
            description=alt.Description("tip:N"),
        )
    ]
    for side, at in (("old", 0.0), ("new", 1.0)):
        part = _labelled(blocks.filter(side=side), sides[side], width, fmt).with_columns(x=pl.lit(at))
        colour = alt.Color("segment:N", legend=None, scale=colours)
        place: dict[str, Any] = {"align": "right", "dx": -12} if at else {"align": "left", "dx": 12}
        layers += [
            alt.Chart(part).mark_rule(strokeWidth=8).encode(x=x, y=y, y2=alt.Y2("y1:Q"), color=colour),
            alt.Chart(part)
            .mark_text(**place, fontWeight=600, fontSize=_FONT, lineBreak="\n", lineHeight=_LINE, color=INK)
            .encode(x=x, y=alt.Y("middle:Q", axis=None), text=alt.Text("label:N")),
        ]
    return layers


def _labelled(blocks: pl.DataFrame, names: Mapping[int, str], width: int, fmt: Formatter) -> pl.DataFrame:
    """Add each block's label, in lines that leave the other side its place, and where it goes."""
    labels = [
        placing.wrapped(f"{names.get(row['segment'], '')}: {fmt.count(row['customers'])}", _LONGEST[width])
        for row in blocks.to_dicts()
    ]
    whole = float(blocks["y1"].max() or 1.0)  # type: ignore[arg-type]
    boxes = [
        placing.Box(
            x=0.0,
            y=(row["y0"] + row["y1"]) / 2 / whole * _HEIGHT,
            width=1.0,
            height=_LINE * (label.count("\n") + 1),
        )
        for row, label in zip(blocks.to_dicts(), labels, strict=True)
    ]
    placed = [box.y / _HEIGHT * whole for box in placing.apart(boxes)]
    # A label of several lines begins at its place: half of what follows is above it.
    above = [label.count("\n") * _LINE / 2 / _HEIGHT * whole for label in labels]
    middle = [y - up for y, up in zip(placed, above, strict=True)]
    return blocks.with_columns(label=pl.Series(labels), middle=pl.Series(middle))
