"""A treatment from the draw to its readout, on lines that are known."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, errors, segment
from segcore.pipeline import hold_out, read_out
from tests.pipeline.test_outlook import OVERRIDES, simulated


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("trial")
    shop = simulated(folder / "dump", 400)
    return segment(shop.lines, folder / "out", overrides={**OVERRIDES, "selection.k": 2}, quiet=True)


def later(drawn: pl.DataFrame, path: Path) -> Path:
    """Write an order of 10 of every treated customer, of 8 of every second one held out, and one return of 3."""
    treated, held = (
        drawn.filter(pl.col("held_out") == side)["customer_id"].to_list() for side in (False, True)
    )
    rows = [(f"a{i}", "2023-02-01", 1, 10.0, one) for i, one in enumerate(treated)]
    rows += [(f"b{i}", "2023-02-02", 1, 8.0, one) for i, one in enumerate(held[::2])]
    rows += [
        ("d", "2023-02-03", -1, 3.0, held[0]),
        ("e", "2022-12-30", 5, 999.0, held[1]),
        ("f", "2023-02-03", 1, 7.0, "new"),
    ]
    names = ["order_id", "ordered_at", "quantity", "unit_price", "customer_id"]
    pl.DataFrame(rows, schema=names, orient="row").with_columns(
        product_id=pl.lit("p"), country=pl.lit("here")
    ).write_csv(path)
    return path


def test_from_the_draw_to_the_readout(run: Run, tmp_path: Path) -> None:
    text = hold_out(run.place, name="spring", share=0.25, lift=0.2)
    folder = Path(run.place) / "holdouts/spring"
    assert text.endswith("sizes.html")
    drawn = pl.read_parquet(folder / "customers/*.parquet")
    segments = pl.read_parquet(Path(run.place) / "segments/*.parquet")
    assert drawn.drop("held_out").equals(segments.select("customer_id", "segment", "segment_name"))
    sizes = pl.read_parquet(folder / "sizes.parquet")
    assert sizes["held_out"].sum() == drawn["held_out"].sum()
    assert sizes["rate"].null_count() == 0
    assert (sizes["needed"] > 0).all()
    assert pl.read_csv(folder / "customers.csv").height == drawn.height
    said = read_out(
        run.place, later(drawn, tmp_path / "later.csv"), name="spring", since=date(2023, 1, 1), quiet=True
    )
    assert "All" in said
    table = pl.read_parquet(folder / "readout-2023-01-01.parquet")
    everybody = table.row(by_predicate=pl.col("segment_name") == "All", named=True)
    held = int(drawn["held_out"].sum())
    buyers = -(-held // 2)
    assert (everybody["customers"], everybody["customers_held_out"]) == (drawn.height - held, held)
    assert everybody["rate_difference"] == pytest.approx(1 - buyers / held)
    assert everybody["revenue_difference"] == pytest.approx(10 - (8 * buyers - 3) / held)
    assert (
        everybody["revenue_difference_low"]
        < everybody["revenue_difference"]
        < everybody["revenue_difference_high"]
    )
    assert table.filter(pl.col("segment").is_not_null())["customers"].sum() == drawn.height - held
    assert "Readout of spring" in (folder / "readout-2023-01-01.html").read_text(encoding="utf-8")


def test_another_share_or_an_odd_name_is_refused_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "run"
    shutil.copytree(run.place, place)
    hold_out(place, name="autumn", share=0.1, lift=0.1)
    before = sorted(place.rglob("*"))
    hold_out(place, name="autumn", share=0.1, lift=0.3)
    with pytest.raises(errors.UsageError, match=r"autumn was drawn with a share of 0\.1"):
        hold_out(place, name="autumn", share=0.2, lift=0.1)
    with pytest.raises(errors.UsageError, match=r"--name '\.\./x'"):
        hold_out(place, name="../x", share=0.2, lift=0.1)
    with pytest.raises(errors.InputNotFoundError, match="no holdout 'summer'"):
        read_out(place, tmp_path, name="summer", since=date(2023, 1, 1))
    assert sorted(place.rglob("*")) == before
    for name in ("customers.csv", "mine/notes.txt"):
        mine = place / "holdouts" / "winter" / name
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(errors.OutputError, match=f"winter: holds {name} and no whole holdout"):
            hold_out(place, name="winter", share=0.1, lift=0.1)
        assert [path for path in (place / "holdouts/winter").rglob("*") if path.is_file()] == [mine]
        shutil.rmtree(place / "holdouts/winter")


@pytest.mark.parametrize(
    ("damage", "said"),
    [(b"", "damaged"), (b"PAR1 and no more", "damaged"), (None, "damaged"), ("fewer", "damaged .has 9 of ")],
)
def test_a_damaged_holdout_is_said(run: Run, tmp_path: Path, damage: object, said: str) -> None:
    name = f"damaged-{len(str(damage))}"
    hold_out(run.place, name=name, share=0.25, lift=0.2)
    folder = Path(run.place) / "holdouts" / name / "customers"
    (path,) = folder.glob("*.parquet")
    later_lines = later(pl.read_parquet(path), tmp_path / "later.csv")
    if damage is None:
        path.unlink()
    elif isinstance(damage, bytes):
        path.write_bytes(damage)
    else:
        pl.read_parquet(path).head(9).write_parquet(path)
    with pytest.raises(errors.InputNotFoundError, match=f"holdouts/{name}: {said}.*draw the holdout again"):
        read_out(run.place, later_lines, name=name, since=date(2023, 1, 1), quiet=True)
