"""Numbers and features in words."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from segcore import schema

_COUNTS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TIMES = {2: "twice", **{n: f"{word} times" for n, word in enumerate(_COUNTS, start=3)}}
feature_of = schema.feature_of

_FRACTIONS = {2: "half", 3: "a third of", 4: "a quarter of", 5: "a fifth of", 10: "a tenth of"}


@cache
def templates() -> dict[str, Any]:
    """Return the contents of ``naming.toml``: levels, axes, templates and phrases."""
    text = resources.files("segcore.profile").joinpath("naming.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def number(value: float, unit: str = "", *, currency: str = "") -> str:
    """Return a number as it is usually written.

    Parameters
    ----------
    value : float
        Finite; shares as fractions of one.
    unit : str
        A unit of `segcore.schema.Feature`: money gets the currency, a share becomes per cent.
    currency : str
        A sign (``"£"``, put in front) or a code (``"EUR"``, put in front with a space).
    """
    if unit == "share":
        return f"{_plain(100 * value)}%"
    if unit != "money":
        return _plain(value)
    amount = abs(value)
    text = f"{amount:,.0f}" if amount >= 99.995 or amount.is_integer() else f"{amount:,.2f}"
    space = " " if currency[-1:].isalpha() else ""
    return f"{'-' if value < 0 else ''}{currency}{space}{text}"


def _plain(value: float) -> str:
    """Return a number with at most three significant digits after the thousands are whole."""
    amount = abs(value)
    if float(value).is_integer() or amount >= 99.95:
        return f"{value:,.0f}"
    if amount >= 1:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2g}"


def phrase(name: str, value: float, *, currency: str = "") -> str:
    """Return a feature's value in words, such as ``"12 orders"`` or ``"£24.50 per order"``."""
    return fill(name, number(value, feature_of(name).unit, currency=currency), one=value == 1)


def fill(name: str, text: str, *, one: bool = False) -> str:
    """Return `text`, a number or a range in words, with a feature's words around it."""
    pair: list[str] | None = templates()["phrases"].get(name)
    if pair is None:
        return f"{text} {feature_of(name).label.lower()}"
    return pair[0 if one else 1].format(text)


def whether_in_words(name: str, holds: bool) -> str:
    """Return in words whether an indicator holds, such as ``"channel is not web"``."""
    feature, value = schema.parts_of(name)
    known = feature_of(feature).label.lower()
    if value == schema.MISSING:
        return f"{known} is {'not ' if holds else ''}known"
    return f"{known} is {'' if holds else 'not '}{schema.value_in_words(value)}"


def against(value: float, population: float, unit: str = "", *, currency: str = "") -> str:
    """Return in words how a median compares with that of all customers, such as ``"twice the median of ..."``."""
    shown = number(population, unit, currency=currency)
    if unit == "share" or value <= 0 or population <= 0:
        return f"against a median of {shown} for all customers"
    return f"{_ratio(value / population)} the median of all customers ({shown})"


def _ratio(ratio: float) -> str:
    """Return a ratio in words: times from two, fractions up to a half, per cent above or below between."""
    if ratio >= 1.95:
        return _near(ratio, _TIMES) or f"{_plain(float(f'{ratio:.2g}') if ratio < 100 else ratio)} times"
    if ratio <= 0.525:
        return _near(1 / ratio, _FRACTIONS) or (
            f"{100 * ratio:.0f}% of" if ratio > 0.095 else "less than a tenth of"
        )
    per_cent = round(100 * abs(ratio - 1))
    side = "above" if ratio > 1 else "below"
    return f"{per_cent}% {side}" if per_cent else f"slightly {side}"


def _near(ratio: float, words: dict[int, str]) -> str:
    """Return the word for a whole ratio, with "about" unless it is that very number; empty if none is near."""
    for whole, word in words.items():
        if math.isclose(ratio, whole, rel_tol=1e-9):
            return word
        if abs(ratio - whole) <= 0.05 * whole:
            return f"about {word}"
    return ""
