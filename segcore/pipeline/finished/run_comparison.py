"""Two runs compared: identities, migration and drift, as the report shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore import job, storage
from segcore.changes import lineage, movement
from segcore.changes.lineage import Identity, Lineage
from segcore.pipeline.finished import apply_model
from segcore.pipeline.finished.previous_run import Previous


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run beside the one before.

    Attributes
    ----------
    old : Previous
    ways : LazyFrame
        A row per customer of either run; the new segments by the new run's own numbers.
    cells : DataFrame
        Their counts and money, new segments by their ids.
    lineage : Lineage
    unit : float
        Minor units in one of money.
    """

    old: Previous
    ways: pl.LazyFrame
    cells: pl.DataFrame
    lineage: Lineage
    unit: float


def compare(
    old: Previous,
    features: Sequence[Path],
    segments: pl.LazyFrame,
    labels: Path,
    settings: job.Job,
    *,
    same_ids: bool = False,
) -> Comparison:
    """Follow every customer from an old run to a new one, and find which segment is which.

    Parameters
    ----------
    old : Previous
    features : sequence of Path
        The new run's customer features.
    segments : LazyFrame
        ``segment`` of the same customers in the same order.
    labels : Path
        Folder that `frozen.label` wrote for them with the old run's model.
    settings : segcore.job.Job
        Of the new run.
    same_ids : bool
        Whether the new run's ids carry on the old one's already.
    """
    new = pl.concat(
        [
            pl.scan_parquet(list(features)).select("customer_id", "total_spend"),
            segments.select("segment"),
            pl.scan_parquet(apply_model.labels(labels)).select("outside", between="segment"),
        ],
        how="horizontal",
    )
    decimals = settings.cleaning.money_decimals
    ways = movement.ways(old.customers(), new, money_decimals=decimals)
    cells = movement.cells(ways)
    history, same_data = movement.evidence(cells)
    numbers = sorted({b for _, b in history if b})
    both = {"old": sorted(old.names), "new": numbers}
    if same_ids:
        found = lineage.inherited(
            history, same_data, **both, next_segment=max(old.next_segment, *numbers) + 1
        )
    else:
        found = lineage.match(
            history, same_data, **both, next_segment=old.next_segment, rule=settings.lineage
        )
    return Comparison(
        old=old,
        ways=ways,
        cells=movement.renumber(cells, found),
        lineage=found,
        unit=10.0**decimals,
    )


def write(folder: Path, found: Comparison, names: dict[int, str], reasons: Sequence[str]) -> dict[str, Any]:
    """Write lineage.json, movement.json and moved.parquet, and return what movement.json holds.

    Parameters
    ----------
    folder : Path
    found : Comparison
    names : dict of int to str
        Of the new segments, by id.
    reasons : sequence of str
        What else than the customers has changed.
    """
    old = found.old
    storage.write_json(folder / "lineage.json", _lineage(found, names))
    renamed = [
        f"{old.names[s]!r} is called {names[s]!r} now."
        for s in names
        if s in old.names and old.names[s] != names[s]
    ]
    said = movement.words(found.cells, old.names, names)
    content = {
        "previous": {"run_id": old.run_id, "created_at": old.manifest["created_at"]},
        "reasons": list(reasons),
        "words": said + [_identity_in_words(i, old.names, names) for i in _changed(found.lineage)] + renamed,
        "old_segments": movement.names(list(old.names.items())),
        "new_segments": movement.names(list(names.items())),
        **movement.matrices(found.cells, found.unit),
    }
    storage.write_json(folder / "movement.json", content)
    ways = found.ways.with_columns(movement.renumbered(found.lineage))
    movement.moved(ways, old.names, names, found.unit).sink_parquet(folder / "moved.parquet")
    return content


def _lineage(found: Comparison, names: dict[int, str]) -> dict[str, Any]:
    old = found.old.names
    return {
        "previous": found.old.run_id,
        "next_segment": found.lineage.next_segment,
        "segments": [
            {
                "segment": i.segment,
                "segment_name": None if i.segment is None else names[i.segment],
                "previous": i.previous,
                "previous_name": None if i.previous is None else old[i.previous],
                "verdict": i.verdict,
                "renamed": i.verdict == "kept" and names[i.segment or 0] != old[i.previous or 0],
                "jaccard": i.jaccard,
                "jaccard_history": i.jaccard_history,
                "jaccard_same_data": i.jaccard_same_data,
                "shared_customers": i.shared,
            }
            for i in found.lineage.identities
        ],
    }


def _changed(lineage: Lineage) -> Iterable[Identity]:
    return (identity for identity in lineage.identities if identity.verdict != "kept")


def _identity_in_words(identity: Identity, old: dict[int, str], new: dict[int, str]) -> str:
    now = repr(new.get(identity.segment or 0, ""))
    before = repr(old.get(identity.previous or 0, ""))
    return {
        "new": f"{now} is a new segment.",
        "retired": f"{before} is no longer a segment.",
        "split": f"{now} has split off {before}.",
        "merged": f"{before} has merged into {now}.",
        "kept": "",
    }[identity.verdict]
