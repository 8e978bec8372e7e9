"""What all charts share: the figure, its colours and its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

N_COLOURS = 10
INK, MUTED, RULE, PAPER, ACCENT = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)", "var(--accent)"

CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
    "autosize": {"type": "fit-x", "contains": "padding"},
    "padding": {"left": 1, "right": 6, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": RULE,
        "labelColor": MUTED,
        "labelFontSize": 11.5,
        "labelPadding": 6,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "text": {"color": INK, "fontSize": 11.5},
    "rule": {"color": MUTED},
}


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
    aspect : float
        Height over width where the height follows the width, else 0.
    """

    name: str
    title: str
    alt: str
    spec: dict[str, Any]
    caption: str = ""
    aspect: float = 0.0


def colour(segment: int) -> str:
    """Return the colour of a segment; 0 is everybody or nobody."""
    return f"var(--s{(segment - 1) % N_COLOURS + 1})" if segment > 0 else MUTED


def segment_scale(segments: Sequence[int]) -> alt.Scale:
    """Return the scale that gives each segment its colour."""
    return alt.Scale(domain=list(segments), range=[colour(s) for s in segments])


def short_numbers(prefix: str) -> str:
    """Return a label expression for short numbers (12k, 3M) after a currency."""
    quoted = prefix.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}' + replace(format(datum.value, '~s'), 'G', 'bn')"


def spec(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> dict[str, Any]:
    """Return a chart as wide as its place, as Vega-Lite without the configuration that all charts share."""
    content: dict[str, Any] = chart.to_dict(validate=False)  # an eighth of a second; the tests do it
    content.pop("config", None)
    return content | {"width": "container", "height": height}
