"""Work in processes: in order, in those that were started, and with one thread each."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

from segcore import errors
from segcore.evaluation import standstill
from segcore.evaluation.processes import in_processes, starting_processes
from segcore.evaluation.refit import ModelSpec, refit


def _double_and_where(x: int) -> tuple[int, int]:
    return 2 * x, os.getpid()


def test_processes_keep_the_order() -> None:
    here = list(in_processes(_double_and_where, [1, 2, 3], n_jobs=1))
    there = list(in_processes(_double_and_where, [1, 2, 3], n_jobs=2))
    assert [x for x, _ in here] == [x for x, _ in there] == [2, 4, 6]
    assert {pid for _, pid in here} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in there}
    assert list(in_processes(_double_and_where, [], n_jobs=2)) == []


def test_processes_that_were_started_do_the_work() -> None:
    with starting_processes(2):
        pass
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    assert {pid for _, pid in in_processes(_double_and_where, range(4), n_jobs=2)} <= children


def _most_threads(_: int) -> int:
    refit(
        ModelSpec(family="kmeans"), np.random.default_rng(0).normal(size=(20, 2)), [2], 0
    )  # loads the libraries
    return int(max(pool["num_threads"] for pool in threadpool_info()))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_work_has_one_thread(n_jobs: int) -> None:
    assert list(in_processes(_most_threads, [1, 2], n_jobs=n_jobs)) == [1, 1]


def _busy(seconds: float) -> int:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return os.getpid()


def _stop_workers(number: int) -> None:
    """Stop some worker processes as soon as there are so many."""
    while len(workers := list(standstill._used())) < number:
        time.sleep(0.05)
    for worker in workers[:number]:
        worker.send_signal(signal.SIGSTOP)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("NAMED_SECONDS", 1.0), ("GIVEN_UP_SECONDS", 2.0), ("_LOOK_SECONDS", 0.5)):
        monkeypatch.setattr(standstill, name, seconds)


@pytest.mark.usefixtures("impatient")
def test_processes_that_stand_still_are_named_and_given_up() -> None:
    said: list[str] = []
    stop = threading.Thread(target=_stop_workers, args=(2,))
    stop.start()
    with pytest.raises(
        errors.BusyError, match=r"stood still for .* seconds and were given up; run the same command again"
    ):
        list(in_processes(_busy, [600, 600, 600], n_jobs=2, log=said.append))
    stop.join()
    assert len(said) == 1
    assert said[0].startswith("waiting for worker processes ")
    assert list(in_processes(_busy, [0.1], n_jobs=2))  # new ones are started


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_processes_that_work_or_have_nothing_to_do_are_not_given_up() -> None:
    def items() -> Iterator[float]:
        yield 0.1
        time.sleep(4)  # an item that takes long to make here
        yield 4.0  # one that takes long there

    said: list[str] = []
    assert len(list(in_processes(_busy, items(), n_jobs=2, log=said.append))) == 2
    assert said == []
