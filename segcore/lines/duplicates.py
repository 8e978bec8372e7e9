"""Which lines are copies of another one."""

from __future__ import annotations

import polars as pl

from segcore.lines.shuffle import FILE


def later_copies(lines: pl.LazyFrame, *, within_files: bool = True) -> pl.LazyFrame:
    """Return the ``place`` of the second and later copies of a line.

    Parameters
    ----------
    lines : polars.LazyFrame
        All lines of some customers; ``line`` is equal where all columns are. The copy that stays is the
        first by file and record.
    within_files : bool
        Equal lines of one file are copies too. Else those of a file are told apart by which of them they are, so that as many
        stay as the file with most of them has.
    """
    # Of many numbers a hash table takes longer than to sort them: it is beyond the cache.
    twice = lines.select(pl.col("line").sort()).filter(pl.col("line") == pl.col("line").shift())
    copies = lines.select("line", "place").join(twice, on="line", how="semi")
    alike = ["line"]
    if not within_files:
        copies = copies.with_columns(file=FILE).with_columns(nth=pl.col("place").rank().over("line", "file"))
        alike = ["line", "nth"]
    return copies.filter(pl.col("place") > pl.col("place").min().over(alike)).select("place")
