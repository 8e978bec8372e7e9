"""scikit-learn on customers' features that another engine wrote: K-Means 2..10, silhouettes, labels.

Run by ``make bench-scale``; prints lines of JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from tests.benchmarks.retail import KS, SAMPLE, say, standardised, step, transform_of

Floats32 = npt.NDArray[np.float32]
Start = Literal["10", "auto", "sample"]


def main() -> None:
    """Read the features, fit and write the labels."""
    parser = argparse.ArgumentParser()
    parser.add_argument("features", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="model.json with the transform")
    parser.add_argument("--start", choices=["10", "auto", "sample"], required=True)
    arguments = parser.parse_args()
    with step("matrix"):
        transform = transform_of(arguments.model)
        names = [feature["name"] for feature in transform]
        table = pd.read_parquet(arguments.features, columns=["customer_id", *names])
        X = standardised(table[names].to_numpy(dtype=np.float64), transform)
    segment(X, table["customer_id"], arguments.start, arguments.out)


def segment(X: Floats32, customers: pd.Series[Any], start: Start, out: Path) -> None:
    """Fit every k, judge each on a sample of customers, and write everybody's segment of the best.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
    customers : Series of length n_customers
    start : {"10", "auto", "sample"}
        n_init of scikit-learn, or a start of 100 restarts on a sample.
    out : Path
    """
    order = np.random.default_rng(0).permutation(len(X))
    sample, judged = X[order[:SAMPLE]], order[-SAMPLE:]
    with step("kmeans"):
        if start == "sample":
            starts = dict(
                zip(KS, Parallel(2, prefer="threads")(delayed(on_sample)(sample, k) for k in KS), strict=True)
            )
            fits = {k: KMeans(k, init=starts[k], n_init=1).fit(X) for k in KS}
        else:
            n_init: Any = "auto" if start == "auto" else int(start)
            fits = {k: KMeans(k, n_init=n_init, random_state=0).fit(X) for k in KS}
    with step("silhouette"):
        scores = {k: silhouette_score(X[judged], model.labels_[judged]) for k, model in fits.items()}
    with step("labels"):
        best = max(scores, key=lambda k: scores[k])
        labels = pd.DataFrame({"customer_id": customers, "segment": fits[best].labels_})
        labels.to_parquet(out / "labels.parquet")
    inertia = sums_of_squares(X, {k: model.cluster_centers_ for k, model in fits.items()})
    say(kmeans={k: {"inertia": inertia[k], "silhouette": float(scores[k])} for k in KS})


def on_sample(X: Floats32, k: int) -> npt.NDArray[np.float32]:
    """Return the best centres of 100 restarts; one thread each, since a small fit does not gain by more."""
    with threadpool_limits(1):
        centres: npt.NDArray[np.float32] = KMeans(k, n_init=100, random_state=0).fit(X).cluster_centers_
    return centres


def sums_of_squares(X: Floats32, centres: dict[int, npt.NDArray[Any]]) -> dict[int, float]:
    """Add up the squared distances to the nearest centre in float64: scikit-learn's sum is as exact as X."""

    def nearest(rows: npt.NDArray[np.float64], of: npt.NDArray[np.float64]) -> float:
        return float(np.square(rows[:, None, :] - of[None]).sum(axis=2).min(axis=1).sum())

    parts = [X[first : first + 50_000].astype(np.float64) for first in range(0, len(X), 50_000)]
    return {k: sum(nearest(rows, of.astype(np.float64)) for rows in parts) for k, of in centres.items()}


if __name__ == "__main__":
    main()
