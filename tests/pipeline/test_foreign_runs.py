"""A finished run that somebody hands over: what its job.toml asks for is checked like a job of one's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segcore import Run, errors, pipeline, segment, storage
from tests.conftest import QUICK
from tests.transaction_lines import line, write_csv

SECRET = "root:x:0:0:SECRET"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = [
        line(
            InvoiceNo=f"{c}-{order}",
            CustomerID=c,
            UnitPrice=f"{1 + c % 7}.25",
            InvoiceDate=f"2011-{1 + c % 9:02}-0{order + 1}",
        )
        for c in range(60)
        for order in range(1 + c % 5)
    ]
    return write_csv(tmp_path_factory.mktemp("lines") / "lines.csv", given)


@pytest.fixture(scope="module")
def run(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    overrides = {
        **QUICK,
        "models.k_max": 3,
        "models.families": ["kmeans"],
        "features.own": {"top": "max(unit_price)"},
    }
    return segment(lines, tmp_path_factory.mktemp("out"), overrides=overrides, quiet=True)


@pytest.mark.parametrize(
    "command",
    [
        lambda run, lines, out: pipeline.score(lines, out, model=run, quiet=True),
        lambda run, lines, out: pipeline.explain_customer("7", run),
        lambda run, lines, out: pipeline.compare_runs(run, run, None),
        lambda run, lines, out: pipeline.rebuild_report(run),
        lambda run, lines, out: segment(lines, out, previous=run, overrides=QUICK, quiet=True),
    ],
    ids=["score", "explain", "compare", "report", "previous"],
)
def test_its_sql_is_refused_before_polars_sees_it(
    command: Callable[[Path, Path, Path], object], run: Run, lines: Path, tmp_path: Path
) -> None:
    theirs = Path(shutil.copytree(run.folder, tmp_path / "theirs"))
    (tmp_path / "secret.csv").write_text(f"{SECRET}\n1\n")
    job = (theirs / "job.toml").read_text()
    hostile = job.replace("max(unit_price)", f"(SELECT max(1) FROM read_csv('{tmp_path}/secret.csv'))")
    assert hostile != job
    command(theirs, lines, tmp_path / "out")
    (theirs / "job.toml").write_text(hostile)
    manifest = json.loads((theirs / "manifest.json").read_text())
    manifest["digests"]["job.toml"] = storage.digest(theirs / "job.toml")
    (theirs / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        (errors.JobError, errors.InputNotFoundError), match="'SELECT' at character 2"
    ) as caught:
        command(theirs, lines, tmp_path / "other")
    assert SECRET not in str(caught.value)
