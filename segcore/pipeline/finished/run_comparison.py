"""Two runs compared: identities, migration and drift, as the report shows them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow.parquet as pq

from segcore import job, records, spreadsheet
from segcore.changes import ancestors, lineage, movement
from segcore.changes.lineage import Lineage
from segcore.pipeline.finished import apply_model, retired
from segcore.pipeline.finished.previous_run import Previous
from segcore.records.changes import Identity, LineageReport, MovementReport, PreviousRun

_AT_ONCE = 1_000_000  # customers that are joined at a time, of 180 bytes each
_DRAWN = 100_000  # customers of a run, the first in hash order, that tell where ranges of ids begin


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run beside the one before.

    Attributes
    ----------
    old : Previous
    transitions : tuple of LazyFrame
        A row per customer of either run, in ranges of ids that follow each other; the new segments by the new run's own numbers.
    cells : DataFrame
        Their counts and money, new segments by their ids.
    lineage : Lineage
    money_decimals : int
        Of amounts in whole minor units.
    """

    old: Previous
    transitions: tuple[pl.LazyFrame, ...]
    cells: pl.DataFrame
    lineage: Lineage
    money_decimals: int


def compare(
    old: Previous,
    features: Sequence[Path],
    segments: pl.LazyFrame,
    labels: Path,
    settings: job.Job,
    *,
    as_of: datetime,
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
        Folder that `apply_model.label` wrote for them with the old run's model.
    settings : segcore.job.Job
        Of the new run.
    as_of : datetime
        The time that the new run's recency counts from.
    same_ids : bool
        Whether the new run's ids carry on the old one's already.
    """
    there = pl.read_parquet_schema(features[0])
    kept = [name for name in ("customer_id", "total_spend", *movement.ACTS) if name in there]
    today = [
        pl.scan_parquet(list(features)).select(kept),
        segments.select("segment"),
        pl.scan_parquet(apply_model.labels(labels)).select("outside", between="segment"),
    ]
    aged = None
    if as_of > old.as_of:
        aged = apply_model.label_as_of(old.features, old.model, as_of, labels, "aged")
        today.append(apply_model.label_as_of(features, old.model, old.as_of, labels, "behaved"))
    decimals = settings.cleaning.amount_decimals
    now = pl.concat(today, how="horizontal")
    transitions = tuple(
        movement.transitions(old.customers(within, beside=aged), now.filter(within), money_decimals=decimals)
        for within in _ranges(old.features, features)
    )
    cells = movement.added_up(movement.cells(some) for some in transitions)
    history, same_data = movement.evidence(cells)
    numbers = sorted({b for _, b in history if b})
    both = {"old": sorted(old.names), "new": numbers}
    if same_ids:
        followed = lineage.inherited(
            history, same_data, **both, next_segment=max(old.next_segment, *numbers) + 1
        )
    else:

        def match(back: Mapping[int, tuple[int, float]] | None = None) -> Lineage:
            return lineage.match(
                history, same_data, **both, next_segment=old.next_segment, rule=settings.lineage, back=back
            )

        followed = match()
        unknown = [n for n, segment in followed.ids.items() if segment >= old.next_segment]
        if unknown and old.retired:
            seen = [
                (retired.seen(one, features, segments, labels), one.customers)
                for one in old.retired
                if retired.can_see(one, features)
            ]
            followed = match(ancestors.coming_back(seen, unknown, min_jaccard=settings.lineage.min_jaccard))
    return Comparison(
        old=old,
        transitions=transitions,
        cells=movement.renumber(cells, followed),
        lineage=followed,
        money_decimals=decimals,
    )


def _ranges(*runs: Sequence[Path]) -> list[pl.Expr]:
    """Return ranges of ids as filters, which have about `_AT_ONCE` customers of a run each, twice as many at most, and all together."""
    ids = [pl.scan_parquet(list(files)).select("customer_id") for files in runs]
    parts = -(-max(lf.select(pl.len()).collect().item() for lf in ids) // _AT_ONCE)
    drawn = pl.concat([lf.head(_DRAWN) for lf in ids]).unique().sort("customer_id").collect()["customer_id"]
    cuts = [drawn[len(drawn) * part // parts] for part in range(1, parts)]
    customer, everybody = pl.col("customer_id"), pl.lit(True)
    return [
        (everybody if low is None else customer >= low) & (everybody if high is None else customer < high)
        for low, high in pairwise([None, *cuts, None])
    ]


def write(
    folder: Path, comparison: Comparison, names: dict[int, str], reasons: Sequence[str]
) -> MovementReport:
    """Write lineage.json, movement.json and moved.parquet, and return what movement.json holds.

    Parameters
    ----------
    folder : Path
    comparison : Comparison
    names : dict of int to str
        Of the new segments, by id.
    reasons : sequence of str
        What else than the customers has changed.
    """
    old, lineage = comparison.old, comparison.lineage
    called = _told_apart(old.names, names)
    identities = tuple(_with_names(identity, old.names, names) for identity in lineage.identities)
    records.write(
        folder, LineageReport(previous=old.run_id, next_segment=lineage.next_segment, segments=identities)
    )
    renamed = sorted((i for i in identities if i.renamed), key=lambda i: i.segment or 0)
    report = MovementReport(
        previous=PreviousRun(run_id=old.run_id, created_at=old.manifest.created_at, as_of=old.manifest.as_of),
        reasons=tuple(reasons),
        words=(
            *movement.words(
                comparison.cells,
                {segment: called[segment, name] for segment, name in old.names.items()},
                {segment: called[segment, name] for segment, name in names.items()},
            ),
            *(_in_words(identity) for identity in identities if identity.verdict != "kept"),
            *(f"{i.previous_name!r} is called {i.segment_name!r} now." for i in renamed),
        ),
        old_segments=movement.named(old.names),
        new_segments=movement.named(names),
        **movement.matrices(comparison.cells, money_decimals=comparison.money_decimals),
        causes=movement.causes(comparison.cells),
        causes_behaviour_first=movement.causes(comparison.cells, behaviour_first=True),
    )
    records.write(folder, report)
    _write_moved(folder, comparison, names)
    spreadsheet.write(folder / "moved.csv", batches(folder / "moved.parquet"))
    return report


def _write_moved(folder: Path, comparison: Comparison, names: dict[int, str]) -> None:
    """Write moved.parquet, sorted by id, range by range."""
    parts = folder / "moved.part"
    parts.mkdir()
    for number, some in enumerate(comparison.transitions):
        renumbered = some.with_columns(movement.renumbered(comparison.lineage))
        moved = movement.moved(
            renumbered, comparison.old.names, names, money_decimals=comparison.money_decimals
        )
        moved.sink_parquet(parts / f"{number:05d}.parquet")
    pl.scan_parquet(sorted(parts.iterdir())).sink_parquet(folder / "moved.parquet")
    shutil.rmtree(parts)


def batches(path: Path) -> Iterator[pl.DataFrame]:
    """Give a table piece by piece, an empty one as one without rows."""
    table = pq.ParquetFile(path)
    yield cast(pl.DataFrame, pl.from_arrow(table.schema_arrow.empty_table()))
    for batch in table.iter_batches():
        yield cast(pl.DataFrame, pl.from_arrow(batch))


def _told_apart(*runs: Mapping[int, str]) -> dict[tuple[int, str], str]:
    """Return what a segment is called beside those of both runs: with its id, where another one has its name."""
    named = {pair for names in runs for pair in names.items()}
    counts = Counter(name for _, name in named)
    return {
        (segment, name): f"{name} (segment {segment})" if counts[name] > 1 else name
        for segment, name in named
    }


def _with_names(identity: Identity, old: dict[int, str], new: dict[int, str]) -> Identity:
    now = None if identity.segment is None else new[identity.segment]
    before = None if identity.previous is None else old[identity.previous]
    renamed = identity.verdict == "kept" and now != before
    return replace(identity, segment_name=now, previous_name=before, renamed=renamed)


def _in_words(identity: Identity) -> str:
    now, before = repr(identity.segment_name or ""), repr(identity.previous_name or "")
    return {
        "new": f"{now} is a new segment.",
        "retired": f"{before} is no longer a segment.",
        "split": f"{now} has split off {before}.",
        "merged": f"{before} has merged into {now}.",
        "returned": f"{now} is a segment again.",
        "kept": "",
    }[identity.verdict]
