"""Who is next: a whole run on customers whose real chance to buy is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from segcore import Run, records, segment
from segcore.pipeline import explain_customer, score
from segcore.records import Manifest
from tests.conftest import QUICK

DAYS, LAST = 90, 720
OVERRIDES = {**QUICK, "models.families": ["kmeans"], "features.as_of": "2022-12-22"}


@dataclass(frozen=True)
class Shop:
    """Customers who buy at random times until they are gone for good (Schmittlein, Morrison and Colombo 1987)."""

    lines: Path
    chance: pl.DataFrame


def simulated(folder: Path, n: int, *, seed: int = 0, alike: bool = False) -> Shop:
    """Write two years of lines, and each customer's real chance to buy in the 90 days after."""
    rng = np.random.default_rng(seed)
    rate = np.full(n, 1 / 60) if alike else rng.gamma(1.2, 1 / 48, n)
    leaving = np.full(n, 1e-9) if alike else rng.gamma(2.0, 1 / 500, n)
    first = np.zeros(n) if alike else rng.uniform(0, LAST - 1, n)
    gone = first + rng.exponential(1 / leaving)
    worth = rng.normal(3, 0.6, n)
    customer, day = [], []
    for i in range(n):
        until = min(gone[i], LAST)
        times = first[i] + np.cumsum(rng.exponential(1 / rate[i], max(1, int(rate[i] * LAST * 2) + 20)))
        own = np.r_[first[i], times[times < until]]
        customer += [i] * len(own)
        day += own.tolist()
    both = rate + leaving
    chance = np.where(gone > LAST, rate / both * (1 - np.exp(-both * DAYS)), 0.0)
    lines = pl.DataFrame({"customer_id": customer, "day": day}).with_row_index("order_id")
    folder.mkdir()
    lines.select(
        pl.col("order_id").cast(pl.String),
        product_id=(pl.col("order_id") % 17).cast(pl.String),
        quantity=pl.lit(1),
        ordered_at=pl.datetime(2021, 1, 1) + pl.duration(seconds=(pl.col("day") * 86_400).cast(pl.Int64)),
        unit_price=pl.Series(np.exp(worth[customer] + rng.normal(scale=0.4, size=len(customer))).round(2)),
        customer_id=pl.format("c{}", "customer_id"),
        country=pl.lit("here"),
    ).write_csv(folder / "lines.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    known = pl.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "real": chance})
    return Shop(
        lines=folder / "lines.csv", chance=known.with_columns(again=pl.Series(rng.random(n) < chance))
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return simulated(tmp_path_factory.mktemp("shop") / "dump", 6_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return simulated(tmp_path_factory.mktemp("small") / "dump", 1_000)


def run_on(shop: Shop, out: Path, **overrides: Any) -> Run:
    return segment(shop.lines, out, overrides={**OVERRIDES, **overrides}, quiet=True)


@pytest.fixture(scope="module")
def run(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("out"))


def published(run: Run) -> pl.DataFrame:
    return pl.read_parquet(Path(run.place) / "segments/*.parquet")


def test_the_chance_to_buy_is_calibrated_and_ranks_better_than_the_segments(shop: Shop, run: Run) -> None:
    told = published(run).join(shop.chance, on="customer_id", how="inner", maintain_order="left")
    assert told.height > 5_900
    tenths = (
        told.sort("chance_to_buy")
        .with_row_index()
        .group_by(tenth=pl.col("index") * 10 // told.height, maintain_order=True)
        .agg(pl.col("chance_to_buy", "real").mean())
    )
    assert (tenths["chance_to_buy"] - tenths["real"]).abs().max() < 0.03  # type: ignore[operator]
    assert tenths["real"][0] < 0.1
    assert tenths["real"][9] > 0.6
    rate = pl.col("again").mean().over("segment")  # the segments' own future: they could not rank better
    areas = [
        roc_auc_score(told["again"], told.select(score).to_series())
        for score in (pl.col("chance_to_buy"), rate)
    ]
    assert areas[0] > areas[1] + 0.02


def test_the_manifest_and_the_files_say_how_it_was_judged(run: Run) -> None:
    folder = Path(run.place)
    figures = records.read(Manifest, folder).outlook
    assert figures is not None
    assert figures.published
    assert figures.judged_on == "a period later"
    assert figures.auc > figures.order_count_auc + figures.auc_se
    assert figures.level == pytest.approx(1, abs=0.05)
    assert figures.season is not None  # two years: a year before there were customers too
    assert figures.season == pytest.approx(1, abs=0.25)
    tenths = pl.read_parquet(folder / "tables/outlook_calibration.parquet")
    assert tenths["customers"].sum() == figures.judged
    counted = pl.read_parquet(folder / "tables/outlook.parquet")
    assert counted["customers"].sum() == published(run).height
    assert set(counted["state"]) == {"due", "overdue", "gone", "not yet due"}


def test_a_scored_run_says_the_same_of_the_same_customers(shop: Shop, run: Run, tmp_path: Path) -> None:
    scored = score(shop.lines, tmp_path, model=run.place, with_report=True, quiet=True)
    assert "Who is next" in scored.report.read_text(encoding="utf-8")
    columns = ["customer_id", "chance_to_buy", "expected_spend"]
    assert published(scored).select(columns).equals(published(run).select(columns))
    assert records.read(Manifest, scored.place).outlook == records.read(Manifest, run.place).outlook


def test_explain_tells_the_chance_and_what_moved_it(run: Run) -> None:
    row = published(run).row(7, named=True)
    text = explain_customer(row["customer_id"], run.place)
    assert (
        f"In the next 90 days: a chance to buy of {row['chance_to_buy']:.0%}, and a spend to expect of "
        in text
    )
    assert text.count("% with ") == 3


@pytest.mark.slow
def test_where_everybody_is_alike_nothing_is_published(tmp_path: Path) -> None:
    out = run_on(simulated(tmp_path / "dump", 800, alike=True), tmp_path / "out")
    manifest = records.read(Manifest, out.place)
    assert manifest.outlook is not None
    assert not manifest.outlook.published
    assert manifest.outlook.sentence in manifest.warnings
    assert (
        published(out).select("chance_to_buy", "expected_spend").null_count().row(0)
        == (published(out).height,) * 2
    )
    assert not (Path(out.place) / "outlook.json").exists()


@pytest.mark.parametrize(
    "without", [{"outlook.enabled": False}, pytest.param({"look_back.days": 0}, marks=pytest.mark.slow)]
)
def test_it_can_be_turned_off(without: dict[str, Any], small: Shop, tmp_path: Path) -> None:
    out = run_on(small, tmp_path, **without)
    assert records.read(Manifest, out.place).outlook is None
    assert (
        published(out).select("chance_to_buy", "expected_spend").null_count().row(0)
        == (published(out).height,) * 2
    )


def test_a_short_history_is_judged_on_other_customers(small: Shop, tmp_path: Path) -> None:
    lines = pl.read_csv(small.lines, infer_schema=False).filter(pl.col("ordered_at") >= "2022-06-05")
    lines.write_csv(tmp_path / "lines.csv")
    short = Shop(lines=tmp_path / "lines.csv", chance=small.chance)
    figures = records.read(Manifest, run_on(short, tmp_path / "out").place).outlook
    assert figures is not None
    assert figures.judged_on == "other customers"
    assert figures.season is None
