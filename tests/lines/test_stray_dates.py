"""A date far beyond all others does not move the day that recency counts from; a shop that pauses is no such case."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.lines.stray_dates import last_usual_day
from segcore.pipeline.inspection.look import inspect
from tests.ingest.test_right_or_refused import csv
from tests.transaction_lines import NOW, counts, through

MONTH = dict.fromkeys(range(100, 130), 2)  # 60 lines


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        (MONTH, None),
        (MONTH | {800: 1}, 129),
        (MONTH | {800: 2}, None),  # more than one line in a thousand, and more than one
        (dict.fromkeys(range(100, 130), 100) | {800: 3}, 129),
        (dict.fromkeys(range(100, 130), 100) | {800: 2, 1500: 1}, 129),
        (dict.fromkeys(range(100, 130), 100) | {800: 2, 801: 1, 1500: 1}, None),
        (MONTH | {158: 1}, None),  # 29 days later
        (MONTH | {159: 1}, 129),
        (
            {day + 50 * (day > 115): lines for day, lines in MONTH.items()} | {320: 1},
            None,
        ),  # less than 3 x 51 later
        ({day + 50 * (day > 115): lines for day, lines in MONTH.items()} | {332: 1}, 179),
        ({100: 24, 101: 24, 800: 1}, None),  # of 49 lines
        ({100: 25, 101: 24, 800: 1}, 101),
        ({}, None),
    ],
)
def test_a_few_lines_far_beyond_all_others(lines: dict[int, int], last: int | None) -> None:
    assert last_usual_day(lines) == last


@given(st.dictionaries(st.integers(0, 2_000), st.integers(1, 2_000), min_size=1, max_size=40))
def test_what_is_beyond_is_little_and_far(lines: dict[int, int]) -> None:
    last = last_usual_day(lines)
    if last is not None:
        beyond = {day: count for day, count in lines.items() if day > last}
        assert sum(beyond.values()) <= max(1, sum(lines.values()) / 1000)
        assert min(beyond) - last >= 30
        assert last in lines


def orders(folder: Path, *more: str) -> str:
    days = [date(2011, 1, 1) + timedelta(days=n) for n in range(60)]
    lines = [f"c{n},{n},{day},{n + 1}" for n, day in enumerate(days)]
    return str(csv("customer_id,order_id,date,amount", *lines, *more)(folder))


@pytest.mark.parametrize(
    "window", [{}, {"features__window_from": "2010-01-01"}, {"features__window": "400d"}]
)
def test_a_late_line_moves_nobodys_recency(tmp_path: Path, window: dict[str, Any]) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "late").mkdir()
    plain = orders(tmp_path / "plain")
    late = orders(tmp_path / "late", "c0,x,2013-03-01,7")
    without = through([plain], tmp_path / "run", **window)
    account = through([late], tmp_path / "again", **window)
    assert counts(without) == {"purchase": 60}
    assert counts(account) == {"purchase": 60, "stray_date": 1}
    assert next(one["money"] for one in account["classes"] if one["class"] == "stray_date") == "7.0000"
    assert [text for text in account["warnings"] if "1 line(s) are dated far beyond all others" in text]
    one, other = (
        pl.read_parquet(tmp_path / name / "customers/features/*.parquet") for name in ("run", "again")
    )
    assert one.equals(other)
    assert one["days_since_last_order"].min() == 1  # 2 March, but for the hour


def test_the_job_decides(tmp_path: Path) -> None:
    account = through([orders(tmp_path, "c0,x,2013-03-01,7")], tmp_path / "run", features__as_of="2013-03-02")
    assert counts(account) == {"purchase": 61}


def test_it_is_seen_by_inspect(tmp_path: Path) -> None:
    path = orders(tmp_path, "c0,x,2013-03-01,7")
    seen = inspect([path], job.Job(), full=True, now=NOW)
    assert dict(seen.classes.iter_rows()) == {"purchase": 60, "stray_date": 1}
    assert any("dated far beyond all others" in text for text in seen.warnings)
