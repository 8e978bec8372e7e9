"""A job that is killed at random moments of all its stages ends with the bytes of an undisturbed one."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.operations.processes import contents, files, small_dump, start, start_dying

TIMEOUT = 120
OWN = {"latest.json", "runs", "history", ".lock", "work"}
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


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
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
        assert {path.name for path in out.iterdir()} <= OWN
    assert sum(killed.values()) == kills
    assert len(killed) >= min(kills, 4)  # stages


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])])
def test_a_kill_around_publication_and_pruning_loses_nothing(
    undisturbed: Undisturbed, tmp_path: Path, kills: int
) -> None:
    """The run has been made, and is killed before a change of the disk, from the first one to the last, while it is published."""
    made, kept = tmp_path / "made", {"keep": 1, "fresh": True}
    finish(start(undisturbed.dump, made, overrides={"seed": 1}))
    old = latest(made)
    assert old is not None
    # Killed before anything is published, it has all its stages.
    process = start_dying(undisturbed.dump, made, 1, made / "runs", made / "latest.json", **kept)
    process.join(TIMEOUT)
    assert process.exitcode == -9
    assert latest(made) == old
    out = Path(shutil.copytree(made, tmp_path / "out"))
    finish(start_dying(undisturbed.dump, out, 0, out, **kept))
    changes = int((tmp_path / "out.changes").read_text())
    new = latest(out)
    assert new is not None
    whole, expected = {old.name: files(old), new.name: files(new)}, contents(new)
    published = set()
    for number in range(kills):
        change = 1 + number * changes // kills
        shutil.rmtree(out)
        shutil.copytree(made, out)
        process = start_dying(undisturbed.dump, out, change, out, **kept)
        process.join(TIMEOUT)
        assert process.exitcode == -9
        named = latest(out)
        assert named is not None
        assert files(named) == whole[named.name]
        published.add(named.name)
        if any(out.glob("work/*/begun.json")):  # else all was done
            finish(start(undisturbed.dump, out, **kept))
        assert latest(out) == new
        assert files(new) == whole[new.name]
        assert contents(new) == expected
        assert {path.name for path in out.iterdir()} <= OWN | {".part"}
    assert published == {*whole}
