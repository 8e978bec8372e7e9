"""One-time buyers where they are a segment by rule: no row of the matrix, and the label after the model's last."""

from __future__ import annotations

import numpy as np
import polars as pl

from segcore import job
from segcore.arrays import Floats32, Labels, Mask

_MANY = 0.5


def fits_separate(n_customers: int, n_once: int, models: job.Models) -> bool:
    """Whether a segment by rule fits, and the job does not say what one-time buyers are to be.

    It does where they are more than half, who differ in too little to be divided, and the others enough to be.
    """
    asked = "one_time_buyers" in models.model_fields_set
    return not asked and n_once > _MANY * n_customers and n_customers - n_once > models.k_max


def one_time_mask(df: pl.DataFrame, separate: bool) -> Mask:
    """Return which rows of a frame of features are one-time buyers by rule, of shape (n_customers,)."""
    return (df["order_count"] == 1).to_numpy() if separate else np.zeros(df.height, dtype=bool)


def clustered(df: pl.DataFrame, separate: bool) -> pl.DataFrame:
    """Return the customers who are rows of the matrix."""
    return df.filter(~pl.Series(one_time_mask(df, separate))) if separate else df


def with_one_time(
    by_rule: Mask, labels: Labels, confidence: Floats32, n_clusters: int
) -> tuple[Labels, Floats32]:
    """Return labels and confidence of all customers, from those of the clustered ones.

    Parameters
    ----------
    by_rule : ndarray of shape (n_customers,)
        From `one_time_mask`.
    labels, confidence : ndarray of shape (n_clustered,)
    n_clusters : int
        Labels of the model; the next one is that of the rule, which is certain.
    """
    everyone = np.full(len(by_rule), n_clusters, dtype=np.int32)
    everyone[~by_rule] = labels
    certainty = np.ones(len(by_rule), dtype=np.float32)
    certainty[~by_rule] = confidence
    return everyone, certainty
