"""The map of a sample as a halftone: a dot per cell, none of fewer than a few customers."""

from __future__ import annotations

import numpy as np
import polars as pl

from segcore.arrays import Array, Counts

COLUMNS, ROWS = 54, 34  # cells of the map: fine enough to show shape, coarse enough to count
_BEYOND = 0.002  # of the points, on each side of each axis, may be left out if they lie far off
_BLOCKS = (1, 2, 4, 8, 16, 32, 64)  # sides, in cells, of the blocks that sparse cells are merged into


def without_stragglers(points: pl.DataFrame) -> pl.DataFrame:
    """Return the points without the few that would squeeze all others into a corner of the map.

    Parameters
    ----------
    points : polars.DataFrame
        Columns pc1 and pc2, among others.
    """
    inside = pl.lit(True)
    for axis in ("pc1", "pc2"):
        low, high = (float(q) for q in np.quantile(points[axis].to_numpy(), [_BEYOND, 1 - _BEYOND]))
        margin = 0.12 * (high - low)
        inside = inside & pl.col(axis).is_between(low - margin, high + margin)
    return points.filter(inside)


def halftone(points: pl.DataFrame, features: list[str], *, least: int = 1) -> pl.DataFrame:
    """Count the points of a map in a triangular grid of cells.

    Parameters
    ----------
    points : polars.DataFrame
        Columns pc1, pc2, segment and `features`.
    features : list of str
        Features whose median is kept for each cell.
    least : int
        Customers in a dot at least: sparser cells are merged into blocks of 2, 4, ... cells a side.

    Returns
    -------
    polars.DataFrame
        One row per dot: x, y (the middle of its customers' cells), customers, segment (of most of its
        customers), purity (their share) and the medians. Empty where all points are fewer than `least`.
    """
    if points.height < least:
        return pl.DataFrame()
    lows, spans = [], []
    for axis in ("pc1", "pc2"):
        low, high = (float(q) for q in np.quantile(points[axis].to_numpy(), [0, 1]))
        lows.append(low)
        spans.append((high - low) or 1.0)
    across, up = (
        (points[axis].to_numpy() - low) / span
        for axis, low, span in zip(("pc1", "pc2"), lows, spans, strict=True)
    )
    row = np.clip(np.floor(up * ROWS), 0, ROWS - 1).astype(np.int64)
    shift = row % 2 / 2  # every other row is moved by half a cell
    column = np.floor(across * COLUMNS + shift).astype(np.int64)
    x, y = column + 0.5 - shift, row + 0.5
    dots = points.with_columns(dot=_dots(row, column, x, y, least), x=x, y=y)
    most = (
        dots.group_by("dot", "segment")
        .len()
        .sort("dot", "len", "segment", descending=[False, True, False])
        .group_by("dot", maintain_order=True)
        .agg(pl.col("segment").first(), (pl.col("len").first() / pl.col("len").sum()).alias("purity"))
    )
    # Places are multiples of a half, so that their mean is the same in any order.
    middles = dots.group_by("dot").agg(
        pl.col("x", "y").mean(), pl.len().alias("customers"), pl.col(features).median()
    )
    return (
        middles.join(most, on="dot")
        .sort("dot")
        .select(
            pl.col("x") / COLUMNS * spans[0] + lows[0],
            pl.col("y") / ROWS * spans[1] + lows[1],
            "customers",
            "segment",
            "purity",
            *features,
        )
    )


def _dots(row: Counts, column: Counts, x: Array, y: Array, least: int) -> Counts:
    """Return a dot's number for each point: its cell, or the smallest block around it with enough of the points left."""
    dot = np.full(len(row), -1)
    for side in _BLOCKS:
        left = np.flatnonzero(dot < 0)
        blocks = np.stack([row[left] // side, column[left] // side], axis=1)
        _, block, sizes = np.unique(blocks, axis=0, return_inverse=True, return_counts=True)
        enough = sizes[block] >= least
        dot[left[enough]] = dot.max() + 1 + block[enough]
    # What is left of the whole map, fewer than enough, joins the nearest dot.
    numbers = np.unique(dot[dot >= 0])
    middles = [(x[dot == n].mean(), y[dot == n].mean()) for n in numbers]
    for i in np.flatnonzero(dot < 0):
        dot[i] = numbers[np.argmin([(x[i] - a) ** 2 + (y[i] - b) ** 2 for a, b in middles])]
    return dot
