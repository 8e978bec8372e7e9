"""In which currency money is: more than one is never added up, unless the job says which counts or at what rates."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from segcore import errors, job
from segcore.expressions import carried
from segcore.ingest.file_group import FileGroup
from segcore.ingest.value_patterns import PatternCount
from segcore.lookup import looked_up

_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW",
    "₴": "UAH",
}
_SIGN = r"(\p{Sc}|[A-Z]{3})"
_RATE_DECIMALS = 12


def of_patterns(patterns: list[PatternCount]) -> Counter[str]:
    """Count the lines of each currency that signs or codes beside the numbers name."""
    counts: Counter[str] = Counter()
    for one in patterns:
        if one.column in ("unit_price", "line_amount"):
            for mark in re.findall(r"[^\W\d_]{3,}|[^\w\s.,+\-−()'’%/:;#*&]", one.pattern.removeprefix("z")):
                if mark in _SIGNS or re.fullmatch("[A-Z]{3}", mark) or _is_sign(mark):
                    counts[_SIGNS.get(mark, mark)] += one.lines
    return counts


def _is_sign(mark: str) -> bool:
    return len(mark) == 1 and unicodedata.category(mark) == "Sc"


def count(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Count the lines of each currency that a column of the group names: ``currency, lines``."""
    return lf.group_by(_of_column(group).alias("currency")).agg(lines=pl.len())


def check(counts: Mapping[str, int], where: str) -> None:
    """Refuse to add up money of more than one currency.

    Parameters
    ----------
    found : mapping of str to int
        Lines of each currency.
    where : str
        The files, for the error.

    Raises
    ------
    segcore.errors.DataError
        If there is more than one.
    """
    if len(counts) > 1:
        known = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        shown = ", ".join(f"{name} in {lines:,} lines" for name, lines in known[:5])
        rates = ", ".join(f'{name} = "..."' for name, _ in known[:2])
        raise errors.DataError(
            f"{where}: money is in {len(counts)} currencies ({shown}); expected one: set input.currency = "
            f'"{known[0][0]}" to keep one, or input.currency_rates = {{ {rates} }} to convert them'
        )


def decides(settings: job.Input) -> bool:
    """Whether the job says what becomes of money in several currencies."""
    return bool(settings.currency or settings.currency_rates)


def _of_column(group: FileGroup) -> pl.Expr:
    text = pl.col(carried(group.currency)).cast(pl.String).str.strip_chars().str.to_uppercase()
    return pl.when(~text.is_in(["", *group.null_texts])).then(_code(text))


def of_line(group: FileGroup) -> pl.Expr:
    """Return the currency of a line: by its column, else by the sign or code beside its price or amount."""
    if group.currency:
        return _of_column(group)
    sign = pl.coalesce(
        pl.col(f"bare_{name}").cast(pl.String).str.extract(_SIGN) for name in ("line_amount", "unit_price")
    )
    return _code(sign)


def _code(sign: pl.Expr) -> pl.Expr:
    """Return the code of a currency for a sign; what is none stays as it is."""
    return looked_up(sign, _SIGNS, pl.String, default=sign)


def rates(settings: job.Input) -> dict[str, Decimal]:
    """Return what money of each currency that counts is multiplied by."""
    own = {settings.currency: Decimal(1)} if settings.currency else {}
    return {**{name: Decimal(rate) for name, rate in settings.currency_rates.items()}, **own}


def converted(minor: pl.Expr, settings: job.Input) -> pl.Expr:
    """Convert integer money of a line by the rate of the column ``currency``; half a unit is rounded away from zero."""
    if not settings.currency_rates:
        return minor
    scale = 10**_RATE_DECIMALS
    scaled = {name: int(rate * scale) for name, rate in rates(settings).items()}
    rate = looked_up(pl.col("currency"), scaled, pl.Int64).cast(pl.Int128)
    product = minor.cast(pl.Int128) * rate
    half = pl.lit(scale // 2, dtype=pl.Int128)
    size = (product.abs() + half) // pl.lit(scale, dtype=pl.Int128)
    return (size * product.sign()).cast(pl.Int64, strict=False)
