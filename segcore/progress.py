"""What a person sees while a run goes on, and what the run measures of itself."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_SAMPLE_SECONDS = 0.2


@dataclass(kw_only=True)
class Stage:
    """One stage of a run, measured.

    Attributes
    ----------
    seconds : float
    rows : int
        What the stage worked on, where it says so.
    peak_memory : int
        Bytes; the sum over this process and its children, each page counted once (PSS).
    resumed : bool
        Whether an earlier run had finished it.
    """

    name: str
    seconds: float = 0.0
    rows: int | None = None
    peak_memory: int = 0
    resumed: bool = False


@dataclass(kw_only=True)
class Progress:
    """Stages as they pass; a bar on a terminal, plain lines on stderr otherwise.

    Attributes
    ----------
    quiet : bool
        Say nothing.
    stages : list of Stage
    warnings : list of str
        Everything that was warned about, for the manifest.
    """

    quiet: bool = False
    stages: list[Stage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print one line to stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Print a warning and keep it for the manifest."""
        if text not in self.warnings:
            self.warnings.append(text)
            self.say(f"warning: {text}")

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Measure a stage: seconds and peak memory."""
        stage = Stage(name=name)
        if self._on_terminal():
            print(f"{name} ...", end="\r", file=sys.stderr, flush=True)
        with _PeakMemory() as memory:
            start = time.perf_counter()
            yield stage
            stage.seconds = time.perf_counter() - start
        stage.peak_memory = memory.peak
        self.stages.append(stage)
        rows = f", {stage.rows:,} rows" if stage.rows is not None else ""
        note = " (finished earlier)" if stage.resumed else ""
        self.say(f"{name:<12} {stage.seconds:6.1f} s  {stage.peak_memory / 1e6:6,.0f} MB{rows}{note}")

    @contextmanager
    def counter(self, name: str) -> Iterator[Callable[[int, int, str], None]]:
        """Give a function that is told how many of how many are done: a bar on a terminal, silence otherwise."""
        if not self._on_terminal():
            yield lambda done, total, what: None
            return
        from rich.console import Console
        from rich.progress import Progress as Bars

        with Bars(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(name, total=None)
            yield lambda done, total, what: bars.update(
                bar, completed=done, total=total, description=f"{name}: {what}"
            )

    def _on_terminal(self) -> bool:
        return not self.quiet and sys.stderr.isatty()


class _PeakMemory:
    """Samples the proportional set size of this process and its children in a thread."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, memory_in_use())
            if self._stop.wait(_SAMPLE_SECONDS):
                self.peak = max(self.peak, memory_in_use())
                return


def memory_in_use() -> int:
    """Return the bytes that this process and its descendants hold (PSS; 0 where the system does not say)."""
    return sum(_pss(pid) for pid in _family(os.getpid()))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _pss(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    except (OSError, ValueError):
        return 0
