"""One command, measured from outside: seconds, memory of all its processes, and how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil

ROOT = Path(__file__).parent.parent.parent

_PAUSE_SECONDS = 0.1
_BARE_INTERPRETER = 50_000_000  # the trackers of resources that Python starts import nothing and stay below
_TIMES_A_READING = (
    5  # a pause takes at least so many times what the reading took, which grows with the memory
)
_LONGEST_PAUSE = 1.0  # seconds; a machine, or a shell, that stops everything for a while makes a reading long


class Moment(NamedTuple):
    """One sample: ``time.monotonic()``, bytes of memory (PSS) and how many processes are more than a bare interpreter."""

    at: float
    memory: int
    processes: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One command.

    Attributes
    ----------
    seconds, cpu_seconds : float
        Wall time, and processor time of all its processes together.
    peak : int
        Largest sum of their memory in bytes, each page counted once (PSS), of samples a tenth of a second apart.
    output : str
        What it wrote to stdout.
    failure : str
        Empty when it ended well.
    moments : list of Moment
    """

    seconds: float
    cpu_seconds: float
    peak: int
    output: str
    failure: str
    moments: list[Moment] = field(repr=False)

    def told(self) -> list[dict[str, Any]]:
        """Return the lines of JSON that it wrote."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def peak_between(self, began: float, ended: float) -> int:
        """Return the largest memory seen between two readings of ``time.monotonic()``, and just before and after."""
        around = [m.memory for m in self.moments if began - _PAUSE_SECONDS <= m.at <= ended + _PAUSE_SECONDS]
        return max(around, default=0)


def measure(
    command: Sequence[str],
    *,
    log: Path | None = None,
    most_seconds: float | None = None,
    most_memory: int | None = None,
) -> Measured:
    """Run a command and sample the memory of its process tree; one that passes a limit is killed.

    Parameters
    ----------
    command : sequence of str
    log : Path, optional
        Takes its stderr; else stderr is this process's.
    most_seconds : float, optional
        Time limit.
    most_memory : int, optional
        Bytes of memory (PSS), summed over its processes.
    """
    start = time.monotonic()
    moments: list[Moment] = []
    processor: dict[int, float] = {}
    failure = ""
    with ExitStack() as files:
        said = files.enter_context(tempfile.TemporaryFile("w+"))
        complained = files.enter_context(open(log, "w", encoding="utf-8")) if log else sys.stderr
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=complained, text=True, cwd=ROOT
        )
        try:
            while process.poll() is None and not failure:
                moments.append(_look(process.pid, processor))
                now = time.monotonic()
                if most_memory is not None and moments[-1].memory > most_memory:
                    failure = f"does not fit: stopped at more than {most_memory / 1e9:.1f} GB"
                elif most_seconds is not None and now - start > most_seconds:
                    failure = f"stopped after {most_seconds:,.0f} s"
                else:
                    pause = _TIMES_A_READING * (now - moments[-1].at)
                    _wait(process, min(max(_PAUSE_SECONDS, pause), _LONGEST_PAUSE))
        finally:
            _kill(process)
        seconds = time.monotonic() - start
        said.seek(0)
        output = said.read()
    if process.returncode and not failure:
        failure = f"ended with {process.returncode}: {_last_line(log)}"
    return Measured(
        seconds=seconds,
        cpu_seconds=sum(processor.values()),
        peak=max((moment.memory for moment in moments), default=0),
        output=output,
        failure=failure,
        moments=moments,
    )


def _look(pid: int, processor: dict[int, float]) -> Moment:
    """Sample the memory of a process tree, and note the processor time of each member."""
    at, memory, processes = time.monotonic(), 0, 0
    for member in _family(pid):
        try:
            own, times = member.memory_full_info().pss, member.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        memory, processes = memory + own, processes + (own > _BARE_INTERPRETER)
        processor[member.pid] = times.user + times.system
    return Moment(at, memory, processes)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait so long, or until a process has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and its descendants, whatever is left of them."""
    for member in reversed(_family(process.pid)) if process.poll() is None else ():
        try:
            member.kill()
        except psutil.Error:
            continue
    process.wait()


def _last_line(log: Path | None) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log else []
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")
