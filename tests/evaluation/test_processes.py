"""Work in processes: in order, in those that were started, and with one thread each."""

from __future__ import annotations

import os

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

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
