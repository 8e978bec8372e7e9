"""The standardised matrix that the models see: fitted on customer features, and laid out lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import dask
import dask.array as da
import numpy as np
import polars as pl

from segcore import errors, job
from segcore.arrays import Floats, Floats32, Mask
from segcore.matrix import encoding
from segcore.matrix.encoding import Encodings
from segcore.matrix.preparation import Preparation, PreparedColumn, raw_values, transform
from segcore.matrix.yeo_johnson import lambda_of

DaskArray: TypeAlias = da.Array

# Beyond them Yeo-Johnson turns what few customers differ in into nothing, or into numbers without end.
_LEAST_LAMBDA, _MOST_LAMBDA = -2.0, 2.0
_ROUNDING = 1e-12  # relative; what differs by less is the same number, computed another way
_REACH = 1000  # times the furthest value of the fit: later customers are told apart up to there


def standardised_column(values: Floats, kind: str) -> Floats:
    """Return one feature's values of shape (n,) transformed and standardised by themselves.

    What :func:`fit` and :meth:`Preparation.standardised` do for a table, for a column without gaps; zeros
    where it is constant.
    """
    transformed = transform(values, *fitted_transform(values, kind))
    scale = _scale(kind, float(transformed.std()))
    return np.asarray((transformed - transformed.mean()) / scale if scale > 0 else np.zeros_like(transformed))


def _scale(kind: str, deviation: float) -> float:
    return 1.0 if kind == "one-hot" and deviation > 0 else deviation


def fit(
    blocks: Callable[[], Iterable[pl.DataFrame]],
    settings: job.Matrix,
    *,
    extra: Sequence[str] = (),
    warn: Callable[[str], None],
) -> Preparation:
    """Fit encodings and transforms on the first rows and standardise over all.

    Parameters
    ----------
    blocks : callable
        Returns the frames of customer features in hash order; called three times at most.
    settings : segcore.job.Matrix
    extra : sequence of str
        Features from other tables: they are encoded, and where one of the matrix is missing, a column says so.
    warn : callable
        Told about features that are dropped because they are constant or empty, and about those that get another
        transform than the one that is asked for.

    Raises
    ------
    segcore.errors.DataError
        If every feature is constant.
    """
    head = _head(blocks(), [*dict.fromkeys([*settings.columns, *extra])], settings.fit_rows)
    encodings = encoding.choose(head, extra, most=settings.max_categories)
    kinds = _kinds(settings, encodings)
    values = raw_values(encoding.expand(head, encodings), tuple(kinds))
    unscaled = Preparation(
        prepared=tuple(
            _fitted(name, kind, column) for (name, kind), column in zip(kinds.items(), values.T, strict=True)
        ),
        encodings=encodings,
    )
    over_all = _moments(blocks, unscaled)
    scaled = [
        replace(column, mean=mean, scale=_scale(column.transform, scale))
        for column, mean, scale, differs in zip(
            unscaled.prepared,
            over_all.means.tolist(),
            over_all.deviations.tolist(),
            over_all.differs.tolist(),
            strict=True,
        )
        if differs and scale > 0
    ]
    if not scaled:
        raise errors.DataError(
            f"all customers are equal in {errors.listing(settings.columns)}; segments need a feature in which they differ"
        )
    used = {column.name for column in scaled}
    dropped = tuple(name for name in kinds if name not in used)
    for name, empty in zip(kinds, over_all.empty.tolist(), strict=True):
        if name in dropped:
            what = "empty" if empty else "the same"
            warn(f"feature {name} is {what} for every customer and is left out")
    for column in scaled:
        if column.transform != kinds[column.name]:
            warn(
                f"feature {column.name} is nearly the same for most customers, so that Yeo-Johnson would need a parameter "
                f"below {_LEAST_LAMBDA:g}: its logarithm is taken"
            )
    return Preparation(prepared=tuple(scaled), dropped=dropped, encodings=encodings)


def _fitted(name: str, kind: str, raw: Floats) -> PreparedColumn:
    fill = _median(raw)
    fitted, lmbda = fitted_transform(np.where(np.isnan(raw), fill, raw), kind)
    return PreparedColumn(name=name, transform=fitted, lmbda=lmbda, fill=fill)


def fitted_transform(values: Floats, kind: str) -> tuple[str, float]:
    """Return the transform of one column's values of shape (n,), and its lambda (1 where it has none).

    It is the one that is asked for, but for a Yeo-Johnson whose lambda is below its bounds, or which no longer tells values
    apart that are, or could be, a customer's: log1p then, which tells any apart. Above them it is the bound.
    """
    if kind != "yeo-johnson":
        return kind, 1.0
    lmbda = float("nan") if np.ptp(values) == 0 else min(lambda_of(values), _MOST_LAMBDA)
    return (kind, lmbda) if lmbda >= _LEAST_LAMBDA and _tells_apart(values, lmbda) else ("log1p", 1.0)


def _tells_apart(values: Floats, lmbda: float) -> bool:
    known = np.unique(values)
    far = _REACH * known[[0, -1]]
    tried = np.unique([*known, *far, *(far + np.sign(far))])
    differ = np.diff(tried) > _ROUNDING * np.abs(tried[1:])
    return bool((np.diff(transform(tried, "yeo-johnson", lmbda))[differ] > 0).all())


def _kinds(settings: job.Matrix, encodings: Encodings) -> dict[str, str]:
    """Return the columns of the matrix and the transform of each; indicators stand behind their number."""
    kinds: dict[str, str] = {}
    for name, kind in settings.columns.items():
        if kind != "one-hot":
            kinds[name] = kind
        kinds |= dict.fromkeys(encodings.get(name, ()), "one-hot")
    return kinds


def _head(blocks: Iterable[pl.DataFrame], names: Sequence[str], rows: int) -> pl.DataFrame:
    parts, have = [], 0
    for df in blocks:
        parts.append(df.select(names).head(rows - have))
        have += parts[-1].height
        if have >= rows:
            break
    return pl.concat(parts)


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Of the columns over all customers, each of shape (n_columns,).

    Attributes
    ----------
    means, deviations : ndarray
        Of the transformed values; population standard deviation.
    differs, empty : ndarray of bool
        Whether the raw values differ, by more than rounding; whether nobody has one.
    """

    means: Floats
    deviations: Floats
    differs: Mask
    empty: Mask


def _moments(blocks: Callable[[], Iterable[pl.DataFrame]], unscaled: Preparation) -> _Moments:
    """Compute moments in two passes, added block by block."""
    n, total = 0, np.float64(0)
    low, high, known = np.inf, -np.inf, 0
    for df in blocks():
        raw = unscaled.raw(df)
        filled = unscaled.filled(raw)
        low = np.minimum(low, filled.min(axis=0, initial=np.inf))
        high = np.maximum(high, filled.max(axis=0, initial=-np.inf))
        known = known + (~np.isnan(raw)).sum(axis=0)
        X = unscaled.transformed(raw)
        n, total = n + len(X), total + X.sum(axis=0)
    means = np.asarray(total / n)
    squares = np.float64(0)
    for df in blocks():
        squares = squares + np.square(unscaled.transformed(unscaled.raw(df)) - means).sum(axis=0)
    return _Moments(
        means=means,
        deviations=np.sqrt(np.asarray(squares / n)),
        differs=np.asarray(high - low > _ROUNDING * np.maximum(np.abs(low), np.abs(high))),
        empty=np.asarray(known == 0),
    )


def lazy(
    files: Sequence[str], counts: Sequence[int], read: Callable[[str], pl.DataFrame], preparation: Preparation
) -> DaskArray:
    """Lay out the matrix as a Dask array of float32, one block for each file that has customers.

    Parameters
    ----------
    files : sequence of str
        Customer features in hash order, paths or URLs.
    counts : sequence of int
        Rows that `read` returns for each.
    read : callable
        Called whenever a block is computed.
    preparation : Preparation
    """

    def block(path: str) -> Floats32:
        return preparation.block(read(path))

    width = len(preparation.columns)
    return da.concatenate(
        da.from_delayed(dask.delayed(block, pure=False)(path), shape=(count, width), dtype=np.float32)
        for path, count in zip(files, counts, strict=True)
        if count
    )
