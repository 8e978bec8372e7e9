"""What a run leaves that fitted nothing: customers labelled by an earlier run's model."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from segcore import profile
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, run_comparison
from segcore.pipeline.finished.previous_run import Previous
from segcore.pipeline.outputs import outlook_files, run_files
from segcore.records.fit_figures import FitFacts
from segcore.records.manifest import RfmCutPoints

# Of the fit, and as true of whoever is labelled by it.
_FITTED = ("model.json", "model", "rules.json", "candidates.parquet", "outlook.json")


def write(
    run: RunContext,
    folder: Path,
    customers: Customers,
    labels: Path,
    fitted: Previous,
    rfm: RfmCutPoints | None,
) -> pl.DataFrame:
    """Write everything of a scored run but its manifest and report, and return the profile.

    Parameters
    ----------
    run : RunContext
    folder : Path
    customers : Customers
    labels : Path
        Folder that `apply_model.label` wrote for these customers.
    fitted : Previous
        The run whose model labelled them.
    rfm : RfmCutPoints or None
        Which the customers get scores by.
    """
    for name in _FITTED:
        if (fitted.folder / name).exists():
            run_files.link(fitted.folder / name, folder / name)
    segments = pl.scan_parquet(apply_model.labels(labels)).select(
        "segment", pl.col("confidence").cast(pl.Float64)
    )
    table = run_files.write_customers(
        run,
        folder,
        customers,
        segments,
        fitted.model.preparation,
        map(pl.read_parquet, apply_model.labels(labels)),
        rfm=rfm,
        outlook=outlook_files.applicable(run, folder, customers),
        given_names=profile.names_of(profile.load(fitted.folder)),
    )
    comparison = run_comparison.compare(
        fitted,
        customers.features,
        segments,
        labels,
        run.settings,
        as_of=customers.counted_from,
        same_ids=True,
    )
    run_comparison.write(folder, comparison, fitted.names, [])
    return table


def manifest(customers: Customers, table: pl.DataFrame, fitted: Previous) -> dict[str, Any]:
    """Return what a scored run knows of itself, as far as the data and the fit say it."""
    return run_files.data_facts(customers, table) | {
        "kind": "score",
        **{field.name: getattr(fitted.manifest, field.name) for field in fields(FitFacts)},
    }
