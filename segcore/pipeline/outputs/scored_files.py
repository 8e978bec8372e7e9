"""What a run leaves behind that fitted nothing: customers labelled by an earlier run's model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from segcore import job, profile, records, schema, storage, tables
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, run_comparison
from segcore.pipeline.finished.previous_run import Previous
from segcore.pipeline.outputs import report_tables, run_files
from segcore.records.manifest import FitFacts

# Of the fit, and as true of whoever is labelled by it.
_FITTED = ("model.json", "model", "rules.json", "candidates.parquet")
_SHOWN = ("item_count", "tenure_days", "return_rate")


def write(folder: Path, found: Customers, labels: Path, old: Previous, settings: job.Job) -> pl.DataFrame:
    """Write everything of a scored run but its manifest and report, and return the profile.

    Parameters
    ----------
    folder : Path
    found : Customers
    labels : Path
        Folder that `frozen.label` wrote for these customers.
    old : Previous
        The run whose model labelled them.
    settings : segcore.job.Job
    """
    for part in ("features", "rejects"):
        run_files.link_tree(found.folder / part, folder / part)
    for name in _FITTED:
        run_files.link(old.folder / name, folder / name)
    records.write(folder, found.ledger)
    storage.write_text(folder / "job.toml", job.to_toml(settings))
    everyone = pl.concat(
        [
            pl.scan_parquet(list(found.features)),
            pl.scan_parquet(apply_model.labels(labels)).select(
                "segment", pl.col("confidence").cast(pl.Float64)
            ),
        ],
        how="horizontal",
    )
    table = profile.build(
        old.model.preparation.expand(everyone),
        features=run_files.described(found, old.model.preparation),
        transforms=profile.transforms_of(old.model.preparation),
        names=profile.names_of(pl.read_parquet(old.folder / "profile.parquet")),
        previous=old.positions,
        margin=1.0,  # the rule does not look again
        currency=settings.report.currency,
        money_decimals=settings.cleaning.money_decimals,
    )
    table.write_parquet(folder / "profile.parquet")
    run_files.write_segments(folder, _frames(found, labels, old.names), n_customers=found.customers)
    run_files.write_tables(folder, _tables(everyone, found, old, settings))
    _compare(folder, found, labels, old, settings)
    return table


def _frames(found: Customers, labels: Path, names: dict[int, str]) -> Iterator[pl.DataFrame]:
    for path, own in zip(found.features, apply_model.labels(labels), strict=True):
        segment = pl.col("segment")
        yield pl.read_parquet(own).select(
            pl.read_parquet(path, columns=["customer_id"])["customer_id"],
            "segment",
            segment.replace_strict(names, default="Unassigned", return_dtype=pl.String).alias("segment_name"),
            "distance",
            "confidence",
            "outside",
        )


def _tables(
    everyone: pl.LazyFrame, found: Customers, old: Previous, settings: job.Job
) -> dict[str, pl.DataFrame]:
    there = everyone.collect_schema().names()
    numbers = [name for name in old.model.preparation.columns if not schema.is_indicator(name)]
    shown = [*numbers, *(name for name in _SHOWN if name in there)]
    return {
        "monthly": tables.monthly(
            report_tables.months(found, everyone), money_decimals=settings.cleaning.money_decimals
        ),
        "countries": tables.countries(everyone.select("segment", "country")),
        "returns": tables.returns(everyone, money_decimals=settings.cleaning.money_decimals),
        "histogram": tables.histogram(everyone, [*dict.fromkeys(shown)]),
    }


def _compare(folder: Path, found: Customers, labels: Path, old: Previous, settings: job.Job) -> None:
    moves = run_comparison.compare(
        old,
        found.features,
        pl.scan_parquet(apply_model.labels(labels)).select("segment"),
        labels,
        settings,
        same_ids=True,
    )
    run_comparison.write(folder, moves, old.names, [])


def manifest(found: Customers, table: pl.DataFrame, old: Previous) -> dict[str, Any]:
    """Return what a scored run knows of itself, as far as the data and the fit say it."""
    return run_files.data_facts(found, table) | {
        "kind": "score",
        **{field.name: getattr(old.manifest, field.name) for field in fields(FitFacts)},
    }
