"""What a reader gets, seen in a real browser."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.report.browser import AXE, MARKS, Visit

pytestmark = pytest.mark.browser


@pytest.fixture(params=["plain", "hostile"])
def path(request: pytest.FixtureRequest, page_file: Path, hostile_file: Path) -> Path:
    return page_file if request.param == "plain" else hostile_file


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Any]:
    contexts: list[BrowserContext] = []

    def visit(path: Path, width: int = 1280, height: int = 800, **options: Any) -> Visit:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        return Visit(contexts[-1], path)

    yield visit
    for context in contexts:
        context.close()


def test_it_says_nothing_and_asks_for_nothing(open_page: Any, path: Path) -> None:
    visit = open_page(path)
    visit.page.wait_for_timeout(200)
    assert visit.said == []
    assert visit.asked == [path.as_uri()]


@pytest.mark.parametrize("width", [1280, 390])
def test_every_chart_is_drawn(open_page: Any, page_file: Path, width: int) -> None:
    visit = open_page(page_file, width)
    visit.unfold()
    page = visit.page
    holders = page.query_selector_all("[data-chart]")
    drawn = {holder.get_attribute("data-chart"): holder.evaluate(MARKS) for holder in holders}
    assert len(drawn) >= 18
    assert {name for name, marks in drawn.items() if marks < 2} == set()
    said = {
        holder.get_attribute("data-chart"): holder.get_attribute("aria-label") or "" for holder in holders
    }
    assert {name: text for name, text in said.items() if not re.search(r"\d.*\.$", text)} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(open_page: Any, path: Path, scheme: str) -> None:
    visit = open_page(path, 390, 844, color_scheme=scheme)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.unfold()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate(
        "[...document.querySelectorAll('.vega svg')].filter(s => s.getBoundingClientRect().right > 391).length"
    )
    assert wide == 0


def test_the_first_screen_holds_every_card(open_page: Any, page_file: Path) -> None:
    page = open_page(page_file).page
    bottoms = page.evaluate(
        "[...document.querySelectorAll('.card')].map(c => c.getBoundingClientRect().bottom)"
    )
    assert len(bottoms) == 4
    assert max(bottoms) <= 800


def test_without_scripts_everything_is_shown(open_page: Any, page_file: Path) -> None:
    def shown(visit: Visit) -> tuple[str, list[Any]]:
        page = visit.page
        drawn = [svg.bounding_box() for svg in page.query_selector_all(".vega svg") if svg.is_visible()]
        return page.inner_text("body"), drawn

    without = open_page(page_file, java_script_enabled=False)
    assert shown(without) == shown(open_page(page_file))
    assert len(shown(without)[1]) == 5


def test_hover_tells_the_numbers(open_page: Any, path: Path) -> None:
    visit = open_page(path)
    visit.unfold()
    page = visit.page
    dot = page.query_selector("#chart-map [data-tip]")
    dot.scroll_into_view_if_needed()
    dot.hover()
    tooltip = page.wait_for_selector(".tip.shown")
    assert re.search(r"^\d+ customers, \d+% of them ", tooltip.inner_text())
    assert page.query_selector(".tip *") is None
    box = tooltip.bounding_box()
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 1280


def test_hostile_texts_are_text(open_page: Any, hostile_file: Path) -> None:
    visit = open_page(hostile_file)
    page = visit.page
    assert page.locator("bdi", has_text="<script>alert(1)</script>").count() > 4
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.scripts.length") == 1
    longest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('bdi')].map(b => b.textContent.length))"
    )
    assert longest <= 300
    assert visit.said == []


def test_a_theme_changes_the_charts_without_drawing_them_again(open_page: Any, page_file: Path) -> None:
    page = open_page(page_file, color_scheme="light").page
    fill = "getComputedStyle(document.querySelector('#chart-monthly .role-mark path')).fill"
    light = page.evaluate(fill)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(fill) != light


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        *(pytest.param(*own, marks=pytest.mark.slow) for own in ((1280, "dark"), (390, "light"))),
    ],
)
def test_axe_finds_no_serious_violation(open_page: Any, path: Path, width: int, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm install --no-save axe-core@4")
    visit = open_page(path, width, color_scheme=scheme)
    visit.unfold()
    page = visit.page
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [f for f in found if f["impact"] in {"serious", "critical", "moderate"}]
    assert [(f["id"], [node["html"][:120] for node in f["nodes"][:3]]) for f in serious] == []


def test_on_a_phone_no_column_is_cut(open_page: Any, page_file: Path) -> None:
    visit = open_page(page_file, 390, 844)
    visit.unfold()
    cut = visit.page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.ariaLabel)"
    )
    assert cut == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_covers_another(open_page: Any, page_file: Path, width: int) -> None:
    visit = open_page(page_file, width)
    visit.unfold()
    covered = visit.page.evaluate(
        """[...document.querySelectorAll('.vega')].flatMap(chart => {
            const texts = [...chart.querySelectorAll('text:not([stroke])')].map(t => [t.textContent, t.getBoundingClientRect()])
                .filter(([, box]) => box.width && box.height);
            const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
            return texts.flatMap(([a, box], i) => texts.slice(i + 1).filter(([, other]) => over(box, other))
                .map(([b]) => `${chart.id}: ${a} | ${b}`));
        })"""
    )
    assert covered == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_is_cut_at_the_edge_of_its_chart(open_page: Any, page_file: Path, width: int) -> None:
    visit = open_page(page_file, width)
    visit.unfold()
    cut = visit.page.evaluate(
        """[...document.querySelectorAll('.vega svg text')].filter(text => {
            const box = text.getBoundingClientRect(), chart = text.ownerSVGElement.getBoundingClientRect();
            return box.width && (box.left < chart.left - 1 || box.right > chart.right + 1
                || box.top < chart.top - 1 || box.bottom > chart.bottom + 1);
        }).map(text => `${text.closest('.vega').id}: ${text.textContent}`)"""
    )
    assert cut == []


def test_the_contents_stay_in_view_and_lead_into_what_is_folded(open_page: Any, page_file: Path) -> None:
    page = open_page(page_file).page
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.locator("nav").bounding_box()["y"] == pytest.approx(0, abs=1)
    page.locator("nav a", has_text="For analysts").click()
    page.wait_for_selector("#h-features", state="visible")
    page.locator("nav a", has_text="Overview").click()
    headline = page.locator(".headline")
    for _ in range(50):  # it scrolls smoothly, and the longer the page, the longer
        if 0 < headline.bounding_box()["y"] < 300:
            break
        page.wait_for_timeout(100)
    assert 0 < headline.bounding_box()["y"] < 300


def test_headings_step_down_one_at_a_time(open_page: Any, page_file: Path) -> None:
    page = open_page(page_file).page
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.evaluate(
        "[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.trim())"
    )


def test_the_keyboard_reaches_the_report(open_page: Any, page_file: Path) -> None:
    page = open_page(page_file).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_printed_charts_are_whole(
    open_page: Any, page_file: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    page = open_page(page_file, width, color_scheme=scheme).page
    pdf = tmp_path / "report.pdf"
    page.pdf(path=str(pdf), prefer_css_page_size=True, print_background=True)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= 25
    # The same layout as on paper, measured: A4 less the margins is 184 mm, and no chart is wider than its place.
    page.set_viewport_size({"width": 695, "height": 1000})
    page.emulate_media(media="print")
    over = page.evaluate(
        """[...document.querySelectorAll('.vega')].filter(h => {
            const svg = [...h.querySelectorAll('svg')].map(s => s.getBoundingClientRect()).find(s => s.width);
            const box = h.getBoundingClientRect();
            return svg.width > box.width + 1 || box.right > 697 || box.width < 120;
        }).map(h => h.id)"""
    )
    assert over == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"


def test_the_pdf_holds_the_text_of_every_chart(open_page: Any, page_file: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "report.pdf"
    open_page(page_file).page.pdf(path=str(pdf), prefer_css_page_size=True, print_background=True)
    try:
        done = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("no pdftotext on this machine: apt-get install poppler-utils")
    for text in ("2010", "number of segments, k", "height of the merge", "£8,737,228", "log scale", "Gone"):
        assert text in done.stdout
    first, second, *_ = done.stdout.split("\f")  # the handout
    assert "What to do" in first
    assert "Can we trust it?" in first + second
    assert "What each segment buys" not in first + second
