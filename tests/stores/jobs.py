"""Jobs on a store in processes of their own, each on a machine of its own as far as files can tell."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from tests.operations.processes import CONTEXT, QUICK, ROOT


def enter(environment: dict[str, str], machine: Path) -> None:
    """Let the process see the store, and nothing of TMPDIR and the working folder of another one."""
    machine.mkdir(exist_ok=True)
    os.environ.update(environment)
    tempfile.tempdir = str(machine)
    os.chdir(machine)


def _segment(environment: dict[str, str], machine: Path, inputs: Any, out: Any, more: dict[str, Any]) -> None:
    enter(environment, machine)
    from segcore.pipeline import segment

    overrides = QUICK | more.pop("overrides", {})
    segment(inputs, out, job=ROOT / "jobs/online-retail.toml", overrides=overrides, quiet=True, **more)


def start(
    environment: dict[str, str], machine: Path, inputs: Any, out: Any, **more: Any
) -> ForkServerProcess:
    """Start a run."""
    process = CONTEXT.Process(target=_segment, args=(environment, machine, inputs, out, more))
    process.start()
    return process


def run(environment: dict[str, str], machine: Path, inputs: Any, out: Any, **more: Any) -> None:
    """Run to the end, and leave nothing on the machine."""
    process = start(environment, machine, inputs, out, **more)
    process.join(120)
    assert process.exitcode == 0
    assert left_on(machine) == []


def left_on(machine: Path) -> list[Path]:
    """Return what is still in the machine's files, but for those that are locked."""
    return [path for path in machine.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


def command(environment: dict[str, str], machine: Path, *arguments: str) -> tuple[int, str]:
    """Run the command and return its exit code and what it said on both streams."""
    said = machine.with_name(f"{machine.name}.said")
    process = CONTEXT.Process(target=_command, args=(environment, machine, arguments, said))
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode, said.read_text()


def _command(environment: dict[str, str], machine: Path, arguments: tuple[str, ...], said: Path) -> None:
    import sys

    from segcore.cli import main

    enter(environment, machine)
    stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    sys.argv = ["segcore", *arguments]
    main()


def alone(environment: dict[str, str], machine: Path, *arguments: str) -> tuple[int, str]:
    """Run the command where nobody else sees its temporary files: they are a file system of its own."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process may have a file system of its own here")
    machine.mkdir()
    mounted = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs private "$0" && cd "$0" && exec "$@"',
        str(machine),
    ]
    ended = subprocess.run(
        [*mounted, sys.executable, "-m", "segcore", *arguments],
        env={**os.environ, **environment, "TMPDIR": str(machine), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stdout
