"""The aggregates that the report's charts are drawn from: never a row per customer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from segcore import ingest, schema, tables
from segcore.arrays import Floats32
from segcore.evaluation import preparations
from segcore.evaluation.refit import ModelSpec
from segcore.job import Job
from segcore.matrix.population import Population
from segcore.matrix.preparation import Preparation
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.lines import read_input
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.pipeline.models.labels import Labelled, distance_to
from segcore.pipeline.models.model_selection import Fit

_SHOWN = ("item_count", "tenure_days", "return_rate")
_SHARES = ("customers", "share", "population_share", "lift")
_FURTHER = 5  # features that the matrix does not have, to see what they would change
_FIRST_LINES = 1_000_000  # where the names of products are looked for first


def of_customers(
    run: RunContext, customers: Customers, everyone: pl.LazyFrame, preparation: Preparation
) -> dict[str, pl.DataFrame]:
    """Return the tables of every run, by name: `everyone` is all customers with their segment."""
    decimals = run.settings.cleaning.amount_decimals
    cohorts = tables.cohorts(map(pl.read_parquet, customers.months), money_decimals=decimals)
    return {
        "monthly": tables.monthly(months(customers, everyone), money_decimals=decimals),
        "cohorts": cohorts,
        "newcomers": tables.newcomers(cohorts),
        "concentration": tables.concentration(
            lambda: customers.values("total_spend"), customers.customers, money_decimals=decimals
        ),
        "countries": tables.countries(everyone.select("segment", "country")),
        "rfm": tables.rfm(everyone, money_decimals=decimals),
        "returns": tables.returns(everyone, money_decimals=decimals),
        "histogram": tables.histogram(everyone, _shown(everyone, preparation)),
    }


def of_models(run: RunContext, customers: Customers, fit: Fit) -> dict[str, pl.DataFrame]:
    """Return the tables of a run that fitted, by name."""
    population, labelled = fit.population, fit.labelled
    sample = evaluation_customers(population, labelled)
    points, loadings = tables.segment_map(
        population.evaluation,
        sample.select("segment", *_numbers(population.preparation)),
        population.preparation.columns,
    )
    return {
        "examples": tables.examples(sample, _shown(sample.lazy(), population.preparation)),
        "map": points,
        "map_loadings": loadings,
        "agreement": fit.selection.agreement,
        "tree": fit.selection.tree,
        "products": products(run, customers, labelled),
        **_preparations(run.settings, population, labelled),
    }


def _preparations(settings: Job, population: Population, labelled: Labelled) -> dict[str, pl.DataFrame]:
    """Return how alike the segments are under other preparations of the tree sample, and how many customers keep theirs."""
    winner, preparation = labelled.winner, population.preparation
    df = population.rows(0, min(len(population.sample), settings.models.tree_sample))
    raw = preparation.filled(preparation.raw(df))
    more = [name for name in _further(df) if name not in preparation.columns][:_FURTHER]
    compared = preparations.compare(
        (ModelSpec.of(winner.family, winner.variant, settings.models), winner.k),
        winner.assigner.assign(population.sample[: df.height])[0],
        preparations.others(
            dict(zip(preparation.columns, raw.T, strict=True)),
            {column.name: column.transform for column in preparation.prepared},
            {name: df[name].cast(pl.Float64).to_numpy() for name in more},
        ),
        seed=settings.seed,
    )
    return {"preparations": compared.each, "preparations_kept": compared.kept}


def _further(df: pl.DataFrame) -> list[str]:
    """Return the standard features that are numbers, differ, and have a value for every customer."""
    return [
        feature.name
        for feature in schema.FEATURES
        if feature.kind == "number"
        and feature.name in df.columns
        and df[feature.name].null_count() == 0
        and df[feature.name].n_unique() > 1
    ]


def _numbers(preparation: Preparation) -> list[str]:
    return [name for name in preparation.columns if not schema.is_indicator(name)]


def _shown(customers: pl.LazyFrame, preparation: Preparation) -> list[str]:
    """Return the features that are drawn: those of the matrix, and some that are always worth a look."""
    there = customers.collect_schema().names()
    return [*dict.fromkeys([*_numbers(preparation), *(name for name in _SHOWN if name in there)])]


def months(customers: Customers, labels: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Give what customers bought in each month with their segment, told by their row: no table of ids is held."""
    return _with_segment_of_row(customers.months, labels.select("segment").collect()["segment"])


def _with_segment_of_row(parts: Iterable[Path], segments: pl.Series) -> Iterator[pl.DataFrame]:
    for path in parts:
        part = pl.read_parquet(path)
        yield part.with_columns(segments.gather(part["row"]).alias("segment"))


def evaluation_customers(population: Population, labelled: Labelled) -> pl.DataFrame:
    """Return the features of the evaluation sample with segment and distance, in its order."""
    start = population.evaluation_start
    return _with_segments(
        population.rows(start, start + len(population.evaluation)), population.evaluation, labelled
    )


def sampled_customers(population: Population, labelled: Labelled) -> pl.DataFrame:
    """Return the features of the first customers in hash order with their segment, one-time buyers included."""
    frames, have, wanted = [], 0, len(population.sample)
    for number, df in enumerate(population.frames()):
        segments = labelled.lazy(number).select("segment").collect()["segment"]
        frames.append(df.with_columns(segment=segments).head(wanted - have))
        have += frames[-1].height
        if have >= wanted:
            break
    return pl.concat(frames)


def _with_segments(df: pl.DataFrame, X: Floats32, labelled: Labelled) -> pl.DataFrame:
    labels, _ = labelled.winner.assigner.assign(X)
    distance = distance_to(X, labelled.centres, labels)
    segment = pl.Series(labels).replace_strict(labelled.segments[0], default=None, return_dtype=pl.Int32)
    return df.with_columns(segment=segment, distance=pl.Series(distance))


def products(run: RunContext, customers: Customers, labelled: Labelled) -> pl.DataFrame:
    """Return the best sellers of each segment and what it buys unusually often, with the products' names.

    Counted among the first customers in hash order, of whom it is known what they bought. The buckets hold products
    as hashes; the few that are shown get their names from the source.
    """
    known = labelled.lazy().select("segment").head(customers.product_customers).collect()
    counts = [
        tables.buyers(part.rename({"product": "product_id"}).lazy(), "product_id").collect()
        for part in _with_segment_of_row(customers.products, known["segment"])
    ]
    sizes = known.drop_nulls().group_by("segment").agg(customers=pl.len())
    top = tables.products(tables.add_up(counts, "product_id"), sizes)
    names = _product_names(top["product_id"].unique(), read_input.load(run), run.settings)
    return (
        top.rename({"product_id": "product"})
        .join(names, on="product", how="left", maintain_order="left")
        .select("segment", "kind", "product_id", "description", *_SHARES)
    )


def _product_names(wanted: pl.Series, source: PreparedInput, settings: Job) -> pl.DataFrame:
    """Return code and most frequent description of some products, from the first lines where they suffice."""
    code = pl.col("product_id").cast(pl.String).str.strip_chars().str.to_uppercase()
    names = pl.DataFrame(schema={"product": pl.UInt64, "product_id": pl.String, "description": pl.String})
    for most in (_FIRST_LINES, None):
        frames = [ingest.scan(group).filter(~pl.col("malformed")) for group in source.file_groups]
        lines = pl.concat([lf.select(code, pl.col("description").cast(pl.String)) for lf in frames])
        names = (
            (lines if most is None else lines.head(most))
            .with_columns(product=pl.col("product_id").hash(settings.seed))
            .filter(pl.col("product").is_in(wanted.to_list()))
            .group_by("product", "product_id", pl.col("description").str.strip_chars())
            .len()
            .sort(pl.col("description").is_null(), -pl.col("len").cast(pl.Int64), "product_id", "description")
            .unique("product", keep="first", maintain_order=True)
            .select("product", "product_id", "description")
            .collect(engine="streaming")
        )
        if names.height == len(wanted):
            break
    return names
