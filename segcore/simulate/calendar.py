"""The simulated shop's opening days, seasons and months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

MINUTES = 24 * 60
_SEASON = (0.80, 0.70, 0.85, 0.80, 0.95, 0.90, 0.90, 0.85, 1.25, 1.45, 2.00, 1.50)  # January to December
SHORTEST_WINDOW = 7  # days: a window always holds a day on which the shop is open
_CLOSED = 5  # Saturday, as in the real dump


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The simulated days, counted from `start`; minutes count from its midnight."""

    start: date
    n_days: int
    busy: NDArray[np.float64]  # of shape (n_days + 1,): share of the trade before each day begins
    open_before: NDArray[np.int64]  # of shape (n_days,): the nearest open day, the day itself included;
    open_after: NDArray[np.int64]  # the day itself where there is none
    months: tuple[str, ...]  # "2023-01" and so on
    month_ends: NDArray[np.int64]  # of shape (n_months,): first minute after each month

    def window(self, first: date | None, last: date | None) -> tuple[int, int]:
        """Return the first and the last simulated day from one date to another, None for an open end."""
        begin = 0 if first is None else max(0, (first - self.start).days)
        end = self.n_days - 1 if last is None else min(self.n_days - 1, (last - self.start).days)
        return begin, end

    def draw_days(
        self, u: NDArray[np.float64], first: NDArray[np.int64] | int, last: NDArray[np.int64] | int
    ) -> NDArray[np.int64]:
        """Return open days from `first` to `last`, by season, for uniform numbers `u` in [0, 1)."""
        low, high = self.busy[first], self.busy[np.add(last, 1)]
        days = np.searchsorted(self.busy, low + u * (high - low), side="right") - 1
        return np.clip(days, first, last).astype(np.int64)

    def at(self, days: NDArray[np.int64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return minutes in opening hours, most around noon, for uniform numbers `u` in [0, 1)."""
        # The inverse of a triangle from 8:00 to 20:00 with its top in the middle.
        half = np.sqrt(np.minimum(u, 1 - u) / 2)
        hours = 8 + 12 * np.where(u < 0.5, half, 1 - half)
        minutes: NDArray[np.int64] = days * MINUTES + (hours * 60).astype(np.int64)
        return minutes


def build_calendar(start: date, n_days: int) -> Calendar:
    """Return the calendar of `n_days` days from `start`."""
    days = [start + timedelta(days=i) for i in range(n_days)]
    weights = np.array([0.0 if day.weekday() == _CLOSED else _SEASON[day.month - 1] for day in days])
    number = np.arange(n_days)
    is_open = weights > 0
    before = np.maximum.accumulate(np.where(is_open, number, -1))
    after = np.minimum.accumulate(np.where(is_open, number, n_days)[::-1])[::-1]
    labels = [day.strftime("%Y-%m") for day in days]
    months = tuple(dict.fromkeys(labels))
    ends = np.cumsum([labels.count(month) for month in months]) * MINUTES
    busy = np.concatenate([[0.0], np.cumsum(weights)])
    return Calendar(
        start=start,
        n_days=n_days,
        busy=busy / busy[-1],
        open_before=np.where(before < 0, number, before),
        open_after=np.where(after == n_days, number, after),
        months=months,
        month_ends=ends,
    )
