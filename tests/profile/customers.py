"""Small populations of customers with segments."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

FEATURES = [
    "days_since_last_order",
    "order_count",
    "total_spend",
    "average_order_value",
    "unique_products",
    "mean_days_between_orders",
    "tenure_days",
    "return_rate",
]


def customers(n: int, k: int, seed: int) -> pl.DataFrame:
    """Draw n customers with ties, gaps and a long tail, cut at random into k segments that all occur."""
    rng = np.random.default_rng(seed)
    orders = rng.geometric(0.4, n)
    spend = np.rint(rng.lognormal(5, 1.5, n) * 100) / 100
    segment = rng.permutation(np.concatenate([np.arange(1, k + 1), rng.integers(1, k + 1, n - k)]))
    gaps = pl.Series(rng.random(n) * 90)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i:06d}" for i in range(n)],
            "segment": pl.Series(segment, dtype=pl.Int32),
            "days_since_last_order": rng.integers(0, 365, n),
            "order_count": orders,
            "total_spend": spend,
            "average_order_value": spend / orders,
            "unique_products": rng.integers(1, 200, n),
            "tenure_days": np.where(orders > 1, rng.integers(0, 365, n), 0),
            "return_rate": np.where(rng.random(n) < 0.7, 0.0, rng.random(n)),
            "confidence": pl.Series(rng.random(n), dtype=pl.Float32),
        }
    ).with_columns(pl.when(pl.col("order_count") > 1).then(gaps).alias("mean_days_between_orders"))


def log1p(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log1p(values)
