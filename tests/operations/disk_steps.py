"""Runs what a run does on a disk, in children that a SIGKILL ends before the n-th name or file is touched.

``python disk_steps.py BASE`` leaves ``BASE/<n>/out`` for n = 1, 2, ... until a child gets through, and prints how
many died; ``python disk_steps.py - OUT...`` are the starts after such deaths. A plain process that has no
threads, so that a fork is a fork.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segcore import storage
from segcore.storage import workspace, write_json

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
TOUCHES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate"}
MARK = "0123456789abcdef"
OLD = "20200101T000000Z-00000000"
STAGES = ("first", "run")


def work(out: Path | str) -> None:
    """A stage, a run, its publication, the removal of old runs."""
    with workspace(out, MARK) as space:
        run_id = storage.run_id(space.begun, MARK)
        if not space.has_run("run", run_id):
            for name in STAGES:
                if not space.finished(name):
                    with space.stage(name) as folder:
                        make(folder, name, run_id)
        space.move("run", run_id)
        space.point_to(run_id)
        space.prune(1)
        space.clear()


def make(folder: Path, name: str, run_id: str = "") -> None:
    """Write files whose number and text say whether all of them are there."""
    (folder / "inner").mkdir()
    for number in range(3):
        (folder / f"inner/part-{number}").write_text(name)
    write_json(folder / "manifest.json", {"name": name, "files": 3, "run_id": run_id})


def die_before(touch: int, *places: Path, changes: bool = False) -> Callable[[], int]:
    """Let this process die before it touches, or changes, something below one of the places for the n-th time.

    Returns what tells how many times it has so far.
    """
    seen, below = 0, tuple(map(str, places))

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in TOUCHES or (changes and event == "open" and not args[2] & _WRITING):
            return
        if any(_whole(path, folder).startswith(below) for path, folder in _paths(event, args)):
            seen += 1
            if seen == touch:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return lambda: seen


def _paths(event: str, args: tuple[Any, ...]) -> list[tuple[Any, int]]:
    """Return the paths of an event, each with the open folder that it is relative to, if any."""
    if event == "os.rename":
        return [(args[0], args[2]), (args[1], args[3])]
    return [(args[0], args[1] if event in ("os.remove", "os.rmdir") else -1)]


def _whole(path: Any, folder: int) -> str:
    text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return text if folder < 0 else f"{os.readlink(f'/proc/self/fd/{folder}')}/{text}"


def main(base: Path) -> int:
    touch = 0
    while True:
        touch += 1
        out = base / str(touch) / "out"
        old = out / "runs" / OLD
        old.mkdir(parents=True)
        make(old, "run", OLD)
        write_json(out / "latest.json", {"run": f"runs/{old.name}"})
        child = os.fork()
        if child == 0:
            die_before(touch, out)
            work(out)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            shutil.rmtree(base / str(touch))
            return touch - 1


if __name__ == "__main__":
    if len(sys.argv) > 2:
        for path in sys.argv[2:]:
            work(Path(path))
    else:
        print(main(Path(sys.argv[1])))
