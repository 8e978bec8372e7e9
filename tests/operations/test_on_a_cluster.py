"""The whole job on a Dask cluster of processes: the same bytes as on a laptop, whatever becomes of the workers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from segcore import segment
from segcore.simulate import simulate
from tests.engine.dask_processes import ROOT, TIMEOUT, Dask, dask_processes
from tests.operations.processes import contents

# A task of the lines for each file or two, sixteen buckets (as if a line took much more memory than it does), and a
# block of the matrix for each hundred customers.
BUDGET = 200 * 10**6
COMMAND = """
from segcore.pipeline.lines import memory_plan
memory_plan._BYTES_A_LINE = 12_800
from segcore.cli import main
if __name__ == "__main__":
    main()
"""
JOB = """
[features]
rows_per_file = 100
window = "300d"
[models]
restarts = 3
mixture_restarts = 1
k_max = 4
sample = 300
tree_sample = 300
evaluation_sample = 300
[stability]
splits = 0
resamples = 0
[structure_test]
copies = 0
"""
ON_WORKERS = ("input", "lines", "customers", "models")


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    dump: Path
    job: Path
    contents: dict[str, str]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    base = tmp_path_factory.mktemp("laptop")
    dump, job = base / "dump", base / "job.toml"
    simulate(dump, rows=100_000)
    job.write_text(JOB)
    with chdir(base):
        run = segment(dump.name, base / "out", job=job, memory=BUDGET, quiet=True)  # one bucket
    assert len(list(run.features.iterdir())) > 4
    assert {"look_back.parquet", "outlook.json"} <= {path.name for path in run.folder.iterdir()}
    return Undisturbed(dump=dump, job=job, contents=contents(run.folder))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask_processes(tmp_path_factory.mktemp("dask"), workers=3) as dask:
        yield dask


@pytest.fixture
def dask(three: Dask) -> Dask:
    """Three workers, whatever the test before did to them."""
    for number in range(3):
        if f"w{number}" not in three.processes:
            three.start_worker(f"w{number}")
    for number in range(3):
        three.wait_for(f"w{number}")
    return three


@contextmanager
def started(laptop: Undisturbed, out: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command, and leave nothing of it where the test fails.

    Its paths are relative to a folder that no worker stands in.
    """
    here = laptop.dump.parent
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            COMMAND,
            "segment",
            laptop.dump.name,
            "--out",
            os.path.relpath(out, here),
            "--job",
            laptop.job.name,
            "--memory",
            str(BUDGET),
            *options,
        ],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "3s"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str], out: Path) -> tuple[Path, str]:
    """Wait for the end, and return the run's folder and what was said."""
    _, said = process.communicate(timeout=4 * TIMEOUT)
    assert process.returncode == 0, said
    return out / json.loads((out / "latest.json").read_text())["run"], said


def stages(run: Path) -> dict[str, dict[str, Any]]:
    return {stage["name"]: stage for stage in json.loads((run / "manifest.json").read_text())["stages"]}


@pytest.mark.timeout(180)
def test_workers_do_the_work_and_the_bytes_are_the_same(
    laptop: Undisturbed, dask: Dask, tmp_path: Path
) -> None:
    with started(laptop, tmp_path, "--scheduler", dask.address) as process:
        run, said = finish(process, tmp_path)
    assert contents(run) == laptop.contents
    assert re.search(
        rf"^\d Dask workers at {dask.address}, dashboard http://127.0.0.1:\d+/status$", said, re.M
    )
    done = stages(run)
    pids = {dask.processes[f"w{number}"].pid for number in range(3)}
    for name in ON_WORKERS:
        assert {worker["pid"] for worker in done[name]["workers"]} <= pids
        assert len(done[name]["workers"]) >= 2
    assert sum(worker["tasks"] for worker in done["lines"]["workers"]) >= 4  # groups of files
    assert sum(worker["tasks"] for worker in done["customers"]["workers"]) >= 8  # buckets
    # The command itself neither reads lines nor holds the matrix; 105 MB are the process that bundles the report's script.
    grown = max(done[name]["peak_memory"] for name in ON_WORKERS[1:]) - done["input"]["peak_memory"]
    assert grown < 120 * 10**6
    assert {path.name for path in tmp_path.iterdir()} == {"latest.json", "runs", "history", ".lock"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_read_what_is_new_alone_and_the_features_are_the_same(
    laptop: Undisturbed, dask: Dask, tmp_path: Path
) -> None:
    files, out = sorted(laptop.dump.iterdir()), tmp_path / "out"
    (tmp_path / "dump").mkdir()
    shutil.copy2(laptop.job, tmp_path)
    mine = replace(laptop, dump=tmp_path / "dump", job=tmp_path / laptop.job.name)
    for some in (files[:-1], files[-1:]):
        for path in some:
            shutil.copy2(path, mine.dump)
        with started(mine, out, "--scheduler", dask.address, "--incremental") as process:
            run, said = finish(process, out)
    assert f"incremental: 1 of {len(files)} file(s) are new" in said
    features = {name: digest for name, digest in laptop.contents.items() if name.startswith("features/")}
    assert features.items() <= contents(run).items()
    assert len(stages(run)["customers"]["workers"]) >= 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_local_workers(laptop: Undisturbed, tmp_path: Path) -> None:
    with started(laptop, tmp_path, "--workers", "2") as process:
        run, _ = finish(process, tmp_path)
    assert contents(run) == laptop.contents
    assert all(stages(run)[name]["workers"] for name in ON_WORKERS)
    assert {path.name for path in tmp_path.iterdir()} == {"latest.json", "runs", "history", ".lock"}


def kill_at_work(dask: Dask, names: list[str], stage: str, process: subprocess.Popen[str], out: Path) -> None:
    """Kill workers when they have been given tasks of a stage."""
    from distributed import Client

    with Client(dask.address, set_as_default=False, name=f"watching {stage}") as client:
        addresses = {facts["name"]: address for address, facts in client.scheduler_info()["workers"].items()}
        deadline = time.monotonic() + 3 * TIMEOUT  # whatever else the machine does
        while not (
            any(out.glob(f"work/*/{stage}.part"))
            and all(client.processing([addresses[n] for n in names]).values())
        ):
            assert process.poll() is None, f"ended before a worker was killed in {stage}"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        for name in names:
            dask.kill(name)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_killed_in_each_stage_costs_no_label(
    laptop: Undisturbed, dask: Dask, tmp_path: Path
) -> None:
    with started(laptop, tmp_path, "--scheduler", dask.address) as process:
        victims = ("w0", "w1", "w2", "instead of w0")
        for name, stage in zip(victims, ON_WORKERS, strict=True):
            kill_at_work(dask, [name], stage, process, tmp_path)
            dask.start_worker(f"instead of {name}")  # which joins while the run goes on
        run, _ = finish(process, tmp_path)
    assert contents(run) == laptop.contents
    for name in victims[1:]:
        dask.kill(f"instead of {name}")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", ON_WORKERS)
def test_without_workers_the_run_ends_and_goes_on_later(
    laptop: Undisturbed, dask: Dask, tmp_path: Path, stage: str
) -> None:
    with started(laptop, tmp_path, "--scheduler", dask.address) as process:
        kill_at_work(dask, ["w0", "w1", "w2"], stage, process, tmp_path)
        _, said = process.communicate(timeout=2 * TIMEOUT)
    assert process.returncode == 69
    last = said.splitlines()[-1]
    assert f"{dask.address}: no Dask worker for 3 seconds; start some and run the same command again" in last
    assert "Traceback" not in said
    assert not (tmp_path / "latest.json").exists()
    for number in range(3):
        dask.start_worker(f"w{number}")
    with started(laptop, tmp_path, "--scheduler", dask.address) as process:
        run, _ = finish(process, tmp_path)
    assert contents(run) == laptop.contents
    before = ON_WORKERS[: ON_WORKERS.index(stage)]
    assert [name for name, facts in stages(run).items() if facts["resumed"]] == [*before]
