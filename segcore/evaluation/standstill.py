"""Worker processes that stand still while their work is waited for: named, then given up. joblib waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

NAMED_SECONDS = 15.0
GIVEN_UP_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_LITTLE = 0.1  # seconds of CPU time of all of them, that they use while they wait for work
_WORKER = "popen_loky"

T = TypeVar("T")


@dataclass(frozen=True)
class Standstill:
    """What is known of worker processes while their results are waited for.

    Attributes
    ----------
    log : callable
        Told which processes are waited for.
    given_up : threading.Event
        Set before processes that stood still are killed.
    """

    log: Callable[[str], object]
    given_up: threading.Event = field(default_factory=threading.Event)
    _drawing: threading.Event = field(default_factory=threading.Event)

    def drawn(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items; while one is made here, the workers may have nothing to do."""
        iterator = iter(items)
        while True:
            self._drawing.set()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._drawing.clear()
            yield item

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the workers of this process: where none of them uses its CPU any more, all of them are killed."""
        finished = threading.Event()
        watch = threading.Thread(target=self._watch, args=(finished,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            finished.set()
            watch.join()

    def _watch(self, finished: threading.Event) -> None:
        # The first look is after a second: most work is done by then, and a look takes a hundredth of one.
        before: dict[psutil.Process, float] = {}
        still = 0.0
        # Looks are counted and not the clock: whoever stops this process too has stopped nothing that has to be given up.
        while not finished.wait(_LOOK_SECONDS):
            now = _used()
            if self._drawing.is_set() or not _stand_still(before, now):
                before, still = now, 0.0
                continue
            still += _LOOK_SECONDS
            if NAMED_SECONDS <= still < NAMED_SECONDS + _LOOK_SECONDS:
                names = ", ".join(str(process.pid) for process in now)
                self.log(
                    f"waiting for worker processes {names}, which refit models and stand still for {still:.0f} seconds; "
                    f"given up after {GIVEN_UP_SECONDS:g}"
                )
            if still >= GIVEN_UP_SECONDS:
                self.given_up.set()
                for process in now:
                    with suppress(psutil.Error):
                        process.kill()
                return


def _used() -> dict[psutil.Process, float]:
    """Return the seconds of CPU time of each worker process of this one."""
    used = {}
    for process in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended
            if _WORKER in " ".join(process.cmdline()):
                times = process.cpu_times()
                used[process] = times.user + times.system
    return used


def _stand_still(before: dict[psutil.Process, float], now: dict[psutil.Process, float]) -> bool:
    """Whether there are processes, the same ones, and none of them has done anything."""
    return bool(now) and now.keys() == before.keys() and sum(now.values()) - sum(before.values()) <= _LITTLE
