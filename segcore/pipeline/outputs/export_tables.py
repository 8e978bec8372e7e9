"""The tables of a run that other systems load: customers, profile and who moved, each with the run's id and day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from segcore import profile
from segcore.pipeline.finished import run_comparison
from segcore.pipeline.outputs import history_file
from segcore.records import Manifest

_RUN: dict[str, pl.DataType] = {"run_id": pl.String(), "as_of": pl.Date()}
_PROFILE: dict[str, pl.DataType] = {
    "segment": pl.Int32(),
    "segment_name": pl.String(),
    "treatment": pl.String(),
    "customers": pl.Int64(),
    "customer_share": pl.Float64(),
    "revenue": pl.Float64(),
    "revenue_share": pl.Float64(),
    "confidence": pl.Float64(),
    "n_orders": pl.Int64(),
    "one_order_share": pl.Float64(),
    "days_since_last_order_median": pl.Float64(),
    "order_count_median": pl.Float64(),
    "total_spend_median": pl.Float64(),
}
_MOVED: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "old_segment": pl.Int32(),
    "old_segment_name": pl.String(),
    "new_segment": pl.Int32(),
    "new_segment_name": pl.String(),
    "changed": pl.String(),
    "total_spend_before": pl.Float64(),
    "total_spend": pl.Float64(),
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table to load, read piece by piece.

    Attributes
    ----------
    columns : dict of str to DataType
        The same for every run.
    read : callable
        Gives frames that have these columns and maybe others.
    own : dict of str to Expr
        What the run says of itself.
    """

    columns: dict[str, pl.DataType]
    read: Callable[[], Iterator[pl.DataFrame]]
    own: dict[str, pl.Expr]

    def frames(self) -> Iterator[pl.DataFrame]:
        """Give the rows, null in columns that the run does not have."""
        for df in self.read():
            yield history_file.with_columns_of(df.with_columns(**self.own), self.columns)

    def arrow(self) -> pa.RecordBatchReader:
        """Return the rows as a stream of Arrow."""
        schema = pl.DataFrame(schema=self.columns).to_arrow().schema
        return pa.RecordBatchReader.from_batches(
            schema, (batch for df in self.frames() for batch in df.to_arrow().to_batches())
        )


def of(run: Path, manifest: Manifest) -> dict[str, Table]:
    """Return the tables of a finished run by name."""
    own = {"run_id": pl.lit(manifest.run_id), "as_of": pl.lit(date.fromisoformat(manifest.as_of[:10]))}
    path = run / "moved.parquet"

    return {
        "history": Table(
            columns=_RUN | history_file.SCHEMA,
            read=lambda: history_file.customers(run, manifest.run_id),
            own=own,
        ),
        "profile": Table(
            columns=_RUN | _PROFILE,
            read=lambda: iter([profile.load(run).filter(pl.col("segment") != profile.ALL)]),
            own=own,
        ),
        "movement": Table(
            columns=_RUN | _MOVED,
            read=lambda: run_comparison.batches(path) if path.is_file() else iter(()),
            own=own,
        ),
    }
