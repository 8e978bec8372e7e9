"""Night after night: identities, frozen scoring, drift, and what is said of who moved."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from segcore import Run, errors, job, pipeline, schema, segment
from segcore.cli import cli
from segcore.lines import rfm
from segcore.pipeline.finished import job_diff, previous_run
from segcore.records.manifest import RfmCutPoints
from tests.conftest import QUICK

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
FOUR = {**QUICK, "models.families": ["kmeans"], "selection.k": 4}


def read(run: Run, name: str) -> Any:
    return json.loads((run.folder / name).read_text(encoding="utf-8"))


def segments(run: Run) -> pl.DataFrame:
    return pl.read_parquet(run.segments / "*.parquet")


def count(rows: list[dict[str, Any]]) -> int:
    return sum(row["customers"] for row in rows)


def moved(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["old"] != row["new"]]


@pytest.fixture(scope="module")
def first(retail_job: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("nights") / "out"
    return segment(SAMPLE, out, job=retail_job, overrides=FOUR, quiet=True)


@pytest.fixture
def after_first(first: Run, tmp_path: Path) -> Path:
    """A folder whose latest run is the first one."""
    out = tmp_path / "out"
    shutil.copytree(first.folder.parent.parent, out)
    return out


@pytest.mark.slow
def test_a_narrow_verdict_does_not_replace_the_model_of_the_run_before(
    retail_job: Path, tmp_path: Path
) -> None:
    free = {key: value for key, value in FOUR.items() if key != "selection.k"}
    free |= {"stability.splits": 12, "stability.resamples": 12, "selection.min_jaccard": 0}

    def night(out: str, seed: int, bar: float = 0.8, **more: Any) -> Run:
        overrides = free | {"seed": seed, "selection.min_prediction_strength": bar} | more
        return segment(SAMPLE, tmp_path / out, job=retail_job, overrides=overrides, quiet=True)

    def strength(run: Run) -> float:
        table = pl.read_parquet(run.folder / "candidates.parquet").filter(pl.col("k") == 4)
        return float(table["prediction_strength"].item())

    # Two seeds, and a bar between the strengths that they give four segments.
    weaker, stronger = sorted(range(2), key=lambda seed: strength(night(f"alone-{seed}", seed)))
    bar = (strength(night(f"alone-{weaker}", weaker)) + strength(night(f"alone-{stronger}", stronger))) / 2
    assert read(night("out", weaker, bar), "manifest.json")["chosen"]["k"] == 3
    assert read(night("free", stronger, bar), "manifest.json")["chosen"]["k"] == 4
    found = read(night("out", stronger, bar), "manifest.json")["chosen"]
    assert found["k"] == 3
    assert "the run before had it, and K-Means with 4 segments is not clearly better" in found["reason"]
    # A model that the gate stops has no such claim: it would stay, and be stopped, every night.
    with pytest.raises(errors.GateError, match="prediction strength of the chosen model"):
        night("out", stronger, bar, **{"gate.min_prediction_strength": 1})
    stopped = max((tmp_path / "out/runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert json.loads((stopped / "manifest.json").read_text())["chosen"]["k"] == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"selection.min_share": 0.04},
        {"selection.k": None},
        {"models.k_max": 6},
        {"matrix.columns": {"total_spend": "log1p", "order_count": "yeo-johnson"}},
        {"matrix.fit_rows": 50_000},
        {"cleaning.duplicates": "keep"},
        {"features.returns": "net"},
        {"features.own": {"largest": "max(amount)"}},
        {"extra": [{"path": "customers.csv", "key": "id", "columns": ["age"]}]},
    ],
)
def test_what_the_job_asks_for_anew_is_chosen_anew(first: Run, changed: dict[str, Any]) -> None:
    def said(admissible: bool) -> previous_run.Previous:
        found = previous_run.load(first.folder)
        chosen = replace(found.manifest.chosen, admissible=admissible)
        return replace(found, manifest=replace(found.manifest, chosen=chosen))

    before = said(True)
    assert job_diff.incumbent(before, before.settings) == before.model.key
    assert job_diff.incumbent(said(False), before.settings) is None
    data = before.settings.model_dump()
    for key, value in changed.items():
        table, _, name = key.rpartition(".")
        (data[table] if table else data)[name] = value
    assert job_diff.incumbent(before, job.Job.model_validate(data)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"features.as_of": "2030-01-01"},
        {"features.window_from": "2023-01-01"},
        {"report.title": "Another"},
        {"gate.max_drift": 0.5},
        {"drift.max_psi": 0.5},
        {"lineage.tolerance": 0.5},
        {"seed": 7},
    ],
)
def test_what_says_nothing_of_the_models_keeps_the_one_of_the_run_before(
    first: Run, changed: dict[str, Any]
) -> None:
    found = previous_run.load(first.folder)
    chosen = replace(found.manifest.chosen, admissible=True)
    before = replace(found, manifest=replace(found.manifest, chosen=chosen))
    data = before.settings.model_dump()
    for key, value in changed.items():
        table, _, name = key.rpartition(".")
        (data[table] if table else data)[name] = value
    assert job_diff.incumbent(before, job.Job.model_validate(data)) == before.model.key


def test_the_naming_rule_sees_a_segment_where_it_was_until_it_has_moved_by_the_margin(
    after_first: Path, first: Run, retail_job: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for path in sorted(SAMPLE.glob("*.csv"))[3:]:
        shutil.copy(path, part)

    def night(out: Path, margin: float) -> pl.DataFrame:
        overrides = {**FOUR, "lineage.name_margin": margin}
        run = segment(part, out, job=retail_job, overrides=overrides, previous=first.folder, quiet=True)
        return pl.read_parquet(run.folder / "profile.parquet").filter(pl.col("segment") > 0)

    then = pl.read_parquet(first.folder / "profile.parquet").filter(pl.col("segment") > 0)
    held, anew = night(tmp_path / "held", 0.5), night(tmp_path / "anew", 0.0)
    assert set(held["segment"]) == set(anew["segment"]) == set(then["segment"])
    assert (
        held.select("segment", "named_by")
        .sort("segment")
        .equals(then.select("segment", "named_by").sort("segment"))
    )
    assert held["total_spend_median"].to_list() == anew["total_spend_median"].to_list()
    assert not anew["named_by"].equals(held["named_by"])


@pytest.fixture(scope="module")
def dearer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same customers, who pay twenty times as much."""
    folder = tmp_path_factory.mktemp("dearer")
    for path in sorted(SAMPLE.glob("*.csv")):
        lines = pl.read_csv(path, infer_schema=False)
        price = pl.col("UnitPrice").cast(pl.Float64, strict=False) * 20
        lines.with_columns(
            UnitPrice=pl.when(price.is_not_null()).then(price.round(2).cast(pl.String)).otherwise("UnitPrice")
        ).write_csv(folder / path.name)
    return folder


@pytest.mark.parametrize(
    "overrides",
    [
        {"selection.family": "kmeans"},
        {"selection.family": "hierarchical-ward", "models.families": ["hierarchical"]},
        pytest.param(
            {"selection.family": "mixture-full", "models.families": ["mixture"]}, marks=pytest.mark.slow
        ),
        pytest.param(
            {"selection.family": "spectral", "models.families": ["spectral"]}, marks=pytest.mark.slow
        ),
        {"models.one_time_buyers": "separate"},
    ],
    ids=lambda overrides: str(overrides.get("selection.family", "separate")),
)
def test_scoring_the_input_of_the_fit_gives_its_labels(
    overrides: dict[str, Any], retail_job: Path, tmp_path: Path
) -> None:
    fitted = segment(SAMPLE, tmp_path / "fit", job=retail_job, overrides=FOUR | overrides, quiet=True)
    run = pipeline.score(SAMPLE, tmp_path / "score", model=fitted.folder, quiet=True)
    same = ["customer_id", "segment", "segment_name", "distance", "confidence", "margin"]
    assert segments(run).select(same).equals(segments(fitted).select(same))
    assert 0 < segments(run)["outside"].mean() <= 0.01  # type: ignore[operator]
    drift = read(run, "drift.json")
    assert drift["verdict"] == "score"
    assert all(feature["psi"] == 0 for feature in drift["features"])
    assert not moved(read(run, "movement.json")["flows"])
    assert read(run, "manifest.json")["kind"] == "score"


def test_a_score_is_quick_and_needs_no_dask_ml(first: Run, tmp_path: Path) -> None:
    code = (
        "import sys; from segcore.pipeline import score; "
        f"run = score({str(SAMPLE)!r}, {str(tmp_path / 'out')!r}, model={str(first.folder)!r}, quiet=True); "
        "print(run.folder); assert not {'dask_ml', 'distributed'} & set(sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (Path(ended.stdout.strip()) / "segments.csv").is_file()
    assert not (Path(ended.stdout.strip()) / "report.html").exists()


def test_customers_beyond_the_fitted_radius_are_flagged(first: Run, dearer: Path, tmp_path: Path) -> None:
    run = pipeline.score(dearer, tmp_path / "out", model=first.folder, quiet=True)
    assert segments(run)["segment"].is_in([1, 2, 3, 4]).all()
    assert segments(run)["outside"].mean() > 0.05  # type: ignore[operator]
    drift = read(run, "drift.json")
    assert drift["verdict"] == "refit"
    assert drift["out_of_range_share"] == segments(run)["outside"].mean()
    by_name = {feature["feature"]: feature["verdict"] for feature in drift["features"]}
    assert by_name["total_spend"] == "drifted"
    assert by_name["order_count"] == "stable"
    # Who only scores is told, at once and when they look again.
    (said,) = [text for text in read(run, "manifest.json")["warnings"] if "no longer fits" in text]
    assert drift["reasons"][0] in said
    assert read(run, "manifest.json")["refresh"]["drift"] == "refit"
    assert ", scored, a new fit is asked for" in pipeline.list_runs(tmp_path / "out")[1]


def test_the_same_data_the_next_night_moves_nobody(after_first: Path, first: Run, retail_job: Path) -> None:
    run = segment(SAMPLE, after_first, job=retail_job, overrides=FOUR, quiet=True)
    lineage = read(run, "lineage.json")
    assert lineage["previous"] == first.folder.name
    assert [s["verdict"] for s in lineage["segments"]] == ["kept"] * 4
    assert all(s["jaccard"] == 1 and not s["renamed"] for s in lineage["segments"])
    movement = read(run, "movement.json")
    assert movement["reasons"] == []
    for key in ("flows", "behaviour", "model"):
        assert count(movement[key]) == segments(run).height
        assert not moved(movement[key])
    assert pl.read_parquet(run.folder / "moved.parquet").height == 0
    assert 'id="movement"' in run.report.read_text(encoding="utf-8")
    assert read(run, "manifest.json")["fingerprint"] != read(first, "manifest.json")["fingerprint"]


def test_other_seeds_change_the_model_and_nobodys_behaviour(
    after_first: Path, first: Run, retail_job: Path
) -> None:
    run = segment(
        SAMPLE, after_first, job=retail_job, overrides={**FOUR, "seed": 7, "selection.k": 5}, quiet=True
    )
    movement = read(run, "movement.json")
    assert not moved(movement["behaviour"])
    assert moved(movement["model"])
    assert "the job's seed changed from 0 to 7" in movement["reasons"]
    assert set(pl.read_parquet(run.folder / "moved.parquet")["changed"]) == {"model"}
    ids = {s["segment"] for s in read(run, "lineage.json")["segments"]} - {None}
    assert len(ids) == 5
    next_segment = read(run, "manifest.json")["identity"]["next_segment"]
    assert ids - {1, 2, 3, 4} == set(range(5, next_segment)) != set()


def test_flows_add_up_to_the_customers_and_the_money(
    after_first: Path, first: Run, retail_job: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for path in sorted(SAMPLE.glob("*.csv"))[3:]:
        shutil.copy(path, part)
    run = segment(part, after_first, job=retail_job, overrides=FOUR, quiet=True)
    then, now = segments(first), segments(run)
    flows = read(run, "movement.json")["flows"]
    assert count([f for f in flows if f["old"] is not None]) == then.height
    assert count([f for f in flows if f["new"] is not None]) == now.height
    assert count([f for f in flows if f["new"] is None]) > 0
    both = then.join(now, on="customer_id", suffix="_now")
    for key in ("behaviour", "model"):
        assert count(read(run, "movement.json")[key]) == both.height
    spent = pl.read_parquet(run.features / "*.parquet")["total_spend"].sum()
    assert sum(f["money"] for f in flows) == pytest.approx(spent)
    before = pl.read_parquet(first.features / "*.parquet")["total_spend"].sum()
    assert sum(f["money_before"] for f in flows) == pytest.approx(before)
    table = pl.read_parquet(run.folder / "moved.parquet")
    assert table.height == both.filter(pl.col("segment") != pl.col("segment_now")).height
    assert table["customer_id"].is_sorted()


def test_a_refit_happens_only_when_it_has_to(
    after_first: Path, first: Run, dearer: Path, retail_job: Path
) -> None:
    scored = segment(SAMPLE, after_first, job=retail_job, overrides=FOUR, if_drifted=True, quiet=True)
    about = read(scored, "manifest.json")
    assert (about["kind"], about["refresh"]["did"]) == ("score", "score")
    assert about["identity"]["fitted"] == first.folder.name
    assert scored.report.is_file()
    fitted = segment(dearer, after_first, job=retail_job, overrides=FOUR, if_drifted=True, quiet=True)
    about = read(fitted, "manifest.json")
    assert (about["kind"], about["refresh"]["did"]) == ("fit", "fit")
    assert any("Total spend has drifted" in reason for reason in about["refresh"]["reasons"])
    assert about["identity"]["ancestors"] == [first.folder.name, scored.folder.name]
    assert read(fitted, "drift.json")["against"] == first.folder.name


def test_another_job_asks_for_a_refit_and_is_named_first(after_first: Path, retail_job: Path) -> None:
    overrides = {**FOUR, "matrix.columns": {"total_spend": "log1p", "order_count": "yeo-johnson"}}
    run = segment(SAMPLE, after_first, job=retail_job, overrides=overrides, if_drifted=True, quiet=True)
    assert read(run, "manifest.json")["refresh"]["did"] == "fit"
    reasons = read(run, "movement.json")["reasons"]
    assert reasons[0] == "the feature 'Average order value' has left the models"
    assert "the transform of 'Total spend' changed from yeo-johnson to log1p" in reasons


def test_the_manifest_holds_the_look_back(first: Run) -> None:
    figures = read(first, "manifest.json")["look_back"]
    assert figures["days"] == 90
    assert 0 < figures["buyers"] < figures["customers"]
    assert {"auc", "auc_se", "log_revenue_explained"} == set(figures["rules"]["segment"])


def test_scores_of_rfm_are_of_the_customers_and_no_model_sees_them(
    first: Run, tmp_path: Path, retail_job: Path
) -> None:
    features = pl.read_parquet(first.features / "*.parquet")
    points = RfmCutPoints(**read(first, "manifest.json")["rfm"])
    assert features.select(rfm.columns(points)).equals(features.select(f.name for f in schema.RFM))
    for scale, feature in rfm.SCORED.items():
        fifths = features[feature].sort().gather([-(-features.height * i // 5) - 1 for i in range(1, 5)])
        assert [*getattr(points, scale)] == fifths.to_list()
    said = (
        first.folder / "profile.parquet",
        first.folder / "model/reference.json",
        first.folder / "rules.json",
    )
    assert not any(b"_score" in path.read_bytes() for path in said)
    with pytest.raises(errors.JobError, match="'r_score' is no numeric feature"):
        segment(
            SAMPLE, tmp_path, job=retail_job, overrides={"matrix.columns": {"r_score": "none"}}, quiet=True
        )


def test_scores_of_rfm_can_be_left_out_and_have_cut_points_of_the_jobs_own(
    first: Run, tmp_path: Path, retail_job: Path
) -> None:
    names = [feature.name for feature in schema.RFM]
    own = {"rfm.recency": [30, 60, 90, 180], "features.without": names[1:3]}
    run = segment(SAMPLE, tmp_path / "own", job=retail_job, overrides=FOUR | own, quiet=True)
    features = pl.read_parquet(run.features / "*.parquet")
    assert {*names} & {*features.columns} == {"r_score", "rfm_group"}
    days = features["days_since_last_order"]
    assert (features["r_score"] == 5 - sum((days > at).cast(pl.Int8) for at in (30, 60, 90, 180))).all()
    assert segments(run).drop("run_id").equals(segments(first).drop("run_id"))
    run = segment(
        SAMPLE, tmp_path / "none", job=retail_job, overrides=FOUR | {"features.without": names}, quiet=True
    )
    assert not {*names} & {*pl.read_parquet_schema(run.features / "part-00000.parquet")}
    assert "rfm" not in read(run, "manifest.json") or read(run, "manifest.json")["rfm"] is None


def test_a_scored_run_has_the_cut_points_of_its_model(first: Run, tmp_path: Path) -> None:
    days = sorted(SAMPLE.glob("*.csv"))
    scored = pipeline.score(days[: len(days) // 4], tmp_path / "out", model=first.folder, quiet=True)
    then, now = (read(run, "manifest.json")["rfm"] for run in (first, scored))
    assert then == now
    features = pl.read_parquet(scored.features / "*.parquet")
    assert features.select(rfm.columns(RfmCutPoints(**now))).equals(
        features.select(f.name for f in schema.RFM)
    )


def test_the_first_night_fits(tmp_path: Path, retail_job: Path) -> None:
    run = segment(SAMPLE, tmp_path / "out", job=retail_job, overrides=FOUR, if_drifted=True, quiet=True)
    about = read(run, "manifest.json")
    reasons = ["there is no run before"]
    assert about["refresh"] == {"asked": "if-drifted", "did": "fit", "reasons": reasons, "drift": None}
    assert about["identity"]["next_segment"] == 5


def test_a_run_elsewhere_can_be_followed_and_a_missing_one_is_an_error(
    first: Run, tmp_path: Path, retail_job: Path
) -> None:
    out = tmp_path / "out"
    run = segment(SAMPLE, out, job=retail_job, overrides=FOUR, previous=first.folder, fresh=True, quiet=True)
    assert read(run, "manifest.json")["identity"]["previous"] == first.folder.name
    with pytest.raises(errors.InputNotFoundError, match="nowhere: no finished run"):
        segment(SAMPLE, out, job=retail_job, previous=tmp_path / "nowhere", quiet=True)


def test_a_latest_run_that_cannot_be_read_is_not_followed(
    after_first: Path, first: Run, retail_job: Path
) -> None:
    (after_first / "runs" / first.folder.name / "model" / "reference.json").unlink()
    run = segment(SAMPLE, after_first, job=retail_job, overrides=FOUR, quiet=True)
    about = read(run, "manifest.json")
    assert about["identity"]["previous"] is None
    assert any("no previous run is followed" in text for text in about["warnings"])


def test_a_run_that_was_killed_after_its_publication_is_not_made_again(
    after_first: Path, first: Run, retail_job: Path
) -> None:
    mark = read(first, "manifest.json")["fingerprint"]
    (after_first / "work" / mark / "labels").mkdir(parents=True)
    begun = read(first, "manifest.json")["created_at"]
    (after_first / "work" / mark / "begun.json").write_text(json.dumps({"begun": begun}))
    run = segment(SAMPLE, after_first, job=retail_job, overrides=FOUR, quiet=True)
    assert run.folder.name == first.folder.name
    assert not (after_first / "work").exists()


@pytest.mark.slow
def test_lines_without_what_the_model_needs(
    after_first: Path, first: Run, retail_job: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for path in sorted(SAMPLE.glob("*.csv")):
        pl.read_csv(path, infer_schema=False).drop("StockCode").write_csv(part / path.name)
    job = tmp_path / "job.toml"
    job.write_text(retail_job.read_text(encoding="utf-8").replace('product_id = "StockCode"', ""))
    with pytest.raises(errors.DataError, match="StockCode"):
        pipeline.score(part, tmp_path / "score", model=first.folder, quiet=True)
    bare = segment(SAMPLE, tmp_path / "bare", overrides=FOUR, quiet=True)
    with pytest.raises(errors.DataError, match="needs unique_products, which the input says nothing about"):
        pipeline.score(part, tmp_path / "score", model=bare.folder, quiet=True)
    run = segment(part, after_first, job=job, overrides=FOUR, quiet=True)
    about = read(run, "manifest.json")
    assert any("its model needs unique_products" in text for text in about["warnings"])
    assert about["identity"]["previous"] is None


def test_comparing_a_run_with_itself_is_no_movement(first: Run, tmp_path: Path) -> None:
    out = tmp_path / "compared"
    ended = CliRunner().invoke(cli, ["compare", str(first.folder), str(first.folder), "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    assert "0 customers are new and 0 are gone" in ended.stdout
    assert "(0.0%) changed segment" in ended.stdout
    assert "Drift: score" in ended.stdout
    lineage = json.loads((out / "lineage.json").read_text())
    assert [s["verdict"] for s in lineage["segments"]] == ["kept"] * 4
    assert pl.read_parquet(out / "moved.parquet").height == 0
    assert 'id="movement"' in (out / "report.html").read_text(encoding="utf-8")
    assert not (first.folder / "movement.json").exists()
    pipeline.compare_runs(first.folder, first.folder, out)  # over its own


def test_a_comparison_overwrites_nothing_of_others(first: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text("{}")
    for name in ("report.html", "moved.csv", "moved-2.csv", "drift.json", "movement.json"):
        out = tmp_path / f"of {name}"
        out.mkdir()
        (out / name).symlink_to(mine) if name == "drift.json" else (out / name).write_text("{}")
        with pytest.raises(errors.OutputError, match=f"{name}: is there already, and no comparison has left"):
            pipeline.compare_runs(first.folder, first.folder, out)
        assert [entry.name for entry in out.iterdir()] == [name]
        assert (out / name).read_text() == "{}"
    with pytest.raises(errors.OutputError, match=r"^/proc/none: cannot be written: No such file"):
        pipeline.compare_runs(first.folder, first.folder, Path("/proc/none"))
    with pytest.raises(errors.OutputError, match=r"report\.html: is of the run in"):
        pipeline.compare_runs(first.folder, first.folder, first.folder)


@pytest.mark.slow
def test_runs_that_do_not_follow_each_other_are_matched_by_customers(
    first: Run, tmp_path: Path, retail_job: Path
) -> None:
    other = segment(
        SAMPLE, tmp_path / "out", job=retail_job, overrides={**FOUR, "seed": 3, "selection.k": 5}, quiet=True
    )
    out = tmp_path / "compared"
    text = pipeline.compare_runs(first.folder, other.folder, out)
    assert "Changed since then: the job's seed changed from 0 to 3." in text
    lineage = json.loads((out / "lineage.json").read_text())["segments"]
    assert sum(s["verdict"] == "kept" for s in lineage) >= 3
    ids = [s["segment"] for s in lineage if s["segment"] is not None]
    assert len(set(ids)) == 5


def test_the_commands_say_where_things_are(first: Run, tmp_path: Path) -> None:
    ended = CliRunner().invoke(
        cli, ["score", str(SAMPLE), "--model", str(first.folder), "--out", str(tmp_path / "out"), "--quiet"]
    )
    assert ended.exit_code == 0, ended.output
    assert (Path(ended.stdout.strip()) / "drift.json").is_file()
    missing = CliRunner().invoke(cli, ["compare", str(tmp_path / "no"), str(first.folder)])
    assert isinstance(missing.exception, errors.InputNotFoundError)


def test_scoring_runs_unattended_as_fitting_does(first: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segcore", "score", str(SAMPLE), "--model", str(first.folder)]
    command += ["--out", str(tmp_path / "out"), "--keep", "1", "--threads", "1", "--log-format", "json"]
    for _ in range(2):
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        run = Path(ended.stdout.strip())
        assert list((tmp_path / "out/runs").iterdir()) == [run]
        records = [json.loads(line) for line in ended.stderr.splitlines()]
        assert {record["run"] for record in records} == {run.name}
