"""The map of the sample as a halftone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from segcore.report import privacy
from segcore.report.charts import halftone, placing
from segcore.report.charts.base import INK, NARROW, PAPER, WIDE, Figure, segment_scale, spec, tip
from segcore.report.formatting import Formatter, label, listed

_HEIGHT, _NARROW_HEIGHT = 620, 330
_FONT = 14


def segment_map(
    points: pl.DataFrame, names: Mapping[int, str], axes: tuple[str, str], features: list[str], fmt: Formatter
) -> Figure | None:
    """Draw a dot per cell, its area the customers in it, its colour their segment; None where all are too few."""
    points = points.filter(pl.col("segment").is_in(list(names)))
    inside = halftone.without_stragglers(points)
    dots = halftone.halftone(inside, features, least=privacy.LEAST_CUSTOMERS)
    if dots.is_empty():
        return None
    tips = [_tip(row, names, features, fmt) for row in dots.to_dicts()]
    dots = dots.with_columns(tip=pl.Series(tips, dtype=pl.String))
    beyond = points.height - inside.height
    finding = (
        f"Map of {inside.height:,} customers of the sample; {listed(list(names.values()))} lie side by side."
    )
    wide = [_dots(dots, names, axes, WIDE, _HEIGHT), *_names(inside, names)]
    return Figure(
        name="map",
        title="Where the segments lie",
        alt=finding,
        caption=f"Beyond the edges, far from all others: {fmt.counted(beyond, 'customer')}."
        if beyond
        else "",
        spec=spec(wide, _HEIGHT, WIDE),
        narrow=spec(_dots(dots.drop("tip"), names, axes, NARROW, _NARROW_HEIGHT), _NARROW_HEIGHT, NARROW),
    )


def _dots(
    dots: pl.DataFrame, names: Mapping[int, str], axes: tuple[str, str], width: int, height: int
) -> alt.Chart:
    pitch = min(width / halftone.COLUMNS, height / halftone.ROWS)
    most = float(dots["customers"].quantile(0.99) or 1)
    area = alt.Scale(domain=[0, most], range=[3, 4 * (0.62 * pitch) ** 2], clamp=True)
    frame = alt.Scale(zero=False, nice=False, padding=12)
    # A long name of an axis would be cut on a phone, where the legend and the text say what is what.
    titles = axes if width == WIDE else (None, None)
    chart: alt.Chart = (
        alt.Chart(dots)
        .mark_circle(opacity=1)
        .encode(
            x=alt.X("x:Q", title=titles[0], scale=frame, axis=alt.Axis(grid=False, labels=False)),
            y=alt.Y("y:Q", title=titles[1], scale=frame, axis=alt.Axis(grid=False, labels=False)),
            color=alt.Color("segment:N", scale=segment_scale(list(names)), legend=None),
            size=alt.Size("customers:Q", legend=None, scale=area),
            **({"description": alt.Description("tip:N")} if "tip" in dots.columns else {}),
        )
    )
    return chart


def _names(inside: pl.DataFrame, names: Mapping[int, str]) -> list[alt.Chart]:
    """Return the segments' names at their middles, moved apart where one would cover another."""
    middles = inside.group_by("segment").agg(pl.col("pc1", "pc2").median()).sort("segment")
    spans = [float(np.ptp(inside[axis].to_numpy())) or 1.0 for axis in ("pc1", "pc2")]
    boxes = [
        placing.Box(
            x=row["pc1"] / spans[0] * WIDE,
            y=row["pc2"] / spans[1] * _HEIGHT,
            width=placing.text_width(names[row["segment"]], _FONT),
            height=1.5 * _FONT,
        )
        for row in middles.to_dicts()
    ]
    placed = middles.with_columns(
        pc2=pl.Series([box.y / _HEIGHT * spans[1] for box in placing.apart(boxes)]),
        name=pl.col("segment").replace_strict(dict(names), return_dtype=pl.String),
    )
    place: dict[str, Any] = {"x": alt.X("pc1:Q"), "y": alt.Y("pc2:Q"), "text": "name:N"}
    font: dict[str, Any] = {"fontSize": _FONT, "fontWeight": 600}
    halo: dict[str, Any] = {"stroke": PAPER, "strokeWidth": 5, "strokeJoin": "round", "strokeOpacity": 0.9}
    return [
        alt.Chart(placed).mark_text(**font, **halo).encode(**place),
        alt.Chart(placed).mark_text(**font, color=INK).encode(**place),
    ]


def _tip(row: Mapping[str, Any], names: Mapping[int, str], features: list[str], fmt: Formatter) -> str:
    return tip(
        f"{fmt.counted(row['customers'], 'customer')}, {fmt.percent(row['purity'])} of them {names[row['segment']]}",
        *(f"{label(name)}, median: {fmt.value(name, row[name])}" for name in features),
    )
