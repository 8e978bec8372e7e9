"""What ends a command from outside: one clear line, the code that says whether another try helps, and never `a bug`."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import psutil
import pytest

from segcore import cli, errors, failures
from segcore.evaluation import processes
from segcore.lines import shuffle
from segcore.storage import disk_failures
from tests.operations.processes import ROOT, segment_here, small_dump

# An interpreter that buffers nothing forgets what could not be written.
PLAIN = {
    key: value
    for key, value in os.environ.items()
    if not key.startswith("SEGCORE_") and key != "PYTHONUNBUFFERED"
}
QUICK = """
[models]
restarts = 3
mixture_restarts = 1
k_max = 3
[stability]
splits = 0
resamples = 0
[structure_test]
copies = 0
"""


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dump(tmp_path_factory.mktemp("ends") / "dump")


@pytest.fixture(scope="module")
def published(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return segment_here(dump, tmp_path_factory.mktemp("published")).parent.parent


@pytest.fixture
def arguments(dump: Path, tmp_path: Path) -> list[object]:
    (tmp_path / "job.toml").write_text((ROOT / "jobs/online-retail.toml").read_text() + QUICK)
    return ["segment", dump, "--out", tmp_path / "out", "--job", tmp_path / "job.toml"]


def ended(*arguments: object, redirected: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command by a shell, with its streams where the redirection puts them."""
    command = [
        "sh",
        "-c",
        f'exec "$@" {redirected}',
        "-",
        sys.executable,
        "-m",
        "segcore",
        *map(str, arguments),
    ]
    return subprocess.run(
        command, cwd=ROOT, env=PLAIN, text=True, capture_output=True, timeout=120, check=False, **options
    )


# Disks and limits


def test_a_limit_of_file_sizes_is_a_full_disk(arguments: list[object], tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    end = ended(*arguments, "--quiet", preexec_fn=limit)
    assert end.returncode == 74
    assert end.stderr.count("\n") == 1
    assert "the disk is full; make room" in end.stderr
    assert not (tmp_path / "out/latest.json").exists()


@pytest.mark.parametrize(
    ("exception", "full"),
    [
        (pl.exceptions.ComputeError("parquet: File out of specification: underlying IO error: No space left on device"), True),
        (OSError(errno.EDQUOT, "over"), True),
        (OSError("File too large (os error 27)"), True),
        (pl.exceptions.ComputeError("parquet: File out of specification: Invalid thrift: protocol error"), False),
    ],
)  # fmt: skip
def test_a_full_disk_is_no_damaged_file(exception: Exception, full: bool) -> None:
    assert failures.is_full(exception) == full
    assert failures.is_damage(exception) == (not full)


def test_a_disk_without_room_is_full_whatever_an_engine_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short() -> NoReturn:
        raise OSError("200000 requested and 2032 written")  # as NumPy has it

    with pytest.raises(OSError, match="requested"), disk_failures(tmp_path):
        short()
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage())
    with pytest.raises(errors.StorageError, match="the disk is full"), disk_failures(tmp_path):
        short()


class _Usage:
    free = 4_096


def test_a_full_disk_while_lines_are_written_costs_no_finished_stage(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise pl.exceptions.ComputeError(
            "parquet: File out of specification: underlying IO error: No space left on device (os error 28)"
        )

    monkeypatch.setattr(shuffle, "write", full)
    with pytest.raises(errors.StorageError, match="the disk is full"):
        segment_here(dump, tmp_path / "out")
    assert {path.name for path in tmp_path.glob("out/work/*/*/")} == {"input"}


def test_an_out_that_is_removed_meanwhile(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = shuffle.write

    def gone(*given: Any, **more: Any) -> Any:
        os.rename(tmp_path / "out", tmp_path / "elsewhere")
        return write(*given, **more)

    monkeypatch.setattr(shuffle, "write", gone)
    with pytest.raises(errors.SegcoreError, match="is gone, removed by somebody else") as stopped:
        segment_here(dump, tmp_path / "out")
    assert stopped.value.exit_code == 74


# Locks


def folder(path: Path) -> None:
    path.mkdir()


def link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nothing/here")


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [folder, link_to_nowhere, fifo])
def test_a_lock_that_is_no_file(make: Callable[[Path], None], dump: Path, tmp_path: Path) -> None:
    make(tmp_path / ".lock")
    with pytest.raises(
        errors.OutputError, match=r"\.lock: is no regular file, as a lock has to be; remove it"
    ):
        segment_here(dump, tmp_path)


# Streams


@pytest.mark.parametrize(
    "redirected",
    [
        ">/dev/full 2>&1",
        *(
            pytest.param(to, marks=pytest.mark.slow)
            for to in (">/dev/full", "2>/dev/full", ">&-", "2>&-", "| true")
        ),
    ],
)
def test_a_run_that_nobody_can_be_told_of_is_published(
    redirected: str, arguments: list[object], tmp_path: Path
) -> None:
    if redirected == "| true":
        end = subprocess.run(
            ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "-", sys.executable, "-m", "segcore", *map(str, arguments)],
            cwd=ROOT, env=PLAIN, text=True, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    else:
        end = ended(*arguments, redirected=redirected)
    assert end.returncode == 0
    assert "rror" not in end.stderr
    assert (tmp_path / "out/latest.json").exists()


@pytest.mark.parametrize(("arguments", "exit_code"), [(("segment", "nowhere"), 66), (("--nonsense",), 2)])
def test_a_failure_that_nobody_can_be_told_of_has_its_exit_code(
    arguments: tuple[str, ...], exit_code: int
) -> None:
    assert ended(*arguments, redirected="2>/dev/full").returncode == exit_code


def test_an_answer_that_cannot_be_written_is_a_failure(published: Path) -> None:
    end = ended("runs", published, redirected=">/dev/full")
    assert end.returncode == 74
    assert end.stderr == "segcore: stdout: cannot be written: No space left on device\n"


# Clusters, worker processes, and native code


@pytest.mark.parametrize("address", ["nonsense", "ucx://127.0.0.1:9"])
def test_an_address_that_is_none(address: str, arguments: list[object]) -> None:
    end = ended(*arguments, "--scheduler", address)
    assert end.returncode == 69
    assert "Traceback" not in end.stderr
    assert end.stderr.splitlines()[-1].startswith(
        f"segcore: {address}: no Dask scheduler answers there; check the address"
    )


def asleep(_: int) -> None:
    time.sleep(60)


def test_a_refit_that_the_system_kills_is_worth_another_try() -> None:
    def kill() -> None:
        while True:
            workers = [p for p in psutil.Process().children() if "loky" in " ".join(p.cmdline())]
            if any("popen_loky" in " ".join(p.cmdline()) for p in workers):
                time.sleep(1)
                for worker in workers:
                    if "popen_loky" in " ".join(worker.cmdline()):
                        worker.send_signal(signal.SIGKILL)
                return
            time.sleep(0.05)

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(errors.BusyError, match="a worker process that refits models was killed"):
        list(processes.in_processes(asleep, range(4), n_jobs=2))


def test_a_panic_that_nobody_foresaw_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def panic(**_: object) -> NoReturn:
        raise pl.exceptions.PanicException("index out of bounds\nstack")

    monkeypatch.setattr(cli.cli, "main", panic)
    monkeypatch.setattr(sys, "argv", ["segcore"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 70
    assert (
        capsys.readouterr().err
        == "segcore: a bug: PanicException: index out of bounds stack (run with --debug for the traceback)\n"
    )
