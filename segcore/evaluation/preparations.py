"""How much the preparation of the features matters: the winner's model on other ones, beside the published segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import norm, rankdata
from threadpoolctl import threadpool_limits

from segcore.arrays import Counts, Floats, Labels
from segcore.evaluation.agreement import adjusted_rand
from segcore.evaluation.keeping import matched
from segcore.evaluation.refit import Target, refit
from segcore.matrix.fit import standardised_column

CLIPPED = (0.01, 0.99)

Columns = Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True)
class Preparations:
    """The winner's model under other preparations.

    Attributes
    ----------
    each : polars.DataFrame
        ``preparation``, ``columns`` (of the matrix), ``adjusted_rand`` with the published segments and ``kept_share``, of the
        customers who keep their segment; in the order in which they are stated.
    kept : polars.DataFrame
        ``kept`` preparations of these in which a customer keeps the segment, and how many ``customers`` do.
    """

    each: pl.DataFrame
    kept: pl.DataFrame


def others(raw: Columns, kinds: Mapping[str, str], more: Columns) -> Iterator[tuple[str, Floats]]:
    """Give other preparations of the same customers, each standardised: what it is, and its matrix.

    Parameters
    ----------
    raw : mapping of str to ndarray of shape (n_rows,)
        The matrix's columns in raw units, without gaps.
    kinds : mapping of str to str
        The transform of each, as fitted.
    more : mapping of str to ndarray of shape (n_rows,)
        Further features, transformed by Yeo-Johnson.

    Notes
    -----
    Rank-normal is the normal quantile of (rank - 0.5) / n, equal values sharing their mean rank.
    """
    numbers = [name for name in raw if kinds[name] != "one-hot"]
    usual = {name: standardised_column(values, kinds[name]) for name, values in raw.items()}

    def changed(of: dict[str, Floats]) -> Floats:
        return np.stack([*(usual | of).values()], axis=1)

    yield "log1p of every feature", changed({n: standardised_column(raw[n], "log1p") for n in numbers})
    yield "rank-normal scores", changed({n: standardised_column(_normal(raw[n]), "none") for n in numbers})
    yield (
        "clipped at 1% and 99%, not transformed",
        changed({n: standardised_column(_clipped(raw[n]), "none") for n in numbers}),
    )
    yield "not transformed", changed({n: standardised_column(raw[n], "none") for n in numbers})
    if len(usual) > 1:
        for name in usual:
            rest = [values for other, values in usual.items() if other != name]
            yield f"without {name}", np.stack(rest, axis=1)
    if more:
        further = {name: standardised_column(values, "yeo-johnson") for name, values in more.items()}
        yield f"with {', '.join(more)}", changed(further)


def compare(
    target: Target, labels: Labels, prepared: Iterator[tuple[str, Floats]], *, seed: int
) -> Preparations:
    """Fit the winner's model to each preparation and compare it with the published segments.

    Parameters
    ----------
    target : (ModelSpec, int)
    labels : ndarray of shape (n_rows,)
        The published segments, 0..k-1.
    prepared : iterator of (str, ndarray of shape (n_rows, n_columns))
    seed : int

    Returns
    -------
    Preparations
        Without the preparations that cannot be fitted.
    """
    model, k = target
    rows: list[tuple[str, int, float, float]] = []
    kept = np.zeros(len(labels), dtype=np.int64)
    with threadpool_limits(1):
        for name, X in prepared:
            fit = refit(model, X, [k], seed).get(k)
            if fit is None:
                continue
            same = matched(labels, fit.labels, k) == labels
            kept += same
            rows.append((name, X.shape[1], adjusted_rand(labels, fit.labels), float(same.mean())))
    return _tables(rows, kept)


def _tables(rows: Sequence[tuple[str, int, float, float]], kept: Counts) -> Preparations:
    schema = {
        "preparation": pl.String,
        "columns": pl.Int32,
        "adjusted_rand": pl.Float64,
        "kept_share": pl.Float64,
    }
    counts = np.bincount(kept, minlength=len(rows) + 1)
    return Preparations(
        each=pl.DataFrame(list(rows), schema=schema, orient="row"),
        kept=pl.DataFrame({"kept": np.arange(len(rows) + 1, dtype=np.int32), "customers": counts}),
    )


def _normal(values: Floats) -> Floats:
    return np.asarray(norm.ppf((rankdata(values) - 0.5) / len(values)))


def _clipped(values: Floats) -> Floats:
    return np.asarray(np.clip(values, *np.quantile(values, CLIPPED)))
