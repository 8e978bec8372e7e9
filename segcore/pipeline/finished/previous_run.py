"""The run before: an input of the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from segcore import errors, job, profile, records, storage
from segcore.changes.ancestors import Ancestor
from segcore.changes.movement import ACTS
from segcore.pipeline.finished import model_files, retired
from segcore.pipeline.finished.finished_run import local_copy, read_job
from segcore.pipeline.finished.model_files import StoredModel
from segcore.records import Manifest
from segcore.records.manifest import Ancestry

_MOST_ANCESTORS = 1_000


@dataclass(frozen=True, kw_only=True)
class Previous:
    """A finished run that another one follows, or is compared with.

    Attributes
    ----------
    folder : Path
    manifest : Manifest
    settings : segcore.job.Job
    model : StoredModel
        That labelled its customers: its own, or the frozen one that it scored with.
    """

    folder: Path
    manifest: Manifest
    settings: job.Job
    model: StoredModel

    @property
    def run_id(self) -> str:
        """What the run is called."""
        return self.manifest.run_id

    @property
    def next_segment(self) -> int:
        """The next id that no segment of this run or of one before it has had."""
        return self.manifest.identity.next_segment

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The runs before it whose ids it carries on, the first one first."""
        return self.manifest.identity.ancestors

    @property
    def fitted(self) -> str:
        """The run whose fit the model is."""
        return self.manifest.identity.fitted

    @property
    def names(self) -> dict[int, str]:
        """Names of its segments."""
        return self.model.names

    @property
    def mark(self) -> list[str]:
        """What the next run's fingerprint holds of it."""
        return [self.run_id, self.manifest.fingerprint]

    @property
    def named(self) -> Mapping[int, profile.Named]:
        """How its segments are named, and what the naming rule saw of them."""
        return profile.named_before(profile.load(self.folder))

    @property
    def retired(self) -> tuple[Ancestor, ...]:
        """The runs before it whose segments it no longer has."""
        return retired.load(self.folder)

    @property
    def features(self) -> list[Path]:
        """Its customers' features, in hash order."""
        return sorted((self.folder / "features").glob("*.parquet"))

    @property
    def as_of(self) -> datetime:
        """The time that its customers' recency counts from."""
        return datetime.fromisoformat(self.manifest.as_of)

    def customers(self, within: pl.Expr, *, beside: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Return ``customer_id``, ``segment``, ``total_spend`` and what tells whether a customer has done anything since.

        Parameters
        ----------
        within : polars.Expr
            Whether a customer is one of those that are asked for, by ``customer_id``.
        beside : polars.LazyFrame, optional
            More columns of the same customers, in the order of their features.
        """
        segments = pl.scan_parquet(self.folder / "segments/*.parquet").select("customer_id", "segment")
        features = pl.scan_parquet(self.features)
        there = features.collect_schema().names()
        kept = [name for name in ("total_spend", *ACTS) if name in there]
        frames = [features.select("customer_id", *kept), *([] if beside is None else [beside])]
        # Each side by itself: a join holds one of them.
        return segments.filter(within).join(
            pl.concat(frames, how="horizontal").filter(within), on="customer_id"
        )


def load(folder: Path) -> Previous:
    """Read a finished run from its folder.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If an older version made it and it lacks what is needed.
    """
    manifest = records.read(Manifest, folder)
    return Previous(
        folder=folder, manifest=manifest, settings=read_job(folder), model=model_files.load(folder)
    )


def of(
    out: storage.Place, given: storage.Place | None, open_: ExitStack, *, warn: Callable[[str], None]
) -> Previous | None:
    """Return the run that a new one in `out` follows: the given one, else the latest, else none.

    Parameters
    ----------
    out : path or URL
    given : path or URL, optional
    open_ : ExitStack
        Keeps a run at hand that had to be fetched.
    warn : callable

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the given one is no finished run.
    """
    if given is not None:
        return load(open_.enter_context(local_copy(given)))
    try:
        if storage.latest_run(out) is None:
            return None
        return load(open_.enter_context(local_copy(out)))
    except errors.InputNotFoundError as exc:
        warn(f"no previous run is followed: {exc}")
        return None


def unfinished(out: storage.Place, stages: storage.Place) -> Manifest | None:
    """Return the manifest of a published run whose stages are still there: it was killed while it tidied up."""
    try:
        latest = storage.latest_run(out)
        if latest is None:
            return None
        manifest = records.read(Manifest, storage.run_place(out, latest))
    except errors.InputNotFoundError:
        return None  # what cannot be read is not resumed
    return manifest if storage.exists(storage.join(stages, manifest.fingerprint, storage.CLOCK)) else None


def identity(previous: Previous | None, next_segment: int, fitted: str) -> Ancestry:
    """Return a run's place in the line of runs."""
    ancestors = () if previous is None else (*previous.ancestors, previous.run_id)
    return Ancestry(
        previous=ancestors[-1] if ancestors else None,
        previous_mark=None if previous is None else tuple(previous.mark),
        next_segment=next_segment,
        fitted=fitted,
        ancestors=ancestors[-_MOST_ANCESTORS:],
    )
