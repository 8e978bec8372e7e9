"""The simulated dump: laws that hold for any size and seed, and the shipped sample."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import PowerTransformer

from segcore.errors import OutputError
from segcore.simulate import DEFAULT_SEGMENTS, SimulatedDump, simulate
from segcore.simulate.lines import draw_lines

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
COLUMNS = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
CANCELLED = pl.col("InvoiceNo").str.starts_with("C")
PRODUCT = pl.col("StockCode").str.contains(r"^\d{5}[A-La-l]?$")


def as_text(folder: Path) -> pl.DataFrame:
    return pl.scan_csv(folder / "*.csv", infer_schema=False).collect()


def typed(folder: Path) -> pl.DataFrame:
    return as_text(folder).with_columns(
        pl.col("Quantity").cast(pl.Int64),
        pl.col("UnitPrice").cast(pl.Float64),
        pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        pl.col("CustomerID").cast(pl.Float64),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segcore.simulate._BLOCK_LINES", 4_000)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> SimulatedDump:
    return simulate(tmp_path_factory.mktemp("dump") / "shop", rows=60_000, seed=11)


@pytest.fixture(scope="module")
def lines(dump: SimulatedDump) -> pl.DataFrame:
    return typed(dump.out)


@settings(deadline=None, max_examples=15)
@given(
    rows=st.integers(100, 9_000),
    seed=st.integers(0, 2**63),
    few=st.floats(0, 1),
    defects=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    noise=st.sampled_from([0.0, 1.0, 3.0]),
)
def test_any_dump_has_exactly_the_rows_and_customers_asked_for(
    tmp_path_factory: pytest.TempPathFactory, rows: int, seed: int, few: float, defects: float, noise: float
) -> None:
    customers = 1 + round(few * (rows // 10 - 1))
    out = tmp_path_factory.mktemp("any") / "shop"
    dump = simulate(out, rows=rows, customers=customers, seed=seed, defects=defects, noise=noise)
    lines = typed(out)
    assert lines.height == dump.rows == rows
    assert pl.read_parquet(dump.truth).height == dump.customers == customers
    assert lines["CustomerID"].drop_nulls().n_unique() == customers
    assert [path.name for path in dump.paths] == sorted(contents(out))


def test_blocks_join_without_a_seam(tmp_path: Path, small_blocks: None) -> None:
    dump = simulate(tmp_path / "shop", rows=30_001, customers=1_003, seed=5)
    lines = typed(dump.out)
    assert lines.height == 30_001
    truth = pl.read_parquet(dump.truth)
    assert truth["customer_id"].n_unique() == truth.height == 1_003
    assert lines.filter(pl.col("Quantity").abs() > 70_000).height == 4
    one = pl.col("CustomerID", "InvoiceDate", "Country").n_unique()
    assert lines.group_by("InvoiceNo").agg(one).select(pl.col(one.meta.root_names()) == 1).to_numpy().all()
    numbers = lines["InvoiceNo"].str.strip_prefix("C").cast(pl.Int64).unique().sort()
    assert (numbers.diff().drop_nulls() == 1).all()


def test_files_are_one_a_month_and_hold_that_month(dump: SimulatedDump) -> None:
    assert [path.stem for path in dump.paths] == [f"2023-{month:02}" for month in range(1, 13)]
    for path in dump.paths:
        lines = pl.read_csv(path, infer_schema=False)
        assert lines.columns == COLUMNS
        assert lines["InvoiceDate"].str.starts_with(path.stem).all()
        assert lines["InvoiceDate"].is_sorted()


def test_large_dumps_start_new_files(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segcore.simulate._BLOCKS_PER_FILE", 2)
    dump = simulate(tmp_path / "shop", rows=18_000, days=31, seed=5)
    assert [path.stem for path in dump.paths] == [f"2023-01-{part:04}" for part in (1, 2, 3)]
    assert typed(dump.out).height == 18_000


def test_csv_and_parquet_hold_the_same_lines(tmp_path: Path) -> None:
    text = simulate(tmp_path / "text", rows=5_000, seed=3)
    binary = simulate(tmp_path / "binary", rows=5_000, seed=3, format="parquet")
    stored = pl.scan_parquet(binary.out / "*.parquet").collect()
    assert_frame_equal(typed(text.out), stored)
    assert_frame_equal(pl.read_parquet(text.truth), pl.read_parquet(binary.truth))


def test_a_seed_fixes_every_byte_for_any_number_of_threads(tmp_path: Path) -> None:
    simulate(tmp_path / "one", rows=5_000, seed=3)
    simulate(tmp_path / "other", rows=5_000, seed=4)
    code = (
        "import sys, pathlib, segcore.simulate as s; s.simulate(pathlib.Path(sys.argv[1]), rows=5000, seed=3)"
    )
    single = os.environ | {"POLARS_MAX_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "again")], env=single, check=True, timeout=60)
    assert contents(tmp_path / "one") == contents(tmp_path / "again")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_customers_are_written_as_the_real_dump_writes_them(dump: SimulatedDump) -> None:
    customers = as_text(dump.out)["CustomerID"].drop_nulls()
    assert customers.str.contains(r"^\d{5}\.0$").all()


def test_the_defects_are_as_frequent_as_in_the_real_dump(lines: pl.DataFrame) -> None:
    missing = pl.col("CustomerID").is_null()
    shares = lines.select(
        missing=missing.mean(),
        cancelled=CANCELLED.mean(),
        services=(~PRODUCT).mean(),
        free=(pl.col("UnitPrice") == 0).mean(),
        lower=pl.col("StockCode").str.contains(r"\d[a-l]$").mean(),
        unnamed=pl.col("Description").is_null().mean(),
        stock=((pl.col("Quantity") < 0) & ~CANCELLED).mean(),
    ).row(0, named=True)
    assert shares["missing"] == pytest.approx(0.25, abs=0.002)
    assert shares["cancelled"] == pytest.approx(0.017, abs=0.001)
    assert 0.003 < shares["services"] < 0.010
    assert 0.001 < shares["free"] < 0.006
    assert 0 < shares["lower"] < 0.01
    assert 0 < shares["unnamed"] < 0.005
    assert 0 < shares["stock"] < 0.005
    assert 0.007 < 1 - lines.unique().height / lines.height < 0.014
    assert {"POST", "DOT", "M", "C2", "D", "BANK CHARGES"} <= set(lines["StockCode"])


def test_every_cancellation_takes_back_an_earlier_purchase(lines: pl.DataFrame) -> None:
    keys = ["CustomerID", "StockCode", "UnitPrice"]
    bought = lines.filter(~CANCELLED).select(*keys, bought="Quantity", at="InvoiceDate")
    taken = lines.with_row_index("line").filter(CANCELLED, pl.col("StockCode") != "D")
    assert taken["Quantity"].max() < 0  # type: ignore[operator]
    matched = taken.join(bought, on=keys).filter(
        pl.col("at") < pl.col("InvoiceDate"), pl.col("bought") >= -pl.col("Quantity")
    )
    assert set(matched["line"]) == set(taken["line"])


def test_two_absurd_orders_are_cancelled_within_minutes(lines: pl.DataFrame) -> None:
    absurd = lines.filter(pl.col("Quantity").abs() > 70_000).sort("InvoiceDate")
    assert absurd["Quantity"].to_list() == [74_215, -74_215, 80_995, -80_995]
    waits = absurd["InvoiceDate"].diff().gather([1, 3]).to_list()
    assert waits == [timedelta(minutes=16), timedelta(minutes=12)]


def test_a_third_of_the_customers_order_once(lines: pl.DataFrame) -> None:
    orders = lines.filter(~CANCELLED, pl.col("CustomerID").is_not_null()).group_by("CustomerID")
    once = orders.agg(pl.col("InvoiceNo").n_unique() == 1)["InvoiceNo"].mean()
    assert once == pytest.approx(0.35, abs=0.03)


def test_autumn_is_busy_and_saturdays_are_closed(lines: pl.DataFrame) -> None:
    months = dict(lines.group_by(pl.col("InvoiceDate").dt.month()).len().iter_rows())
    assert months[11] > 2 * months[2]
    assert lines.filter(pl.col("InvoiceDate").dt.weekday() == 6).is_empty()
    assert lines["InvoiceDate"].dt.hour().is_between(8, 21).all()


def test_without_defects_every_line_is_a_purchase_of_a_product(tmp_path: Path) -> None:
    clean = typed(simulate(tmp_path / "shop", rows=5_000, seed=2, defects=0).out)
    fine = PRODUCT & ~CANCELLED & (pl.col("Quantity") > 0) & (pl.col("UnitPrice") > 0)
    assert clean.select((fine & pl.col("CustomerID").is_not_null()).all()).item()


def test_another_file_in_place_of_the_truth_stays(tmp_path: Path) -> None:
    truth = tmp_path / "shop.truth.parquet"
    for frame in (None, pl.DataFrame({"customer_id": ["1"], "segment": [1]})):
        truth.write_text("mine") if frame is None else frame.write_parquet(truth)
        before = truth.read_bytes()
        with pytest.raises(
            OutputError, match=r"shop\.truth\.parquet: is there already and no truth of a dump"
        ):
            simulate(tmp_path / "shop", rows=1_000)
        assert truth.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == [truth.name]
    truth.unlink()
    shutil.rmtree(simulate(tmp_path / "shop", rows=1_000).out)
    simulate(tmp_path / "shop", rows=1_000)  # over its own


def test_the_truth_is_outside_the_folder_and_keeps_the_shares(dump: SimulatedDump) -> None:
    assert dump.truth == dump.out.with_name("shop.truth.parquet")
    truth = pl.read_parquet(dump.truth)
    found = dict(truth.group_by("segment").len().iter_rows())
    assert found == {s.name: pytest.approx(s.share * dump.customers, abs=1) for s in DEFAULT_SEGMENTS}


def features(lines: pl.DataFrame) -> pl.DataFrame:
    end = lines["InvoiceDate"].max()
    kept = lines.filter(
        ~CANCELLED, PRODUCT, pl.col("Quantity") > 0, pl.col("CustomerID").is_not_null()
    ).unique()
    orders = pl.col("InvoiceNo").n_unique()
    spend = (pl.col("Quantity") * pl.col("UnitPrice")).sum()
    return (
        kept.group_by(customer_id=pl.col("CustomerID").cast(pl.Int64).cast(pl.String))
        .agg(
            (pl.lit(end) - pl.col("InvoiceDate").max()).dt.total_days().alias("recency"),
            orders.alias("orders"),
            spend.alias("spend"),
            (spend / orders).alias("average"),
            pl.col("StockCode").str.to_uppercase().n_unique().alias("products"),
        )
        .sort("customer_id")
    )


@pytest.mark.parametrize(("noise", "defects", "at_least"), [(0.2, 0.0, 1.0), (1.0, 1.0, 0.85)])
def test_planted_segments_are_found_again(
    tmp_path: Path, noise: float, defects: float, at_least: float
) -> None:
    dump = simulate(tmp_path / "shop", rows=40_000, seed=1, noise=noise, defects=defects)
    X = features(typed(dump.out)).join(pl.read_parquet(dump.truth), on="customer_id")
    found = KMeans(4, n_init=20, random_state=0).fit_predict(
        PowerTransformer().fit_transform(X.drop("customer_id", "segment").to_numpy())
    )
    assert adjusted_rand_score(X["segment"].to_numpy(), found) >= at_least


def test_customers_who_buy_until_they_are_gone_come_back_by_chance(tmp_path: Path) -> None:
    made = simulate(tmp_path / "dump", rows=40_000, customers=2_000, seed=1, defects=0, until_gone=True)
    bought = typed(tmp_path / "dump").select("InvoiceNo", "CustomerID", day="InvoiceDate")
    cut = date(2023, 10, 2)
    each = bought.group_by("CustomerID").agg(
        known=(pl.col("day") < cut).any(),
        again=(pl.col("day") >= cut).any(),
        orders=pl.col("InvoiceNo").n_unique(),
    )
    truth = pl.read_parquet(made.truth).with_columns(pl.col("customer_id").cast(pl.Float64))
    both = each.join(truth, left_on="CustomerID", right_on="customer_id", validate="1:1")
    assert both.height == 2_000
    shares = dict(
        both.filter("known").group_by("segment").agg(pl.col("again").cast(pl.Float64).mean()).iter_rows()
    )
    once, often = shares["single purchase"], shares["frequent, smaller orders"]
    # By the default process these are 0 and 1.
    assert 0.02 < once < 0.25
    assert 0.6 < often < 0.95
    assert once < shares["small but frequent"] < often
    # Customers of one kind differ in how often they come, and some of every kind have come once.
    of_one = both.filter(pl.col("segment") == "frequent, smaller orders")["orders"]
    assert of_one.min() == 1
    assert of_one.std() > 0.4 * of_one.mean()  # type: ignore[operator]
    # Nobody waits for the end of the days: as many arrive in the second half as in the first.
    first = bought.group_by("CustomerID").agg(pl.col("day").min().dt.date())["day"]
    assert 0.4 < (first < date(2023, 7, 2)).mean() < 0.6  # type: ignore[operator]


def test_segments_are_born_and_die_on_their_days(tmp_path: Path) -> None:
    born, dies = date(2023, 7, 1), date(2023, 5, 31)
    segments = (
        *DEFAULT_SEGMENTS[:2],
        replace(DEFAULT_SEGMENTS[2], starts=born),
        replace(DEFAULT_SEGMENTS[3], ends=dies),
    )
    dump = simulate(tmp_path / "shop", rows=20_000, seed=1, segments=segments)
    bought = typed(dump.out).filter(~CANCELLED, pl.col("CustomerID").is_not_null())
    days = (
        bought.with_columns(customer_id=pl.col("CustomerID").cast(pl.Int64).cast(pl.String))
        .join(pl.read_parquet(dump.truth), on="customer_id")
        .group_by("segment")
        .agg(first=pl.col("InvoiceDate").min().dt.date(), last=pl.col("InvoiceDate").max().dt.date())
    )
    seen = {name: (first, last) for name, first, last in days.iter_rows()}
    assert seen["single purchase"][0] >= born
    assert seen["small but frequent"][1] <= dies


def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([draw_lines])

    def stop(*given: object, **more: object) -> object:
        if (draw := next(drawn, None)) is None:  # the second block
            raise KeyboardInterrupt
        return draw(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("segcore.simulate.draw_lines", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "shop", rows=9_000)
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_sample_is_what_the_command_in_its_readme_makes(tmp_path: Path) -> None:
    dump = simulate(
        tmp_path / "sample", rows=20_000, customers=1_250, seed=0, start=date(2022, 12, 1), days=374
    )
    shipped = contents(SAMPLE)
    assert contents(dump.out) == shipped
    assert sum(map(len, shipped.values())) < 2_000_000
    assert_frame_equal(pl.read_parquet(dump.truth), pl.read_parquet(SAMPLE.with_name("sample.truth.parquet")))
