"""Aggregates of customers and of the sample: distributions, examples, the map, trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from segcore.arrays import Floats, Matrix
from segcore.profile.wording import feature_of

_BINS = pl.Schema(
    {
        "feature": pl.String,
        "segment": pl.Int32,
        "left": pl.Float64,
        "right": pl.Float64,
        "customers": pl.Int64,
    }
)
_MOST_BINS = 24  # features of whole numbers have bins of whole numbers
_SKEWED = 10  # times the median that the largest value must be for a logarithmic axis
_BLOCK = 1_000_000  # values
_TAIL = 0.995  # quantile that a linear axis ends at; the last bin holds what lies beyond


def histogram(lf: pl.LazyFrame, features: Sequence[str]) -> pl.DataFrame:
    """Count customers by feature, segment and bin, one column in memory at a time.

    Positive features with a long tail get bins of equal ratio, others bins of equal width. A bin holds its
    left edge and not its right one; on bins of equal width the last one also holds what lies beyond it.

    Parameters
    ----------
    lf : LazyFrame
        Features and `segment`.
    features : sequence of str

    Returns
    -------
    DataFrame
        feature, segment, left, right (raw units), customers; empty bins included.
    """
    parts = [_histogram(lf, name) for name in features]
    return pl.concat([pl.DataFrame(schema=_BINS), *(part.cast(_BINS) for part in parts)])


def _histogram(lf: pl.LazyFrame, name: str) -> pl.DataFrame:
    known = pl.col("segment").is_not_null() & pl.col(name).is_not_null()
    frame = lf.filter(known).select("segment", pl.col(name).cast(pl.Float64)).collect(engine="streaming")
    # One after the other: of ten million customers each array is 80 MB.
    values, segments = (frame.drop_in_place(column).to_numpy() for column in (name, "segment"))
    if not len(values):
        return pl.DataFrame(schema=_BINS)
    edges = _edges(values, integer=feature_of(name).integer)
    numbers, n_bins = np.unique(segments), len(edges) - 1
    counts = np.zeros((len(numbers), n_bins), dtype=np.int64)
    for first in range(0, len(values), _BLOCK):
        some = slice(first, first + _BLOCK)
        inside = np.clip(np.searchsorted(edges, values[some], side="right") - 1, 0, n_bins - 1)
        for place, number in enumerate(numbers):
            counts[place] += np.bincount(inside[segments[some] == number], minlength=n_bins)
    rows = [
        pl.DataFrame(
            {
                "feature": [name] * n_bins,
                "segment": [int(number)] * n_bins,
                "left": edges[:-1],
                "right": edges[1:],
                "customers": own,
            }
        )
        for own, number in zip(counts, numbers, strict=True)
    ]
    return pl.concat(rows)


def _edges(values: Floats, *, integer: bool) -> Floats:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low, low + 1])
    logarithmic = low > 0 and high > _SKEWED * float(np.median(values))
    if not logarithmic:
        high = max(float(np.quantile(values, _TAIL)), np.nextafter(low, np.inf))
    if not integer:
        return (
            np.geomspace(low, high, _MOST_BINS + 1) if logarithmic else np.linspace(low, high, _MOST_BINS + 1)
        )
    if logarithmic:
        return np.unique(np.rint(np.geomspace(low, high + 1, _MOST_BINS + 1)))
    step = max(1.0, np.ceil((high + 1 - low) / _MOST_BINS))
    return np.arange(low, high + 1 + step, step)


def examples(df: pl.DataFrame, features: Sequence[str], *, most: int = 20) -> pl.DataFrame:
    """Return the customers of each segment that lie nearest to its centre.

    Parameters
    ----------
    df : DataFrame
        customer_id, segment, distance and features of a sample.
    features : sequence of str
        Features to keep.
    most : int
        Customers per segment at most.

    Returns
    -------
    DataFrame
        segment, customer_id, distance, features; the nearest first.
    """
    known = pl.col("segment").is_not_null() & pl.col("distance").is_finite()
    return (
        df.filter(known)
        .sort("segment", "distance", "customer_id")
        .group_by("segment", maintain_order=True)
        .head(most)
        .select("segment", "customer_id", "distance", *features)
    )


def segment_map(
    X: Matrix, df: pl.DataFrame, columns: Sequence[str], *, most: int = 4000
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Project a sample onto its first two principal components.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Standardised rows of the sample.
    df : DataFrame
        The same customers in the same order: segment, and features to show at each point.
    columns : sequence of str
        The matrix's features.
    most : int
        Customers at most; the first ones, which in hash order are a random sample.

    Returns
    -------
    points : DataFrame
        pc1, pc2, segment and the other columns of `df`.
    loadings : DataFrame
        component (1 or 2), feature, loading, explained (share of the variance). A component's largest loading is
        positive, so that the map is not mirrored from run to run.

    References
    ----------
    Jolliffe (2002), Principal Component Analysis.
    """
    rows = np.asarray(X, dtype=np.float64)
    centred = rows - rows.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / max(len(rows), 1))
    components = vectors[:, ::-1][:, :2].T
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
    scores = centred[:most] @ components.T
    total = float(variances.sum())
    points = df.head(most).select(
        pl.Series("pc1", scores[:, 0]),
        pl.Series("pc2", scores[:, 1] if len(components) > 1 else np.zeros(len(scores))),
        pl.all(),
    )
    loadings = [
        (i + 1, name, float(value), float(variances[-1 - i] / total) if total > 0 else 0.0)
        for i, component in enumerate(components)
        for name, value in zip(columns, component, strict=True)
    ]
    names = {"component": pl.Int32, "feature": pl.String, "loading": pl.Float64, "explained": pl.Float64}
    return points, pl.DataFrame(loadings, schema=names, orient="row")


def tree(Z: Floats, linkage: str, *, most: int = 30) -> pl.DataFrame:
    """Return the last merges of a hierarchical tree, lowest first.

    Parameters
    ----------
    Z : ndarray of shape (n_sample - 1, 4)
        A scipy linkage matrix.
    linkage : str
        Its name.
    most : int
        Merges at most.

    Returns
    -------
    DataFrame
        linkage, left, right (scipy's numbers of the merged clusters), height, size.
    """
    top = Z[-most:]
    return pl.DataFrame(
        {
            "linkage": [linkage] * len(top),
            "left": top[:, 0].astype(np.int64),
            "right": top[:, 1].astype(np.int64),
            "height": top[:, 2],
            "size": top[:, 3].astype(np.int64),
        }
    )
