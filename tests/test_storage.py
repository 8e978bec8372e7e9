"""Laws of the workspace: a stage is whole or absent, one run at a time, nothing left behind for nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import errors, storage
from segcore.storage import Workspace, workspace
from tests.operations import disk_steps

ROOT = Path(__file__).parent.parent
M, N = disk_steps.MARK, "fedcba9876543210"


def python(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def script(text: str, *arguments: object) -> subprocess.Popen[str]:
    return python("-c", text, *map(str, arguments))


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return said


def assert_whole(folder: Path, name: str) -> None:
    about = json.loads((folder / "manifest.json").read_text())
    assert (about["name"], about["files"]) == (name, 3)
    assert [path.read_text() for path in sorted(folder.glob("inner/*"))] == [name] * 3


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Killed before every step on the disk


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An output folder for every step that a kill can come before."""
    base = tmp_path_factory.mktemp("killed")
    process = python("-m", "tests.operations.disk_steps", str(base))
    n_deaths = int(finish(process))
    assert n_deaths > 40  # locking, the clock, two stages, publication, pruning and clearing: all are steps
    return [base / str(n) / "out" for n in range(1, n_deaths + 1)]


def test_a_kill_at_any_step_leaves_stages_and_runs_whole_and_the_next_start_goes_on(
    killed: list[Path],
) -> None:
    published = set()
    for out in killed:
        named = out / json.loads((out / "latest.json").read_text())["run"]
        assert_whole(named, "run")
        published.add(named.name.partition("-")[2])
        for run in (out / "runs").iterdir():
            assert_whole(run, "run")
        for mark in out.glob(f"work/{M}/[!.]*.json"):
            stage = mark.with_suffix("")
            if stage.name != "begun" and stage.exists():  # the run is moved to its place
                assert_whole(stage, stage.name)
    assert published == {
        disk_steps.OLD[-8:],
        disk_steps.MARK[:8],
    }  # there were kills before and after the swap

    process = python("-m", "tests.operations.disk_steps", "-", *map(str, killed))
    assert finish(process) == ""
    for out in killed:
        assert names(out) == {"latest.json", "runs", ".lock"}
        (run,) = (out / "runs").iterdir()
        assert_whole(run, "run")
        assert json.loads((out / "latest.json").read_text()) == {"run": f"runs/{run.name}"}


# Stages


def test_a_stage_that_fails_is_absent_and_the_ones_before_stay(tmp_path: Path) -> None:
    def start() -> None:
        with workspace(tmp_path, M) as work:
            with work.stage("first") as folder:
                disk_steps.make(folder, "first")
            with work.stage("second") as folder:
                disk_steps.make(folder, "second")
                assert not work.finished("second")
                raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        start()
    with workspace(tmp_path, M) as work:
        assert_whole(work.path("first"), "first")
        assert not work.finished("second")
        assert names(work.folder) == {"first", "first.json", "begun.json"}


@pytest.mark.parametrize(
    ("problem", "stays"),
    [
        (errors.BudgetError("the lines need more memory"), True),
        (errors.StorageError("the disk is full"), True),
        (errors.DataError("no purchase left"), False),
        (errors.JobError("no candidate can be chosen"), False),
    ],
)
def test_only_what_would_end_so_again_is_not_gone_on_with(
    tmp_path: Path, problem: errors.SegcoreError, stays: bool
) -> None:
    def start() -> None:
        with workspace(tmp_path, M) as work:
            with work.stage("lines"):
                pass
            raise problem

    with pytest.raises(type(problem)):
        start()
    with workspace(tmp_path, M) as work:
        assert work.finished("lines") is stays


def test_a_stage_that_is_made_again_holds_nothing_of_the_old_one(tmp_path: Path) -> None:
    with workspace(tmp_path, M) as work:
        for name in ("a", "b"):
            with work.stage("stage") as folder:
                (folder / name).touch()
        assert names(work.path("stage")) == {"b"}


def test_another_fingerprint_and_a_clean_start_sweep_the_stages(tmp_path: Path) -> None:
    def start(mark: str, *, resume: bool = True) -> bool:
        with workspace(tmp_path, mark, resume=resume) as work:
            found = work.finished("stage")
            with work.stage("stage"):
                pass
        return found

    assert [start(M), start(M), start(N), start(N, resume=False), start(M)] == [
        False,
        True,
        False,
        False,
        False,
    ]


def test_the_clock_is_that_of_the_first_start(tmp_path: Path) -> None:
    def start(*, resume: bool = True) -> str:
        with workspace(tmp_path, M, resume=resume) as work:
            if not work.finished("stage"):
                with work.stage("stage"):
                    pass
            return work.begun.isoformat()

    first = start()
    time.sleep(1.1)
    assert start() == first
    assert start(resume=False) > first


def test_run_and_scratch_folders_are_private(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    with workspace(tmp_path / "out", M) as work:
        with work.stage("run") as folder:
            assert {mode(path) for path in (work.folder, work.folder.parent, folder)} == {0o700}
        run = Path(work.move("run", "id"))
    assert {mode(run), mode(run.parent)} == {0o700}


# Publication


def test_a_reader_of_latest_sees_the_old_run_or_the_new_one(tmp_path: Path) -> None:
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if (tmp_path / "latest.json").exists():
                run = storage.read_json(tmp_path / "latest.json")["run"]
                assert storage.read_json(tmp_path / run / "manifest.json")["files"] == 3
                seen.add(run)

    reader = threading.Thread(target=read)
    reader.start()
    with workspace(tmp_path, M) as work:
        for number in range(50):
            with work.stage("run") as folder:
                disk_steps.make(folder, "run")
            work.move("run", an_id(number))
            work.point_to(an_id(number))
    done.set()
    reader.join()
    assert len(seen) > 5


@given(runs=st.sets(st.integers(0, 20), min_size=1), keep=st.integers(1, 6), place=st.integers(0, 100))
def test_pruning_keeps_the_newest_and_the_published_run(
    runs: set[int], keep: int, place: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    for number in runs:
        disk_steps_run(out, an_id(number))
    latest = sorted(runs)[place % len(runs)]
    with workspace(out, M) as work:
        work.point_to(an_id(latest))
        removed = work.prune(keep)
    kept = {an_id(number) for number in {*sorted(runs)[-keep:], latest}}
    assert names(out / "runs") == kept
    assert set(removed) == {an_id(number) for number in runs} - kept
    assert names(out) == {"runs", "latest.json", ".lock"}


def an_id(number: int) -> str:
    return f"20260101T{number:06}Z-00000000"


def disk_steps_run(out: Path, name: str) -> None:
    folder = out / "runs" / name
    folder.mkdir(parents=True)
    disk_steps.make(folder, "run", name)


# Nothing left behind


def test_nothing_is_left_where_nothing_was_done(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="too early"), workspace(tmp_path / "a/b", M):
        raise RuntimeError("too early")
    assert names(tmp_path) == set()


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "note").touch()
    with pytest.raises(RuntimeError, match="too early"), workspace(tmp_path, M):
        raise RuntimeError("too early")
    assert names(tmp_path) == {"note", ".lock"}


def test_output_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(errors.OutputError, match=r"cannot be written: .*; choose another --out"),
        workspace(tmp_path / "file/out", M),
    ):
        pass


# One at a time


def test_the_second_run_is_told_who_is_there_and_harms_nothing(tmp_path: Path) -> None:
    with workspace(tmp_path, M) as work, work.stage("stage") as folder:
        with (
            pytest.raises(
                errors.BusyError, match=rf"another run is at work there \(process {os.getpid()} on .*--wait"
            ),
            workspace(tmp_path, M),
        ):
            pass
        assert folder.is_dir()  # what the first one is writing


COUNT = """
import sys, time
from pathlib import Path
from segcore.storage import workspace
for _ in range(10):
    with workspace(Path(sys.argv[1]), "0123456789abcdef", wait=True) as work:
        counter = Path(sys.argv[2])
        number = int(counter.read_text())
        time.sleep(0.005)
        counter.write_text(str(number + 1))
"""


def test_of_many_processes_one_is_inside_at_a_time(tmp_path: Path) -> None:
    # The folder is made and removed by each of them: a waiter must not hold on to a lock that is gone.
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [script(COUNT, tmp_path / "out", counter) for _ in range(4)]
    for process in processes:
        assert finish(process) == ""
    assert counter.read_text() == "40"


HOLD = """
import sys, time
from pathlib import Path
from segcore.storage import workspace
with workspace(Path(sys.argv[1]), "0123456789abcdef") as work:
    with work.stage("first"):
        pass
    with work.stage("second"):
        print("inside", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = script(HOLD, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    yield process
    process.kill()
    process.communicate()


def test_the_lock_of_a_dead_run_is_recognised(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(errors.BusyError, match=f"process {holder.pid} "), workspace(tmp_path, M):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with workspace(tmp_path, M, log=said.append) as work:
        assert work.finished("first")
        assert names(work.folder) == {"first", "first.json", "begun.json"}
    assert said == [said[0]]
    assert f"the last run (process {holder.pid} on" in said[0]
    with workspace(tmp_path, M, log=said.append):
        assert len(said) == 1  # its end was clean: nobody died


def test_waiting_ends_when_the_other_run_does(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    said: list[str] = []
    threading.Timer(0.3, holder.kill).start()
    with workspace(tmp_path, M, wait=True, log=said.append):
        pass
    assert said[0].startswith(f"waiting for another run (process {holder.pid} on")


# A disk that fails


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the disk is full; make room and run the same command",
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded"),
            "the disk is full; make room and run the same command",
        ),
        (OSError("No space left on device (os error 28)"), "the disk is full"),
        (pl.exceptions.ComputeError("parquet: No space left on device (os error 28)"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), "reading or writing failed"),
    ],
)
def test_a_disk_that_fails_is_said_whichever_library_met_it(problem: Exception, expected: str) -> None:
    with pytest.raises(errors.StorageError, match=f"^/out: {expected}"), storage.disk_failures(Path("/out")):
        raise problem


@pytest.mark.parametrize("problem", [OSError(errno.ENOENT, "No such file"), ValueError("a full house")])
def test_other_failures_stay_what_they_are(problem: Exception) -> None:
    with pytest.raises(type(problem), match=str(problem)[-10:]), storage.disk_failures(Path("/out")):
        raise problem


def test_a_disk_that_fills_up_at_any_sync_keeps_the_finished_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, left = os.fsync, 0

    def limited(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    def start(out: Path) -> Workspace:
        with workspace(out, M) as work:
            for name in ("first", "second"):
                if not work.finished(name):
                    with work.stage(name) as folder:
                        disk_steps.make(folder, name)
        return work

    monkeypatch.setattr(os, "fsync", limited)
    failures = 0
    while True:
        out = tmp_path / str(failures)
        left = failures
        try:
            start(out)
        except errors.StorageError:
            for mark in out.glob(f"work/{M}/[fs]*.json"):
                assert_whole(mark.with_suffix(""), mark.stem)
            left = 1000
            work = start(out)
            assert_whole(work.path("second"), "second")
            failures += 1
        else:
            break
    assert failures > 10
