"""What the rows of the audit share: the customers of a dump, and runs on the shipped sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from segcore import Run, schema, segment
from segcore.arrays import Floats
from segcore.evaluation import copula, structure
from segcore.evaluation.refit import ModelSpec
from segcore.matrix.fit import standardised_column

ROOT = Path(__file__).parents[3]
JOB, SAMPLE = ROOT / "jobs" / "online-retail.toml", ROOT / "data" / "sample"
KMEANS = ModelSpec(family="kmeans")
NIGHTS = [date(2023, 11, 17) + timedelta(days=2 * n) for n in range(12)]
# K-Means wins on the real data and on the sample with all families too.
QUICK: dict[str, Any] = {
    "models.families": ["kmeans"],
    "models.k_max": 6,
    "stability.splits": 12,
    "stability.resamples": 12,
    "structure_test.copies": 0,
    "outlook.enabled": False,
    "look_back.days": 0,
}


class Figure(NamedTuple):
    """A row of the table: what, what it was, and what it is."""

    what: str
    before: str
    now: str


@dataclass
class Data:
    """The dump that is asked for, and a folder for runs."""

    dump: str
    folder: Path

    @cached_property
    def run(self) -> Run:
        """A run on the dump with K-Means alone."""
        return segment(self.dump, self.folder / "real", job=JOB, overrides=QUICK, quiet=True)

    @cached_property
    def nights(self) -> list[Run]:
        """Runs on the shipped sample that follow each other every second night, a window of 300 days each."""
        return [
            segment(
                SAMPLE,
                self.folder / "nights",
                job=JOB,
                overrides=QUICK | {"features.as_of": str(night), "features.window": "300d"},
                keep=len(NIGHTS),
                quiet=True,
            )
            for night in NIGHTS
        ]

    @cached_property
    def customers(self) -> pl.DataFrame:
        """The features of its customers."""
        return pl.read_parquet(self.run.features / "*.parquet")

    @cached_property
    def raw(self) -> dict[str, Floats]:
        """The features of the default matrix in raw units, each of shape (n_customers,)."""
        return {name: self.customers[name].cast(pl.Float64).to_numpy() for name in schema.DEFAULT_MATRIX}

    @cached_property
    def matrix(self) -> Floats:
        """The customers' matrix, each column transformed and standardised by itself."""
        return np.stack([prepare(name, values) for name, values in self.raw.items()], axis=1)


Part = Callable[[Data], Iterator[Figure]]


def prepare(_: str, values: Floats) -> Floats:
    """Transform and standardise a column as the default matrix does."""
    return standardised_column(values, "yeo-johnson")


def copies(raw: dict[str, Floats], n: int, count: int) -> Iterator[Floats]:
    """Give matrices of `n` customers without clusters, with the margins and rank correlations of a sample of the customers."""
    names = list(raw)
    computed = copula.dependent_features(names)
    for number in range(count):
        rng = np.random.default_rng((n, number))
        rows = rng.permutation(len(raw[names[0]]))[:n]
        if n > len(rows):
            rows = rng.integers(len(rows), size=n)
        fitted = copula.fit({name: raw[name][rows] for name in names if name not in computed})
        prepared = {name: prepare(name, values) for name, values in fitted.margins.items()}
        yield structure._copy(names, fitted, prepared, prepare, computed, rng)
