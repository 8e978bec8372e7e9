"""Charts as static SVG: drawn once, when the report is made, and shown without any script."""

from __future__ import annotations

import json
import os
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

import vl_convert

TIP = "\u2063"
"""What a mark's description begins with where it is a tooltip: Vega describes every other mark in words of its own."""

_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
_DROPPED = (
    "role",
    "aria-roledescription",
    "aria-hidden",
    "font-family",
    "pointer-events",
    "version",
    "opacity",
)
_EMPTY = {"background", "foreground"}
_FONTS = "FONTCONFIG_FILE"


def render(spec: dict[str, Any]) -> str:
    """Draw a Vega-Lite chart as an SVG element for an HTML page.

    Colours that are CSS variables stay so: the drawing follows the page from light to dark, and to paper. A
    mark's tooltip is its attribute ``data-tip``.
    """
    return _render(json.dumps(spec, sort_keys=True))


# A drawing takes a few hundredths of a second, and the reports of one process, made again or night after night, share many.
@lru_cache(maxsize=64)
def _render(spec: str) -> str:
    _without_fonts_of_the_machine()
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec))
    for parent in root.iter():
        for child in [child for child in parent if _is_empty(child)]:
            parent.remove(child)
    for element in root.iter():
        _clean(element)
    root.attrib.pop("width")
    root.attrib.pop("height")
    return ET.tostring(root, encoding="unicode")


@cache
def _without_fonts_of_the_machine() -> None:
    """Let texts be measured by the font that vl_convert brings: it looks once, at its first text, for others.

    A drawing is the same on every Linux then, and takes half of the time: of a font of the machine the file is opened
    again for every letter that is measured.
    """
    before = os.environ.get(_FONTS)
    with resources.as_file(resources.files("segcore.report").joinpath("templates", "fonts.conf")) as none:
        os.environ[_FONTS] = str(none)
        try:
            vl_convert.vegalite_to_svg({"data": {"values": [{}]}, "mark": {"type": "text", "text": "a"}})
        finally:
            del os.environ[_FONTS]  # what is started later, a browser perhaps, has need of its fonts
            if before is not None:
                os.environ[_FONTS] = before


def _is_empty(element: ET.Element) -> bool:
    """Whether an element draws nothing: the frames that Vega puts around every group."""
    return element.get("class") in _EMPTY and element.get("stroke") is None and element.get("fill") is None


def _clean(element: ET.Element) -> None:
    """Leave what is needed to draw an element, in short numbers and without a namespace, which HTML does not want."""
    element.tag = element.tag.rpartition("}")[2]
    tip = element.attrib.pop("aria-label", "")
    if tip.startswith(TIP):
        element.set("data-tip", tip.removeprefix(TIP))
    for name in _DROPPED:
        if name != "opacity" or element.get(name) == "1":
            element.attrib.pop(name, None)
    for name, value in element.attrib.items():
        if name != "data-tip":
            element.set(name, _NUMBER.sub(_shortened, value))


def _shortened(match: re.Match[str]) -> str:
    """Return a number to a tenth of a pixel; what is below one may be an opacity and keeps two decimals."""
    value = float(match[0])
    return f"{round(value, 2 if abs(value) < 1 else 1) + 0.0:g}"
