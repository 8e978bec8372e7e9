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
from pathlib import Path
from typing import Any

from segcore.storage import workspace, write_json

TOUCHES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate"}
STAGES = ("first", "run")


def work(out: Path | str) -> None:
    """A stage, a run, its publication, the removal of old runs."""
    with workspace(out, "mark") as space:
        run_id = f"{space.begun:%Y%m%dT%H%M%SZ}-mark"
        if not space.has_run("run", run_id):
            for name in STAGES:
                if not space.finished(name):
                    with space.stage(name) as folder:
                        make(folder, name)
        space.move("run", run_id)
        space.point_to(run_id)
        space.prune(1)
        space.clear()


def make(folder: Path, name: str) -> None:
    """Write files whose number and text say whether all of them are there."""
    (folder / "inner").mkdir()
    for number in range(3):
        (folder / f"inner/part-{number}").write_text(name)
    write_json(folder / "manifest.json", {"name": name, "files": 3})


def die_before(touch: int, out: Path) -> None:
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in TOUCHES and str(args[0]).startswith(str(out)):
            seen += 1
            if seen == touch:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(base: Path) -> int:
    touch = 0
    while True:
        touch += 1
        out = base / str(touch) / "out"
        old = out / "runs/20200101T000000Z-old"
        old.mkdir(parents=True)
        make(old, "run")
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
