"""Exact quantiles of numbers that are read in parts, holding none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from segcore.arrays import Floats

_DIGIT = 16  # bits that a pass over the numbers settles
_SIGN = np.uint64(1 << 63)


def fifths(parts: Callable[[], Iterable[Floats]], n: int) -> tuple[float, float, float, float]:
    """Return the four values at which fifths of `n` numbers end, at least one.

    They are the smallest that at least a fifth, two fifths, three and four fifths of the numbers do not exceed.
    """
    first, second, third, fourth = by_rank(parts, [-(-n * i // 5) for i in range(1, 5)])
    return first, second, third, fourth


def by_rank(parts: Callable[[], Iterable[Floats]], ranks: Sequence[int]) -> list[float]:
    """Return the numbers of some ranks, 1 for the smallest.

    Parameters
    ----------
    parts : callable
        Returns the numbers, the same ones every time, in any order and any parts; none is missing.
    ranks : sequence of int

    Notes
    -----
    Numbers in order are their bits in order (those of negative ones turned around), so that four passes, each
    counting the next 16 bits of the numbers that are still in question, find a number by its rank.
    """
    targets = [(0, rank) for rank in ranks]  # bits that are known so far; rank among the numbers with them
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        counts = {prefix: np.zeros(1 << _DIGIT, dtype=np.int64) for prefix, _ in targets}
        for part in parts():
            digits = _in_order(part) >> np.uint64(shift)
            for prefix, count in [*counts.items()]:
                low = np.uint64(prefix << _DIGIT)
                inside = digits[(digits >= low) & (digits <= low + np.uint64((1 << _DIGIT) - 1))] - low
                counts[prefix] = count + np.bincount(inside.astype(np.int64), minlength=1 << _DIGIT)
        targets = [_next_digit(prefix, rank, counts[prefix]) for prefix, rank in targets]
    return [_number(bits) for bits, _ in targets]


def _next_digit(prefix: int, rank: int, counts: NDArray[np.int64]) -> tuple[int, int]:
    up_to = np.cumsum(counts)
    digit = int(np.searchsorted(up_to, rank))
    return (prefix << _DIGIT) + digit, rank - (int(up_to[digit - 1]) if digit else 0)


def _in_order(numbers: Floats) -> NDArray[np.uint64]:
    """Return whole numbers that are in the order of the numbers."""
    bits = (np.ascontiguousarray(numbers, dtype=np.float64) + 0.0).view(np.uint64)  # which makes -0.0 a 0.0
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(bits: int) -> float:
    whole = np.uint64(bits)
    return float((whole & ~_SIGN if whole & _SIGN else ~whole).view(np.float64))
