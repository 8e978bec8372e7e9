"""A run with other tables from end to end, and what later runs make of its model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segcore import Run, errors, pipeline, segment, storage
from segcore.pipeline import open_run
from segcore.pipeline.core.job_file import load
from segcore.pipeline.core.plan import Places
from segcore.pipeline.finished.finished_run import explain_customer, rebuild_report
from tests.conftest import QUICK
from tests.operations.processes import digest

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
THREE = {**QUICK, "models.families": ["kmeans", "mixture"], "selection.k": 3, "models.k_max": 3}
JOB = """
[[extra]]
path = "people.csv"
key = "Customer"
columns = ["Age", "Channel"]

[[extra]]
path = "usage.parquet"
key = "id"
columns = { visits = "Visits", plan = "Plan" }
in_matrix = false

[matrix]
max_categories = 2
"""


@pytest.fixture(scope="module")
def customers() -> list[str]:
    dump = pl.scan_csv(SAMPLE / "*.csv", infer_schema=False)
    ids = dump.select(pl.col("CustomerID").drop_nulls().unique().sort()).collect().to_series()
    return [name for name in ids.str.strip_suffix(".0") if name]


def write_tables(folder: Path, customers: list[str], channels: list[str]) -> Path:
    """Write two tables and a job: one of nine in ten customers, with gaps, and one of everybody."""
    known = [c for place, c in enumerate(customers) if place % 10]
    pl.DataFrame(
        {
            "Customer": [f"{c}.0" for c in known] + ["nobody"],
            "Age": [None if int(c) % 7 == 0 else 20 + int(c) % 50 for c in known] + [1],
            "Channel": [channels[int(c) % len(channels)] for c in known] + ["web"],
        }
    ).write_csv(folder / "people.csv")
    pl.DataFrame(
        {
            "id": [int(c) for c in customers],
            "Visits": [int(c) % 13 for c in customers],
            "Plan": ["free" if int(c) % 3 else "paid" for c in customers],
        }
    ).write_parquet(folder / "usage.parquet")
    (folder / "job.toml").write_text(JOB)
    return folder / "job.toml"


CHANNELS = ["web", "web", "web", "store", "store", "phone", "tv"]


@pytest.fixture(scope="module")
def tables(customers: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder, customers, CHANNELS)
    return folder


@pytest.fixture(scope="module")
def run(tables: Path) -> Run:
    return segment(SAMPLE, tables / "out", job=tables / "job.toml", overrides=THREE, quiet=True)


def read(made: Run, name: str) -> Any:
    return json.loads((made.folder / name).read_text(encoding="utf-8"))


def test_features_hold_the_columns_and_the_gaps(run: Run, customers: list[str]) -> None:
    found = pl.read_parquet(run.features / "*.parquet")
    numbers = found["customer_id"].cast(pl.Int64)
    assert set(found["customer_id"]) <= set(customers)
    row = found["customer_id"].is_in([c for place, c in enumerate(customers) if place % 10])
    age = pl.select(pl.when(row & (numbers % 7 != 0)).then(20 + numbers % 50).cast(pl.Float64)).to_series()
    assert found["age"].to_list() == age.to_list()
    assert found["channel"].null_count() == (~row).sum()
    assert found["visits"].to_list() == (numbers % 13).cast(pl.Float64).to_list()


def test_the_model_sees_what_the_job_lets_it(run: Run) -> None:
    names = [f["name"] for f in read(run, "model.json")["preparation"]["features"]]
    assert names[5:] == ["age", "age=", "channel=web", "channel=store", "channel=other", "channel="]
    assert load(run.folder / "job.toml").matrix.columns["channel"] == "one-hot"
    everybody = pl.read_parquet(run.folder / "all_customers.parquet").row(0, named=True)
    found = pl.read_parquet(run.features / "*.parquet")
    assert everybody["plan=paid_mean"] == pytest.approx((found["plan"] == "paid").mean())
    assert everybody["visits_median"] == found["visits"].median()


def test_coverage_is_in_the_manifest_and_in_the_report(run: Run) -> None:
    people, usage = read(run, "manifest.json")["extra"]
    n = pl.read_parquet(run.features / "*.parquet").height
    assert people["customers_with_row"] + people["rows_without_customer"] == people["customers"]
    assert people["share"] == people["customers_with_row"] / n < 1
    assert usage["share"] == 1
    text = Path(rebuild_report(run.folder, markdown=True)).read_text(encoding="utf-8")
    assert f"people.csv has a row for {people['customers_with_row']:,} customers" in text
    assert "Channel: web" in text
    assert "Channel: web" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_an_explanation_names_the_category_and_moves_only_numbers(run: Run) -> None:
    found = pl.read_parquet(run.features / "*.parquet").filter(channel="phone").row(0, named=True)
    text = explain_customer(found["customer_id"], run.folder)
    assert "Channel: other" in text
    assert "Channel: web" not in text
    assert "instead of" in text or "No single step" in text or "bring more" in text


def test_scoring_the_same_input_gives_the_labels_of_the_fit(run: Run, tmp_path: Path) -> None:
    scored = pipeline.score(SAMPLE, tmp_path / "out", model=run.folder, quiet=True)
    columns = ["customer_id", "segment", "segment_name", "distance", "confidence"]
    ours, theirs = (pl.read_parquet(r.segments / "*.parquet").select(columns) for r in (scored, run))
    assert_frame_equal(ours, theirs, check_exact=True)
    assert read(scored, "manifest.json")["refresh"]["did"] == "score"


def test_new_categories_are_others_and_drift_says_so(
    tables: Path, run: Run, customers: list[str], tmp_path: Path
) -> None:
    copy = tmp_path / "tables"
    shutil.copytree(tables, copy)
    moved = (copy / "out").rename(tmp_path / "out")
    made = next((moved / "runs").iterdir())
    text = (made / "job.toml").read_text(encoding="utf-8")
    (made / "job.toml").write_text(text.replace(str(tables), str(copy)), encoding="utf-8")
    about = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    about["digests"]["job.toml"] = storage.digest(made / "job.toml")  # else it would be damaged
    (made / "manifest.json").write_text(json.dumps(about), encoding="utf-8")
    write_tables(copy, customers, ["app", "app", "app", "store", "store", "phone", "tv"])
    scored = pipeline.score(SAMPLE, tmp_path / "scored", model=made, quiet=True)
    drift = read(scored, "drift.json")
    assert any(reason.startswith("Channel: ") for reason in drift["reasons"])
    assert {f["feature"] for f in drift["features"]} >= {"age=", "channel=web", "channel=other", "visits"}
    # The next night follows it, and chooses its categories anew.
    after = segment(SAMPLE, moved, job=copy / "job.toml", overrides=THREE, quiet=True)
    names = [f["name"] for f in read(after, "model.json")["preparation"]["features"]]
    assert "channel=app" in names
    assert "channel=web" not in names
    assert read(after, "manifest.json")["identity"]["previous"] == run.folder.name
    assert "Channel: web has drifted" in pipeline.compare_runs(made, after.folder)


@pytest.mark.slow
def test_a_run_without_the_tables_cannot_be_judged_by_the_model(
    run: Run, retail_job: Path, tmp_path: Path
) -> None:
    plain = segment(
        SAMPLE, tmp_path / "out", job=retail_job, overrides=THREE, previous=run.folder, quiet=True
    )
    assert any("its model needs age, channel" in text for text in read(plain, "manifest.json")["warnings"])
    with pytest.raises(errors.DataError, match=r"needs age, channel, which this run does not have"):
        pipeline.compare_runs(run.folder, plain.folder)


def test_a_changed_table_is_another_input(tables: Path) -> None:
    settings = load(tables / "job.toml")

    def mark() -> str:
        return (
            open_run.plan(SAMPLE, settings, Places.given("out"), budget=10**9, refresh="fit")
            .following(None, None)
            .fingerprint
        )

    before = mark()
    assert mark() == before
    path = tables / "usage.parquet"
    path.touch()
    assert mark() != before


@pytest.mark.slow
def test_another_budget_changes_no_byte(tables: Path, run: Run, tmp_path: Path) -> None:
    other = segment(
        SAMPLE, tmp_path / "out", job=tables / "job.toml", overrides=THREE, memory=600_000_000, quiet=True
    )
    for name in ("features", "segments"):
        ours, theirs = (sorted((r.folder / name).iterdir()) for r in (other, run))
        assert [digest(p) for p in ours] == [digest(p) for p in theirs]
    assert (other.folder / "model.json").read_bytes() == (run.folder / "model.json").read_bytes()
