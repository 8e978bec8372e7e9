from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import PowerTransformer

from segcore import schema


@pytest.fixture(scope="session")
def oracle(online_retail: Path) -> Path:
    """The folder of the independent analysis of the real data."""
    folder = online_retail.parent.parent / "oracle"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


@pytest.fixture(scope="session")
def raw(oracle: Path) -> dict[str, Any]:
    """The default features of the real customers, as the independent analysis gives them."""
    table = pl.read_csv(oracle / "customer_features.csv", infer_schema_length=None)
    return {name: table[name].cast(pl.Float64).to_numpy() for name in schema.DEFAULT_MATRIX}


@pytest.fixture(scope="session")
def retail_matrix(raw: dict[str, Any]) -> Any:
    """Those features, Yeo-Johnson transformed and standardised."""
    return PowerTransformer().fit_transform(np.column_stack(list(raw.values())))


def blobs(n: int = 240, k: int = 3, d: int = 3, apart: float = 20.0, seed: int = 0) -> tuple[Any, Any]:
    """Round clusters of equal size in random order, and their numbers."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n, dtype=np.int32) % k)
    return rng.normal(size=(n, d)) + apart * labels[:, None], labels
