"""The customers as the models see them: a matrix in blocks, its samples, and how blocks are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from segcore import errors
from segcore.arrays import Floats32
from segcore.job import Job
from segcore.matrix import fit, one_time
from segcore.matrix.one_time import clustered, one_time_mask
from segcore.matrix.preparation import Preparation


@dataclass(frozen=True, kw_only=True)
class Population:
    """All customers that are clustered.

    Attributes
    ----------
    files : tuple of Path
        Customer features in hash order.
    preparation : segcore.matrix.preparation.Preparation
    X : dask array of shape (n_customers, n_features), float32
        One block for each file.
    sample : ndarray of shape (n_sample, n_features), float32
        The first rows in hash order, which sample fits see.
    evaluation : ndarray of shape (n_evaluation, n_features), float32
        The next rows, which every candidate is judged on.
    evaluation_start : int
        Row at which they begin; 0 where there are too few customers for rows of their own.
    separate_one_time : bool
        Whether customers with one order are left out of the matrix.
    counts : tuple of int
        Rows of the matrix in each file.
    """

    files: tuple[Path, ...]
    preparation: Preparation
    X: fit.DaskArray
    sample: Floats32
    evaluation: Floats32
    evaluation_start: int
    separate_one_time: bool
    counts: tuple[int, ...]

    @property
    def n_customers(self) -> int:
        """Customers in the matrix."""
        return int(self.X.shape[0])

    def read_from(self, where: Callable[[Path], str]) -> fit.DaskArray:
        """Return the matrix with blocks that are read from where every worker of a cluster sees the files."""
        places = [where(path) for path in self.files]
        return _lazy(places, self.counts, self.separate_one_time, self.preparation)

    def blocks(self) -> Iterator[Floats32]:
        """Give the matrix block by block, in order."""
        for number in range(self.X.numblocks[0]):
            yield np.asarray(self.X.blocks[number].compute(scheduler="threads"))

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give the features of all customers file by file, in order, also of those who are not clustered."""
        for path in self.files:
            yield pl.read_parquet(path)

    def rows_of_matrix(self, n_rows: int) -> Floats32:
        """Return the first rows of the matrix in hash order: a random sample of customers."""
        return _first(self.X, 0, min(n_rows, self.n_customers))

    def rows(self, start: int, stop: int) -> pl.DataFrame:
        """Return the features of the clustered customers in a range of the matrix's rows."""
        return _rows(lambda: _clustered(self.files, self.separate_one_time), start, stop)


def prepare(
    files: Sequence[Path], job: Job, *, in_memory: Callable[[int], bool], warn: Callable[[str], None]
) -> Population:
    """Fit the transforms, standardise and lay out the matrix.

    Parameters
    ----------
    files : sequence of Path
    job : Job
    in_memory : callable
        Told the bytes of the matrix, says whether it may be held in memory; else every pass reads it again.
    warn : callable

    Raises
    ------
    segcore.errors.DataError
        If there are fewer customers than segments asked for, or they do not differ.
    """
    separate = job.models.one_time_buyers == "separate"
    there = pl.read_parquet_schema(files[0])
    extra = [name for name in job.extra_features if name in there]
    columns = [*dict.fromkeys([*job.matrix.columns, *extra, "order_count"])]
    counts, once = [], 0
    for df in _clustered(files, separate, columns):
        counts.append(df.height)
        once += int(one_time_mask(df, separate=True).sum())
    _check_size(sum(counts), job, separate)
    if one_time.fits_separate(sum(counts), once, job.models):
        warn(
            f'{once / sum(counts):.0%} of the customers have one order: models.one_time_buyers = "separate" fits, which makes '
            'them a segment by rule and divides the others; "cluster" says that they are to be divided too'
        )
    preparation = fit.fit(lambda: _clustered(files, separate, columns), job.matrix, extra=extra, warn=warn)
    X = _lazy(list(map(str, files)), counts, separate, preparation)
    if in_memory(X.nbytes):
        X = X.persist(scheduler="threads")
    n, settings = sum(counts), job.models
    start = settings.sample if n - settings.sample >= settings.evaluation_sample else 0
    return Population(
        files=tuple(files),
        preparation=preparation,
        X=X,
        sample=_first(X, 0, min(n, settings.sample)),
        evaluation=_first(X, start, min(n, start + settings.evaluation_sample)),
        evaluation_start=start,
        separate_one_time=separate,
        counts=tuple(counts),
    )


def _lazy(
    places: Sequence[str], counts: Sequence[int], separate: bool, preparation: Preparation
) -> fit.DaskArray:
    return fit.lazy(places, counts, lambda place: next(_clustered([place], separate)), preparation)


def _check_size(n_customers: int, job: Job, separate: bool) -> None:
    wanted = job.selection.k or job.models.k_min
    if n_customers < wanted:
        who = f"customer{'' if n_customers == 1 else 's'}{' with more than one order' if separate else ''}"
        raise errors.DataError(
            f"{n_customers:,} {who} cannot make {wanted} segments; expected at least as many customers as segments"
        )


def _clustered(
    files: Sequence[Path] | Sequence[str], separate: bool, columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    for path in files:
        yield clustered(pl.read_parquet(path, columns=columns), separate)


def _rows(frames: Callable[[], Iterator[pl.DataFrame]], start: int, stop: int) -> pl.DataFrame:
    parts, seen = [], 0
    for df in frames():
        parts.append(df.slice(max(start - seen, 0), max(stop - max(seen, start), 0)))
        seen += df.height
        if seen >= stop:
            break
    return pl.concat(parts)


def _first(X: fit.DaskArray, start: int, stop: int) -> Floats32:
    return np.asarray(X[start:stop].compute(scheduler="threads"))
