"""Charts of the choice of the model: criteria over k, dendrograms, agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from segcore.report.charts import geometry, placing
from segcore.report.charts.base import ACCENT, FONT_SIZE, INK, PAPER, Figure, spec, tip
from segcore.report.formatting import sentence

_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
_FAMILY_COLOURS = 6
Style = Mapping[str, tuple[str, list[int]]]


def family_style(families: Mapping[str, str]) -> dict[str, tuple[str, list[int]]]:
    """Return colour and dash of each candidate's name: a colour per family, a dash per variant.

    Parameters
    ----------
    families : mapping of str to str
        Candidate's name to its family, in the order of the legend.
    """
    order = list(dict.fromkeys(families.values()))
    seen = dict.fromkeys(order, 0)
    style = {}
    for name, family in families.items():
        number = order.index(family) % _FAMILY_COLOURS + 1
        style[name] = (f"var(--f{number})", list(_DASHES[seen[family] % len(_DASHES)]))
        seen[family] += 1
    return style


def criterion(
    candidates: pl.DataFrame,
    column: str,
    title: str,
    caption: str,
    *,
    style: Style,
    error: str | None = None,
    bar: float | None = None,
    percent: bool = False,
) -> Figure | None:
    """Draw a criterion over k: a line per candidate's name, standard errors, the bar, the chosen one ringed.

    Returns
    -------
    Figure or None
        None where nothing was measured.
    """
    measured = candidates.filter(pl.col(column).is_not_null())
    if measured.is_empty():
        return None
    names = [name for name in style if name in set(measured["name"])]
    df = _points(measured, column, error, names)
    tips = [_tip(row, title, percent=percent) for row in df.to_dicts()]
    df = df.with_columns(tip=pl.Series(tips, dtype=pl.String))
    colours = alt.Scale(domain=names, range=[style[name][0] for name in names])
    ks = sorted(set(df["k"]))
    x = alt.X(
        "x:Q",
        title="number of segments, k",
        scale=alt.Scale(domain=[ks[0] - 0.4, ks[-1] + 0.4], nice=False),
        axis=alt.Axis(values=ks, format="d", grid=False),
    )
    extent = max(40.0, *(placing.text_width(f"{value:,.0f}", FONT_SIZE) for value in df["value"].to_list()))
    numbers = alt.Axis(tickCount=5, minExtent=extent, format=".0%" if percent else ",.3~r")
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=numbers)
    lines = {"x": x, "y": y, "color": alt.Color("name:N", legend=None, scale=colours)}
    dashes = alt.Scale(domain=names, range=[style[name][1] for name in names])
    layers = [
        alt.Chart(df)
        .mark_line(strokeWidth=1.5)
        .encode(**lines, strokeDash=alt.StrokeDash("name:N", legend=None, scale=dashes)),
        alt.Chart(df)
        .mark_point(size=32, strokeWidth=1.5, opacity=1)
        .encode(
            **lines,
            fill=alt.Fill("name:N", legend=None, scale=colours),
            fillOpacity=alt.FillOpacityValue(0).condition(test="datum.admissible", value=1),
            description=alt.Description("tip:N"),
        ),
    ]
    if error:
        spread = {"x": x, "y": alt.Y("low:Q", title=None), "y2": "high:Q", "color": lines["color"]}
        layers.insert(0, alt.Chart(df).mark_rule(strokeWidth=1.2).encode(**spread))
    chosen = df.filter("chosen")
    if chosen.height:
        layers.insert(
            0,
            alt.Chart(chosen).mark_point(size=200, color=ACCENT, strokeWidth=2.2, opacity=1).encode(x=x, y=y),
        )
    if bar is not None:
        line = pl.DataFrame({"value": [bar]})
        layers.insert(0, alt.Chart(line).mark_rule(color=INK, strokeDash=[3, 3]).encode(y=y))
    return Figure(
        name=f"criterion-{column.replace('_', '-')}",
        title=title,
        caption=caption,
        alt=_finding(title, chosen, names, bar),
        spec=spec(layers, 260),
    )


def _points(measured: pl.DataFrame, column: str, error: str | None, names: list[str]) -> pl.DataFrame:
    """Return the points of a criterion; names are set side by side so that errors do not hide each other."""
    shift = {name: (i - (len(names) - 1) / 2) * 0.04 for i, name in enumerate(names)}
    return measured.select(
        "name",
        "k",
        "verdict",
        "chosen",
        "admissible",
        value=pl.col(column),
        error=pl.col(error).fill_null(0.0) if error else pl.lit(0.0),
        x=pl.col("k") + pl.col("name").replace_strict(shift, return_dtype=pl.Float64),
    ).with_columns(low=pl.col("value") - pl.col("error"), high=pl.col("value") + pl.col("error"))


def _tip(row: Mapping[str, Any], title: str, *, percent: bool) -> str:
    value = f"{row['value']:.1%}" if percent else f"{row['value']:,.3g}"
    error = f" ± {row['error']:.3f}, one standard error" if row["error"] else ""
    return tip(
        f"{row['name']} with {row['k']} segments", f"{title}: {value}{error}", sentence(row["verdict"])
    )


def _finding(title: str, chosen: pl.DataFrame, names: list[str], bar: float | None) -> str:
    text = f"{title} over the number of segments, for {len(names)} kinds of model."
    if chosen.is_empty():
        return text
    row = chosen.row(0, named=True)
    error = f" ± {row['error']:.3f}" if row["error"] else ""
    held = "" if bar is None else f", the bar is {bar:g}"
    return f"{text} The chosen one, {row['name']} with {row['k']}, has {row['value']:,.3g}{error}{held}."


def dendrogram(linkage: str, merges: pl.DataFrame, k: int) -> Figure:
    """Draw the top of a tree with the cut that leaves k clusters."""
    cut = geometry.cut_height(merges, k)
    corners = geometry.dendrogram(merges)
    tops = corners.group_by("merge", maintain_order=True).agg(pl.col("y").max(), pl.col("size").first())
    tips = {
        row["merge"]: tip(
            f"Merge at height {row['y']:,.3g}", f"{row['size']:,} customers of the sample below"
        )
        for row in tops.to_dicts()
    }
    tree = (
        alt.Chart(corners.with_columns(tip=pl.col("merge").replace_strict(tips, return_dtype=pl.String)))
        .mark_line(strokeWidth=1.2, color=INK, strokeJoin="miter")
        .encode(
            x=alt.X("x:Q", axis=None),
            y=alt.Y("y:Q", title="height of the merge", axis=alt.Axis(tickCount=4, minExtent=30)),
            detail=alt.Detail("merge:N"),
            order=alt.Order("order:Q"),
            description=alt.Description("tip:N"),
        )
    )
    layers = [tree]
    if cut is not None:
        line = pl.DataFrame({"y": [cut], "label": [f"k = {k}"]})
        layers.append(
            alt.Chart(line).mark_rule(color=ACCENT, strokeDash=[5, 3], strokeWidth=1.8).encode(y=alt.Y("y:Q"))
        )
        layers.append(
            alt.Chart(line)
            .mark_text(align="right", baseline="bottom", dy=-3, x=alt.ExprRef(expr="width"), color=INK)
            .encode(y=alt.Y("y:Q"), text=alt.Text("label:N"))
        )
    finding = f"Dendrogram, {linkage} linkage, the last {merges.height} merges."
    if cut is not None:
        finding += f" The cut into {k} lies at height {cut:.3g}."
    return Figure(
        name=f"tree-{linkage}", title=f"{linkage.capitalize()} linkage", alt=finding, spec=spec(layers, 230)
    )


def agreement(pairs: pl.DataFrame) -> Figure:
    """Draw the adjusted Rand index of each pair of candidates as a matrix."""
    order = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    value = pl.col("adjusted_rand")
    itself = pl.DataFrame({"a": order, "b": order, "adjusted_rand": [1.0] * len(order)})
    df = pl.concat(
        [itself, pairs.select("a", "b", value), pairs.select(a="b", b="a", adjusted_rand=value)],
        how="vertical_relaxed",
    ).unique(["a", "b"], keep="first", maintain_order=True)
    width = 170 + 44 * len(order)
    numbers = {name: str(number) for number, name in enumerate(order, start=1)}
    pair = [(row["a"], row["b"], row["adjusted_rand"]) for row in df.to_dicts()]
    df = df.with_columns(
        column=pl.col("a").replace_strict(numbers),
        row=pl.col("b").replace_strict({name: f"{n}  {name}" for name, n in numbers.items()}),
        tip=pl.Series([tip(f"{a} and {b}", f"Adjusted Rand index: {v:.3f}") for a, b, v in pair]),
        label=pl.Series([f"{v:.2f}" for *_, v in pair]),
    )
    extent = min(190.0, max(placing.text_width(f"{n}  {name}", FONT_SIZE) for name, n in numbers.items()))
    rows = [f"{n}  {name}" for name, n in numbers.items()]
    base = alt.Chart(df).encode(
        x=alt.X(
            "column:N",
            sort=list(numbers.values()),
            title=None,
            axis=alt.Axis(labelAngle=0, orient="top", grid=False),
        ),
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(labelLimit=190, minExtent=extent, grid=False)),
    )
    steps = alt.Scale(
        type="threshold", domain=[0.2, 0.4, 0.6, 0.8], range=[f"var(--q{i})" for i in range(1, 6)]
    )
    cells = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(
        color=alt.Color("adjusted_rand:Q", legend=None, scale=steps), description=alt.Description("tip:N")
    )
    text = base.mark_text(fontSize=11, color=INK).encode(text=alt.Text("label:N"))
    finding = "Adjusted Rand index between the families: 1 is the same partition, 0 is chance."
    off = df.filter(pl.col("a") != pl.col("b")).sort("adjusted_rand", "a", "b")
    if off.height:
        low, high = off.row(0, named=True), off.row(-1, named=True)
        finding += f" Closest: {high['a']} and {high['b']} with {high['adjusted_rand']:.2f}."
        finding += f" Furthest: {low['a']} and {low['b']} with {low['adjusted_rand']:.2f}."
    return Figure(
        name="agreement",
        title="Do the families agree?",
        caption="Adjusted Rand index: 1 is the same partition, 0 is chance.",
        alt=finding,
        spec=spec([cells, text], 32 * len(order) + 30, width),
        natural_width=width,
    )
