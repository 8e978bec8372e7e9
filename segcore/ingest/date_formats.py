"""How dates are written: decided over all files of a group, never line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from segcore import errors
from segcore.ingest.value_patterns import ORDERS, PatternCount

EPOCHS = {"epoch-seconds": 1, "epoch-milliseconds": 1_000}
EXCEL = "excel-days"
NAMED = "named "  # before a format whose month is a word in any of the languages of segcore.ingest.words

_MOST_FORMATS = 24

_ISO = re.compile(r"9999([-/.])99?\1(99?)")
_NUMERIC = re.compile(r"99?([-/.])99?\1(9999|99)(?=\D|$)")
_NAMED = (
    (re.compile(r"99?([- /.])w\1(9999|99)(?=\D|$)"), "%d{0}{1}{0}{2}"),
    (re.compile(r"w( )99?, ?(9999)"), "{1}{0}%d, {2}"),
)
_WORDED = re.compile(r"99?(?:er|\.|º)?[ /-]*(?:de |of )?w\.?,?[ /-]*(?:de |del )?(9999|99)(?=\D|$)")
_EAST_ASIAN = re.compile(r"9999年 ?99?月 ?99?日")
_COMPACT = {"99999999": "%Y%m%d", "99999999999999": "%Y%m%d%H%M%S", "99999999 99:99": "%Y%m%d %H:%M"}
_TIME = re.compile(
    r"(?P<gap>[T ]?)(?P<time>99?:99(?P<s>:99(?P<f>\.9+)?)?)?(?P<p> ?[AaPp][Mm])?(?P<z> ?(Z|[+-]99:?99))?(?P<u> w)?"
)
_EXCEL_DAYS = re.compile(r"9{5}(\.9+)?")
_SECONDS, _MILLISECONDS = re.compile(r"9{9,10}(\.9+)?"), re.compile(r"9{13}(\.9+)?")


def kind_of(form: str) -> Literal["epoch", "offset", "time", "day"]:
    """Return what a format says of an order's time: an instant since 1970 or with an offset, a clock's time, or a day.

    Examples
    --------
    >>> [kind_of(form) for form in ("epoch-seconds", "%Y-%m-%d %H:%M%#z", "%d.%m.%y %I:%M %p", "%Y%m%d")]
    ['epoch', 'offset', 'time', 'day']
    """
    if form in EPOCHS:
        return "epoch"
    if form.endswith(" UTC") or "z" in form:
        return "offset"
    return "time" if re.search("%[HIcRTrX+]", form) else "day"


def depend_on_order(dates: Sequence[PatternCount]) -> bool:
    """Whether some dates could have the day, the month or the year first."""
    return any(_NUMERIC.match(date.pattern.removeprefix("z")) for date in dates)


def decide(dates: Sequence[PatternCount], wanted: str, where: str, *, known: str = "") -> tuple[str, ...]:
    """Return the formats that the dates of a group of files have, the most frequent first.

    Parameters
    ----------
    dates : sequence of PatternCount
    wanted : str
        The job's ``date_format``; empty to find it.
    where : str
        The files, for the error.
    known : str
        The order that dates of this kind of file have, where no line tells it.

    Raises
    ------
    segcore.errors.DataError
        If dates could be read in two ways and it matters.
    """
    if "%" in wanted or wanted in (*EPOCHS, EXCEL):
        return (wanted,)
    days = [date for date in dates if _EXCEL_DAYS.fullmatch(date.pattern)]
    if days and 2 * sum(date.lines for date in days) > sum(date.lines for date in dates):
        raise errors.DataError(
            f"{where}: dates like {days[0].example!r} may be days as Excel counts them: give --date-format {EXCEL}, or export them "
            "as dates"
        )
    order = wanted or _order(dates, where, known)
    formats = [*dict.fromkeys(form for date in dates for form in date_formats(date.pattern, order))]
    # %Y takes 24 for the year 24, and %y no more than two of four digits, behind which nothing fits: it sees the dates first.
    return tuple(sorted(formats[:_MOST_FORMATS], key=lambda form: "%y" not in form))


def _order(dates: Sequence[PatternCount], where: str, known: str) -> str:
    """Return which of day, month and year stands first: the only order that explains every date of a group of files."""
    unlike = {order: sum(date.unlike[order] for date in dates) for order in ORDERS}
    orders = [order for order in ORDERS if not unlike[order]]
    if not orders:
        reasons = [
            f"{example!r} cannot be {order}"
            for order in ORDERS
            if (example := next((d.unlike_examples[order] for d in dates if d.unlike_examples[order]), None))
        ]
        raise errors.DataError(
            f"{where}: no order of day, month and year explains all dates: {', '.join(reasons)}; one is expected in "
            f"files with the same header: give --date-format {_one_of(ORDERS)}"
        )
    unclear = next(
        (d.example for d in dates if any(d.differ[pair] for pair in combinations(orders, 2))), None
    )
    if unclear and known in orders:
        return known
    if unclear:
        raise errors.DataError(
            f"{where}: dates like {unclear!r} may be {_one_of(orders)}, and no line decides it: "
            f"give --date-format {_one_of(orders)}"
        )
    return orders[0]


def order_of(form: str) -> str:
    """Return the order that a format of three short numbers has; empty for another one.

    Examples
    --------
    >>> order_of("%d.%m.%Y %H:%M"), order_of("%d %b %Y")
    ('day-first', '')
    """
    match = re.match(r"%([dmy])([-/.])%[dm]\2%[dyY]", form)
    return {"d": "day-first", "m": "month-first", "y": "year-first"}[match[1]] if match else ""


def _one_of(orders: Sequence[str]) -> str:
    return f"{', '.join(orders[:-1])} or {orders[-1]}"


def date_formats(pattern: str, order: str) -> list[str]:
    """Return the formats that a date of some pattern may have; none if it is no date.

    Examples
    --------
    >>> date_formats("99/9/9999 9:99", "month-first")
    ['%m/%d/%Y %H:%M']
    """
    pattern = pattern.removeprefix("z")
    if pattern in _COMPACT:
        return [_COMPACT[pattern]]
    if _SECONDS.fullmatch(pattern):
        return ["epoch-seconds"]
    if _MILLISECONDS.fullmatch(pattern):
        return ["epoch-milliseconds"]
    days, rest = _day_formats(pattern, order)
    time = _TIME.fullmatch(rest)
    if not days or time is None:
        return []
    hour = "%I:%M" if time["p"] else "%H:%M"
    clock = hour + (":%S" if time["s"] else "") + ("%.f" if time["f"] else "") if time["time"] else ""
    half = time["p"].replace(time["p"].strip(), "%p") if time["p"] else ""
    zone = (" " if time["z"].startswith(" ") else "") + "%#z" if time["z"] else ""
    utc = " UTC" if time["u"] else ""  # what other word it is, is no time
    return [day + time["gap"] + clock + half + zone + utc for day in days]


def _day_formats(pattern: str, order: str) -> tuple[list[str], str]:
    if match := _ISO.match(pattern):
        return [f"%Y{match[1]}%m{match[1]}%d"], pattern[match.end() :]
    if match := _NUMERIC.match(pattern):
        year = "%Y" if match[2] == "9999" else "%y"
        parts = {"day-first": ("%d", "%m", year), "month-first": ("%m", "%d", year)}
        if order == "year-first" and match[2] == "99":
            parts[order] = ("%y", "%m", "%d")
        return [match[1].join(parts[order])] if order in parts else [], pattern[match.end() :]
    for named, form in _NAMED:
        if match := named.match(pattern):
            year = "%Y" if match[2] == "9999" else "%y"
            forms = [form.format(match[1], month, year) for month in ("%b", "%B")]
            return [*forms, *_worded(pattern)], pattern[match.end() :]
    if match := _WORDED.match(pattern):
        return _worded(pattern), pattern[match.end() :]
    if match := _EAST_ASIAN.match(pattern):
        return [re.sub("9+", "{}", match[0]).format("%Y", "%m", "%d")], pattern[match.end() :]
    return [], ""


def _worded(pattern: str) -> list[str]:
    """Return the format of a date whose month is a word, once the word is a number."""
    match = _WORDED.match(pattern)
    return [f"{NAMED}%d-%m-{'%Y' if match[1] == '9999' else '%y'}"] if match else []
