from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

from segcore.models import threads


def test_results_come_in_the_order_of_the_items() -> None:
    for n_jobs in (1, 2, None):
        assert threads.run(lambda x: x * x, range(20), n_jobs=n_jobs) == [x * x for x in range(20)]


def test_each_fit_has_one_thread() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    seen = threads.run(lambda _: [pool["num_threads"] for pool in threadpool_info()], range(4), n_jobs=2)
    assert seen[0]
    assert {count for counts in seen for count in counts} == {1}


def test_a_failing_fit_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        threads.run(lambda x: 1 / x, [1, 0], n_jobs=2)


def test_quiet_fits_that_overlap_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    inside, outside = threading.Event(), threading.Event()

    def first() -> None:
        with threads.ignoring_known_warnings():
            inside.wait(5)
            warnings.warn("slow", ConvergenceWarning, stacklevel=1)
        outside.set()

    def second() -> None:
        with threads.ignoring_known_warnings():
            inside.set()
            outside.wait(5)
            warnings.warn("slow", ConvergenceWarning, stacklevel=1)

    with ThreadPoolExecutor(2) as pool:
        for fit in [pool.submit(first), pool.submit(second)]:
            fit.result()
    assert warnings.filters == before
    with pytest.warns(ConvergenceWarning, match="heard again"):
        warnings.warn("heard again", ConvergenceWarning, stacklevel=1)


def test_other_warnings_are_heard() -> None:
    with threads.ignoring_known_warnings(), pytest.raises(UserWarning, match="something else"):
        warnings.warn("something else", UserWarning, stacklevel=1)


def test_a_library_that_catches_warnings_does_not_make_another_fit_heard() -> None:
    caught, quieted, restored = threading.Event(), threading.Event(), threading.Event()

    def library() -> None:
        with (
            warnings.catch_warnings()
        ):  # saves the filters before the other fit is quiet, restores them after
            caught.set()
            quieted.wait(5)
        restored.set()

    def fit() -> None:
        caught.wait(5)
        with threads.ignoring_known_warnings():
            quieted.set()
            restored.wait(5)
            warnings.warn("slow", ConvergenceWarning, stacklevel=1)

    threads.run(lambda work: work(), [library, fit], n_jobs=2)
