"""Dates far beyond the bulk of a dump: one order that is two years late would move everybody's recency by as much."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise

_FEWEST_LINES = 50
_SHARE = 1_000  # one line in so many may be beyond
_LEAST_GAP, _TIMES = 30, 3  # days without a line; and as many times the longest such gap before


def last_usual_day(lines: Mapping[int, int]) -> int | None:
    """Return the last day before a few lines that lie far beyond all others; None where none do.

    Parameters
    ----------
    lines : mapping of int to int
        Day to its number of lines.
    """
    days, total = sorted(lines), sum(lines.values())
    if total < _FEWEST_LINES:
        return None
    gaps = [later - earlier for earlier, later in pairwise(days)]
    longest = [0, *accumulate(gaps, max)]  # before the gap at the same place
    beyond, last_usual = 0, None
    for place in range(len(gaps) - 1, -1, -1):
        beyond += lines[days[place + 1]]
        if beyond > max(1, total // _SHARE):
            break
        if gaps[place] >= max(_LEAST_GAP, _TIMES * longest[place]):
            last_usual = days[place]
    return last_usual
