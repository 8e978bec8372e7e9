"""How raw customer features become the standardised rows that models see: all that scoring needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy.special import boxcox1p

from segcore import schema
from segcore.arrays import Floats, Floats32
from segcore.matrix import encoding
from segcore.matrix.encoding import Encodings


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How raw features become a standardised row; everything that `score` needs.

    Attributes
    ----------
    columns : tuple of str
        The columns that are used, in order: features, and columns of 0 and 1 that stand for them.
    transforms : tuple of str
        Of each: ``"yeo-johnson"``, ``"log1p"``, ``"none"`` or ``"one-hot"``.
    lambdas : tuple of float
        Yeo-Johnson's parameter (1 where it does not apply).
    fills : tuple of float
        What an empty value is replaced by: the median of the rows that the transform was fitted on, raw units.
    means, scales : tuple of float
        Of the transformed features over all customers; population standard deviation. Columns of 0 and 1 keep
        their scale: two customers of different categories are then as far apart as two customers at random are in
        a standardised number (root mean square), and a rare category cannot outweigh everything else.
    dropped : tuple of str
        Features that were asked for and are constant.
    encodings : dict of str to tuple of str
        Feature to the columns of 0 and 1 that stand for it, whether they are used or not.

    References
    ----------
    Hennig and Liao (2013), How to find an appropriate clustering for mixed-type variables (on the scale of
    categories).
    """

    columns: tuple[str, ...]
    transforms: tuple[str, ...]
    lambdas: tuple[float, ...]
    fills: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    dropped: tuple[str, ...]
    encodings: Encodings = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the columns are made from."""
        made = (schema.parts_of(name)[0] if schema.is_indicator(name) else name for name in self.columns)
        return tuple(dict.fromkeys(made))

    def raw(self, df: pl.DataFrame) -> Floats:
        """Return the columns of a frame of customer features, of shape (n_customers, n_columns), empty ones as NaN."""
        return raw_values(encoding.expand(df, self.encodings), self.columns)

    def filled(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_features) with empty values replaced."""
        return np.where(np.isnan(raw), np.asarray(self.fills), raw)

    def transformed(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_features) filled and transformed, not standardised."""
        filled = self.filled(raw)
        out = np.empty_like(filled)
        for place, kind in enumerate(self.transforms):
            out[:, place] = transform(filled[:, place], kind, self.lambdas[place])
        return out

    def standardised(self, raw: Floats) -> Floats:
        """Return `raw` of shape (n_customers, n_features) as float64 rows of mean 0 and variance 1."""
        return np.asarray((self.transformed(raw) - np.asarray(self.means)) / np.asarray(self.scales))

    def block(self, df: pl.DataFrame) -> Floats32:
        """Return the rows of the matrix for a frame of customer features."""
        return self.standardised(self.raw(df)).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return the preparation as plain values for model.json."""
        return {
            "features": [
                {"name": name, "transform": kind, "lambda": lmbda, "fill": fill, "mean": mean, "scale": scale}
                for name, kind, lmbda, fill, mean, scale in zip(
                    self.columns,
                    self.transforms,
                    self.lambdas,
                    self.fills,
                    self.means,
                    self.scales,
                    strict=True,
                )
            ],
            "dropped": list(self.dropped),
            "encodings": {name: list(columns) for name, columns in self.encodings.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Preparation:
        """Rebuild a preparation from :meth:`state`."""
        features = state["features"]
        return cls(
            columns=tuple(f["name"] for f in features),
            transforms=tuple(f["transform"] for f in features),
            lambdas=tuple(f["lambda"] for f in features),
            fills=tuple(f["fill"] for f in features),
            means=tuple(f["mean"] for f in features),
            scales=tuple(f["scale"] for f in features),
            dropped=tuple(state["dropped"]),
            encodings={name: tuple(columns) for name, columns in state["encodings"].items()},
        )


def raw_values(df: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """Return columns as float64 of shape (n_customers, n_columns), empty values as NaN."""
    return df.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in columns).to_numpy(
        order="c"
    )


def transform(values: Floats, kind: str, lmbda: float) -> Floats:
    """Return one column's values of shape (n,) by a transform: ``"yeo-johnson"``, ``"log1p"`` or any other for none."""
    if kind == "yeo-johnson":
        # Yeo and Johnson (2000): Box-Cox of 1 + x, mirrored with 2 - lambda below zero.
        positive = boxcox1p(np.maximum(values, 0.0), lmbda)
        negative = -boxcox1p(np.maximum(-values, 0.0), 2.0 - lmbda)
        return np.asarray(np.where(values >= 0, positive, negative))
    if kind == "log1p":
        return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
    return values
