"""How numbers are written: decimal point or comma, decided for each column over all files of a group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from segcore import errors
from segcore.ingest.value_patterns import PatternCount

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


def are_plain(numbers: Iterable[PatternCount]) -> bool:
    """Whether all numbers are plain, and none could have three decimals or thousands."""
    return all(_PLAIN.fullmatch(one.pattern) and _mark(one.pattern) != "three" for one in numbers)


def decide(
    patterns: Sequence[PatternCount],
    names: Sequence[str],
    wanted: str,
    where: str,
    remedy: str = "set input.decimal in the job or give --decimal",
) -> dict[str, Numbers]:
    """Decide how columns write numbers.

    Parameters
    ----------
    patterns : sequence of PatternCount
        Of these columns; others are passed over.
    names : sequence of str
    wanted : str
        The job's decimal mark; empty to find it.
    where : str
        The files, for the error.
    remedy : str
        What to do, for the error.

    Raises
    ------
    segcore.errors.DataError
        If they could be read in two ways and it matters.
    """
    by_name = {name: [one for one in patterns if one.column == name] for name in names}
    every = [one for own in by_name.values() for one in own]
    return {name: _numbers(name, own, every, wanted, where, remedy) for name, own in by_name.items()}


def _numbers(
    name: str,
    own: Sequence[PatternCount],
    every: Sequence[PatternCount],
    wanted: str,
    where: str,
    remedy: str,
) -> Numbers:
    """Decide on decimal point or comma for a column; where its own numbers leave it open, by the other columns."""
    plain = all(_PLAIN.fullmatch(one.pattern) for one in own)
    if wanted:
        return Numbers(decimal="," if wanted == "," else ".", plain=plain and wanted == ".")
    marks, others = _tally(own), _tally(every)
    by_comma = bool(marks["comma"]) or (not marks["point"] and bool(others["comma"]) and not others["point"])
    by_point = bool(marks["point"]) or (not marks["comma"] and bool(others["point"]) and not others["comma"])
    unclear = marks["either"] if by_comma == by_point else 0
    if unclear and by_comma:
        reason = "some have a decimal comma and some a point, which leaves open"
    elif unclear:
        reason = "nothing decides"
    else:
        decimal: Literal[".", ","] = (
            "," if marks["comma"] > marks["point"] or (by_comma and not by_point) else "."
        )
        whole = not {_mark(one.pattern) for one in own} - {"none", "other"}
        return Numbers(decimal=decimal, plain=plain and decimal == ".", whole=whole)
    example = next(one.example for one in own if _mark(one.pattern) in ("either", "three"))
    raise errors.DataError(
        f"{where}: column {name}: {reason} whether the mark in {example!r} is a decimal one or one of thousands: {remedy}"
    )


def _tally(numbers: Iterable[PatternCount]) -> Counter[str]:
    """Count the lines whose pattern tells of a decimal comma, of a point, and those that may have either."""
    count: Counter[str] = Counter()
    for one in numbers:
        count[_mark(one.pattern)] += one.lines
    count["either"] += count["three"]
    return count


def _mark(pattern: str) -> str:
    """Return what a number's pattern tells: comma, point, either, three (like 1.234), none or other."""
    core = re.sub(r"[^9.,]", "", re.sub(r"[eE][-+]?9+$", "", pattern))
    leading_zero = pattern.startswith("z")
    if re.fullmatch(
        r"99?(,99)+,9{3}(\.9*)?|9{1,3}(,9{3}){2,}|9{1,3}(,9{3})+\.9*|9*\.(9{0,2}|9{4,})|9{4,}\.9*", core
    ):
        return "point"
    if re.fullmatch(r"9{1,3}(\.9{3}){2,}|9{1,3}(\.9{3})+,9*|9*,(9{0,2}|9{4,})|9{4,},9*", core):
        return "comma"
    if re.fullmatch(r"9{1,3},9{3}", core):
        return "comma" if leading_zero else "either"
    if re.fullmatch(r"9{1,3}\.9{3}", core):
        return "point" if leading_zero else "three"
    return "none" if re.fullmatch(r"9+", core) else "other"
