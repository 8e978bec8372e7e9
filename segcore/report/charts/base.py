"""What all charts share: the figure, its colours, its tooltips and its configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import altair as alt
from markupsafe import Markup

from segcore.report.charts import placing, svg

N_COLOURS = 10
INK, MUTED, RULE, PAPER, ACCENT = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)", "var(--accent)"
COLUMN, NARROW, WIDE = 350, 358, 1100
"""Widths in pixels: of a column of three, of a phone's page, of the whole page."""

FONT_SIZE = 11.5
INTERVAL = 1.96  # standard errors on each side that an interval of 95% spans
CONFIG: dict[str, Any] = {
    "background": None,
    "autosize": {"type": "fit", "contains": "padding"},
    "padding": {"left": 1, "right": 8, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": RULE,
        "labelColor": MUTED,
        "labelFontSize": FONT_SIZE,
        "labelPadding": 6,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "text": {"color": INK, "fontSize": FONT_SIZE},
    "rule": {"color": MUTED},
}


Layers: TypeAlias = Sequence[alt.Chart]
"""Charts of the same axes, each drawn over those before it."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart as it stands in the page.

    Attributes
    ----------
    name : str
        Its id in the page.
    title, caption, alt : str
        What it shows; how to read it; the finding, for who cannot see it.
    spec : dict
        Vega-Lite.
    narrow : dict or None
        The same for a phone, where one drawing does not serve every width.
    natural_width : int
        Pixels beyond which it does not grow with the page; 0 where it does.
    """

    name: str
    title: str
    alt: str
    spec: dict[str, Any]
    caption: str = ""
    narrow: dict[str, Any] | None = None
    natural_width: int = 0

    @cached_property
    def svg(self) -> Markup:
        """The drawing."""
        return Markup(svg.render(self.spec))

    @cached_property
    def narrow_svg(self) -> Markup | None:
        """The drawing for a phone, where there is one."""
        return None if self.narrow is None else Markup(svg.render(self.narrow))


def colour(segment: int) -> str:
    """Return the colour of a segment, which it keeps from run to run; 0 is everybody or nobody."""
    return f"var(--s{(segment - 1) % N_COLOURS + 1})" if segment > 0 else MUTED


def segment_scale(segments: Sequence[int]) -> alt.Scale:
    """Return the scale that gives each segment its colour."""
    return alt.Scale(domain=list(segments), range=[colour(s) for s in segments])


def words(texts: Mapping[str, str] | Mapping[str, list[str]]) -> str:
    """Return the Vega expression that writes a text, or lines of one, in place of an axis's value."""
    return f"({json.dumps(texts, ensure_ascii=False)})[datum.value]"


def months_axis(labels: Mapping[str, str] | Mapping[str, list[str]], *, upright: bool) -> alt.Axis:
    """Return an axis of months, each with its words; they stand upright on a phone."""
    # The page's font may be wider than the one that a chart is laid out with: room is left for it.
    longest = max((placing.text_width("".join(text), FONT_SIZE) for text in labels.values()), default=0.0)
    room = {"labelAngle": -90, "minExtent": longest + 6} if upright else {"labelAngle": 0}
    return alt.Axis(labelExpr=words(labels), labelOverlap=True, labelLineHeight=13, **room)


def short_numbers(prefix: str) -> str:
    """Return a label expression for short numbers (12k, 3M) after a currency."""
    quoted = prefix.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}' + replace(format(datum.value, '~s'), 'G', 'bn')"


def tip(*lines: str) -> str:
    """Return a mark's tooltip, for a column that is encoded as its description."""
    return svg.TIP + "\n".join(line for line in lines if line)


def spec(chart: alt.Chart | Layers, height: int, width: int = COLUMN) -> dict[str, Any]:
    """Return a chart of a size in pixels, axes included, as Vega-Lite."""
    context: dict[str, Any] = {"top_level": False, "datasets": {}}
    # Neither validate, which the tests do, nor alt.layer, which copies all parts of a chart several times.
    content: dict[str, Any] = (
        chart.to_dict(validate=False, context=context)
        if isinstance(chart, alt.Chart)
        else {"layer": [layer.to_dict(validate=False, context=context) for layer in chart]}
    )
    return content | {"datasets": context["datasets"], "config": CONFIG, "width": width, "height": height}
