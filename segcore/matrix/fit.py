"""The standardised matrix that the models see: fitted on customer features, and laid out lazily."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import dask
import dask.array as da
import numpy as np
import polars as pl
from sklearn.preprocessing import PowerTransformer

from segcore import errors, job
from segcore.arrays import Floats, Floats32
from segcore.matrix import encoding
from segcore.matrix.encoding import Encodings
from segcore.matrix.preparation import Preparation, PreparedColumn, raw_values, transform

DaskArray: TypeAlias = da.Array


def standardised_column(values: Floats, kind: str) -> Floats:
    """Return one feature's values of shape (n,) transformed and standardised by themselves.

    What :func:`fit` and :meth:`Preparation.standardised` do for a table, for a column without gaps; zeros
    where it is constant.
    """
    transformed = transform(values, kind, _lambda(values) if kind == "yeo-johnson" else 1.0)
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
        Told about features that are dropped because they are constant.

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
    means, scales = _moments(lambda: (unscaled.transformed(unscaled.raw(df)) for df in blocks()))
    scaled = [
        replace(column, mean=mean, scale=_scale(column.transform, scale))
        for column, mean, scale in zip(unscaled.prepared, means.tolist(), scales.tolist(), strict=True)
        # Rounding leaves a constant a spread of a few units in the last place.
        if scale > 1e-12 * max(1.0, abs(mean))
    ]
    if not scaled:
        raise errors.DataError(
            f"all customers are equal in {errors.listing(settings.columns)}; segments need a feature in which they differ"
        )
    used = {column.name for column in scaled}
    dropped = tuple(name for name in kinds if name not in used)
    for name in dropped:
        warn(f"feature {name} is the same for every customer and is left out")
    return Preparation(prepared=tuple(scaled), dropped=dropped, encodings=encodings)


def _fitted(name: str, kind: str, raw: Floats) -> PreparedColumn:
    fill = _median(raw)
    column = np.where(np.isnan(raw), fill, raw)
    return PreparedColumn(
        name=name, transform=kind, lmbda=_lambda(column) if kind == "yeo-johnson" else 1.0, fill=fill
    )


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


def _lambda(column: Floats) -> float:
    if np.ptp(column) == 0:
        return 1.0
    with warnings.catch_warnings():
        # An extreme column makes the likelihood overflow on the way to its maximum.
        warnings.simplefilter("ignore", RuntimeWarning)
        fitted = PowerTransformer(method="yeo-johnson", standardize=False).fit(column.reshape(-1, 1))
    value = float(fitted.lambdas_[0])
    return value if np.isfinite(value) else 0.0


def _moments(blocks: Callable[[], Iterable[Floats]]) -> tuple[Floats, Floats]:
    """Return mean and population standard deviation in two passes, added block by block."""
    n, total = 0, np.float64(0)
    for X in blocks():
        n, total = n + len(X), total + X.sum(axis=0)
    means = np.asarray(total / n)
    squares = np.float64(0)
    for X in blocks():
        squares = squares + np.square(X - means).sum(axis=0)
    return means, np.sqrt(np.asarray(squares / n))


def lazy(
    files: Sequence[str],
    counts: Sequence[int],
    read: Callable[[str], pl.DataFrame],
    preparation: Preparation,
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
