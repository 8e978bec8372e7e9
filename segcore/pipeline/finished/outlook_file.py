"""A run's outlook written to and read from outlook.json and model/outlook_*.parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore import records
from segcore.outlook.model import Outlook, OutlookFile
from segcore.outlook.trees import Trees

_CHANCE, _LOG_SPEND = "model/outlook_chance.parquet", "model/outlook_log_spend.parquet"


def save(folder: Path, outlook: Outlook) -> None:
    """Write the outlook beside the model of the segments."""
    records.write(folder, outlook.about)
    outlook.chance.nodes.write_parquet(folder / _CHANCE)
    outlook.log_spend.nodes.write_parquet(folder / _LOG_SPEND)


def load(run: Path) -> Outlook | None:
    """Read the outlook of a finished run; None where it has none.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If one of its files is not there or damaged.
    """
    about = records.read_optional(OutlookFile, run)
    if about is None:
        return None
    chance, log_spend = (
        _trees(run / name, baseline)
        for name, baseline in zip((_CHANCE, _LOG_SPEND), about.baselines, strict=True)
    )
    return Outlook(about=about, chance=chance, log_spend=log_spend)


def _trees(path: Path, baseline: float) -> Trees:
    with records.readable(path):
        return Trees(baseline=baseline, nodes=pl.read_parquet(path))
