"""Two runs compared in ranges of customers' ids: what one join of all gives, in the memory of a range."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from segcore import pipeline, segment
from segcore.pipeline.finished import run_comparison
from tests.conftest import QUICK
from tests.transaction_lines import few_come_back, line, write_csv


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs: in the second some customers are new, some are gone, and some have bought more."""
    lines = few_come_back(120, 0.5)
    later = [
        line(InvoiceNo=f"new-{n}", CustomerID=f"d{n}", UnitPrice=f"{n}.5", InvoiceDate="2011-12-29 10:00:00")
        for n in range(20)
    ]
    more = [
        line(InvoiceNo=f"more-{n}", CustomerID=f"c{n}", Quantity=400, InvoiceDate="2011-12-29 11:00:00")
        for n in range(40, 70)
    ]
    folder = tmp_path_factory.mktemp("nights")
    job = {**QUICK, "models.families": ["kmeans"], "models.k_max": 4, "selection.k": 3}
    runs = []
    for name, given in (("first", lines), ("second", [*lines[30:], *later, *more])):
        runs.append(
            segment(write_csv(folder / f"{name}.csv", given), folder / name, overrides=job, quiet=True).folder
        )
    return runs


def compared(nights: list[Path], out: Path) -> tuple[str, str, pl.DataFrame]:
    first, second = nights
    pipeline.compare_runs(first, second, out)
    texts = [(out / name).read_text() for name in ("lineage.json", "movement.json")]
    return texts[0], texts[1], pl.read_parquet(out / "moved.parquet")


@pytest.mark.parametrize("at_once", [1, 7, 60])
def test_ranges_give_what_all_at_once_gives(
    nights: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    whole = compared(nights, tmp_path / "whole")
    monkeypatch.setattr(run_comparison, "_AT_ONCE", at_once)
    ranges = compared(nights, tmp_path / "ranges")
    assert ranges[:2] == whole[:2]
    assert ranges[2].equals(whole[2])
    assert ranges[2].height > 10
    assert ranges[2]["customer_id"].is_sorted()
    assert not list((tmp_path / "ranges").glob("*.part"))
    spent = pl.read_parquet(nights[1] / "features/*.parquet").select("customer_id", now="total_spend")
    beside = ranges[2].join(spent, on="customer_id")
    assert (beside["total_spend"] == beside["now"]).all()  # to the last bit


def test_ranges_hold_everybody_once_and_few_at_a_time(
    nights: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_comparison, "_AT_ONCE", 10)
    files = [sorted((run / "features").iterdir()) for run in nights]
    ranges = run_comparison._ranges(*files)
    for some in files:
        ids = pl.read_parquet(some).select("customer_id")
        sizes = [ids.filter(within).height for within in ranges]
        assert sum(sizes) == ids.height
        assert max(sizes) <= 2 * 10
    strangers = pl.DataFrame({"customer_id": ["", "c5", "\U0010ffff"]})
    assert sum(strangers.filter(within).height for within in ranges) == 3
