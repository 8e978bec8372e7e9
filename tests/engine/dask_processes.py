"""A Dask scheduler and its workers as processes of their own, started by Dask's own commands on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 60.0


@dataclass(kw_only=True)
class Dask:
    """Processes that are there, by name."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    address: str = ""

    def start_scheduler(self, *options: str, settings: Mapping[str, str] | None = None) -> None:
        """Start a scheduler on a free port and wait until it answers."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--dashboard-address",
            "127.0.0.1:0",
            *options,
            file=file,
            settings=settings,
        )
        wait_until(lambda: file.exists() and file.read_text().endswith("\n}"))
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, name: str, *options: str, settings: Mapping[str, str] | None = None) -> int:
        """Start a worker of one thread, without a nanny, and return its process id."""
        local = self.folder / name
        limit = () if "--memory-limit" in options else ("--memory-limit", "2GB")
        nanny = () if "--nanny" in options else ("--no-nanny",)
        self._start(
            "worker",
            self.address,
            *("--name", name, "--nthreads", "1", "--local-directory", str(local), "--no-dashboard"),
            *limit,
            *nanny,
            *options,
            name=name,
            settings=settings,
        )
        return self.processes[name].pid

    def kill(self, name: str) -> None:
        """Kill a process, as the kernel does when memory is short, and wait until it is gone."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(TIMEOUT)

    def said(self, name: str) -> str:
        """Return what a process wrote."""
        return (self.folder / f"{name}.log").read_text()

    def wait_for(self, name: str) -> None:
        """Wait until a worker has joined."""
        wait_until(lambda: "Registered to" in self.said(name))

    def stop(self) -> None:
        """End them all."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait(TIMEOUT)
        self.processes.clear()

    def _start(
        self,
        command: str,
        *arguments: str,
        name: str = "scheduler",
        file: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        program = [sys.executable, "-m", f"distributed.cli.dask_{command}"]
        more = [] if file is None else ["--scheduler-file", str(file)]
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [*program, *arguments, *more],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.settings, **(settings or {})},
                stdout=log,
                stderr=log,
            )


@contextmanager
def dask_processes(
    folder: Path, workers: int = 0, settings: Mapping[str, str] | None = None
) -> Iterator[Dask]:
    """Start a scheduler with so many workers, named w0, w1 ..., and end them all at the end."""
    dask = Dask(folder=folder, settings=settings or {})
    try:
        dask.start_scheduler()
        for number in range(workers):
            dask.start_worker(f"w{number}")
        yield dask
    finally:
        dask.stop()


def wait_until(true: Callable[[], object], timeout: float = TIMEOUT) -> None:
    """Wait for something to happen in another process."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
