"""Memory is a budget: the job stays under it, plus what its imports take in each of its processes, at any size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from segcore.engine import parse_size
from segcore.simulate import simulate
from tests.benchmarks.measuring import ROOT, Measured, measure

# What a run imports by its end, wherever the imports stand.
_IMPORTS = (
    "import polars, pyarrow.parquet, scipy.stats, sklearn.cluster, sklearn.mixture, sklearn.neighbors, "
    "distributed, dask.array, dask_ml.cluster, altair, vl_convert, jinja2, segcore.pipeline; "
    "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
)
_JOB = """
[models]
restarts = 5
mixture_restarts = 1
[stability]
splits = 2
resamples = 2
min_splits = 2
[structure_test]
copies = 0
"""
# Lines, the form they are in, and the budget: just above the least for so many.
_SIZES: list[tuple[int, Literal["csv", "parquet"], str]] = [
    (500_000, "parquet", "500MB"),
    (2_000_000, "csv", "701MB"),  # more than a file costs a little each
    (10_000_000, "parquet", "701MB"),
]
_TIMEOUT = 600
_MOST_PROCESSES = 3  # the job and a worker for each of two cores
_CGROUPS = Path("/sys/fs/cgroup")

# Dumps of an odd shape: lines, and the budget.
_SHAPES: dict[str, tuple[int, str]] = {
    "one customer with nearly all lines": (3_000_000, "700MB"),
    "one customer with an order for each line": (3_000_000, "700MB"),
    "one group of rows": (4_000_000, "700MB"),
    "customers of one line": (2_000_000, "700MB"),
    "a product for each line": (1_000_000, "700MB"),
    "descriptions of 10 kB": (100_000, "500MB"),
    "long texts in one group of rows": (60_000, "500MB"),
    "one long text for all lines": (60_000, "500MB"),
    "months in words, and two currencies": (4_000_000, "700MB"),
    "50,000 files": (500_000, "700MB"),
}
_FILES = 50_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * _TIMEOUT)]


def run(*arguments: str) -> Measured:
    measured = measure([sys.executable, *arguments], most_seconds=_TIMEOUT)
    assert not measured.failure
    return measured


@pytest.fixture(scope="module")
def baseline() -> int:
    """Bytes that a process holds when it has imported everything and done nothing.

    What it shares with others counts as its own, or it would be less by a third where other tests happen to run beside this one.
    """
    return int(run("-c", _IMPORTS).output) * 1024


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole job, with few refits: what is fitted is as large, and fitted less often."""
    path = tmp_path_factory.mktemp("job") / "job.toml"
    path.write_text((ROOT / "jobs" / "online-retail.toml").read_text() + _JOB)
    return path


@pytest.mark.parametrize(("rows", "form", "budget"), _SIZES)
def test_the_job_stays_under_its_budget(
    rows: int, form: Literal["csv", "parquet"], budget: str, baseline: int, job: Path, tmp_path: Path
) -> None:
    dump = simulate(tmp_path / "dump", rows=rows, format=form).out
    out = tmp_path / "out"
    measured = run(
        "-m", "segcore", "segment", str(dump), "--out", str(out), "--job", str(job), "--memory", budget, "--quiet"
    )  # fmt: skip
    assert (out / "latest.json").is_file()
    above = [moment.memory - parse_size(budget) - baseline * moment.processes for moment in measured.moments]
    assert max(above) <= 0, (
        f"{max(above) / 1e6:,.0f} MB above {budget} + {baseline / 1e6:,.0f} MB a process, "
        f"at the peak of {measured.peak / 1e6:,.0f} MB"
    )


def shaped(shape: str, n_lines: int, path: Path) -> Path:
    """Write a dump of a shape as Parquet, or as many files of CSV."""
    number = pl.int_range(n_lines, eager=True)
    customer, order, product = number % 50_000, number // 5, number * 7_919 % 5_000
    if shape.startswith("one customer"):  # and some others, as segments need them
        customer = pl.select(
            pl.when(number % 1_000 == 0).then(number // 1_000 % 500 + 1).otherwise(0)
        ).to_series()
    if shape == "one customer with an order for each line":
        order = number
    if shape == "customers of one line":
        customer = number
    if shape == "a product for each line":
        product = number
    description = pl.Series(["HOLDER"]).new_from_index(0, n_lines)
    if shape == "descriptions of 10 kB":
        description = (number % 1_000).cast(pl.String) + "x" * 10_000
    if shape == "long texts in one group of rows":  # all different: no dictionary makes less of them
        description = number.cast(pl.String) + "x" * 10_000
    if shape == "one long text for all lines":  # 6 GB if each line had its own
        description = pl.Series(["x" * 100_000 + "\n"]).new_from_index(0, n_lines)
    minutes = pl.select(
        pl.datetime(2011, 1, 1) + pl.duration(minutes=pl.lit(number * 31 % 500_000))
    ).to_series()
    df = pl.DataFrame(
        {
            "InvoiceNo": order,
            "StockCode": "p" + product.cast(pl.String),
            "Description": description,
            "Quantity": number % 9 + 1,
            "InvoiceDate": minutes,
            "UnitPrice": (number % 900 + 1) / 100,
            "CustomerID": customer,
            "Country": pl.Series(["France"]).new_from_index(0, n_lines),
        }
    )
    if shape == "months in words, and two currencies":
        df = df.with_columns(
            pl.col("InvoiceDate").dt.strftime("%d %B %Y"),
            Currency=pl.when(number % 3 == 0).then(pl.lit("EUR")).otherwise(pl.lit("£")),
        )
    if shape == "50,000 files":
        folder, rows = path.with_suffix(""), n_lines // _FILES
        folder.mkdir()
        header, *lines = df.write_csv().splitlines(keepends=True)
        for place in range(_FILES):
            (folder / f"{place}.csv").write_text(
                header + "".join(lines[place * rows : (place + 1) * rows]), encoding="utf-8"
            )
        return folder
    df.write_parquet(path, row_group_size=n_lines if "one group of rows" in shape else 20_000)
    return path


@pytest.mark.parametrize("shape", _SHAPES)
def test_an_odd_shape_stays_under_the_budget(shape: str, baseline: int, tmp_path: Path) -> None:
    n_lines, budget = _SHAPES[shape]
    dump, job, out = (
        shaped(shape, n_lines, tmp_path / "dump.parquet"),
        tmp_path / "job.toml",
        tmp_path / "out",
    )
    rates = '[input]\ncurrency_rates = { EUR = "0.9", GBP = "1" }\n' if "currencies" in shape else ""
    job.write_text(rates + _JOB.replace("[models]", '[models]\nfamilies = ["kmeans"]\nk_max = 3'))
    measured = run(
        "-m", "segcore", "segment", str(dump), "--out", str(out), "--job", str(job), "--memory", budget, "--quiet"
    )  # fmt: skip
    assert (out / "latest.json").is_file()
    print(f"{shape}: {n_lines:,} lines, {budget}, {measured.peak / 1e6:,.0f} MB, {measured.seconds:.0f} s")
    above = [moment.memory - parse_size(budget) - baseline * moment.processes for moment in measured.moments]
    assert max(above) <= 0, f"{max(above) / 1e6:,.0f} MB above, at the peak of {measured.peak / 1e6:,.0f} MB"


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A group of processes of its own, where the kernel keeps the limit; skips where none can be made."""
    group = _CGROUPS / "segcore-test"
    try:
        if "memory" not in (_CGROUPS / "cgroup.subtree_control").read_text().split():
            pytest.skip("the memory of cgroup v2 is not handed down here")
        group.mkdir()
    except OSError as exc:
        pytest.skip(f"no cgroup v2 can be made here: {exc}")
    yield group
    group.rmdir()


def test_the_job_lives_where_the_kernel_holds_it_to_its_budget(
    cgroup: Path, baseline: int, job: Path, tmp_path: Path
) -> None:
    rows, _, budget = _SIZES[0]
    dump = simulate(tmp_path / "dump", rows=rows, format="parquet").out
    (cgroup / "memory.max").write_text(str(parse_size(budget) + _MOST_PROCESSES * baseline))
    command = [sys.executable, "-m", "segcore", "segment", dump, "--out", tmp_path / "out", "--job", job]
    inside = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup, *command, "--memory", budget]
    measured = measure([str(part) for part in inside], most_seconds=_TIMEOUT)
    assert not measured.failure
    assert "oom_kill 0" in (cgroup / "memory.events").read_text()
