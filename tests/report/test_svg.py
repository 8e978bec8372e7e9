from __future__ import annotations

import os
import re

import altair as alt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.report.charts import placing, svg
from segcore.report.charts.base import CONFIG, spec, tip


def drawing(**columns: list[object]) -> str:
    chart = alt.Chart(pl.DataFrame(columns)).mark_point().encode(x="x:Q", y="x:Q", description="tip:N", color=alt.value("var(--s1)"))  # fmt: skip
    return svg.render(spec(chart, 100))


def test_a_drawing_keeps_variables_and_tooltips_and_nothing_that_html_does_not_need() -> None:
    text = drawing(x=[1.0, 2.0], tip=[tip("One", "3 orders"), tip("<b>&\"'")])
    assert re.findall(r'data-tip="([^"]*)"', text) == ["One&#10;3 orders", "&lt;b&gt;&amp;&quot;'"]
    assert 'stroke="var(--s1)"' in text
    assert not re.search(r"xmlns|aria-|role=|font-family|\.\d{3}", text)


def test_a_mark_without_a_tooltip_has_none() -> None:
    assert "data-tip" not in drawing(x=[1.0], tip=["words of Vega's own"])


@pytest.mark.parametrize("font", ["DejaVu Sans Mono", "DejaVu Sans", "Liberation Serif", "Roboto"])
def test_no_font_of_the_machine_changes_a_drawing(font: str) -> None:
    chart = alt.Chart(pl.DataFrame({"x": ["a long label of a row", "b"]})).mark_point().encode(y="x:N")
    drawn = spec(chart, 100)
    with_font = svg.render(drawn | {"config": CONFIG | {"font": font}})
    assert with_font == svg.render(drawn | {"config": CONFIG | {"font": "no font of this name"}})


@pytest.mark.parametrize("own", [None, "own.conf"])
def test_what_the_machine_says_of_its_fonts_stays_for_others(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    if own is not None:
        monkeypatch.setenv("FONTCONFIG_FILE", own)
    svg._without_fonts_of_the_machine.__wrapped__()
    assert os.environ.get("FONTCONFIG_FILE") == own


@pytest.mark.parametrize(
    ("number", "short"),
    [
        ("1.2345", "1.2"),
        ("-0.004", "0"),
        ("2.00", "2"),
        ("-1.26", "-1.3"),
        ("1.5e-7", "0"),
        ("0.45", "0.45"),
        ("-0.333", "-0.33"),
        ("1104.04", "1104"),
    ],
)
def test_numbers_are_short(number: str, short: str) -> None:
    assert svg._NUMBER.sub(svg._shortened, f"M{number},7") == f"M{short},7"


boxes = st.builds(
    placing.Box, x=st.floats(0, 300), y=st.floats(0, 100), width=st.floats(10, 120), height=st.just(20.0)
)


@given(st.lists(boxes, max_size=6))
def test_labels_end_apart_and_stay_in_their_order(given: list[placing.Box]) -> None:
    placed = placing.apart(given)
    assert not any(a.overlaps(b) for i, a in enumerate(placed) for b in placed[i + 1 :])
    assert [(b.x, b.width) for b in placed] == [(b.x, b.width) for b in given]


def test_labels_that_are_apart_stay_where_they_are() -> None:
    given = [placing.Box(x=0, y=0, width=50, height=20), placing.Box(x=60, y=0, width=50, height=20)]
    assert placing.apart(given) == given
    assert (
        placing.wrapped("Frequent buyers, smaller orders: 945", 18)
        == "Frequent buyers,\nsmaller orders:\n945"
    )
