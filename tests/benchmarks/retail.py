"""What every peer does to a dump of the Online Retail kind, said once: rules, features, transform and steps."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import boxcox1p

_JOB = Path(__file__).parent.parent.parent / "jobs" / "online-retail.toml"

CLEANING: dict[str, Any] = tomllib.loads(_JOB.read_text(encoding="utf-8"))["cleaning"]
DECIMALS = 10_000  # money is counted in ten-thousandths
MATRIX = ["days_since_last_order", "order_count", "total_spend", "average_order_value", "unique_products"]
KS = range(2, 11)
SAMPLE = 10_000  # customers of a start, and customers that each number of clusters is judged on


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say when a step began and ended."""
    began = time.monotonic()
    yield
    say(step=name, began=began, ended=time.monotonic())


def say(**facts: Any) -> None:
    """Write a line of JSON for the process that measures."""
    print(json.dumps(facts), flush=True)


def transform_of(model: Path) -> list[dict[str, Any]]:
    """Return name, lambda, fill, mean and scale of every feature in a run's model.json; all are Yeo-Johnson."""
    features: list[dict[str, Any]] = json.loads(model.read_text(encoding="utf-8"))["preparation"]["features"]
    assert {feature["transform"] for feature in features} == {"yeo-johnson"}
    return features


def standardised(raw: npt.NDArray[np.float64], transform: list[dict[str, Any]]) -> npt.NDArray[np.float32]:
    """Return features of shape (n_customers, n_features), none below zero, transformed and standardised."""
    lambdas, fills, means, scales = (
        np.array([feature[key] for feature in transform]) for key in ("lambda", "fill", "mean", "scale")
    )
    filled = np.where(np.isnan(raw), fills, raw)
    return np.asarray((boxcox1p(filled, lambdas) - means) / scales, dtype=np.float32)
