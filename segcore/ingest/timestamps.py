"""Times that came in as such, not as text: read whatever their zone is called, and none that no calendar has.

Polars panics at zones that it does not know, an offset such as +05:30 among them, and at times beyond its calendar.
"""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo

import polars as pl

from segcore.times import END_OF_TIME, SECONDS_A_DAY

# A time with a zone is an instant in UTC: what the zone is called matters to nobody here.
os.environ["POLARS_IGNORE_TIMEZONE_PARSE_ERROR"] = "1"

_FIRST = -62_135_596_800  # seconds since 1970 of the year 1
_UNITS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def wall_clock(name: str, dtype: pl.DataType, time_zone: str = "", source_zone: str = "") -> pl.Expr:
    """Return a date or time as Datetime without a zone, as clocks in `time_zone` show it; null beyond the years 1 to 9999.

    Without a zone, as clocks in the one that it came with show it. What came without one stays as it is, unless
    `source_zone` says which it was.
    """
    value = pl.col(name).to_physical()
    if dtype == pl.Date:
        days = pl.when(value.is_between(_FIRST // SECONDS_A_DAY, END_OF_TIME // SECONDS_A_DAY - 1)).then(
            value
        )
        return days.cast(pl.Date).cast(pl.Datetime("us"))
    assert isinstance(dtype, pl.Datetime)
    a_second = _UNITS[dtype.time_unit]
    inside = value.is_between(_FIRST * a_second, END_OF_TIME * a_second - 1)
    when = pl.when(inside).then(value).cast(pl.Datetime(dtype.time_unit)).dt.cast_time_unit("us")
    if dtype.time_zone:
        return of_epoch(when.to_physical(), time_zone or _known(dtype.time_zone))
    return shifted(when, source_zone, time_zone)


def shifted(when: pl.Expr, source_zone: str, time_zone: str) -> pl.Expr:
    """Return times by the clock of one zone as clocks in another show them; as they are without a zone to begin with.

    An hour that a clock showed twice is the first one; one that it never showed is null.
    """
    if not source_zone:
        return when
    known = when.dt.replace_time_zone(source_zone, ambiguous="earliest", non_existent="null")
    return known.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def _known(time_zone: str) -> str:
    try:
        ZoneInfo(time_zone)
    except (LookupError, ValueError, OSError):
        return "UTC"
    return time_zone


def of_epoch(millionths: pl.Expr, time_zone: str) -> pl.Expr:
    """Return millionths of a second since 1970 in UTC as clocks in `time_zone`, or in UTC, show them; null beyond the years 1 to 9999."""
    time_zone = time_zone or "UTC"
    inside = millionths.is_between(_FIRST * 1_000_000, END_OF_TIME * 1_000_000 - 1)
    when = pl.when(inside).then(millionths).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    return when.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return dates and times as text, to the second and in UTC; what no calendar has as the number that it is."""
    text = wall_clock(name, dtype, "UTC").dt.to_string("%Y-%m-%d %H:%M:%S")
    return pl.coalesce(text, pl.col(name).to_physical().cast(pl.String))


EXCEL_DECIMALS = 12  # of a day, in which whole seconds are told apart
_EXCEL_1970 = 25_569  # days


def of_excel(days: pl.Expr) -> pl.Expr:
    """Return the time of days as Excel counts them, decimals with :data:`EXCEL_DECIMALS`, to the nearest second."""
    whole = 10**EXCEL_DECIMALS
    since = days.to_physical() - _EXCEL_1970 * whole
    seconds = (since * SECONDS_A_DAY + whole // 2) // whole
    millionths: pl.Expr = seconds * 1_000_000
    inside = millionths.is_between(_FIRST * 1_000_000, END_OF_TIME * 1_000_000 - 1)
    return pl.when(inside).then(millionths).cast(pl.Int64).cast(pl.Datetime("us"))
