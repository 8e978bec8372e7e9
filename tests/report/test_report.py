"""The report's content, against the tables that it comes from."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest

from segcore import errors, report
from segcore import job as jobs
from segcore.report.charts import Figure
from segcore.report.context import context
from segcore.report.formatting import Formatter
from segcore.report.report_data import load
from segcore.report.sections import ledger, movement
from tests.report.make_run import HOSTILE, make_run


class Cards(HTMLParser):
    """Collects each card's figures and all texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cards: dict[int, dict[str, float]] = {}
        self.texts: list[str] = []
        self._figure = ""
        self._segment = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("data-segment"):
            self._segment = int(found["data-segment"] or 0)
            self.cards[self._segment] = {}
        self._figure = found.get("data-figure") or self._figure
        if tag == "data" and self._figure:
            self.cards[self._segment][self._figure] = float(found["value"] or "nan")
            self._figure = ""

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def page(html: str) -> Cards:
    return Cards(html)


def profile(run_dir: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(run_dir / "profile.parquet").filter(pl.col("segment") > 0).to_dicts()


def test_every_figure_of_a_card_is_in_the_runs_tables(page: Cards, run_dir: Path) -> None:
    returned = dict(
        pl.read_parquet(run_dir / "tables" / "returns.parquet").select("segment", "returned").rows()
    )
    whole = sum(row["revenue"] for row in profile(run_dir)) - returned[0]
    for row in profile(run_dir):
        revenue = row["revenue"] - returned[row["segment"]]
        assert page.cards[row["segment"]] == {
            "customers": float(row["customers"]),
            "customer_share": row["customer_share"],
            "revenue": pytest.approx(revenue),
            "revenue_share": pytest.approx(revenue / whole),
        }
    assert all(row["segment_name"] in page.texts for row in profile(run_dir))


def test_revenue_is_net_of_returns_and_says_so(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    table = pl.read_parquet(run_dir / "tables" / "returns.parquet")
    first = (pl.col("segment") == 1) | (pl.col("segment") == 0)
    half = table.filter(pl.col("segment") == 1)["revenue"].item() / 2
    table.with_columns(
        returned=pl.when(first).then(half).otherwise(0.0), returners=pl.when(first).then(7).otherwise(0)
    ).write_parquet(tmp_path / "run" / "tables" / "returns.parquet")
    page = report.build(tmp_path / "run")
    gross = [row["revenue"] for row in profile(run_dir)]
    share, before = (gross[0] - half) / (sum(gross) - half), gross[0] / sum(gross)
    assert f"bring {share:.0%} of revenue ({before:.0%} before returns)." in page
    assert f"£{sum(gross):,.0f} before returns, £{half:,.0f} sent back." in page
    assert "7 customers sent back nine tenths or more of what they bought" in page
    assert "Another £1,447,682 was bought without a customer&#39;s name" in page


def test_of_a_few_who_sent_everything_back_no_money_is_told(html: str) -> None:
    assert "Fewer than 5 customers sent back nine tenths or more of what they bought." in html


def test_where_returns_are_taken_back_already_they_are_not_taken_off_again(tmp_path: Path) -> None:
    make_run(tmp_path, n=200, movement=False, overrides={"features.returns": "net"})
    cards = Cards(report.build(tmp_path)).cards
    assert {s: card["revenue"] for s, card in cards.items()} == {
        row["segment"]: row["revenue"] for row in profile(tmp_path)
    }


def test_products_are_told_by_customers_and_do_not_shout(html: str) -> None:
    assert html.count("<h4>Best sellers</h4>") == 4
    assert html.count("<h4>Bought unusually often</h4>") == 4
    assert re.search(r'<bdi>Regency cakestand 3 tier</bdi> <span class="figures">20%, 2.8×</span>', html)
    assert "White hanging heart t-light holder" in html
    assert "WHITE HANGING HEART" not in re.sub(r"(?s)<details.*?</details>", "", html)


def test_every_mark_is_told_beside_the_typical_customer(html: str, run_dir: Path) -> None:
    fmt = Formatter(currency="£")
    for row in profile(run_dir):
        for mark in row["marks"]:
            name = mark["feature"]
            own, everybody = (fmt.bare(name, mark[key]) for key in ("value", "population"))
            assert mark["value"] == row[f"{name}_median"]
            assert re.search(rf"<bdi>[^<]*{own}[^<]* \(typical customer: {everybody}\)</bdi>", html)
    assert "The typical customer is the one in the middle" in html


def test_cards_are_ordered_by_revenue_whatever_their_numbers(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    table = pl.read_parquet(run_dir / "profile.parquet")
    swapped = table.with_columns(segment=pl.col("segment").replace({1: 9, 4: 1}))
    swapped.write_parquet(tmp_path / "run" / "profile.parquet")
    assert list(Cards(report.build(tmp_path / "run")).cards) == [9, 2, 3, 1]


@pytest.fixture(scope="module")
def figures(run_dir: Path) -> dict[str, Figure]:
    return {figure.name: figure for figure in context(load(run_dir), show_ids=False)["figures"]}


def test_one_segment_has_one_colour_everywhere(html: str, figures: dict[str, Figure]) -> None:
    for name in ("monthly", "map", "distribution-total_spend"):
        text = json.dumps(figures[name].spec)
        assert '"domain": [1, 2, 3, 4], "range": ["var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)"]' in text
    assert html.count('data-segment="2"') == 1
    assert re.search(r'class="card" style="--c: var\(--s2\)" data-segment="2"', html)


def test_ids_are_shown_only_when_asked_for(html: str, run_dir: Path) -> None:
    nearest = pl.read_parquet(run_dir / "tables" / "examples.parquet").group_by(
        "segment", maintain_order=True
    )
    ids = nearest.head(5)["customer_id"].to_list()
    shown = report.build(run_dir, show_ids=True)
    assert all(f"<bdi>{i}</bdi>" in shown for i in ids)
    assert not any(f"<bdi>{i}</bdi>" in html for i in ids)
    assert not any(f"| {i} |" in report.build_markdown(run_dir) for i in ids)


def test_a_typical_customer_is_the_median_of_the_nearest(html: str, run_dir: Path) -> None:
    nearest = pl.read_parquet(run_dir / "tables" / "examples.parquet").filter(pl.col("segment") == 1)
    assert nearest.height == 20
    spend = Formatter(currency="£").money(float(nearest["total_spend"].median()))  # type: ignore[arg-type]
    assert re.search(rf"A typical customer: [^.]*, {spend} spent in total, ", html)


def test_of_a_few_customers_no_cell_is_shown(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    movement = json.loads((run_dir / "movement.json").read_text())
    for cell in movement["flows"]:
        if (cell["old"], cell["new"]) == (1, 2):
            cell |= {"customers": 4, "money": 76543.0}
    (tmp_path / "run" / "movement.json").write_text(json.dumps(movement))
    page = report.build(tmp_path / "run")
    assert re.search(r'<td class="num" data-label="[^"]*">&lt;5</td>', page)
    assert "76,543" not in page
    assert re.search(r"Moves of fewer than 5 customers are not drawn: \d+ customers\.", page)


@pytest.mark.slow
def test_the_page_is_small_whatever_the_number_of_customers(html: str, tmp_path: Path) -> None:
    many = report.build(make_run(tmp_path, n=3000))
    assert len(many.encode()) < 1_000_000
    assert len(many.encode()) < 1.5 * len(html.encode())


def test_it_is_the_same_every_time(html: str, run_dir: Path) -> None:
    assert report.build(run_dir) == html


def test_nothing_is_fetched_and_no_script_but_its_own_may_run(html: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/=]{44}'", policy[1])) == 1
    assert "unsafe-eval" not in policy[1]
    markup = re.sub(r"(?s)<script[^>]*>.*?</script>", "", html)
    assert not re.search(r"<(img|link|iframe|object|embed)|\ssrc=|url\(|@import|https?:", markup)
    assert html.count("<script") == 1


def test_hostile_texts_are_escaped_and_cut(hostile_dir: Path) -> None:
    page = report.build(hostile_dir)
    for text in HOSTILE[:2]:
        assert text not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "x" * 300 not in page
    assert "x" * 50 in page
    assert page.count("</script") == 1


def test_hostile_texts_keep_a_markdown_table_whole(hostile_dir: Path, run_dir: Path) -> None:
    def shape(text: str) -> list[int]:
        rows = [line for line in text.splitlines() if line.startswith("|")]
        return [len(re.findall(r"(?<!\\)\|", row)) for row in rows]

    hostile = report.build_markdown(hostile_dir)
    assert shape(hostile) == shape(report.build_markdown(run_dir))
    assert "<script>" not in hostile


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        ("movement.json lineage.json", 'id="movement"'),
        ("drift.json", "Drift since"),
        pytest.param("tables/map.parquet", 'id="map"', marks=pytest.mark.slow),
        pytest.param("tables/products.parquet", "Best sellers", marks=pytest.mark.slow),
        ("tables/returns.parquet", "net of returns"),
        pytest.param("tables/histogram.parquet", "How each feature is spread", marks=pytest.mark.slow),
        pytest.param("tables/monthly.parquet", "Revenue by month and segment", marks=pytest.mark.slow),
        ("look_back.parquet", "chart-pays-shares"),
        pytest.param("rules.json", "Rules of thumb", marks=pytest.mark.slow),
        pytest.param("tables/tree.parquet", "trees of hierarchical", marks=pytest.mark.slow),
        pytest.param("tables/agreement.parquet", "Do the families agree", marks=pytest.mark.slow),
        pytest.param("tables/examples.parquet", "A typical customer:", marks=pytest.mark.slow),
        ("rejects/part-0000.parquet", "first rejected lines"),
    ],
)
def test_a_part_whose_table_is_absent_is_absent(
    html: str, run_dir: Path, tmp_path: Path, gone: str, text: str
) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    for name in gone.split():
        (tmp_path / "run" / name).unlink()
    assert text in html
    assert text not in report.build(tmp_path / "run")
    assert report.build_markdown(tmp_path / "run").startswith("# Customer segments")


def test_without_any_optional_table_there_is_still_a_report(run_dir: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "job.toml", "ledger.json", "profile.parquet", "candidates.parquet"):
        shutil.copy(run_dir / name, tmp_path / name)
    bare = Cards(report.build(tmp_path))
    assert len(bare.cards) == 4
    assert "What changed" not in bare.texts


def test_where_stability_was_not_measured_its_charts_are_absent(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    unmeasured = ["prediction_strength", "prediction_strength_se", "jaccard_min", "jaccard"]
    table = pl.read_parquet(run_dir / "candidates.parquet")
    table.with_columns(pl.lit(None).cast(table.schema[c]).alias(c) for c in unmeasured).write_parquet(
        tmp_path / "run" / "candidates.parquet"
    )
    page = report.build(tmp_path / "run")
    assert "chart-criterion-silhouette" in page
    assert "chart-criterion-prediction-strength" not in page
    assert "How stable each segment is" not in page


def test_numbers_that_are_not_finite_never_reach_a_chart(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    table = pl.read_parquet(run_dir / "candidates.parquet")
    holes = pl.when(pl.col("k") == 3).then(float("nan")).when(pl.col("k") == 5).then(float("inf"))
    table.with_columns(silhouette=holes.otherwise(pl.col("silhouette"))).write_parquet(
        tmp_path / "run" / "candidates.parquet"
    )
    drawings = re.findall(r"(?s)<svg.*?</svg>", report.build(tmp_path / "run"))
    assert len(drawings) > 15
    assert not any("NaN" in drawing or "Infinity" in drawing for drawing in drawings)


def test_every_chart_is_vega_lite_and_drawn(figures: dict[str, Figure], html: str) -> None:
    assert len(figures) > 15
    for name, figure in figures.items():
        alt.Chart.from_dict({**figure.spec, "config": {}}, validate=True)
        assert html.count(f'id="chart-{name}"') == 1
        assert figure.svg in html


def test_a_tooltip_has_words_and_units_and_never_a_column(html: str) -> None:
    tips = re.findall(r'data-tip="([^"]*)"', html)
    assert len(tips) > 300
    assert not any(re.search(r"_|\bnull\b|undefined|\d{5}", tip) for tip in tips)
    texts = "\n".join(tips)
    for pattern in (
        r"Total spend: £[\d,.]+ to £[\d,.]+&#10;\d+ customers, [\d.]+% of the segment",
        r"\d+ customers, [\d.]+% of them Big spenders&#10;Days since last order, median: \d+\xa0days?&#10;",
        r"K-Means with 4 segments&#10;Prediction strength: 0\.\d+ ± 0\.012, one standard error&#10;Chosen",
        r"Dec 2011, only to 9th&#10;£[\d,]+, [\d.]+% of the month&#10;\d+ orders of 9 customers",
        r"Big spenders → Gone&#10;12 customers",
    ):
        assert re.search(pattern, texts), pattern


def test_the_waterfall_ends_at_the_purchases(run_dir: Path, figures: dict[str, Figure]) -> None:
    ledger = json.loads((run_dir / "ledger.json").read_text())
    for column in ("rows", "money"):
        [steps] = figures[f"ledger-{column}"].spec["datasets"].values()
        assert steps[0]["end"] == float(ledger[f"{column}_in"])
        assert steps[-2]["end"] == pytest.approx(steps[-1]["end"], abs=1e-6)
        assert steps[-1]["end"] == next(
            float(r[column]) for r in ledger["classes"] if r["class"] == "purchase"
        )


def test_the_ledger_is_shown_to_the_penny(run_dir: Path, html: str) -> None:
    shown = ledger.ledger(load(run_dir), Formatter(currency="£"), show_ids=False)
    assert [row["money"] for row in shown.classes][-3:] == ["−£471,750.71", "£8,737,227.64", "£9,747,747.93"]
    assert all(row["money"] in html for row in shown.classes)


def test_small_debts_keep_their_sign() -> None:
    assert ledger.exact(Decimal("-0.5"), Formatter(currency="£")) == "−£0.50"
    assert ledger.exact(Decimal("-0.001"), Formatter(currency="£")) == "£0.00"


def test_the_markdown_has_the_figures_of_the_page(run_dir: Path, page: Cards) -> None:
    text = report.build_markdown(run_dir)
    for row in profile(run_dir):
        assert f"| **{row['segment_name']}** | {row['customers']:,} |" in text
    for level, heading in (
        ("##", "What each segment buys"),
        ("##", "Can we trust it?"),
        ("##", "What changed"),
        ("##", "What happened to the data"),
        ("###", "The map"),
        ("###", "How the model was chosen"),
        ("###", "Movement in figures"),
        ("###", "How it was made"),
    ):
        assert f"\n{level} {heading}\n" in text
        assert heading in page.texts


def test_a_pin_shows_what_it_cost(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    manifest = json.loads((run_dir / "manifest.json").read_text())
    cost = "Without the pin the rule would have chosen K-Means with 3 segments."
    pinned = {**manifest["chosen"], "admissible": False, "silhouette": 0.2, "smallest_share": 0.2}
    manifest["chosen"]["admissible"] = False
    by_rule = pinned | {"k": 3, "admissible": True}
    manifest["pinned_cost"] = {"sentence": cost, "pinned": pinned, "by_rule": by_rule}
    text = jobs.to_toml(jobs.resolve((run_dir / "job.toml").read_text(), {"selection.k": 4}))
    (tmp_path / "run" / "job.toml").write_text(text)
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    for shown in (report.build(tmp_path / "run"), report.build_markdown(tmp_path / "run")):
        assert re.search(
            r"Take care\.[^.]{2,10} The model was set by hand \(k = 4 was pinned\) and does not pass", shown
        )
        assert shown.count(cost) == 1  # where the choice is explained, in its words


def test_a_model_like_any_other_raises_no_doubt(html: str) -> None:
    assert "Take care" not in html


def test_ten_segments_have_ten_colours(tmp_path: Path) -> None:
    cards = Cards(report.build(make_run(tmp_path, n=400, k=6, movement=False)))
    assert len(cards.cards) == 6


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InputNotFoundError, match=r"no finished run \(found no manifest.json\)"):
        report.build(tmp_path)


def test_the_title_and_currency_are_the_jobs(tmp_path: Path) -> None:
    make_run(tmp_path, n=200, overrides={"report.title": "<Kunden & mehr>", "report.currency": "EUR"})
    page = report.build(tmp_path)
    assert "<title>&lt;Kunden &amp; mehr&gt;" in page
    assert "EUR\u00a0" in page


def test_who_is_new_and_who_is_gone_did_not_stay(run_dir: Path) -> None:
    found = movement.movement(load(run_dir), Formatter())
    assert found is not None
    everybody = next(m for m in found.matrices if m["title"] == "Customers")
    name, cells = everybody["rows"][-1]
    assert name == "Not there before"
    assert not any(stayed for _, stayed in cells)
    assert sum(stayed for _, row in everybody["rows"] for _, stayed in row) == 4


def test_what_changed_is_told_on_the_first_screen(html: str, run_dir: Path) -> None:
    flows = json.loads((run_dir / "movement.json").read_text())["flows"]
    moved = sum(f["customers"] for f in flows if f["old"] != f["new"] and None not in (f["old"], f["new"]))
    first = html[: html.index('class="cards"')]
    assert "Since 3 December 2011</b>" in first
    assert "<span>still 4 groups</span>" in first
    assert f"<span>{moved} customers moved" in first
    assert "40 are new and 12 gone" in first
    assert f"Since 3 December 2011: still 4 groups; {moved} customers moved" in report.build_markdown(run_dir)


def test_what_a_lead_reads_has_no_words_of_the_trade(html: str) -> None:
    lead = html[html.index("<main") : html.index('<details class="analysts">')]
    lead = re.sub(r"(?s)<(svg|details).*?</\1>", "", lead)
    words = re.sub(r"<[^>]*>", " ", lead)
    assert not re.search(r"(?i)admissible|loading|silhouette|jaccard|median|cluster|k-means", words)
    assert "Yes, as a way to divide the customers" in words


def test_rules_of_thumb_are_a_table(html: str, run_dir: Path) -> None:
    rules = load(run_dir).rules
    assert rules is not None
    table = html[html.index("Rules of thumb</h4>") :]
    table = table[table.index("<tbody>") : table.index("</tbody>")]
    assert table.count("<tr>") == len(rules.rules)
    assert re.search(r'data-label="Total spend">(over|up to) £[\d,.]+', table)
    assert re.search(r'data-label="Right in" class="num">\d+%', table)
