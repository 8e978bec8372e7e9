from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.threaded import get as threaded

from segcore.models.lockstep import LockstepScheduler


class Blocks:
    """A dask array that counts how often a block is read."""

    def __init__(self, n_blocks: int = 4) -> None:
        self.reads = 0
        rows = np.arange(12.0).reshape(6, 2)

        def read(number: int) -> np.ndarray:
            self.reads += 1
            return rows + number

        self.X = da.concatenate(
            [
                da.from_delayed(dask.delayed(read, pure=False)(i), shape=rows.shape, dtype=float)
                for i in range(n_blocks)
            ]
        )


def in_step(get: Any, X: Any, items: list[int], n_rounds: Mapping[int, int]) -> list[float]:
    """Sum powers of X a number of times that differs between the items."""
    together = LockstepScheduler(get)

    def fit(item: int) -> float:
        return float(sum((X**item + step).sum().compute() for step in range(n_rounds[item])))

    with dask.config.set({"scheduler": together.get, "optimization.fuse.active": False}):
        return together.run(fit, items)


def test_results_are_those_of_one_by_one() -> None:
    blocks = Blocks()
    n_rounds = {1: 1, 2: 4, 3: 2}
    expected = [
        float(sum((blocks.X**p + step).sum().compute() for step in range(n_rounds[p]))) for p in (3, 1, 2)
    ]
    assert in_step(threaded, blocks.X, [3, 1, 2], n_rounds) == expected


def test_a_block_is_read_once_a_round() -> None:
    blocks = Blocks()
    in_step(threaded, blocks.X, [1, 2, 3], {1: 3, 2: 3, 3: 5})
    assert blocks.reads == 5 * 4  # the longest fit's rounds, not 11, times the blocks


def test_a_failure_reaches_the_caller_and_nobody_waits() -> None:
    def broken(*_: Any) -> Any:
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        in_step(broken, Blocks().X, [1, 2, 3], {1: 2, 2: 2, 3: 2})


def test_one_fit_that_fails_does_not_hang_the_others() -> None:
    together, X = LockstepScheduler(threaded), Blocks().X

    def fit(item: int) -> float:
        if item == 2:
            raise ValueError("no such power")
        return sum(float((X + step).sum().compute()) for step in range(50))

    with dask.config.set(scheduler=together.get), pytest.raises(ValueError, match="no such power"):
        together.run(fit, [2, 1, 3])


def test_nothing_to_run() -> None:
    assert LockstepScheduler(threaded).run(float, []) == []
