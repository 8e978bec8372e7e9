"""Tasks: the same results in the same order on a laptop and on workers, whatever happens to the workers."""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import engine, errors
from segcore.engine import connection
from tests.engine import work
from tests.engine.dask_processes import Dask, dask_processes, wait_until

BUDGET = 500 * 10**6


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask_processes(tmp_path_factory.mktemp("dask"), workers=3) as dask:
        yield dask


@pytest.fixture
def at_work(dask: Dask) -> Iterator[engine.Cluster]:
    with engine.cluster(dask.address, memory_budget=BUDGET) as cluster:
        assert cluster is not None
        wait_until(lambda: cluster.n_workers == 3)
        yield cluster


sizes = st.lists(st.integers(0, 100), max_size=60)


def test_a_laptop_is_no_further_ahead_than_one_task_more_than_it_works_on() -> None:
    begun: list[int] = []
    results = engine.run_tasks(begun.append, range(20), label="t", at_once=2)
    for taken, _ in enumerate(results):
        wait_until(lambda taken=taken: len(begun) >= min(taken + 3, 20))  # type: ignore[misc]
        time.sleep(0.02)  # in which one further ahead would begin
        assert len(begun) <= taken + 3
    assert begun == list(range(20))


def test_tasks_that_have_not_begun_are_given_up_after_a_failure() -> None:
    begun: list[int] = []

    def work_on(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise errors.DataError("no")
        time.sleep(0.05)

    with pytest.raises(errors.DataError, match="no"):
        list(engine.run_tasks(work_on, range(50), label="t", at_once=2))
    assert len(begun) <= 5


def test_the_engine_of_before_comes_back_with_the_last_that_leaves() -> None:
    with pl.Config():
        pl.Config.set_engine_affinity("streaming")
        first, second = engine.in_memory(), engine.in_memory()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert os.environ["POLARS_ENGINE_AFFINITY"] == "in-memory"
        second.__exit__(None, None, None)
        assert os.environ["POLARS_ENGINE_AFFINITY"] == "streaming"


@given(sizes)
def test_a_laptop_has_one_task(items: list[int]) -> None:
    assert list(engine.batches(items, abs)) == ([items] if items else [])


@given(sizes, st.integers(1, 5))
def test_workers_share_items_in_their_order(items: list[int], n_workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "n_workers", lambda: n_workers)
        parts = [list(part) for part in engine.batches(items, abs)]
    assert [item for part in parts for item in part] == items
    assert all(parts)
    n_tasks = min(4 * n_workers, len(items))
    assert len(parts) <= n_tasks
    # What makes a task too large is its last item.
    assert all(sum(part[:-1]) * n_tasks <= sum(items) for part in parts)


def test_here_tasks_run_one_after_the_other_when_they_are_asked_for() -> None:
    begun: list[int] = []

    def note(item: int) -> int:
        begun.append(item)
        return -item

    results = engine.run_tasks(note, [3, 1, 2], label="test")
    assert begun == []
    assert next(results) == -3
    assert begun == [3]
    assert list(results) == [-1, -2]


def test_workers_give_the_same_in_the_same_order(at_work: engine.Cluster, dask: Dask) -> None:
    ticks: list[tuple[int, int, str]] = []
    # The first take longest: the order of the items is not that in which they are done.
    items = [(number, 0.2 if number < 3 else 0.0) for number in range(30)]
    found = list(
        engine.run_tasks(work.square_somewhere, items, label="test", tick=lambda *t: ticks.append(t))
    )
    assert [square for square, _ in found] == [number * number for number, _ in items]
    assert ticks == [(done, 30, "test") for done in range(1, 31)]
    pids = {pid for _, pid in found}
    assert os.getpid() not in pids
    assert pids == {dask.processes[f"w{number}"].pid for number in range(3)}


def test_what_each_worker_did_is_told(at_work: engine.Cluster, dask: Dask) -> None:
    with engine.count_tasks() as done:
        list(engine.run_tasks(work.square_somewhere, [(n, 0.02) for n in range(12)], label="test"))
    assert {worker["pid"] for worker in done} <= {process.pid for process in dask.processes.values()}
    assert sum(worker["tasks"] for worker in done) == 12
    assert all(worker["peak_memory"] > 10**7 for worker in done)


def test_nobody_works_on_a_laptop() -> None:
    with engine.count_tasks() as done:
        assert list(engine.run_tasks(abs, [-1, 2], label="test")) == [1, 2]
    assert done == []


def test_a_worker_is_set_up_before_it_works(at_work: engine.Cluster) -> None:
    found = list(engine.run_tasks(work.environment, range(12), label="test"))
    assert len({facts.pop("pid") for facts in found}) > 1
    for facts in found:
        assert set(facts.pop("blas")) == {1}
        assert facts == {
            "threads": 1,
            "prefetch": "1",
            "budget_mb": BUDGET // 2 // 10**6,
            "modes": ["0o700", "0o700"],
        }


def test_a_late_worker_is_set_up_too(at_work: engine.Cluster, dask: Dask) -> None:
    pid = dask.start_worker("late")
    try:
        wait_until(lambda: at_work.n_workers == 4)
        late: list[dict[str, object]] = []
        for _ in range(20):  # a worker that has just come may get none of a few quick tasks
            found = engine.run_tasks(work.environment, range(40), label="test")
            late += [facts for facts in found if facts["pid"] == pid]
            if late:
                break
        assert late
        assert {facts["budget_mb"] for facts in late} == {BUDGET // 2 // 10**6}
    finally:
        dask.kill("late")
        wait_until(lambda: at_work.n_workers == 3)


def test_a_late_worker_that_is_too_small_does_not_join(at_work: engine.Cluster, dask: Dask) -> None:
    dask.start_worker("small", "--memory-limit", "600MB")
    dask.processes["small"].wait(60)
    assert "has a memory limit of 0.60 GB" in dask.said("small")
    assert at_work.n_workers == 3
    dask.processes.pop("small")


def test_a_worker_with_threads_works_on_one_task_at_a_time(tmp_path: Path) -> None:
    with dask_processes(tmp_path) as dask:
        dask.start_worker("wide", "--nthreads", "4")
        with engine.cluster(dask.address, memory_budget=BUDGET):
            times = sorted(
                (began, ended)
                for _, began, ended in engine.run_tasks(work.seconds_at_work, range(6), label="test")
            )
            (facts,) = engine.run_tasks(work.environment, [0], label="test")
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(times))
    assert facts["threads"] == 4


def test_an_error_in_a_task_comes_through_as_it_is(at_work: engine.Cluster) -> None:
    results = engine.run_tasks(work.refuse, range(1, 60), label="test")
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(errors.DataError, match="the third file is not what its name says"):
        next(results)
    wait_until(lambda: not at_work.client.processing() or not any(at_work.client.processing().values()))


def test_a_killed_worker_costs_its_tasks_and_not_the_run(
    at_work: engine.Cluster, dask: Dask, tmp_path: Path
) -> None:
    paths = [str(tmp_path / str(number)) for number in range(9)]
    victim = dask.processes["w1"].pid

    def kill() -> None:
        wait_until(lambda: any(tmp_path.glob(f"*.begun-{victim}")))
        dask.kill("w1")

    thread = Thread(target=kill)
    thread.start()
    found = list(engine.run_tasks(work.write_slowly, paths, label="test"))
    thread.join()
    try:
        assert found == paths
        assert all(Path(path).read_text() == "whole" for path in paths)
        begun = [path.name.partition(".begun-") for path in tmp_path.glob("*.begun-*")]
        by_victim = {task for task, _, pid in begun if pid == str(victim)}
        # The last that it had begun was begun again elsewhere; what it had finished was not.
        assert len(by_victim & {task for task, _, pid in begun if pid != str(victim)}) == 1
    finally:
        dask.start_worker("w1")
        wait_until(lambda: at_work.n_workers == 3)


def test_a_worker_that_stands_still_is_named_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segcore.engine.loss._SILENT_SECONDS", 2.0)
    monkeypatch.setattr("segcore.engine.loss._STILL_SECONDS", 5.0)
    said: list[str] = []
    with dask_processes(tmp_path, workers=2) as dask:
        with engine.cluster(dask.address, memory_budget=BUDGET, log=said.append) as cluster:
            assert cluster is not None
            wait_until(lambda: cluster.n_workers == 2)
            with engine.count_tasks() as done:
                results = engine.run_tasks(work.square_somewhere, [(n, 0.1) for n in range(40)], label="test")
                first = next(results)
                os.kill(dask.processes["w1"].pid, signal.SIGSTOP)
                found = [first, *results]
        os.kill(dask.processes["w1"].pid, signal.SIGCONT)
    assert [square for square, *_ in found] == [n * n for n in range(40)]
    assert len(done) == 1
    waiting, given_up = (text for text in said if "worker tcp" in text)
    assert re.fullmatch(r"waiting for worker tcp://\S+, silent for [23] seconds; given up after 5", waiting)
    assert re.fullmatch(
        r"worker tcp://\S+ stood still for [56] seconds and was given up: others do its tasks", given_up
    )


def lose(dask: Dask, *names: str) -> str:
    """Kill processes while the workers are busy, and return what is said."""

    def kill() -> None:
        time.sleep(0.3)
        for name in names:
            dask.kill(name)

    def busy() -> None:
        with engine.cluster(dask.address, memory_budget=BUDGET):
            Thread(target=kill).start()
            list(engine.run_tasks(work.square_somewhere, [(n, 0.2) for n in range(99)], label="test"))

    with pytest.raises(errors.UnreachableError) as caught:
        busy()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_worker_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segcore.engine.loss._WORKERS_SECONDS", 2)
    with dask_processes(tmp_path, workers=2) as dask:
        said = lose(dask, "w0", "w1")
    assert said.startswith(
        f"{dask.address}: no Dask worker for 2 seconds; start some and run the same command"
    )


def test_the_scheduler_dies(tmp_path: Path) -> None:
    with dask_processes(tmp_path, workers=1) as dask:
        said = lose(dask, "scheduler")
    assert said.startswith(f"{dask.address}: the connection to the Dask scheduler was lost; see that it runs")


def test_a_task_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    def at_work(dask: Dask) -> None:
        with engine.cluster(dask.address, memory_budget=BUDGET) as cluster:
            assert cluster is not None
            wait_until(lambda: cluster.n_workers == 4)
            list(engine.run_tasks(work.die, [0], label="customers"))

    with (
        dask_processes(tmp_path, workers=4) as dask,
        pytest.raises(
            errors.UnreachableError, match=r"^4 workers died one after the other at task customers-.*--memory"
        ),
    ):
        at_work(dask)
