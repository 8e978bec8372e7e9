from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from segcore.report import formatting
from segcore.report.formatting import Formatter


@pytest.mark.parametrize(
    ("currency", "value", "text"),
    [
        ("£", 8737227.64, "£8,737,228"),
        ("£", 2.5, "£2.50"),
        ("£", -471750.71, "−£471,751"),
        ("EUR", 1234.0, "EUR\u00a01,234"),
        ("", 0.0, "0"),
        ("£", None, "–"),
        ("£", float("nan"), "–"),
    ],
)
def test_money(currency: str, value: float | None, text: str) -> None:
    assert Formatter(currency=currency).money(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.218, "22%"),
        (0.0247, "2.5%"),
        (0.0, "0%"),
        (0.0001, "<0.1%"),
        (1.0, "100%"),
        (None, "–"),
        (-0.02, "−2.0%"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert Formatter().percent(share) == text


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("order_count", 1, "1\u00a0order"),
        ("order_count", 8, "8\u00a0orders"),
        ("days_since_last_order", 12, "12\u00a0days"),
        ("unique_products", 43.6, "44\u00a0products"),
        ("mean_days_between_orders", 11.5, "11.5\u00a0days"),
        ("total_spend", 3412.2, "£3,412"),
        ("return_rate", 0.125, "12%"),
        ("visits_to_site", 1234.5, "1,234"),
    ],
)
def test_a_value_has_its_unit(feature: str, value: float, text: str) -> None:
    assert Formatter(currency="£").value(feature, value) == text


@pytest.mark.parametrize(
    ("feature", "low", "high", "text"),
    [
        ("order_count", 3, 6, "3 to 5\u00a0orders"),
        ("order_count", 1, 2, "1\u00a0order"),
        ("total_spend", 235.0, 1400.0, "£235 to £1,400"),
        ("return_rate", 0.1, 0.25, "10% to 25%"),
    ],
)
def test_a_range_has_its_unit(feature: str, low: float, high: float, text: str) -> None:
    assert Formatter(currency="£").between(feature, low, high) == text


def test_nought_has_no_sign() -> None:
    assert [Formatter().number(v) for v in (-0.001, 0.0, -0.01)] == ["0.00", "0.00", "−0.01"]
    assert Formatter().percent(-0.0001) == "0.0%"


def test_months_have_their_year() -> None:
    assert [formatting.month(text) for text in ("2011-01", "2010-12-01")] == ["Jan 2011", "Dec 2010"]


def test_days_and_periods() -> None:
    assert formatting.day("2011-12-09") == "9 December 2011"
    assert formatting.period("2010-12-01", "2011-12-09") == "1 December 2010 – 9 December 2011"
    assert formatting.period(None, None) == ""


def test_durations_and_sizes() -> None:
    assert [formatting.seconds(s) for s in (0.0012, 12.34, 250.0, None)] == [
        "0.0012 s",
        "12.3 s",
        "4 min 10 s",
        "–",
    ]
    assert [formatting.size(n) for n in (220_000, 45_580_638, 2.5e9)] == ["0.2 MB", "46 MB", "2.5 GB"]


@given(st.text(max_size=300), st.integers(2, 80))
def test_cut_text_is_one_short_line_and_cutting_again_changes_nothing(text: str, most: int) -> None:
    short = formatting.cut(text, most)
    assert len(short) <= most
    assert not any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in short)
    assert formatting.cut(short, most) == short


def test_markdown_cells_cannot_break_out() -> None:
    assert formatting.md("a|b\n<i> `x` [y](z)") == r"a\|b \<i\> \`x\` \[y\](z)"
    assert formatting.md(Markup("| --- |")) == "| --- |"
    assert formatting.md("שלום") == "\u2068שלום\u2069"
    assert formatting.md(3) == 3


def test_a_markdown_head_has_a_rule_per_column() -> None:
    assert formatting.md_head(["A|B", "n"], 1) == "| A\\|B | n |\n| --- | ---: |"
