"""What other systems load: into a folder, DuckDB and a real PostgreSQL, whole and once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import Run, errors, pipeline
from segcore.pipeline.outputs import database
from tests.documents import pages
from tests.operations.processes import ROOT, segment_here, small_dump

PASSWORD = "correct-horse-battery"
_BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
NAMES = ["segcore_history", "segcore_movement", "segcore_profile", "segcore_runs"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs, the second of which follows the first and moves somebody."""
    folder = tmp_path_factory.mktemp("export")
    dump = small_dump(folder / "dump")
    return [segment_here(dump, folder / "out", overrides={"selection.k": k}) for k in (2, 4)]


def customers(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "segments/*.parquet").sort("customer_id")


def test_a_folder_gets_tables_and_a_list_for_each_segment(runs: list[Path], tmp_path: Path) -> None:
    assert pipeline.export(runs[1], str(tmp_path / "to")) == str(tmp_path / "to" / runs[1].name)
    written = tmp_path / "to" / runs[1].name
    history = pl.read_parquet(written / "history.parquet").sort("customer_id")
    assert history["segment"].equals(customers(runs[1])["segment"])
    assert history.columns[:2] == ["run_id", "as_of"]
    assert pl.read_parquet(written / "profile.parquet")["customers"].sum() == history.height
    moved = pl.read_parquet(runs[1] / "moved.parquet")
    assert pl.read_parquet(written / "movement.parquet").height == moved.height > 0
    lists = {path.name: pl.read_csv(path, infer_schema=False) for path in (written / "lists").iterdir()}
    assert len(lists) == 4
    listed = [(int(name.split("-")[0]), who) for name, df in lists.items() for who in df["customer_id"]]
    assert sorted(listed) == sorted(customers(runs[1]).select("segment", "customer_id").iter_rows())
    days = pl.read_parquet(runs[1] / "features/*.parquet").select("customer_id", "days_since_last_order")
    gap = pl.read_parquet(runs[1] / "all_customers.parquet")["mean_days_between_orders_median"][0]
    states = {
        who: "now" if n <= gap else "overdue" if n <= 3 * gap else "long_gone" for who, n in days.iter_rows()
    }
    told = pl.concat(lists.values()).select("customer_id", "recency")
    assert dict(told.iter_rows()) == states
    assert len({*states.values()}) > 1
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    assert "was there already, nothing changed" in pipeline.export(runs[1], str(tmp_path / "to"))
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before
    assert [path.name for path in (tmp_path / "to").iterdir()] == [runs[1].name]


@pytest.mark.parametrize("to", ["s3://shop/export", "mysql://host/shop"])
def test_other_targets_are_refused(runs: list[Path], to: str) -> None:
    with pytest.raises(errors.UsageError, match=r":// is no target; expected a folder, postgresql://"):
        pipeline.export(runs[0], to)


@pytest.mark.parametrize(
    "to", [f"postgresql://me:{PASSWORD}@db/shop", f"postgresql://db/shop?password={PASSWORD}"]
)
def test_a_password_in_the_url_is_refused_and_not_repeated(runs: list[Path], to: str) -> None:
    with pytest.raises(errors.UsageError, match=r"the URL holds credentials; .* PGPASSWORD") as refused:
        pipeline.export(runs[0], to)
    assert PASSWORD not in str(refused.value)


def test_a_driver_that_is_not_there_is_said(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    with pytest.raises(errors.UsageError, match=r"not installed .*; pip install 'segcore\[databases\]'"):
        pipeline.export(runs[0], "postgresql://db/shop")


def loaded(to: str, module: str) -> dict[str, pl.DataFrame]:
    """Return all rows of the tables of a database, sorted."""
    driver = pytest.importorskip(f"{module}.dbapi")
    found: dict[str, pl.DataFrame] = {}
    df: Any
    with driver.connect(to.removeprefix("duckdb:")) as connection, connection.cursor() as cursor:
        cursor.execute(sql_of_the_page())
        df = pl.from_arrow(cursor.fetch_arrow_table())
        found["as on the page"] = df.sort("customer_id")
        for name in [*NAMES, "segcore_lists"]:
            cursor.execute(f"SELECT * FROM {name}")
            df = pl.from_arrow(cursor.fetch_arrow_table())
            found[name] = df.sort(pl.all())
    return found


def check_database(to: str, module: str, runs: list[Path]) -> None:
    """Both runs are there once, as they are in their files, and a third export changes nothing."""
    for run in runs:
        assert f"{run.name} is in segcore_history" in pipeline.export(run, to)
    there = loaded(to, module)
    for run in runs:
        rows = there["segcore_history"].filter(pl.col("run_id") == run.name).sort("customer_id")
        for name in ("customer_id", "segment", "as_of"):
            assert rows[name].to_list() == customers(run)[name].to_list(), name
        profile = there["segcore_profile"].filter(pl.col("run_id") == run.name)
        assert profile["customers"].sum() == rows.height
    moved = pl.read_parquet(runs[1] / "moved.parquet")["customer_id"].sort()
    assert there["segcore_movement"]["customer_id"].sort().to_list() == moved.to_list()
    assert there["as on the page"]["customer_id"].to_list() == moved.to_list()
    assert set(there["segcore_lists"]["run_id"]) == {runs[1].name}
    assert "was there already, nothing changed" in pipeline.export(runs[0], to)
    assert all(df.equals(there[name]) for name, df in loaded(to, module).items())


def test_duckdb(runs: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_duckdb.dbapi", reason="pip install 'segcore[databases]'")
    check_database(f"duckdb:{tmp_path}/shop.duckdb", "adbc_driver_duckdb", runs)


def sql_of_the_page() -> str:
    [block] = [block.text for block in pages.page("jobs/README.md").blocks if block.language == "sql"]
    return block


def run_as_postgres(*command: str, **more: Any) -> None:
    """PostgreSQL refuses to run as root."""
    user = "postgres" if os.getuid() == 0 else None
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, **more)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL, without a password, of a server of its own that is gone afterwards."""
    pytest.importorskip("adbc_driver_postgresql.dbapi", reason="pip install 'segcore[databases]'")
    if not _BIN:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="segcore-postgresql-"))
    (folder / "password").write_text(PASSWORD)
    if os.getuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = [str(_BIN[-1] / "pg_ctl"), "-D", str(folder / "data"), "-w", "-l", str(folder / "log")]
    try:
        run_as_postgres(
            *(str(_BIN[-1] / "initdb"), "-D", str(folder / "data"), "-U", "shop", "--auth=scram-sha-256"),
            *(f"--pwfile={folder}/password", "--encoding=UTF8", "--locale=C", "--no-sync"),
        )
        run_as_postgres(*server, "-o", f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -F", "start")
        yield f"postgresql://shop@127.0.0.1:{port}/postgres"
    finally:
        if (folder / "data").is_dir():
            run_as_postgres(*server, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_postgresql(runs: list[Path], postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    check_database(postgresql, "adbc_driver_postgresql", runs)


def test_what_fails_on_the_way_changes_nothing(
    runs: list[Path], postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last table is refused: neither the first ones nor the mark of the run are there then."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = postgresql.replace("/postgres", "/template1")
    monkeypatch.setattr(database, "_LISTS", "SELECT nonsense")
    with pytest.raises(errors.OutputError, match=r"refused the tables, nothing was changed: .*nonsense"):
        pipeline.export(runs[0], url)
    monkeypatch.undo()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert f"{runs[0].name} is in" in pipeline.export(runs[0], url)


def test_the_password_of_the_environment_is_in_no_message(
    runs: list[Path], postgresql: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "PGPASSWORD": PASSWORD + "x",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, "-m", "segcore", "export", str(runs[0]), "--to", postgresql]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 69
    assert ended.stderr.count("\n") == 1
    assert "the database cannot be opened: " in ended.stderr
    assert PASSWORD not in ended.stderr + ended.stdout


def test_the_path_of_the_first_page_ends_with_the_ids_of_overdue_big_spenders(
    sample_run: Run, tmp_path: Path
) -> None:
    """The second and the third of its three commands, on a run that is there."""
    [block] = [b.text for b in pages.page("README.md").blocks if "overdue.csv" in b.text]
    commands = block.replace("make segment\n", "").replace("data/out", str(sample_run.folder))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name, module in (("segcore", "-m segcore"), ("python", "")):
        script = tmp_path / ".venv/bin" / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        script.chmod(0o755)
    path = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    subprocess.run(["sh", "-ec", commands], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    overdue = pl.read_csv(tmp_path / "overdue.csv", infer_schema=False)["customer_id"]
    everybody = pl.read_parquet(sample_run.folder / "all_customers.parquet")
    assert 0 < overdue.len() <= everybody["overdue_customers"][0]
    big = pl.read_parquet(sample_run.segments / "*.parquet").filter(
        pl.col("segment_name").str.to_lowercase().str.ends_with("big spenders")
    )
    assert set(overdue) < set(big["customer_id"])
