"""Progress of a run for people, and what the run measures of itself."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil

from segcore.logs import CONTEXT, LOGGER

_SAMPLE_SECONDS = 0.2
# What a stage counts, where that is not customers.
_UNITS = {
    **dict.fromkeys(("input", "fill", "coverage", "lines", "customers"), "lines"),
    "extra": "rows",
    "ids": "rows",
}
_COARSE = 16 * 2**20  # bytes that more or less are no reason to look at every page again
_CLEAR = "\x1b[K"  # what a longer line before has left on this one


@dataclass(kw_only=True)
class Stage:
    """One stage of a run, measured.

    Attributes
    ----------
    seconds : float
    rows : int or None
        What the stage worked on, where it counts that.
    bytes : int or None
        What it left on disk, where it leaves something.
    peak_memory : int
        Bytes; the sum over this process and its children, each page counted once (PSS).
    resumed : bool
        Whether an earlier start had finished it; the figures are that start's.
    workers : list of dict
        With a cluster, what each worker did: ``address``, ``pid``, ``tasks`` and ``peak_memory`` so far.
    """

    name: str
    seconds: float = 0.0
    rows: int | None = None
    bytes: int | None = None
    peak_memory: int = 0
    resumed: bool = False
    workers: list[dict[str, Any]] = field(default_factory=list)


class _Watch:
    """Takes the time, and samples the proportional set size of this process and its children in a thread.

    The system walks through all pages for it, milliseconds for each process. What is resident, shared pages counted
    again and again, costs nothing to read: while that is no larger than it has been, nor is the other.
    """

    def __init__(self) -> None:
        self._peak = 0
        self._resident = -1
        self._start = time.perf_counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def read(self) -> tuple[float, int]:
        """Return the seconds since the start and the largest memory seen, this moment included."""
        return time.perf_counter() - self._start, max(self._peak, memory_in_use())

    def _sample(self) -> None:
        while True:
            resident = _resident()
            if resident > self._resident:
                self._peak, self._resident = max(self._peak, memory_in_use()), resident
            if self._stop.wait(_SAMPLE_SECONDS):
                return


@dataclass(kw_only=True)
class Progress:
    """Stages as they pass, in the log; on a terminal also a bar.

    Attributes
    ----------
    quiet : bool
        No bar.
    stages : list of Stage
    warnings : list of str
        Everything that was warned about, for the manifest.
    """

    quiet: bool = False
    stages: list[Stage] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _expected: list[tuple[str, float]] = field(default_factory=list, repr=False)
    _watch: _Watch = field(default_factory=_Watch, repr=False)

    def log(self, text: str, **facts: object) -> None:
        """Log one line."""
        LOGGER.info(text, extra=facts)

    def warn(self, text: str) -> None:
        """Log a warning and keep it for the manifest."""
        if text not in self.warnings:
            self.warnings.append(text)
            LOGGER.warning(text)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Measure a stage: seconds and peak memory; one that is marked as resumed keeps its figures."""
        stage = Stage(name=name)
        CONTEXT["stage"] = name
        if self._on_terminal():
            print(f"{name} ...{self._ahead(name)}", end=f"{_CLEAR}\r", file=sys.stderr, flush=True)
        with _Watch() as self._watch:
            yield stage
            if not stage.resumed:
                self.measure(stage)
        self.stages.append(stage)
        self._log_end(stage)
        del CONTEXT["stage"]  # a stage that failed stays named in what is logged last

    def expect(self, stages: Iterable[tuple[str, float]]) -> None:
        """Learn the stages of the run before and their seconds: what this one has ahead."""
        self._expected = [*stages]

    def _ahead(self, name: str) -> str:
        """Return how far along a stage is, and how long the run before took from there on; empty where none did it."""
        names = [known for known, _ in self._expected]
        if name not in names:
            return ""
        place = names.index(name)
        seconds = sum(took for _, took in self._expected[place:])
        left = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
        return f" (step {place + 1} of {len(names)}, about {left} left, as in the last run)"

    def measure(self, stage: Stage) -> None:
        """Fill in the figures of the current stage, as they are now."""
        stage.seconds, stage.peak_memory = self._watch.read()

    def _log_end(self, stage: Stage) -> None:
        unit = _UNITS.get(stage.name, "customers")
        rows = f", {stage.rows:,} {unit}" if stage.rows is not None else ""
        note = " (finished earlier)" if stage.resumed else ""
        facts = {key: value for key, value in asdict(stage).items() if key not in ("name", "resumed")}
        self.log(
            f"{stage.name:<12} {stage.seconds:6.1f} s  {stage.peak_memory / 1e6:6,.0f} MB{rows}{note}",
            **facts | {"seconds": round(stage.seconds, 3)},
        )

    @contextmanager
    def counter(self, name: str) -> Iterator[Callable[[int, int, str], None]]:
        """Give a function to call with how many of how many are done: a bar on a terminal, silence otherwise."""
        if not self._on_terminal():
            yield lambda done, total, what: None
            return
        from rich.console import Console
        from rich.progress import Progress as Bars

        with Bars(console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(name, total=None)
            ahead = self._ahead(CONTEXT.get("stage", name))
            yield lambda done, total, what: bars.update(
                bar, completed=done, total=total, description=f"{name}: {what}{ahead}"
            )

    def _on_terminal(self) -> bool:
        return not self.quiet and sys.stderr.isatty()


def memory_in_use() -> int:
    """Return the bytes that this process and its descendants hold (PSS; 0 where the system does not tell).

    A process without descendants shares its pages with nobody of this run: what is resident is what it holds. Else what
    is shared is asked for anew only when the processes are others or hold clearly more or less: the system walks through
    all of their pages for it.
    """
    global _shared  # noqa: PLW0603
    own = psutil.Process()
    family = (own, *own.children(recursive=True))
    resident = _sum(family, lambda process: int(process.memory_info().rss))
    if len(family) == 1:
        return resident
    pids = {process.pid for process in family}
    if pids != _shared.pids or abs(resident - _shared.resident) > _COARSE:
        held = _sum(family, lambda process: int(process.memory_full_info().pss))
        _shared = _Shared(pids=pids, resident=resident, held=held)
    return max(0, _shared.held + resident - _shared.resident) if _shared.held else 0


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What some processes held when it was last looked at: resident in each, and all of it counted once."""

    pids: set[int]
    resident: int
    held: int


_shared = _Shared(pids=set(), resident=0, held=0)


def _resident() -> int:
    """Return the bytes that this process and its descendants hold, each counting the shared ones."""
    own = psutil.Process()
    return _sum((own, *own.children(recursive=True)), lambda process: int(process.memory_info().rss))


def _sum(family: Iterable[psutil.Process], measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in family:
        with suppress(psutil.Error, AttributeError):  # it has ended, or the system has no PSS
            total += measure(process)
    return total
