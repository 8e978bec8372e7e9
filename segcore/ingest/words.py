"""Months and small numbers that are written as words, in seven languages."""

from __future__ import annotations

import polars as pl

from segcore.lookup import looked_up

# January to December, each as a full name and as it is cut short; no word means two months.
_MONTHS = """
january jan januar jänner janvier janv enero ene janeiro gennaio gen januari
february feb februar febr février fevr févr febrero fevereiro fev febbraio februari
march mar märz maerz mär mrz mars marzo março maart mrt
april apr avril avr abril abr aprile
may mai mayo maio maggio mag mei
june jun juni juin junio junho giugno giu
july jul juli juillet juil julio julho luglio lug
august aug août aout agosto ago augustus
september sep sept septembre septiembre set setembro settembre sett
october oct oktober okt octobre octubre outubro out ottobre ott
november nov novembre noviembre novembro
december dec dezember dez décembre déc decembre diciembre dic dezembro dicembre
""".strip().splitlines()
MONTHS: dict[str, str] = {
    word: str(number) for number, names in enumerate(_MONTHS, start=1) for word in names.split()
}
NUMBERS: dict[str, str] = {
    word: str(number)
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
}
# A day, a month in letters, a year, and the time behind it: 5. März 2024, 12 de mayo de 2024, 1er-janv.-24 10:30.
_DAY = r"^(\d\d?)(?:er|\.|º)?[\s/-]*(?:de |of )?(\p{L}{3,})\.?,?[\s/-]*(?:de |del )?(\d{4}|\d\d)\b(.*)$"


def with_numbered_month(text: pl.Expr, *, year_digits: int) -> pl.Expr:
    """Return dates as ``5-3-2024`` and what stands behind; null where no month is named, or a year has other digits."""
    parts = text.str.extract_groups(_DAY)
    day, word, year, rest = (parts.struct.field(place) for place in ("1", "2", "3", "4"))
    month = looked_up(word.str.to_lowercase(), MONTHS, pl.String)
    year = pl.when(year.str.len_bytes() == year_digits).then(year)
    return pl.concat_str(day, pl.lit("-"), month, pl.lit("-"), year, rest)


def as_digits(text: pl.Expr) -> pl.Expr:
    """Return texts with small numbers in letters, such as ``Two``, as digits."""
    number = looked_up(text.str.to_lowercase(), NUMBERS, pl.String)
    return pl.coalesce(number, text)
