"""The history: every night's customers in the same columns, whatever made them, for every engine that reads Parquet."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from segcore import errors, pipeline, storage
from segcore.pipeline.outputs import history_file
from segcore.storage import history
from tests.documents import pages
from tests.operations.processes import segment_here, small_dump

COLUMNS = [*history_file.SCHEMA, "as_of", "run"]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OUT after a fit, a score as of a week later, and a run that the gate stopped."""
    folder = tmp_path_factory.mktemp("history")
    dump, out = small_dump(folder / "dump"), folder / "out"
    fit = segment_here(dump, out)
    pipeline.score(dump, out, model=fit, as_of=date(2023, 3, 8), keep=1, quiet=True)
    with pytest.raises(errors.GateError):
        segment_here(dump, out, overrides={"gate.min_segment_share": 0.9})
    return out


def files(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out / "history").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (out / "history").rglob("*")
        if path.is_file()
    }


def about(out: Path) -> dict[str, str]:
    """The day of every published run, by its id."""
    found = {}
    for name in files(out):
        day, run, _ = name.split("/")
        found[run.removeprefix("run=")] = day.removeprefix("as_of=")
    return found


def test_each_published_night_is_a_file_and_outlives_its_run(nights: Path) -> None:
    kept = about(nights)
    assert sorted(kept.values()) == ["2023-03-01", "2023-03-08"]
    latest = json.loads((nights / "latest.json").read_text())["run"].removeprefix("runs/")
    assert kept[latest] == "2023-03-08"
    assert not (nights / "runs" / next(run for run in kept if run != latest)).exists()
    assert (nights / "history").stat().st_mode & 0o777 == 0o700


def test_the_columns_are_the_same_and_say_what_the_run_said(nights: Path) -> None:
    run = nights / json.loads((nights / "latest.json").read_text())["run"]
    own = pl.read_parquet(nights / "history" / f"as_of=2023-03-08/run={run.name}/part-00000.parquet")
    assert own.schema == history_file.SCHEMA
    segments, features = (pl.read_parquet(run / f"{name}/*.parquet") for name in ("segments", "features"))
    for name in ("customer_id", "segment", "segment_name"):
        assert own[name].equals(segments[name])
    for name in ("days_since_last_order", "order_count", "total_spend", "rfm_group"):
        assert own[name].to_list() == features[name].to_list()
    treatments = dict(pl.read_parquet(run / "profile.parquet").select("segment", "treatment").iter_rows())
    assert own["treatment"].to_list() == [treatments[segment] for segment in own["segment"]]
    assert set(own["run_id"]) == {run.name}


def test_polars_reads_all_nights_without_options(nights: Path) -> None:
    df = pl.read_parquet(nights / "history")
    assert df.columns == COLUMNS
    assert df.group_by("as_of").len().height == 2
    assert df.schema["as_of"] == pl.Date


def test_pandas_reads_all_nights_without_options(nights: Path) -> None:
    df = pd.read_parquet(nights / "history")
    assert list(df.columns) == COLUMNS
    assert sorted(df["as_of"].unique()) == ["2023-03-01", "2023-03-08"]
    assert len(df) == pl.read_parquet(nights / "history").height


def test_duckdb_reads_all_nights_without_options(nights: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install 'segcore[bench]'")
    select = f"SELECT as_of, count(*), sum(total_spend) FROM '{nights}/history/*/*/*.parquet' GROUP BY 1 ORDER BY 1"
    rows = duckdb.sql(select).fetchall()
    df = (
        pl.read_parquet(nights / "history")
        .group_by("as_of")
        .agg(n=pl.len(), money=pl.col("total_spend").sum())
    )
    assert [(day, n) for day, n, _ in rows] == df.sort("as_of").select("as_of", "n").rows()
    assert [money for *_, money in rows] == pytest.approx(df.sort("as_of")["money"].to_list())


def blocks(package: str) -> str:
    """The snippet of jobs/README.md that imports a package."""
    found = [b.text for b in pages.page("jobs/README.md").blocks if b.text.startswith(f"import {package}\n")]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("package", ["duckdb", "pandas"])
def test_the_snippets_of_the_page_count_every_night(nights: Path, package: str) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    told: dict[str, Any] = {}
    exec(blocks(package).replace("OUT/", f"{nights}/"), told)
    sizes = told["sizes"]
    if package == "pandas":
        sizes = [(*key, *row) for key, row in zip(sizes.index, sizes.to_numpy(), strict=True)]
    df = (
        pl.read_parquet(nights / "history")
        .group_by("as_of", "segment_name")
        .len()
        .sort("as_of", "segment_name")
    )
    assert [(str(day), name, n) for day, name, n, _ in sizes] == [
        (str(day), name, n) for day, name, n in df.iter_rows()
    ]


def night(out: Path, day: date, run: str = "20260101T000000Z-abababab") -> Path:
    folder = Path(history.night(out, day, run))
    folder.mkdir(parents=True)
    (folder / history.FILE).write_bytes(b"night")
    return folder


def test_a_night_that_is_there_is_never_written_again(tmp_path: Path) -> None:
    folder = night(tmp_path, date(2026, 1, 1))
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / history.FILE).write_bytes(b"another")
    history.add(tmp_path, date(2026, 1, 1), "20260101T000000Z-abababab", tmp_path / "new")
    assert (folder / history.FILE).read_bytes() == b"night"
    history.add(tmp_path, date(2026, 1, 2), "20260101T000000Z-abababab", tmp_path / "new")
    assert (
        Path(history.night(tmp_path, date(2026, 1, 2), "20260101T000000Z-abababab")) / history.FILE
    ).is_file()


def test_what_is_pruned_is_older_than_so_many_days_and_a_night(tmp_path: Path) -> None:
    days = [date(2025, 11, 30), date(2025, 12, 1), date(2025, 12, 31)]
    folders = [night(tmp_path, day) for day in days]
    mine = tmp_path / "history/as_of=2025-11-30/notes.txt"
    mine.write_text("mine")
    (tmp_path / "history/as_of=2025-01-01/mine").mkdir(parents=True)
    (tmp_path / "history/as_of=2025-13-45").mkdir()
    assert history.prune(tmp_path, 30) == ["as_of=2025-11-30/run=20260101T000000Z-abababab"]
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert mine.read_text() == "mine"
    assert (tmp_path / "history/as_of=2025-01-01/mine").is_dir()
    assert storage.list_folders(tmp_path / "history") == [
        "as_of=2025-01-01",
        "as_of=2025-11-30",
        "as_of=2025-12-01",
        "as_of=2025-12-31",
        "as_of=2025-13-45",
    ]
