"""The segments that the line of runs had once: kept for later runs, and looked for among today's customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segcore import records
from segcore.changes import ancestors
from segcore.changes.ancestors import Ancestor, Retired
from segcore.models.assignment import NearestCentre
from segcore.pipeline.finished.model_files import StoredModel


def load(folder: Path) -> tuple[Ancestor, ...]:
    """Read the ancestors that a finished run knows; none where it was made before they were kept."""
    known = records.read_optional(Retired, folder)
    return () if known is None else known.ancestors


def write(
    folder: Path, before: Sequence[Ancestor], run_id: str, model: StoredModel, alive: Iterable[int]
) -> None:
    """Write the ancestors of a run that follows `run_id`, whose model and sizes they take, and has the segments `alive`."""
    last = Ancestor(
        run_id=run_id,
        preparation=model.preparation,
        centres={
            model.segments[label]: tuple(centre)
            for label, centre in enumerate(model.centres.tolist())
            if label in model.segments
        },
        customers={s: n for s, n in model.baseline.segments.items() if s},
    )
    records.write(folder, Retired(ancestors=ancestors.after(before, last, alive)))


def can_see(one: Ancestor, features: Sequence[Path]) -> bool:
    """Whether these customers have what an ancestor's model needs."""
    there = pl.read_parquet_schema(features[0])
    return all(name in there for name in one.preparation.features)


def seen(
    one: Ancestor, features: Sequence[Path], segments: pl.LazyFrame, folder: Path
) -> Mapping[tuple[int, int], int]:
    """Count today's customers by the segment that an ancestor's centres put them in, and the one that they are in.

    Parameters
    ----------
    one : Ancestor
    features : sequence of Path
        Of the customers.
    segments : LazyFrame
        ``segment`` of the same customers in the same order.
    folder : Path
        Where to write in between.
    """
    ids = np.array([*one.centres], dtype=np.int32)
    nearest = NearestCentre(centres=np.array([*one.centres.values()], dtype=np.float64))
    paths = []
    for number, path in enumerate(features):
        labels, _ = nearest.assign(one.preparation.block(pl.read_parquet(path)))
        paths.append(folder / f"then-{number:05d}.parquet")
        pl.DataFrame({"then": ids[labels]}).write_parquet(paths[-1])
    both = pl.concat([pl.scan_parquet(paths), segments.select("segment")], how="horizontal")
    counts = both.drop_nulls().group_by("then", "segment").agg(pl.len()).collect(engine="streaming")
    for path in paths:
        path.unlink()
    return {(then, segment): n for then, segment, n in counts.rows()}
