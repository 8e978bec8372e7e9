"""Memory is a budget: the job stays under it, plus what its imports take in each of its processes, at any size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from segcore.engine import parse_size
from segcore.simulate import simulate
from tests.benchmarks.measuring import ROOT, Measured, measure

# What a run imports by its end, wherever the imports stand.
_IMPORTS = (
    "import time, polars, pyarrow.parquet, scipy.stats, sklearn.cluster, sklearn.mixture, sklearn.neighbors, "
    "distributed, dask.array, dask_ml.cluster, altair, vl_convert, jinja2, segcore.pipeline; time.sleep(1)"
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
    (2_000_000, "csv", "700MB"),
    (10_000_000, "parquet", "700MB"),
]
_TIMEOUT = 600
_MOST_PROCESSES = 3  # the job and a worker for each of two cores
_CGROUPS = Path("/sys/fs/cgroup")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * _TIMEOUT)]


def run(*arguments: str) -> Measured:
    measured = measure([sys.executable, *arguments], most_seconds=_TIMEOUT)
    assert not measured.failure
    return measured


@pytest.fixture(scope="module")
def baseline() -> int:
    """Bytes that a process holds when it has imported everything and done nothing."""
    return run("-c", _IMPORTS).peak


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
