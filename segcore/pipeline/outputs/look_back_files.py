"""What the segments would have told of the last period, as a run leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.models import look_back
from segcore.pipeline.models.model_selection import Fit
from segcore.pipeline.outputs import run_files
from segcore.records.manifest import RfmCutPoints


def write(
    run: RunContext,
    folder: Path,
    customers: Customers,
    fit: Fit,
    profile: pl.DataFrame,
    rfm: RfmCutPoints | None,
) -> dict[str, Any] | None:
    """Write look_back.parquet, and return what the manifest says of it."""
    cut, preparation, separate = customers.cut, fit.population.preparation, fit.population.separate_one_time
    if cut is None or customers.newcomers is None:
        return None
    if not look_back.can_label(customers.then, preparation):
        run.progress.log("no look back: the models see other tables, which are as of today")
        return None
    df = look_back.first_customers(customers.then, features=preparation.features)
    if not df.height:
        return None
    decimals = run.settings.cleaning.amount_decimals
    segments = look_back.label_then(df, fit.labelled, preparation, separate=separate)
    top = int(_by_revenue(profile)["segment"][0])
    table, rules = look_back.tables(
        df, segments, run_files.names(profile), top, run.settings.rfm, rfm, money_decimals=decimals
    )
    table.write_parquet(folder / "look_back.parquet")
    return look_back.described(cut, customers.newcomers, df, decimals) | {"rules": rules, "top": top}


def _by_revenue(profile: pl.DataFrame) -> pl.DataFrame:
    return profile.filter(pl.col("segment") > 0).sort("revenue", "segment", descending=[True, False])
