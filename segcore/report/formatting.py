"""Numbers, dates and text from the data, as they are written in a report."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup

from segcore import schema

MISSING = "–"
_ISOLATE, _POP = "\u2068", "\u2069"
_SINGULAR = {"days": "day", "orders": "order", "products": "product", "items": "item", "months": "month"}
_MD_SPECIAL = re.compile(r"([\\`*_\[\]|<>~#])")


@dataclass(frozen=True, kw_only=True)
class Formatter:
    """How numbers are written; `currency` is a sign (£) or a code (EUR), or empty."""

    currency: str = ""

    def count(self, value: float | None) -> str:
        """Return a whole number with thousands separators."""
        return MISSING if _absent(value) else _minus(f"{round(value or 0):,}")

    def counted(self, value: int, what: str) -> str:
        """Return a whole number of something, such as ``"1 customer"`` or ``"2,343 customers"``."""
        return f"{self.count(value)} {what}{'' if value == 1 else 's'}"

    def number(self, value: float | None, decimals: int = 2) -> str:
        """Return a number with so many decimals and thousands separators."""
        return MISSING if _absent(value) else _minus(f"{value:,.{decimals}f}")

    def percent(self, share: float | None) -> str:
        """Return a share as a percentage; below 10% with one decimal."""
        if share is None or _absent(share):
            return MISSING
        percent = 100 * share
        if 0 < percent < 0.05:
            return "<0.1%"
        digits = 0 if abs(percent) >= 9.95 or percent == 0 else 1
        return _minus(f"{percent:.{digits}f}%")

    def money(self, value: float | None) -> str:
        """Return money with the job's currency; amounts below 10 keep two decimals."""
        if value is None or _absent(value):
            return MISSING
        digits = 2 if 0 < abs(value) < 9.995 else 0
        text = f"{abs(value):,.{digits}f}"
        sign = "−" if value < 0 and text.strip("0.,") else ""
        space = "\u00a0" if self.currency[-1:].isalnum() else ""
        return f"{sign}{self.currency}{space}{text}"

    def value(self, feature: str, value: float | None) -> str:
        """Return a feature's value with its unit: ``72 days``, ``£312``, ``4%``."""
        unit = schema.feature_of(feature).unit
        bare = self.bare(feature, value)
        if unit in _SINGULAR and bare != MISSING:
            return f"{bare}\u00a0{_SINGULAR[unit] if bare == '1' else unit}"
        return bare

    def between(self, feature: str, low: float, high: float) -> str:
        """Return a range with its unit: ``3 to 5 orders`` for whole numbers from 3 to below 6, ``£235 to £1,400``."""
        if schema.feature_of(feature).integer:
            low, high = math.ceil(low), max(math.ceil(high) - 1, math.ceil(low))
        one = low == high
        return (
            self.value(feature, high) if one else f"{self.bare(feature, low)} to {self.value(feature, high)}"
        )

    def bare(self, feature: str, value: float | None) -> str:
        """Return a feature's value without the word for its unit, as in a column of a table."""
        unit = schema.feature_of(feature).unit
        if value is None or _absent(value):
            return MISSING
        if unit == "money":
            return self.money(value)
        if unit == "share":
            return self.percent(value)
        whole = schema.feature_of(feature).integer or abs(value) >= 99.5 or float(value).is_integer()
        return self.number(value, 0 if whole else 1)


def label(feature: str) -> str:
    """Return a feature's fmt."""
    return cut(schema.feature_of(feature).label)


def unit(feature: str) -> str:
    """Return a feature's unit, empty where it has none."""
    return schema.feature_of(feature).unit


def day(value: date | datetime | str | None) -> str:
    """Return a day as ``9 December 2011``, from a date or from ISO text."""
    if not value:
        return MISSING
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{when.day} {when:%B %Y}"


def month(text: str) -> str:
    """Return a month as ``Jan 2011``, from ``2011-01`` or a day in it."""
    return f"{date.fromisoformat(f'{text[:7]}-01'):%b %Y}"


def period(first: str | None, last: str | None) -> str:
    """Return a range of days; a day or the whole where only that is known."""
    if not first or not last:
        return day(first or last) if first or last else ""
    return f"{day(first)} – {day(last)}"


def seconds(value: float | None) -> str:
    """Return a duration: ``0.42 s``, ``12.3 s``, ``4 min 10 s``."""
    if value is None:
        return MISSING
    if value < 60:
        return f"{value:.2g} s" if value < 1 else f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def size(n_bytes: float | None) -> str:
    """Return a size in MB or GB (powers of ten)."""
    if n_bytes is None:
        return MISSING
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:,.1f} GB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes < 1e7 else f"{n_bytes / 1e6:,.0f} MB"


def cut(text: object, most: int = 60) -> str:
    """Return text from the data on one line, without control characters, cut with an ellipsis."""
    kept = "".join(c if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} else " " for c in str(text))
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """Return text with a capital first letter."""
    return text[:1].upper() + text[1:]


def softened(text: str) -> str:
    """Return text that shouts in capitals as a sentence does; other text stays."""
    return text[:1] + text[1:].lower() if text.isupper() else text


def listed(parts: list[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def md(value: object) -> object:
    """Escape text for a cell of a Markdown table; what is no text, or is marked safe, stays."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    escaped = _MD_SPECIAL.sub(r"\\\1", cut(value, 2_000))
    isolated = any(unicodedata.bidirectional(c) in {"R", "AL", "RLE", "RLO", "RLI"} for c in escaped)
    return f"{_ISOLATE}{escaped}{_POP}" if isolated else escaped


def md_head(headings: list[str] | tuple[str, ...], numbers: int = 0) -> Markup:
    """Return the first two lines of a Markdown table; its last `numbers` columns are set to the right."""
    cells = " | ".join(str(md(heading)) for heading in headings)
    rules = " | ".join("---:" if i >= len(headings) - numbers else "---" for i in range(len(headings)))
    return Markup(f"| {cells} |\n| {rules} |")


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _minus(text: str) -> str:
    """Return a number's text with a true minus sign, and nought without any."""
    if not text.startswith("-"):
        return text
    return f"−{text[1:]}" if any(c in "123456789" for c in text) else text[1:]
