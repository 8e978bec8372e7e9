"""A job that is killed at random moments of all its stages ends with the bytes of an undisturbed one."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.operations.processes import contents, files, small_dump, start

TIMEOUT = 120
# Stages in their order, and what they are measured as.
STAGES = {
    "input": ("input",),
    "lines": ("lines",),
    "customers": ("customers",),
    "models": ("matrix", "models", "comparison"),
    "run": ("labels", "profile", "report"),
}


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    dump: Path
    contents: dict[str, str]
    files: set[str]
    seconds: dict[str, float]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One run that nobody killed, and how long each of its stages took."""
    base = tmp_path_factory.mktemp("undisturbed")
    dump = small_dump(base / "dump")
    finish(start(dump, base / "out"))
    run = latest(base / "out")
    assert run is not None
    stages = json.loads((run / "manifest.json").read_text())["stages"]
    taken = {stage["name"]: stage["seconds"] for stage in stages}
    seconds = {name: sum(taken[part] for part in parts) for name, parts in STAGES.items()}
    return Undisturbed(dump=dump, contents=contents(run), files=files(run), seconds=seconds)


def finish(process: ForkServerProcess) -> None:
    process.join(TIMEOUT)
    assert process.exitcode == 0


def latest(out: Path) -> Path | None:
    path = out / "latest.json"
    return out / json.loads(path.read_text())["run"] if path.exists() else None


@contextmanager
def reader(out: Path, expected: set[str]) -> Iterator[None]:
    """Poll latest.json, as a consumer does: whatever it names has to be all there."""
    done, seen, unfinished = threading.Event(), 0, []

    def poll() -> None:
        nonlocal seen
        while not done.wait(0.001):
            if (run := latest(out)) is not None:
                seen += 1
                if files(run) != expected:
                    unfinished.append(files(run))

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        time.sleep(0.02)
        done.set()
        thread.join()
    assert not unfinished
    assert seen > 0


def kill_in(stage: str, process: ForkServerProcess, out: Path, delay: float) -> bool:
    """Kill the job some seconds after a stage begins; say whether it was still there."""
    names = list(STAGES)
    before = names[names.index(stage) - 1] if stage != names[0] else "begun.json"
    deadline = time.monotonic() + TIMEOUT
    while not any(out.glob(f"work/*/{before}")) and process.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.join(delay)
    process.kill()
    process.join(TIMEOUT)
    return process.exitcode != 0


@pytest.mark.parametrize("kills", [5, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_killed_job_goes_on_to_the_same_bytes(undisturbed: Undisturbed, tmp_path: Path, kills: int) -> None:
    moments = random.Random(kills)
    # Every stage in turn, in an order of chance, until there were enough kills.
    order = [stage for _ in range(kills) for stage in moments.sample(list(STAGES), len(STAGES))]
    killed: dict[str, int] = {}
    for number, stage in enumerate(order):
        if sum(killed.values()) == kills:
            break
        out = tmp_path / str(number)
        with reader(out, undisturbed.files):
            delay = moments.uniform(0, undisturbed.seconds[stage])
            if kill_in(stage, start(undisturbed.dump, out), out, delay):
                killed[stage] = killed.get(stage, 0) + 1
                if latest(out) is None:  # else it had just been published: there is nothing to go on with
                    finish(start(undisturbed.dump, out))
        run = latest(out)
        assert run is not None
        assert contents(run) == undisturbed.contents, f"killed {delay:.3f} s into {stage}"
        assert {path.name for path in out.iterdir()} <= {"latest.json", "runs", ".lock", "work"}
    assert sum(killed.values()) == kills
    assert len(killed) >= 4  # stages
