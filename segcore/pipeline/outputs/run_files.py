"""What a run leaves behind, written into its folder before it is published."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, job, profile, records, storage
from segcore.matrix.population import Population
from segcore.matrix.preparation import Preparation
from segcore.outlook.model import Outlook
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import drift_baseline, model_files
from segcore.pipeline.models.labels import Labelled
from segcore.pipeline.models.model_selection import Fit
from segcore.pipeline.outputs import feature_files, outlook_files, report_tables, segment_files
from segcore.records.manifest import RfmCutPoints


def link_tree(source: Path, target: Path) -> None:
    """Put the files of a folder into another without copying their bytes, where the disk can."""
    shutil.copytree(source, target, copy_function=link)


def link(source: str | Path, target: str | Path) -> None:
    """Put a file, or a folder's files, elsewhere without copying the bytes, where the disk can."""
    if Path(source).is_dir():
        link_tree(Path(source), Path(target))
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_customers(
    run: RunContext,
    folder: Path,
    customers: Customers,
    segments: pl.LazyFrame,
    preparation: Preparation,
    labels: Iterable[pl.DataFrame],
    *,
    rfm: RfmCutPoints | None,
    outlook: Outlook | None,
    given_names: dict[int, profile.Name] | None = None,
) -> pl.DataFrame:
    """Write what every run leaves of its customers, fitted or scored, and return the profile.

    Parameters
    ----------
    run : RunContext
    folder : Path
        Of the run.
    customers : Customers
    segments : LazyFrame
        ``segment`` and ``confidence`` of the customers, in their order.
    preparation : Preparation
        Of the model.
    labels : iterable of polars.DataFrame
        The same and more, file by file, as :func:`segcore.pipeline.outputs.segment_files.write` takes them.
    rfm : RfmCutPoints or None
        As :func:`segcore.pipeline.outputs.feature_files.cut_points` gives them.
    outlook : Outlook or None
        Who is next.
    given_names : dict of int to Name, optional
        Without them the naming rule gives some.
    """
    settings, previous = run.settings, run.plan.previous
    feature_files.write(folder, customers, settings, rfm)
    link_tree(customers.folder / "rejects", folder / "rejects")
    records.write(folder, customers.ledger)
    storage.write_text(folder / "job.toml", job.to_toml(settings))
    published = pl.scan_parquet(sorted((folder / "features").glob("*.parquet")))
    everyone = pl.concat([published, segments], how="horizontal")
    table = profile.build(
        preparation.expand(everyone),
        features=_described(customers, preparation),
        transforms=profile.transforms_of(preparation),
        names=given_names,
        previous={} if previous is None else previous.named,
        margin=1.0
        if given_names
        else settings.lineage.name_margin,  # the rule does not judge given names again
        currency=settings.report.currency,
        money_decimals=settings.cleaning.amount_decimals,
    )
    profile.save(folder, table)
    written = segment_files.write(
        folder,
        customers.features,
        labels,
        names(table),
        outlook,
        run_id=run.run_id,
        as_of=datetime.fromtimestamp(customers.as_of, UTC).date(),
    )
    if len(written) > 1:
        run.progress.log(
            f"{customers.customers:,} customers are more than a spreadsheet opens: segments.csv goes on in "
            + errors.listing(path.name for path in written[1:])
        )
    (folder / "tables").mkdir()
    write_tables(folder, report_tables.of_customers(run, customers, everyone, preparation))
    if outlook is not None:
        write_tables(folder, {"outlook": outlook_files.states_of(folder, customers, outlook)})
    return table


def write_tables(folder: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Write aggregates that the report's charts are drawn from."""
    for name, df in tables.items():
        df.write_parquet(folder / f"tables/{name}.parquet")


def write(
    run: RunContext,
    folder: Path,
    customers: Customers,
    fit: Fit,
    rfm: RfmCutPoints | None,
    outlook: Outlook | None,
) -> pl.DataFrame:
    """Write everything of a run that fitted but its manifest and report, and return the profile."""
    preparation, labelled = fit.population.preparation, fit.labelled
    baseline = drift_baseline.build(customers.features, labelled, preparation)
    table = write_customers(
        run,
        folder,
        customers,
        labelled.lazy(),
        preparation,
        segment_files.of_fit(labelled, baseline.radius),
        rfm=rfm,
        outlook=outlook,
    )
    segment_files.write_families(folder, customers.features, labelled)
    fit.selection.table.write_parquet(folder / "candidates.parquet")
    _write_rules(folder, fit.population, labelled)
    write_tables(folder, report_tables.of_models(run, customers, fit))
    separate = fit.population.separate_one_time
    model_files.save(folder, preparation, labelled, names(table), baseline, separate=separate)
    return table


def _described(customers: Customers, preparation: Preparation) -> list[str]:
    """Return what the profile describes: all numbers, and the columns of 0 and 1 of categories."""
    there = pl.read_parquet_schema(customers.features[0])
    indicators = [
        name
        for feature, columns in preparation.encodings.items()
        for name in columns
        if name in preparation.columns or there.get(feature) == pl.String
    ]
    return [*drift_baseline.numbers(there), *indicators]


def _write_rules(folder: Path, population: Population, labelled: Labelled) -> None:
    """Draw the short rules that reproduce the segments, from the first customers in hash order."""
    sample = population.preparation.expand(report_tables.sampled_customers(population, labelled))
    numbers = sample["segment"].fill_null(0).cast(pl.Int32).to_numpy()
    rules = profile.fit_rules(sample, numbers, population.preparation.columns)
    records.write(folder, rules)


def manifest(
    run: RunContext, folder: Path, customers: Customers, fit: Fit, table: pl.DataFrame
) -> dict[str, Any]:
    """Return what a run knows of itself, as far as the data say it."""
    chosen = fit.selection.chosen
    rules = records.read(profile.Rules, folder)
    n_fit, n_evaluation = len(fit.population.sample), len(fit.population.evaluation)
    return {
        **data_facts(customers, table),
        "kind": "fit",
        "k": chosen.k,
        "chosen": chosen,
        "pinned_cost": fit.selection.pinned_cost,
        "structure_test": fit.selection.structure,
        "rules": {
            "text": rules.text(names(table), currency=run.settings.report.currency),
            "accuracy": rules.accuracy,
            "measured_on": rules.measured_on,
        },
        "samples": {
            "fit": n_fit,
            "trees_and_stability": min(n_fit, run.settings.models.tree_sample),
            "evaluation": n_evaluation,
            "evaluation_is_disjoint": fit.population.evaluation_start > 0,
        },
        "kmeans": fit.selection.passes,
    }


def names(table: pl.DataFrame) -> dict[int, str]:
    """Return the segments' names by id."""
    return {number: name.name for number, name in profile.names_of(table).items()}


def data_facts(customers: Customers, table: pl.DataFrame) -> dict[str, Any]:
    """Return what the manifest says of the customers, fitted or scored."""
    everybody = table.row(by_predicate=pl.col("segment") == profile.ALL, named=True)
    return {
        "as_of": _time(customers.as_of),
        "customers": customers.customers,
        "revenue": everybody["revenue"],
        "input": {
            "lines": customers.ledger.rows_in,
            "first_day": _time(customers.first_at)[:10],
            "last_day": _time(customers.last_at)[:10],
        },
        "segments": table.height - 1,
        **({"extra": customers.coverage} if customers.coverage else {}),
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
