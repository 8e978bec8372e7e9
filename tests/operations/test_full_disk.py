"""A disk that fills up stops the job with 74; with room again it ends with the bytes of an undisturbed one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from segcore import errors
from tests.operations.processes import contents, segment_here, small_dump

FULL = r"the disk is full; make room and run the same command again, it goes on from here"


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dump(tmp_path_factory.mktemp("disk") / "dump")


@pytest.fixture(scope="module")
def undisturbed(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return contents(segment_here(dump, tmp_path_factory.mktemp("undisturbed")))


def finished(out: Path) -> set[str]:
    return {path.stem for path in out.glob("work/*/[!.]*.json")} - {"begun"}


def test_room_that_runs_out_stage_by_stage(
    dump: Path, undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, left = os.fsync, 0

    def limited(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", limited)
    before: set[str] = set()
    for room in (0, 10, 24, 40, 60):
        left = room
        with pytest.raises(errors.StorageError, match=FULL) as stopped:
            segment_here(dump, tmp_path / "out")
        assert stopped.value.exit_code == 74
        assert not (tmp_path / "out/latest.json").exists()
        assert not list(tmp_path.rglob("*.part"))
        assert finished(tmp_path / "out") >= before
        before = finished(tmp_path / "out")
    assert len(before) > 2
    left = 10_000
    run = segment_here(dump, tmp_path / "out")
    assert contents(run) == undisturbed
    stages = json.loads((run / "manifest.json").read_text())["stages"]
    kept = before | ({"comparison"} if "models" in before else set())  # with the models
    assert {stage["name"] for stage in stages if stage["resumed"]} == kept
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in stages)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB of its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip(
            "only root can mount a small disk; the errors of a full one are injected in the other test"
        )
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(
            "a small disk cannot be mounted here; the errors of a full one are injected in the other test"
        )
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_really_full(dump: Path, undisturbed: dict[str, str], small_disk: Path) -> None:
    stages = []
    for size in (200, 300, 400, 500, 600):
        subprocess.run(["mount", "-o", f"remount,size={size}k", small_disk], check=True)
        with pytest.raises(errors.StorageError, match=FULL):
            segment_here(dump, small_disk / "out")
        stages.append(len(finished(small_disk / "out")))
    assert stages == sorted(stages)
    assert len(set(stages)) > 1
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert contents(segment_here(dump, small_disk / "out")) == undisturbed


def test_a_clean_start_does_all_stages_again(
    dump: Path, undisturbed: dict[str, str], small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=600k", small_disk], check=True)
    with pytest.raises(errors.StorageError, match=FULL):
        segment_here(dump, small_disk / "out")
    assert finished(small_disk / "out")
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    run = segment_here(dump, small_disk / "out", resume=False)
    assert contents(run) == undisturbed
    assert not any(stage["resumed"] for stage in json.loads((run / "manifest.json").read_text())["stages"])
