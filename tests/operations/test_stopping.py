"""A job that is asked to stop stops cleanly, says so, and goes on when it is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from segcore import errors
from segcore.storage import workspace
from tests.operations.processes import ROOT, segment_here, small_dump

# Fits that go on for minutes, so that a signal finds them at work.
LONG = """
[models]
families = ["mixture"]
mixture_restarts = 100000
k_min = 4
k_max = 4
"""

PLAIN = {key: value for key, value in os.environ.items() if not key.startswith("SEGCORE_")}


def command(*arguments: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "segcore", *map(str, arguments)]
    return subprocess.Popen(
        line, cwd=ROOT, env=PLAIN, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def complaints(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    said, complaints = process.communicate(timeout=60)
    assert said == ""
    # What joblib's tracker of semaphores says after a process that had no time to close them is none of its records.
    return [json.loads(line) for line in complaints.splitlines() if line.startswith("{")]


def test_a_stop_in_a_long_fit_keeps_the_finished_stages(tmp_path: Path) -> None:
    dump, out, job = small_dump(tmp_path / "dump"), tmp_path / "out", tmp_path / "long.toml"
    job.write_text((ROOT / "jobs/online-retail.toml").read_text() + LONG)
    process = command("segment", dump, "--out", out, "--job", job, "--log-format", "json")
    while not any(out.glob("work/*/models.part")):
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(
        errors.BusyError, match=rf"another run is at work there \(process {process.pid} on"
    ) as turned_away:
        segment_here(dump, out)
    assert turned_away.value.exit_code == 75
    process.send_signal(signal.SIGTERM)
    records = complaints(process)
    assert process.returncode == 143
    (folder,) = out.glob("work/[!.]*")
    assert {"lines", "customers"} <= {path.name for path in folder.iterdir()}
    assert not (out / "latest.json").exists()
    stages = [record["stage"] for record in records if "seconds" in record]
    assert stages == ["input", "lines", "customers", "matrix"]
    last = records[-1]
    assert (last["level"], last["stage"], last["exit_code"]) == ("error", "models", 143)
    assert last["message"] == "stopped by SIGTERM; run the same command again to go on"
    assert {record["run"] for record in records} == {last["run"]}
    assert last["run"].endswith(folder.name[:8])


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
def test_a_run_that_waits_for_another_can_be_stopped(
    number: signal.Signals, name: str, tmp_path: Path
) -> None:
    dump, out = small_dump(tmp_path / "dump"), tmp_path / "out"
    with workspace(out, "other") as work:
        process = command("segment", dump, "--out", out, "--wait")
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting for another run ({(out / '.lock').read_text()})\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        assert said == f"segcore: stopped by {name}; run the same command again to go on\n"
        assert process.returncode == 128 + number
        assert work.folder.is_dir()


STUCK = """
import hashlib, os, sys
from segcore import stopping
stopping.install(lambda message, code: print(message, code, file=sys.stderr), grace=0.3)
print("at work", flush=True)
# One call that takes minutes.
hashlib.pbkdf2_hmac("sha256", b"x", b"x", 2_000_000_000)
"""


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
def test_native_code_does_not_hold_up_a_stop(number: signal.Signals, name: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert said == f"stopped by {name}; run the same command again to go on {128 + number}\n"


WORKERS = """
import time
from segcore.evaluation.processes import in_processes
for _ in in_processes(time.sleep, [0, 60, 60], n_jobs=2):
    print("at work", flush=True)
"""


def test_worker_processes_do_not_outlive_a_killed_job() -> None:
    process = subprocess.Popen([sys.executable, "-c", WORKERS], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    time.sleep(2)  # until both long tasks have begun
    workers = psutil.Process(process.pid).children()
    assert len(workers) >= 2
    process.kill()
    process.wait()
    process.stdout.close()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
