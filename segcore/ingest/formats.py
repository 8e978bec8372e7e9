"""How a group of files writes its dates and numbers: decided over all of its files, never line by line.

What decides is the shape of the values, as :mod:`segcore.ingest.value_patterns` counts them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from segcore import errors, job
from segcore.ingest.grouping import FileGroup
from segcore.ingest.value_patterns import NUMBERS

EPOCHS = {"epoch-seconds": 1, "epoch-milliseconds": 1_000}

_MOST_FORMATS = 12

_ISO = re.compile(r"9999([-/.])99?\1(99?)")
_NUMERIC = re.compile(r"99?([-/.])99?\1(9999|99)(?=\D|$)")
_NAMED = (
    (re.compile(r"99?([- /.])w\1(9999|99)(?=\D|$)"), "%d{0}{1}{0}{2}"),
    (re.compile(r"w( )99?, ?(9999)"), "{1}{0}%d, {2}"),
)
_COMPACT = {"99999999": "%Y%m%d", "99999999999999": "%Y%m%d%H%M%S", "99999999 99:99": "%Y%m%d %H:%M"}
_TIME = re.compile(
    r"(?P<gap>[T ]?)(?P<time>99?:99(?P<s>:99(?P<f>\.9+)?)?)?(?P<p> ?[AaPp][Mm])?(?P<z> ?(Z|[+-]99:?99))?"
)
_SECONDS, _MILLISECONDS = re.compile(r"9{9,10}(\.9+)?"), re.compile(r"9{13}(\.9+)?")
_PLAIN = re.compile(r"z?[-+]?(9+\.?9*|\.9+)([eE][-+]?9+)?")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How a column writes numbers.

    Attributes
    ----------
    decimal : {".", ","}
    plain : bool
        Nothing but digits, a sign, a point and an exponent.
    whole : bool
        No mark was seen at all, so that nobody knows what a point would mean: a number with one cannot be read.
    """

    decimal: Literal[".", ","] = "."
    plain: bool = True
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How a group of files writes its values.

    Attributes
    ----------
    dates : tuple of str
        Patterns that a date may have, the most frequent first; the names of :data:`EPOCHS` among them.
    numbers : dict of str to Numbers
        By canonical column.
    """

    dates: tuple[str, ...]
    numbers: dict[str, Numbers]


def is_settled(found: pl.DataFrame, settings: job.Input) -> bool:
    """Whether shapes from some of the lines are enough: nothing in them could be read in two ways."""
    rows = found.to_dicts()
    dates = [row for row in rows if row["column"] == "ordered_at"]
    numeric = any(_NUMERIC.match(row["shape"].removeprefix("z")) for row in dates)
    shapes = [row["shape"] for row in rows if row["column"] != "ordered_at"]
    plain = all(_PLAIN.fullmatch(shape) and _mark(shape) != "three" for shape in shapes)
    return (not numeric or bool(settings.date_format)) and (plain or bool(settings.decimal))


def decide(found: pl.DataFrame, group: FileGroup, settings: job.Input) -> Formats:
    """Say how a group of files writes its values, from the shapes in it.

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    where = _where(group)
    rows = found.sort("lines", "shape", descending=[True, False]).to_dicts()
    dates = [row for row in rows if row["column"] == "ordered_at"]
    return Formats(
        dates=_dates(dates, settings.date_format, where),
        numbers=decide_numbers(rows, NUMBERS, settings.decimal, where),
    )


def decide_numbers(
    rows: Sequence[dict[str, object]],
    names: Sequence[str],
    asked: str,
    where: str,
    remedy: str = "set input.decimal in the job or give --decimal",
) -> dict[str, Numbers]:
    """Say how columns write numbers, from the rows of :func:`segcore.ingest.value_patterns.count`.

    Raises
    ------
    segcore.errors.DataError
        If they could be read in two ways and it matters.
    """
    by_name = {name: [row for row in rows if row["column"] == name] for name in names}
    every = [row for own in by_name.values() for row in own]
    return {name: _numbers(name, own, every, asked, where, remedy) for name, own in by_name.items()}


def _where(group: FileGroup) -> str:
    first = group.files[0].source.name
    others = len(group.files) - 1
    return f"{first} and {others} file(s) like it" if others else first


def _dates(rows: Sequence[dict[str, object]], asked: str, where: str) -> tuple[str, ...]:
    if "%" in asked or asked in EPOCHS:
        return (asked,)
    order = asked or _date_order(rows, where)
    formats = (form for row in rows for form in date_formats(str(row["shape"]), order))
    return tuple(dict.fromkeys(formats))[:_MOST_FORMATS]


def _date_order(rows: Iterable[dict[str, object]], where: str) -> str:
    """Return which of day and month stands first, from all the dates of a group of files."""
    rows = list(rows)
    total = {key: sum(int(str(row[key])) for row in rows) for key in ("day_first", "month_first", "unequal")}
    examples = {
        key: next((row[key] for row in rows if row[key]), "") for key in ("day_example", "month_example")
    }
    if total["day_first"] and total["month_first"]:
        raise errors.DataError(
            f"{where}: {examples['day_example']!r} has the day first and {examples['month_example']!r} the month; "
            "one order is expected in files with the same header: give --date-format day-first or month-first"
        )
    if total["unequal"] and not (total["day_first"] or total["month_first"]):
        example = next(row["example"] for row in rows if row["unequal"])
        raise errors.DataError(
            f"{where}: dates like {example!r} may have the month or the day first, and no line tells which: "
            "give --date-format month-first or day-first"
        )
    return "day-first" if total["day_first"] else "month-first"


def date_formats(shape: str, order: str) -> list[str]:
    """Return the patterns that a date of some shape may have; none if it is no date.

    Examples
    --------
    >>> date_formats("99/9/9999 9:99", "month-first")
    ['%m/%d/%Y %H:%M']
    """
    shape = shape.removeprefix("z")
    if shape in _COMPACT:
        return [_COMPACT[shape]]
    if _SECONDS.fullmatch(shape):
        return ["epoch-seconds"]
    if _MILLISECONDS.fullmatch(shape):
        return ["epoch-milliseconds"]
    days, rest = _day_formats(shape, order)
    time = _TIME.fullmatch(rest)
    if not days or time is None:
        return []
    hour = "%I:%M" if time["p"] else "%H:%M"
    clock = (
        hour + ("%S" and ":%S" if time["s"] else "") + ("%.f" if time["f"] else "") if time["time"] else ""
    )
    half = time["p"].replace(time["p"].strip(), "%p") if time["p"] else ""
    zone = (" " if time["z"].startswith(" ") else "") + "%#z" if time["z"] else ""
    return [day + time["gap"] + clock + half + zone for day in days]


def _day_formats(shape: str, order: str) -> tuple[list[str], str]:
    if match := _ISO.match(shape):
        return [f"%Y{match[1]}%m{match[1]}%d"], shape[match.end() :]
    if match := _NUMERIC.match(shape):
        year = "%Y" if match[2] == "9999" else "%y"
        first, second = ("%d", "%m") if order == "day-first" else ("%m", "%d")
        return [f"{first}{match[1]}{second}{match[1]}{year}"], shape[match.end() :]
    for pattern, form in _NAMED:
        if match := pattern.match(shape):
            year = "%Y" if match[2] == "9999" else "%y"
            return [form.format(match[1], month, year) for month in ("%b", "%B")], shape[match.end() :]
    return [], ""


def _numbers(
    name: str,
    own: Sequence[dict[str, object]],
    every: Sequence[dict[str, object]],
    asked: str,
    where: str,
    remedy: str,
) -> Numbers:
    """Decide on decimal point or comma for a column; where it does not tell itself, the other columns do."""
    plain = all(_PLAIN.fullmatch(str(row["shape"])) for row in own)
    if asked:
        return Numbers(decimal="," if asked == "," else ".", plain=plain and asked == ".")
    told = _tally(own)
    others = _tally(every)
    by_comma = bool(told["comma"]) or (not told["point"] and bool(others["comma"]) and not others["point"])
    by_point = bool(told["point"]) or (not told["comma"] and bool(others["point"]) and not others["comma"])
    unclear = told["either"] if by_comma == by_point else 0
    if unclear and by_comma:
        reason = f"some {name}s have a decimal comma and some a point"
    elif unclear:
        reason = f"{name}s do not tell whether the mark before the last three digits is a decimal one"
    else:
        decimal: Literal[".", ","] = (
            "," if told["comma"] > told["point"] or (by_comma and not by_point) else "."
        )
        whole = not {_mark(str(row["shape"])) for row in own} - {"none", "other"}
        return Numbers(decimal=decimal, plain=plain and decimal == ".", whole=whole)
    example = next(row["example"] for row in own if _mark(str(row["shape"])) in ("either", "three"))
    raise errors.DataError(f"{where}: {reason}, such as {example!r}: {remedy}")


def _tally(rows: Iterable[dict[str, object]]) -> Counter[str]:
    """Count the lines whose shape tells of a decimal comma, of a point, and those that may have either."""
    count: Counter[str] = Counter()
    for row in rows:
        count[_mark(str(row["shape"]))] += int(str(row["lines"]))
    if count["three"] and not count["none"]:  # 6.000 and 12.500: a column with three decimals throughout
        count["point"] += count["three"]
    elif count["three"]:
        count["either"] += count["three"]
    return count


def _mark(shape: str) -> str:
    """Say what a number's shape tells: ``comma``, ``point``, ``either``, ``three`` (like 1.234), ``none`` or ``other``."""
    core = re.sub(r"[^9.,]", "", re.sub(r"[eE][-+]?9+$", "", shape))
    leading_zero = shape.startswith("z")
    if re.fullmatch(r"9{1,3}(,9{3}){2,}|9{1,3}(,9{3})+\.9*|9*\.(9{0,2}|9{4,})|9{4,}\.9*", core):
        return "point"
    if re.fullmatch(r"9{1,3}(\.9{3}){2,}|9{1,3}(\.9{3})+,9*|9*,(9{0,2}|9{4,})|9{4,},9*", core):
        return "comma"
    if re.fullmatch(r"9{1,3},9{3}", core):
        return "comma" if leading_zero else "either"
    if re.fullmatch(r"9{1,3}\.9{3}", core):
        return "point" if leading_zero else "three"
    return "none" if re.fullmatch(r"9+", core) else "other"
