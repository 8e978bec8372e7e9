"""What is known of each customer, kept from run to run: the next one looks at the lines of those alone of whom that is out of date.

These have lines in a file that is new or gone, or of a time that has passed from one period to another: out of the window, before a
cut. Of all others only days have passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from segcore.job import Job
from segcore.lines.look_back import Cut, Cuts
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.task import Drawn, Keep, Kept, KeptPart
from segcore.pipeline.lines import kept_changes, kept_keys, kept_lines
from segcore.pipeline.lines.buckets import Buckets, KnownFiles
from segcore.storage.cache import Cache
from segcore.times import END_OF_TIME

_MORE = 1.25  # times the share of customers and orders of which more is told, since a dump may shrink
_ALL = 2**64 - 1


def _may_be_kept(settings: Job) -> bool:
    """Whether customers can be told of one by one, and the rest added up; not where returns or discounts are accounted for."""
    return settings.features.returns != "net" and not settings.cleaning.takes_off_orders


@contextmanager
def keeping(
    run: RunContext,
    buckets: Buckets,
    parts: Sequence[KeptPart],
    *,
    today: Cut,
    cuts: Cuts,
    drawn: Drawn,
    more: Mapping[str, Any],
) -> Iterator[Keep | None]:
    """Give where what is known of each customer is kept, and what an earlier run has kept; kept it is at the end.

    Parameters
    ----------
    run : RunContext
    buckets : Buckets
    parts : sequence of KeptPart
        What the tasks have kept, once they are done.
    today : Cut
        Window of today.
    cuts : Cuts
    drawn : Drawn
        Of whom more is told.
    more : mapping
        What customers depend on beside the job, as plain values.

    Yields
    ------
    Keep or None
        None where nothing is kept.
    """
    cache, known = run.cache, buckets.known
    if cache is None or known is None:
        yield None
        return
    if not _may_be_kept(run.settings):
        yield None
        _remove(cache, but=None)
        return
    facts: dict[str, Any] = {
        "kind": kept_lines.CUSTOMERS,
        "key": kept_keys.of_customers(run.settings, more),
        "files": [list(one) for one in known.files],
        "cuts": _shape((today, *cuts.every)),
        "times": _times(today, cuts, known.late),
    }
    kept = kept_changes.of_customers(cache)
    wider = Drawn(
        customers_below=min(_ALL, int(drawn.customers_below * _MORE)),
        orders_below=min(_ALL, int(drawn.orders_below * _MORE)),
    )
    usable = None
    if kept is not None and kept.folder.name == known.customers and _fits(kept.facts, facts, drawn):
        usable = _kept(kept.folder, kept.facts, known, buckets, facts["times"])
        wider = Drawn(
            customers_below=min(wider.customers_below, kept.facts["customers_below"]),
            orders_below=min(wider.orders_below, kept.facts["orders_below"]),
        )
    with cache.adding() as part:
        yield Keep(folder=str(part), drawn=wider, kept=usable)
        piece = cache.add(part, facts | asdict(wider) | {"parts": [asdict(one) for one in parts]})
    _remove(cache, but=piece.folder)
    if cache.limit is not None and cache.size > cache.limit:
        cache.remove(piece)
        run.progress.log(
            f"customers are not kept for the next run: with them the cache had more than its {cache.limit:,} bytes (--cache-limit)"
        )


def _remove(cache: Cache, *, but: Path | None) -> None:
    for piece in cache.pieces():
        if not kept_lines.has_lines(piece) and piece.folder != but:
            cache.remove(piece)


def _shape(cuts: Sequence[Cut | None]) -> list[Any]:
    """Return which cuts there are, and which have a history that begins somewhere."""
    return [None if cut is None else cut.first is None for cut in cuts]


def _times(today: Cut, cuts: Cuts, late: int | None) -> list[int]:
    """Return the times that tell one period from another."""
    every = [today, *(cut for cut in cuts.every if cut is not None)]
    times = [time for cut in every for time in (cut.first, cut.at, cut.end) if time is not None]
    return [END_OF_TIME if late is None else late, *times]


def _fits(kept: Mapping[str, Any], facts: Mapping[str, Any], drawn: Drawn) -> bool:
    same = all(kept[name] == facts[name] for name in ("key", "cuts"))
    return (
        same
        and kept["customers_below"] >= drawn.customers_below
        and kept["orders_below"] >= drawn.orders_below
        # Who has a line that was in the buckets and is left out now is not known.
        and kept["times"][0] <= facts["times"][0]
    )


def _kept(
    folder: Path, facts: Mapping[str, Any], known: KnownFiles, buckets: Buckets, times: Sequence[int]
) -> Kept:
    spans = [
        (min(old, new), max(old, new)) for old, new in zip(facts["times"], times, strict=True) if old != new
    ]
    return Kept(
        folder=str(folder),
        parts=tuple(KeptPart(**part) for part in facts["parts"]),
        numbers=known.numbers,
        changed=f"{buckets.folder}/{known.changed}",
        spans=tuple(spans),
    )
