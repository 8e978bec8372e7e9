from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.evaluation import agreement

labelings = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=30)


def test_six_rows_by_hand() -> None:
    # Pairs together in both 2, in a 6, in b 3, of 15: expected 6 * 3 / 15 = 1.2, at most 4.5.
    a, b = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    assert agreement.adjusted_rand(a, b) == pytest.approx((2 - 1.2) / (4.5 - 1.2))


@given(labelings, st.permutations([-1, 0, 1, 2, 3]))
def test_names_do_not_matter_and_it_is_symmetric(pairs: Any, names: list[int]) -> None:
    a, b = np.array(pairs).T
    renamed = np.array(names)[a + 1]
    assert agreement.adjusted_rand(a, renamed) == 1
    assert agreement.adjusted_rand(a, b) == pytest.approx(agreement.adjusted_rand(b, renamed), abs=1e-12)


def test_the_table_is_a_full_square() -> None:
    rng = np.random.default_rng(0)
    table = agreement.agreement(
        {name: rng.integers(3, size=50, dtype=np.int32) for name in ("kmeans", "ward", "full")}
    )
    assert table.height == 9
    assert table.filter(pl.col("a") == pl.col("b"))["adjusted_rand"].to_list() == [1, 1, 1]
    assert agreement.agreement({}).columns == ["a", "b", "adjusted_rand"]
