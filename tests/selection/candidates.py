"""Tables of candidates, as the rule reads them."""

from __future__ import annotations

from typing import Any

import polars as pl

_SCHEMA = {
    "family": pl.String,
    "variant": pl.String,
    "k": pl.Int64,
    "n_clusters": pl.Int64,
    "selectable": pl.Boolean,
    "converged": pl.Boolean,
    "noise_share": pl.Float64,
    "smallest_share": pl.Float64,
    "smallest_share_se": pl.Float64,
    "silhouette": pl.Float64,
    "silhouette_se": pl.Float64,
    "prediction_strength": pl.Float64,
    "prediction_strength_se": pl.Float64,
    "jaccard_min": pl.Float64,
    "jaccard_se": pl.Float64,
}


def row(family: str, variant: str, k: int, **changes: Any) -> dict[str, Any]:
    """A candidate that is clearly admissible, but for the changes."""
    return {
        "family": family,
        "variant": variant,
        "k": k,
        "n_clusters": k,
        "selectable": True,
        "converged": True,
        "noise_share": 0.0,
        "smallest_share": 0.2,
        "smallest_share_se": None,
        "silhouette": 0.25,
        "silhouette_se": 0.004,
        "prediction_strength": 0.9,
        "prediction_strength_se": 0.01,
        "jaccard_min": 0.9,
        "jaccard_se": 0.01,
    } | changes


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_SCHEMA)
