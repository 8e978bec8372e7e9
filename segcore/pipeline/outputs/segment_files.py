"""Every customer's segment as a run leaves it, fitted or scored: segments/, segments.csv and the other families' labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from segcore import spreadsheet
from segcore.outlook.model import NOBODY_KNOWN, Outlook
from segcore.pipeline.finished import drift_baseline
from segcore.pipeline.models.labels import Labelled, columns

_UNASSIGNED = "Unassigned"


def write(
    folder: Path,
    features: Sequence[Path],
    labels: Iterable[pl.DataFrame],
    names: Mapping[int, str],
    outlook: Outlook | None,
    *,
    run_id: str,
    as_of: date,
) -> list[Path]:
    """Write segments/*.parquet, and what a spreadsheet opens of them.

    Parameters
    ----------
    folder : Path
        Of the run.
    features : sequence of Path
    labels : iterable of polars.DataFrame
        For each file of features ``segment``, ``confidence``, ``margin``, ``distance`` and ``outside`` of the same rows.
    names : mapping of int to str
        Of the segments.
    outlook : Outlook or None
        Who is next; without it the columns are empty.
    run_id : str
    as_of : date

    Returns
    -------
    list of Path
        segments.csv, and the next ones where a spreadsheet would not open all of it.
    """
    (folder / "segments").mkdir()

    def frames() -> Iterator[pl.DataFrame]:
        for number, (path, own) in enumerate(zip(features, labels, strict=True)):
            segment = pl.col("segment")
            customers = pl.read_parquet(
                path, columns=["customer_id", *(outlook.about.features if outlook else [])]
            )
            df = own.select(
                customers["customer_id"],
                "segment",
                segment.replace_strict(names, default=_UNASSIGNED, return_dtype=pl.String).alias(
                    "segment_name"
                ),
                "confidence",
                "margin",
                "distance",
                "outside",
                *(NOBODY_KNOWN if outlook is None else outlook.columns(customers)),
                run_id=pl.lit(run_id),
                as_of=pl.lit(as_of),
            )
            df.write_parquet(folder / f"segments/part-{number:05d}.parquet")
            yield df

    return spreadsheet.write(folder / "segments.csv", frames())


def of_fit(labelled: Labelled, radius: Mapping[int, float]) -> Iterator[pl.DataFrame]:
    """Give the labels of a fit as :func:`write` takes them, file by file."""
    label = pl.col(columns(labelled.models)[0])
    for path in labelled.files:
        yield pl.read_parquet(path).select(
            segment=label.replace_strict(labelled.segments[0], default=None, return_dtype=pl.Int32),
            confidence="confidence",
            margin="margin",
            distance=pl.col("distance").fill_nan(None),
            outside=drift_baseline.outside(label, pl.col("distance"), radius),
        )


def write_families(folder: Path, features: Sequence[Path], labelled: Labelled) -> None:
    """Write labels/*.parquet: the segment that the best model of each family gives every customer."""
    (folder / "labels").mkdir()
    for path, own in zip(features, labelled.files, strict=True):
        numbered = [
            pl.col(name).replace_strict(mapping, default=None, return_dtype=pl.Int32)
            for name, mapping in zip(columns(labelled.models), labelled.segments, strict=True)
        ]
        ids = pl.read_parquet(path, columns=["customer_id"])["customer_id"]
        pl.read_parquet(own).select(ids, *numbered).write_parquet(folder / "labels" / own.name)
