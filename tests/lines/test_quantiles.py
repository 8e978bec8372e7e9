from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segcore.arrays import Floats
from segcore.lines.quantiles import fifths


def of(values: list[float], parts: int = 1) -> tuple[float, ...]:
    pieces = np.array_split(np.array(values, dtype=np.float64), parts)
    return fifths(lambda: pieces, len(values))


def test_fifths_by_hand() -> None:
    assert of([100, 90, 80, 70, 60, 50, 40, 30, 20, 10]) == (20, 40, 60, 80)
    assert of([1, 1, 1, 1, 2, 3, 3, 9, 9, 9]) == (1, 1, 3, 9)
    assert of([7]) == (7, 7, 7, 7)


def test_fractions_and_negative_numbers_are_in_order() -> None:
    assert of([-0.5, -1e300, 0.1, 0.30000000000000004, 0.3]) == (-1e300, -0.5, 0.1, 0.3)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=60),
    st.integers(1, 5),
)
def test_what_sorting_gives(values: list[float], parts: int) -> None:
    ranked = sorted(values)
    assert of(values, parts) == tuple(ranked[-(-len(values) * i // 5) - 1] for i in range(1, 5))


def test_numbers_are_never_held_together() -> None:
    passes = 0

    def parts() -> list[Floats]:
        nonlocal passes
        passes += 1
        return [np.arange(i, 100_000, 7, dtype=np.float64) for i in range(7)]

    assert fifths(parts, 100_000) == (19_999, 39_999, 59_999, 79_999)
    assert passes == 4
