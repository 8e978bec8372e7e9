"""How raw customer features become the standardised rows that models see: all that scoring needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field
from scipy.special import boxcox1p

from segcore import schema
from segcore.arrays import Floats, Floats32
from segcore.matrix import encoding
from segcore.matrix.encoding import Encodings, Frame

# Nothing published is infinite: a number beyond the one is taken as it, and no standardised value is beyond the other,
# whose square is a float32.
LARGEST_RAW, _LARGEST = 1e30, 1e15


@dataclass(frozen=True, kw_only=True)
class PreparedColumn:
    """How one column of the matrix is made.

    Attributes
    ----------
    name : str
        A feature, or a column of 0 and 1 that stands for one.
    transform : {"yeo-johnson", "log1p", "none", "one-hot"}
        The one that was fitted: log1p where the job asks for a Yeo-Johnson that would leave its bounds.
    lmbda : float
        Yeo-Johnson's parameter (1 where it does not apply); ``lambda`` in model.json.
    fill : float
        What an empty value is replaced by: the median of the rows that the transform was fitted on, raw units.
    mean, scale : float
        Of the transformed values over all customers; population standard deviation. Columns of 0 and 1 keep
        their scale: two customers of different categories are then as far apart as two customers at random are in
        a standardised number (root mean square), and a rare category cannot outweigh everything else.

    References
    ----------
    Hennig and Liao (2013), How to find an appropriate clustering for mixed-type variables (on the scale of
    categories).
    """

    name: str
    transform: str
    lmbda: Annotated[float, Field(alias="lambda")] = 1.0
    fill: float = 0.0
    mean: float = 0.0
    scale: float = 1.0

    def transformed(self, values: Floats) -> Floats:
        """Return raw values of shape (n,), NaN where empty, filled and transformed, not standardised."""
        return transform(np.where(np.isnan(values), self.fill, values), self.transform, self.lmbda)


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How raw features become a standardised row; everything that `score` needs.

    Attributes
    ----------
    prepared : tuple of PreparedColumn
        The columns that are used, in order; ``features`` in model.json.
    dropped : tuple of str
        Features that were asked for and are constant, or empty.
    encodings : dict of str to tuple of str
        Feature to the columns of 0 and 1 that stand for it, whether they are used or not.
    """

    prepared: Annotated[tuple[PreparedColumn, ...], Field(alias="features")]
    dropped: tuple[str, ...] = ()
    encodings: Encodings = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.prepared)

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the columns are made from."""
        return tuple(dict.fromkeys(schema.parts_of(name)[0] for name in self.columns))

    @property
    def means(self) -> Floats:
        """What each column is centred by."""
        return np.array([column.mean for column in self.prepared])

    @property
    def scales(self) -> Floats:
        """What each column is divided by."""
        return np.array([column.scale for column in self.prepared])

    def expand(self, frame: Frame) -> Frame:
        """Add the columns of 0 and 1 that a frame of customers does not have yet."""
        return encoding.expand(frame, self.encodings)

    def raw(self, df: pl.DataFrame) -> Floats:
        """Return the columns of a frame of customer features, of shape (n_customers, n_columns), empty ones as NaN."""
        return raw_values(self.expand(df), self.columns)

    def filled(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_columns) with empty values replaced."""
        return np.where(np.isnan(raw), np.array([column.fill for column in self.prepared]), raw)

    def transformed(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_columns) filled and transformed, not standardised."""
        out = np.empty_like(raw)
        for place, column in enumerate(self.prepared):
            out[:, place] = column.transformed(raw[:, place])
        return out

    def standardised(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_columns) as float64 rows of mean 0 and variance 1."""
        return np.clip((self.transformed(raw) - self.means) / self.scales, -_LARGEST, _LARGEST)

    def block(self, df: pl.DataFrame) -> Floats32:
        """Return the rows of the matrix for a frame of customer features."""
        return self.standardised(self.raw(df)).astype(np.float32)


def raw_values(df: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """Return columns as float64 of shape (n_customers, n_columns), empty values as NaN."""
    values = df.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in columns)
    return np.asarray(np.clip(values.to_numpy(order="c"), -LARGEST_RAW, LARGEST_RAW))


def transform(values: Floats, kind: str, lmbda: float) -> Floats:
    """Return one column's values of shape (n,) by a transform: ``"yeo-johnson"``, ``"log1p"`` or any other for none."""
    values = np.clip(values, -LARGEST_RAW, LARGEST_RAW)
    if kind == "yeo-johnson":
        # Yeo and Johnson (2000): Box-Cox of 1 + x, mirrored with 2 - lambda below zero.
        positive = boxcox1p(np.maximum(values, 0.0), lmbda)
        negative = -boxcox1p(np.maximum(-values, 0.0), 2.0 - lmbda)
        return np.asarray(np.where(values >= 0, positive, negative))
    if kind == "log1p":
        return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
    return values
