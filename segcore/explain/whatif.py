"""The smallest change of one feature that puts a customer into another segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from segcore import schema
from segcore.arrays import Floats, Labels, Mask, Matrix
from segcore.feature_identities import IDENTITIES

Values = dict[str, Floats]

_POINTS = (
    256  # of a line from the customer's value to a limit; three rounds of it resolve one part in 10 million
)
_ROUNDS = 3

# Pulling one of these changes the others by definition. Where both ends of an identity are features of the
# matrix (order value and total spend), one lever stands for both.
_SAME_LEVER = {i.numerator: i.ratio for i in IDENTITIES.values() if i.per_order}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One feature changed, everything else equal.

    Attributes
    ----------
    feature : str
    old, new : float
        Raw units.
    follows : dict of str to float
        Other features of the matrix that change with it by definition, with their new values.
    segment : int
        Where the customer lands.
    step : float
        Length of the move in the standardised matrix.
    """

    feature: str
    old: float
    new: float
    follows: dict[str, float]
    segment: int
    step: float


def changes_to(
    target: int,
    customer: Mapping[str, float],
    *,
    columns: Sequence[str],
    segments_of: Callable[[pl.DataFrame], Labels],
    to_matrix: Callable[[pl.DataFrame], Matrix],
    limits: Mapping[str, tuple[float, float]],
) -> list[Change]:
    """Find, for each feature, the smallest change for the better that lands in a segment.

    The search runs along a line from the customer's value to a limit and narrows the first crossing: a customer is told
    of more orders and fewer days since the last, never of spending less.

    Parameters
    ----------
    target : int
        Segment to land in.
    customer : mapping of str to float
        All numeric features of the customer in raw units, empty ones left out.
    columns : sequence of str
        Features of the matrix.
    segments_of : callable
        Frame of raw features to segments of shape (n,).
    to_matrix : callable
        Frame of raw features to rows of shape (n, n_features), standardised.
    limits : mapping of str to (float, float)
        Smallest and largest value that is plausible.

    Returns
    -------
    list of Change
        The shortest in standardised units first; empty when no single feature does it.
    """

    def lands(lever: str, values: Floats) -> Mask:
        return np.asarray(segments_of(_moved(customer, lever, values)) == target)

    origin = to_matrix(_moved(customer, columns[0], np.array([customer.get(columns[0], np.nan)])))[0]
    changes = []
    for lever in levers(columns):
        if lever not in customer or lever not in limits:
            continue
        for limit in _better_limits(lever, limits[lever]):
            new = _first_crossing(lever, customer[lever], limit, lands)
            if new is None:
                continue
            moved = _moved(customer, lever, np.array([new]))
            step = float(np.linalg.norm(to_matrix(moved)[0].astype(np.float64) - origin))
            follows = {
                f: moved[f][0] for f in columns if f != lever and f in customer and moved[f][0] != customer[f]
            }
            changes.append(
                Change(
                    feature=lever, old=customer[lever], new=new, follows=follows, segment=target, step=step
                )
            )
    return sorted(changes, key=lambda c: (c.step, c.feature))


def _better_limits(lever: str, limits: tuple[float, float]) -> tuple[float, ...]:
    """Return where a feature is best; both ends of one that a job adds, as nobody knows."""
    if lever not in schema.FEATURE_BY_NAME:
        return limits
    return limits[:1] if lever in schema.LESS_IS_BETTER else limits[1:]


def levers(columns: Sequence[str]) -> list[str]:
    """Return the features that can be pulled on their own: numbers, as nobody moves into another category a little."""
    return [f for f in columns if not schema.is_indicator(f) and _SAME_LEVER.get(f) not in columns]


def _first_crossing(
    lever: str, start: float, limit: float, lands: Callable[[str, Floats], Mask]
) -> float | None:
    """Return the value nearest to `start`, on the way to `limit`, that lands; None where none does."""
    feature = schema.FEATURE_BY_NAME.get(lever)
    integer = feature is not None and feature.integer
    near, far = start, limit
    for _ in range(_ROUNDS):
        # Squares put most points near the customer, where a small change matters.
        points = near + (far - near) * np.linspace(0, 1, _POINTS + 1)[1:] ** 2
        points = np.rint(points) if integer else points
        points = points[points != start]
        landed = lands(lever, points) if len(points) else np.zeros(0, dtype=bool)
        if not landed.any():
            return None
        first = int(landed.argmax())
        near, far = (points[first - 1] if first else near), points[first]
    return _rounded_outward(lever, start, float(far), limit, lands)


def _rounded_outward(
    lever: str, start: float, value: float, limit: float, lands: Callable[[str, Floats], Mask]
) -> float:
    """Return a number that people would choose, a little further on, where it lands as well."""
    for digits in (2, 3, 4):
        unit = 10.0 ** (np.floor(np.log10(abs(value) or 1.0)) + 1 - digits)
        steps = np.ceil(value / unit) if value > start else np.floor(value / unit)
        rounded = float(f"{steps * unit:.{digits}g}")
        beyond = min(start, limit) <= rounded <= max(start, limit)
        if beyond and lands(lever, np.array([rounded]))[0]:
            return rounded
    return value


def _moved(customer: Mapping[str, float], lever: str, values: Floats) -> pl.DataFrame:
    """Return copies of a customer with one feature set to `values`, and what follows from it by definition."""
    row: Values = {name: np.full(len(values), value) for name, value in customer.items()}
    row[lever] = values
    for name, value in _follow(lever, row).items():
        if name in row:
            row[name] = value
    return pl.DataFrame(row)


def _follow(lever: str, row: Values) -> Values:
    """Return what a lever changes by definition; features that a customer lacks count as nothing."""
    nothing = np.zeros(len(row[lever]))
    new: Values = {}

    def of(name: str) -> Floats:
        value = new.get(name, row.get(name, nothing))
        return np.maximum(value, 1.0) if name == "order_count" else value

    for identity in IDENTITIES.values():
        # A total that is pulled changes the mean of the orders, not their number.
        if identity.per_order and lever != identity.numerator:
            if not {lever, *new}.isdisjoint(identity.inputs):
                new[identity.dependent] = identity.computed(of)
        elif not {lever, *new}.isdisjoint({identity.numerator, *identity.denominator}):
            whole = identity.whole(of)
            new[identity.ratio] = np.divide(
                of(identity.numerator), whole, out=nothing.copy(), where=whole > 0
            )
    return new
