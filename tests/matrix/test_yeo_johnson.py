from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import PowerTransformer

from segcore.arrays import Floats
from segcore.matrix.yeo_johnson import lambda_of

Draw = Callable[[np.random.Generator, int], Floats]
KINDS: dict[str, Draw] = {
    "amounts": lambda rng, n: rng.lognormal(5, 1.5, n),
    "amounts and refunds": lambda rng, n: rng.lognormal(5, 1.5, n) - 50,
    "below zero": lambda rng, n: -rng.lognormal(3, 2, n),
    "counts": lambda rng, n: rng.geometric(0.3, n).astype(np.float64),
    "without end": lambda rng, n: rng.pareto(0.3, n) * 1e8,
    "nearly all alike": lambda rng, n: np.where(rng.random(n) < 0.02, 1e14, 1.0),
    "alike but for rounding": lambda rng, n: 1e6 + rng.normal(0, 1e-9, n),
}


def theirs(values: Floats) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        fitted = PowerTransformer(method="yeo-johnson", standardize=False).fit(values[:, None])
    return float(fitted.lambdas_[0])


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(2, 3_000), st.integers(0, 2**32 - 1))
def test_is_that_of_scikit_learn_to_the_last_bit(kind: str, n: int, seed: int) -> None:
    values = KINDS[kind](np.random.default_rng(seed), n)
    np.testing.assert_array_equal(lambda_of(values), theirs(values))


def test_what_is_normal_stays() -> None:
    values = np.random.default_rng(0).normal(0, 1, 20_000)
    assert lambda_of(values) == pytest.approx(1, abs=0.02)
    assert lambda_of(np.expm1(values + 10)) == pytest.approx(0, abs=0.02)
