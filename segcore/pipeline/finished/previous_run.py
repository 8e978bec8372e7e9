"""The run before: an input of the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, job, profile, storage
from segcore.pipeline.finished import model_files
from segcore.pipeline.finished.finished_run import at_hand
from segcore.pipeline.finished.model_files import StoredModel

_MOST_ANCESTORS = 1_000


@dataclass(frozen=True, kw_only=True)
class Previous:
    """A finished run that another one follows, or is compared with.

    Attributes
    ----------
    folder : Path
    manifest : dict
    settings : segcore.job.Job
    model : StoredModel
        That labelled its customers: its own, or the frozen one that it scored with.
    """

    folder: Path
    manifest: dict[str, Any]
    settings: job.Job
    model: StoredModel

    @property
    def run_id(self) -> str:
        """What the run is called."""
        return str(self.manifest["run_id"])

    @property
    def next_segment(self) -> int:
        """The next id that no segment of this run or of one before it has had."""
        return int(self.manifest["identity"]["next_segment"])

    @property
    def ancestors(self) -> list[str]:
        """The runs before it whose ids it carries on, the first one first."""
        return list(self.manifest["identity"]["ancestors"])

    @property
    def fitted(self) -> str:
        """The run whose fit the model is."""
        return str(self.manifest["identity"]["fitted"])

    @property
    def names(self) -> dict[int, str]:
        """Names of its segments."""
        return self.model.names

    @property
    def mark(self) -> list[str]:
        """What the next run's fingerprint holds of it."""
        return [self.run_id, str(self.manifest["fingerprint"])]

    @property
    def positions(self) -> Mapping[int, profile.Position]:
        """What the naming rule saw of its segments."""
        return profile.positions_of(pl.read_parquet(self.folder / "profile.parquet"))

    def customers(self) -> pl.LazyFrame:
        """Return ``customer_id``, ``segment`` and ``total_spend`` of its customers."""
        segments = pl.scan_parquet(self.folder / "segments/*.parquet").select("customer_id", "segment")
        spend = pl.scan_parquet(self.folder / "features/*.parquet").select("customer_id", "total_spend")
        return segments.join(spend, on="customer_id")


def load(folder: Path) -> Previous:
    """Read a finished run from its folder.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If an older version made it and it lacks what is needed.
    """
    try:
        manifest = storage.read_json(folder / "manifest.json")
        text = (folder / "job.toml").read_text(encoding="utf-8")
        found = Previous(
            folder=folder,
            manifest=manifest,
            settings=job.resolve(text, source=str(folder / "job.toml")),
            model=model_files.load(folder),
        )
        _ = found.next_segment
    except (OSError, KeyError, errors.JobError) as exc:
        raise errors.InputNotFoundError(
            f"{folder}: the run cannot be followed or compared, it lacks {exc}; make it again with this version"
        ) from exc
    return found


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
        return load(open_.enter_context(at_hand(given)))
    if storage.latest_run(out) is None:
        return None
    try:
        return load(open_.enter_context(at_hand(out)))
    except errors.InputNotFoundError as exc:
        warn(f"no previous run is followed: {exc}")
        return None


def untidied(out: storage.Place, stages: storage.Place) -> dict[str, Any] | None:
    """Return the mark and the fingerprint of a published run whose stages are still there: it was killed at its end."""
    latest = storage.latest_run(out)
    if latest is None:
        return None
    manifest = storage.manifest(out, latest)
    if not storage.exists(storage.join(stages, str(manifest["fingerprint"]), storage.CLOCK)):
        return None
    return {"fingerprint": manifest["fingerprint"], "mark": manifest.get("identity", {}).get("previous_mark")}


def identity(previous: Previous | None, next_segment: int, fitted: str) -> dict[str, Any]:
    """Return what the manifest says of a run's place in the line."""
    before = [] if previous is None else [*previous.ancestors, previous.run_id]
    return {
        "previous": before[-1] if before else None,
        "previous_mark": None if previous is None else previous.mark,
        "next_segment": next_segment,
        "fitted": fitted,
        "ancestors": before[-_MOST_ANCESTORS:],
    }
