from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.report import privacy


def bins(counts: list[int]) -> pl.DataFrame:
    edges = [float(i) for i in range(len(counts))]
    return pl.DataFrame({"left": edges, "right": [e + 1 for e in edges], "customers": counts})


@pytest.mark.parametrize(
    ("counts", "merged"),
    [
        ([7, 5], [(0, 1, 7, 1), (1, 2, 5, 1)]),
        ([0, 3, 1, 1, 9], [(1, 4, 5, 3), (4, 5, 9, 1)]),
        ([6, 0, 0, 2], [(0, 4, 8, 4)]),  # too few at the end join the bin before, over the gap
        ([6, 0, 5, 0], [(0, 1, 6, 1), (2, 3, 5, 1)]),
        ([1, 0, 3], []),
        ([0, 0], []),
    ],
)
def test_bins_by_hand(counts: list[int], merged: list[tuple[int, ...]]) -> None:
    assert privacy.merged_bins(bins(counts)).rows() == merged


@given(st.lists(st.integers(0, 8), min_size=1, max_size=30))
def test_merged_bins_hold_everybody_and_nobody_alone(counts: list[int]) -> None:
    merged = privacy.merged_bins(bins(counts))
    assert merged["customers"].sum() == (sum(counts) if sum(counts) >= 5 else 0)
    assert (merged["customers"] >= 5).all()
    assert (merged["bins"] == merged["right"] - merged["left"]).all()
    assert (merged["left"][1:] >= merged["right"][:-1]).all()


def test_a_pattern_keeps_only_the_form() -> None:
    assert privacy.pattern("jo@shop.example · 17850.0 · Ωé٣") == "xx@xxxx.xxxxxxx · 00000.0 · xx0"


def test_excluded_customers_are_not_named() -> None:
    text = '[cleaning]\nexclude_customers = ["guest@shop.example", "0"]\n'
    shown = privacy.job_text(job.resolve(text), text)
    assert 'exclude_customers = [\n    "hidden",\n    "hidden",\n]' in shown
    assert privacy.job_text(job.resolve(""), "# as it is") == "# as it is"
