"""Stage ``lines`` of a job that reads incrementally: new and changed files are read, what others became is taken from the cache.

The buckets are those of a run over all files. Pieces of the cache hold lines as they are without a window, which is laid over them
here; where it touches none of a piece's, as is the rule, the piece's files are linked and not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import polars as pl

from segcore import ingest
from segcore.ingest import Formats
from segcore.lines import shuffle
from segcore.lines.cleaning import Window
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import (
    buckets,
    collecting,
    fit_buckets,
    input_notes,
    kept_changes,
    kept_facts,
    kept_in_window,
    kept_keys,
    kept_lines,
    observation_window,
    read_to_keep,
    settle_kept,
    shuffle_lines,
    understand_formats,
)
from segcore.pipeline.lines.buckets import Buckets
from segcore.pipeline.lines.kept_lines import KeptLines
from segcore.pipeline.lines.memory_plan import PartitionPlan
from segcore.pipeline.lines.observation_window import Days
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.storage.cache import Cache

_UNREAD = "unread"
_TIME = pl.col("ordered_at").fill_null(-1)


def partition(run: RunContext, source: PreparedInput, plan: PartitionPlan, cache: Cache) -> Buckets:
    """Stage ``lines``, as :func:`segcore.pipeline.lines.shuffle_lines.partition` leaves it.

    Raises
    ------
    segcore.errors.JobError
        If what becomes of a file depends on others.
    segcore.errors.DataError
        If a file breaks off or is not what its name says, or its values could be read in two ways.
    """
    kept_keys.check(run.settings)
    folder = run.stage("lines", partial(_partition, run, source, plan, cache))
    return buckets.load(folder, run.work.shared(folder))


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What is read in one way: how values are written, and the pieces with the lines."""

    formats: list[Formats]
    pieces: list[KeptLines]


def _partition(
    run: RunContext, source: PreparedInput, plan: PartitionPlan, cache: Cache, folder: Path
) -> int:
    run.progress.log(
        f"incremental: {cache.size / 1e6:,.1f} MB in {cache.folder} of what earlier runs have read"
    )
    shared = run.work.shared(folder)
    bits = kept_lines.wanted_bits(source.n_lines, plan.capacity)
    reading = _read(run, source, cache, bits)
    for text in input_notes.amount_notes(source, reading.formats):
        run.progress.log(text)
    pieces = reading.pieces
    window = shuffle_lines.window_of(run, source, reading.formats, days=_days(pieces))
    known = kept_changes.known_files(cache, pieces, kept_lines.load(cache), late=window.late, shared=shared)
    kept_lines.remove_others(cache, pieces)
    plan = replace(plan, bits=min(max(plan.bits, bits), *(piece.bits for piece in pieces)))
    today = [kept_in_window.laid_over(piece, window, shared, bits=plan.bits) for piece in pieces]
    files = [file for one in today for file in one.files]
    # Links to files that were looked at when the pieces were loaded.
    run.work.note_digests(folder, dict(chain.from_iterable(map(kept_in_window.digests, pieces))))
    if removed := kept_lines.keep_within_limit(cache):
        run.progress.warn(
            f"{removed:,} piece(s) of the cache were removed, as it may have no more than {cache.limit or 0:,} bytes (--cache-limit): "
            "the next run reads their files again"
        )
    costs = fit_buckets.costs_of(files, shared)
    buckets.save(
        folder,
        Buckets(
            folder="",
            texts=(),
            rejects=tuple(file.path for file in files if file.bucket is None),
            groups=tuple((file.number,) for file in source.files),
            window_first=window.first,
            summaries=tuple(name for one in today for name in one.summaries),
            **asdict(observation_window.times_of_all([one.times for one in today])),
            buckets=tuple(fit_buckets.buckets_of(run, files, shared, plan, [costs])),
            known=known,
        ),
    )
    return source.n_lines


def _read(run: RunContext, source: PreparedInput, cache: Cache, bits: int) -> _Reading:
    """Decide how values are written as a run over all files does, and read the files that were not read in this way before."""
    count = kept_facts.patterns(cache, source.file_groups, run.settings, understand_formats.patterns_by_file)
    head = kept_facts.heads(cache, source.file_groups, run.settings, understand_formats.first_lines)
    formats = understand_formats.understand(source, run.settings, every=False, count=count, head=head)
    keys = kept_keys.of_lines(source.file_groups, formats, run.settings, ids=source.ids)
    known, pieces = cache.note(_UNREAD) or {}, None
    if known.get("key") not in keys.values() or not _counts(run, source, formats, known["at"]):
        pieces = _pieces(run, source, formats, keys, cache, bits)
        window = _first_window(run, source, formats, _days(pieces))
        unread = _unreadable(pieces, window, everywhere=run.settings.cleaning.takes_off_orders)
        if unread is None:
            return _Reading(formats=formats, pieces=pieces)
        known = {"key": keys[unread[0]], "at": unread[1]}
    every = understand_formats.understand(source, run.settings, every=True, count=count, head=head)
    if every != formats:
        # With it the next run knows as much without reading lines in a way that is given up.
        cache.write_note(_UNREAD, known)
        keys = kept_keys.of_lines(source.file_groups, every, run.settings, ids=source.ids)
        pieces = None
    return _Reading(formats=every, pieces=pieces or _pieces(run, source, every, keys, cache, bits))


def _counts(run: RunContext, source: PreparedInput, formats: Sequence[Formats], at: int | None) -> bool:
    """Whether a line that could not be read, of that time, lies in the window for sure."""
    wanted = run.settings.features
    if at is None:
        return True
    if wanted.as_of_second is None and wanted.window_seconds is not None:
        return False  # that window follows from the lines
    window = _first_window(run, source, formats, {})
    return (window.first is None or at >= window.first) and (window.end is None or at < window.end)


def _first_window(run: RunContext, source: PreparedInput, formats: Sequence[Formats], days: Days) -> Window:
    """Return the window under which a run over all files reads lines first: that of days where it follows from them."""
    follows = run.settings.features.window_seconds is not None
    return observation_window.find(source, formats, run.settings, days=days if follows else None)


def _unreadable(
    pieces: Sequence[KeptLines], window: Window, *, everywhere: bool
) -> tuple[int, int | None] | None:
    """Return the file and the time of a line in the window with a value that cannot be read; None without one."""
    names = [f"unreadable_{column}" for column in ingest.UNREADABLE]
    looked_at = ~(window.outside | window.is_stray).fill_null(False)
    for piece in pieces:
        # With discounts of orders rejects stand in the buckets too.
        parts = [part for part in piece.parts if part.bucket is None or everywhere]
        if not parts:
            continue
        lines = pl.scan_parquet(piece.paths(parts), hive_partitioning=False)
        bad = lines.filter(pl.col("class").is_in(names), looked_at)
        found = collecting.collect(bad.select(shuffle.FILE.alias("file"), "ordered_at").bottom_k(1, by=_TIME))
        if found.height:
            number, at = found.row(0)
            return number, at
    return None


def _pieces(
    run: RunContext,
    source: PreparedInput,
    formats: Sequence[Formats],
    keys: Mapping[int, str],
    cache: Cache,
    bits: int,
) -> list[KeptLines]:
    """Return pieces with the lines of all files: what earlier runs have read in this way, and the others, read now."""
    entries = kept_lines.known(kept_lines.load(cache), keys, latest=run.settings.input.latest_second)
    there = {number for _, numbers in entries for number in numbers.values()}
    new = [file.number for file in source.files if file.number not in there]
    run.progress.log(
        f"incremental: {len(new):,} of {len(keys):,} file(s) are new or changed, or not read in this way before, and are read"
    )
    if new:
        piece = read_to_keep.read({*new}, run, source, formats, keys, cache, bits)
        entries.append((piece, piece.numbers))
    return settle_kept.settled(cache, entries, bits)


def _days(pieces: Iterable[KeptLines]) -> Days:
    return observation_window.added(piece.days for piece in pieces)
