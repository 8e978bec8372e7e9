"""The customers of a run as the history keeps them: the same columns for ever, one file for every night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from segcore import profile, records, storage
from segcore.pipeline.core.run import RunContext
from segcore.records import Manifest
from segcore.storage import history

SCHEMA: dict[str, pl.DataType] = {
    "run_id": pl.String(),
    "customer_id": pl.String(),
    "segment": pl.Int32(),
    "segment_name": pl.String(),
    "confidence": pl.Float64(),
    "days_since_last_order": pl.Int64(),
    "order_count": pl.Int64(),
    "total_spend": pl.Float64(),
    "rfm_group": pl.String(),
    "chance_to_buy": pl.Float64(),
    "expected_spend": pl.Float64(),
    "treatment": pl.String(),
}
"""``as_of`` is the name of the folder, which readers make a column of: pandas refuses a file that has it too."""


def keep(run: RunContext, moved: storage.Place) -> None:
    """Put the customers of a run that was moved to its place into the history, unless an earlier start has.

    Parameters
    ----------
    run : RunContext
    moved : path or URL
        The run's place.
    """
    as_of = date.fromisoformat(records.read(Manifest, moved).as_of[:10])
    if history.has(run.work.out, as_of, run.run_id):
        return
    folder = run.temporary(history.FOLDER)
    write(run.local_files(moved), run.run_id, folder / history.FILE)
    history.add(run.work.out, as_of, run.run_id, folder)


def write(run: Path, run_id: str, path: Path) -> None:
    """Write the customers of a finished run, a file of its features at a time."""
    schema = pl.DataFrame(schema=SCHEMA).to_arrow().schema
    # Without Polars' own types in it: every reader sees plain text.
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as file:
        for df in customers(run, run_id):
            file.write_table(with_columns_of(df, SCHEMA).to_arrow())


def with_columns_of(df: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return a frame with the columns of a schema, null in those that it does not have, without others."""
    there = {*df.columns}
    return df.select(
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def customers(run: Path, run_id: str) -> Iterator[pl.DataFrame]:
    """Give all that a finished run says of its customers, file by file."""
    treatments = {segment: name.treatment for segment, name in profile.names_of(profile.load(run)).items()}
    segment = pl.col("segment")
    for part in sorted((run / "segments").glob("part-*.parquet")):
        segments = pl.read_parquet(part)
        features = pl.read_parquet(run / "features" / part.name)
        yield segments.hstack(features.select(pl.exclude(segments.columns))).with_columns(
            run_id=pl.lit(run_id),
            treatment=segment.replace_strict(treatments, default=None, return_dtype=pl.String),
        )
