"""The last runs side by side: carried on from run to run, and drawn."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from segcore import report
from segcore.pipeline.outputs import nights

PROFILE = pl.DataFrame(
    {
        "segment": [0, 1, 2],
        "segment_name": ["All", "Big", "Small"],
        "customers": [30, 10, 20],
        "revenue": [9.0, 6.0, 3.0],
    },
    schema_overrides={"segment": pl.Int32},
)


def run(folder: Path, chances: list[float | None] | None = None) -> Path:
    (folder / "segments").mkdir(parents=True)
    (folder / "tables").mkdir()
    df = pl.DataFrame({"segment": [1, 1, 2]}, schema={"segment": pl.Int32})
    if chances is not None:
        df = df.with_columns(chance_to_buy=pl.Series(chances, dtype=pl.Float64))
    df.write_parquet(folder / "segments/part-00000.parquet")
    return folder


def made(folder: Path, day: date, moved: float | None, before: Path | None) -> pl.DataFrame:
    df = nights.table(folder, PROFILE, run_id=f"run-{day}", as_of=day, moved=moved, before=before)
    df.write_parquet(folder / "tables/nights.parquet")
    return df


def test_a_run_adds_its_own_to_those_of_the_one_before(tmp_path: Path) -> None:
    first = run(tmp_path / "a")
    assert made(first, date(2026, 1, 1), None, None)["chance_to_buy"].null_count() == 2
    second = made(run(tmp_path / "b", [0.25, 0.5, None]), date(2026, 1, 2), 0.1, first)
    assert second["as_of"].to_list() == [date(2026, 1, 1)] * 2 + [date(2026, 1, 2)] * 2
    assert second["chance_to_buy"].to_list() == [None, None, 0.375, None]
    assert second["moved_share"].to_list() == [None, None, 0.1, 0.1]
    again = made(run(tmp_path / "c"), date(2026, 1, 2), 0.2, tmp_path / "b")
    assert again["moved_share"].to_list() == [None, None, 0.2, 0.2]


def test_the_last_thirty_runs_are_kept(tmp_path: Path) -> None:
    before = None
    for n in range(32):
        folder = run(tmp_path / str(n))
        df = made(folder, date(2026, 1, 1) + timedelta(days=n), 0.0, before)
        before = folder
    assert df["as_of"].unique(maintain_order=True).to_list() == [
        date(2026, 1, 1) + timedelta(days=n) for n in range(2, 32)
    ]


def test_they_are_drawn_once_there_are_two(run_dir: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run_dir, tmp_path / "run")
    profile = pl.read_parquet(run_dir / "profile.parquet").select(
        "segment", "segment_name", "customers", "revenue"
    )
    night = profile.with_columns(run_id=pl.lit("a"), chance_to_buy=0.3, moved_share=0.05)
    one = night.with_columns(as_of=date(2011, 12, 3))
    one.write_parquet(tmp_path / "run/tables/nights.parquet")
    assert "The last runs" not in report.build(tmp_path / "run")
    two = pl.concat([one, night.with_columns(run_id=pl.lit("b"), as_of=date(2011, 12, 10))])
    two.write_parquet(tmp_path / "run/tables/nights.parquet")
    html = report.build(tmp_path / "run")
    assert "The last runs" in html
    for name in ("customers", "revenue", "chance-to-buy", "moved-share"):
        assert html.count(f'id="chart-nights-{name}"') == 1
    two.with_columns(customers=pl.lit(4)).write_parquet(tmp_path / "run/tables/nights.parquet")
    hidden = report.build(tmp_path / "run")
    assert 'id="chart-nights-customers"' not in hidden
    assert 'id="chart-nights-moved-share"' in hidden
