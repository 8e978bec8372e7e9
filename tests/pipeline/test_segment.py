"""The whole job on the shipped dump: what it leaves behind, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, errors, job, segment
from tests.conftest import QUICK
from tests.transaction_lines import Line, line, write_csv

CONTENTS = [
    "all_customers.parquet",
    "candidates.parquet",
    "features/part-00000.parquet",
    "job.toml",
    "ledger.json",
    "manifest.json",
    "model.json",
    "profile.parquet",
    "report.html",
    "rules.json",
    "segments.csv",
    "segments/part-00000.parquet",
]


def test_a_run_holds_what_the_design_says(sample_run: Run) -> None:
    for name in CONTENTS:
        assert (sample_run.folder / name).is_file(), name
    out = sample_run.folder.parent.parent
    assert json.loads((out / "latest.json").read_text()) == {"run": f"runs/{sample_run.folder.name}"}
    assert sorted(path.name for path in out.iterdir()) == [".lock", "history", "latest.json", "runs"]
    assert job.resolve((sample_run.folder / "job.toml").read_text()).models.k_max == QUICK["models.k_max"]


def test_every_family_is_compared_and_labels_everybody(sample_run: Run) -> None:
    candidates = pl.read_parquet(sample_run.folder / "candidates.parquet")
    assert set(candidates["family"]) == {"kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"}
    assert not candidates.filter(pl.col("family").is_in(["dbscan", "hdbscan"]))["selectable"].any()
    segments = pl.read_parquet(sample_run.folder / "labels/*.parquet")
    for name in ("hierarchical_ward", "mixture_full", "spectral", "hdbscan"):
        assert any(column.startswith(name) for column in segments.columns), name
    floats = [c for c in candidates.columns if candidates[c].dtype == pl.Float64]
    assert not candidates.select(pl.col(floats).is_nan().any()).row(0).count(True)


def test_the_passes_of_kmeans_over_all_customers_are_told(sample_run: Run) -> None:
    told = json.loads((sample_run.folder / "manifest.json").read_text())["kmeans"]
    candidates = pl.read_parquet(sample_run.folder / "candidates.parquet").filter(
        pl.col("family") == "kmeans"
    )
    assert {fit["k"]: fit["n_iter"] for fit in told} == dict(candidates.select("k", "n_iter").iter_rows())
    assert all(fit["n_passes"] > fit["n_iter"] > 0 and fit["seconds"] > 0 for fit in told)
    assert sample_run.report.read_text().count("Passes over all customers</th>") == 1


def test_planted_segments_are_found(sample_run: Run) -> None:
    from sklearn.metrics import adjusted_rand_score

    truth = pl.read_parquet(Path(__file__).parents[2] / "data" / "sample.truth.parquet")
    segments = pl.read_parquet(sample_run.segments / "*.parquet").join(
        truth, on="customer_id", suffix="_planted"
    )
    assert segments.height > 500
    assert adjusted_rand_score(segments["segment_planted"], segments["segment"]) > 0.2


def customers(n: int) -> list[Line]:
    return [
        line(
            InvoiceNo=f"{c}{o}",
            CustomerID=str(c),
            Quantity=str(1 + (c * 7 + o) % 5),
            InvoiceDate=f"2011-0{1 + o % 9}-1{c % 9} 10:00:00",
        )
        for c in range(1, n + 1)
        for o in range(1 + c % 4)
    ]


def test_separate_one_time_buyers_are_a_segment_by_rule(tmp_path: Path) -> None:
    dump = write_csv(tmp_path / "a.csv", customers(80))
    run = segment(
        dump,
        tmp_path / "out",
        overrides={**QUICK, "models.one_time_buyers": "separate", "selection.k": 3},
        quiet=True,
    )
    joined = pl.read_parquet(run.segments / "*.parquet").join(
        pl.read_parquet(run.features / "*.parquet").select("customer_id", "order_count"), on="customer_id"
    )
    once = joined.filter(pl.col("order_count") == 1)["segment"].unique()
    assert len(once) == 1
    assert once.item() not in joined.filter(pl.col("order_count") > 1)["segment"]
    assert joined["segment"].n_unique() == 4


@pytest.mark.parametrize(
    ("lines", "overrides", "error", "message"),
    [
        ([line(CustomerID="")], {}, errors.DataError, "no purchase left: all of 1 lines"),
        ([line(UnitPrice="x")], {}, errors.DataError, "no purchase left.*unreadable_unit_price 1"),
        ([line()], {}, errors.DataError, "1 customer cannot make 2 segments"),
        (customers(5), {"selection.k": 7}, errors.DataError, "5 customers cannot make 7 segments"),
        ([line(), *[line(InvoiceDate="x")] * 3], {}, errors.DataError, "75% of 4 lines were rejected"),
        ([line(), line(CustomerID="2")], {}, errors.DataError, "all customers are equal|different rows"),
    ],
)
def test_data_that_cannot_be_segmented(
    tmp_path: Path, lines: list[Line], overrides: dict[str, object], error: type[Exception], message: str
) -> None:
    dump = write_csv(tmp_path / "a.csv", lines)
    with pytest.raises(error, match=message):
        segment(dump, tmp_path / "new" / "out", overrides={**QUICK, **overrides}, quiet=True)
    assert not (tmp_path / "new" / "out" / "runs").exists()


def test_a_guest_account_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = customers(40) + [
        line(InvoiceNo=f"g{n}", CustomerID="guest account 7", Quantity=str(n + 1)) for n in range(20)
    ]
    run = segment(write_csv(tmp_path / "a.csv", lines), tmp_path / "out", overrides=QUICK)
    log = capsys.readouterr().err
    assert "one customer, called like nobody ('guest'), has" in log
    assert "account 7" not in log
    assert any(
        "('guest')" in text for text in json.loads((run.folder / "manifest.json").read_text())["warnings"]
    )


def test_a_product_called_like_a_formula_is_safe_in_the_spreadsheet(tmp_path: Path) -> None:
    lines = [*customers(40), line(CustomerID="=1+1", Quantity="3"), line(CustomerID="@SUM", Quantity="9")]
    run = segment(write_csv(tmp_path / "a.csv", lines), tmp_path / "out", overrides=QUICK, quiet=True)
    ids = pl.read_csv(run.folder / "segments.csv", infer_schema=False)["customer_id"]
    assert "'=1+1" in ids
    assert "'@SUM" in ids
    assert "=1+1" in pl.read_parquet(run.segments / "*.parquet")["customer_id"]


def test_runs_in_a_folder_of_the_input_are_no_input(tmp_path: Path) -> None:
    write_csv(tmp_path / "lines.csv", customers(12))
    for _ in range(2):
        run = segment(tmp_path, tmp_path / "out", overrides=QUICK, quiet=True)
        assert json.loads((run.folder / "ledger.json").read_text())["rows_in"] == len(customers(12))
    with pytest.raises(errors.InputNotFoundError, match="nothing but earlier runs"):
        segment(tmp_path / "out", tmp_path / "out", overrides=QUICK, quiet=True)
