"""The run before: an input of the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segcore import errors, job, profile, schema, storage
from segcore.matrix.population import Population, one_time_mask
from segcore.pipeline.finished import apply_model, model_files
from segcore.pipeline.finished.finished_run import at_hand
from segcore.pipeline.finished.model_files import Model
from segcore.selection import verdicts

_MOST_ANCESTORS = 1_000
# What the choice of a model depends on, beside the lines and the seed.
_CHOOSING = ("cleaning", "features", "extra", "matrix", "models", "selection")
# Settings that change no answer, or that the reasons name in words of their own.
_SILENT = ("report", "gate", "lineage", "drift", "matrix.columns", "features.as_of", "input.latest", "extra")


@dataclass(frozen=True, kw_only=True)
class Previous:
    """A finished run that another one follows, or is compared with.

    Attributes
    ----------
    folder : Path
    manifest : dict
    settings : segcore.job.Job
    model : Model
        That labelled its customers: its own, or the frozen one that it scored with.
    """

    folder: Path
    manifest: dict[str, Any]
    settings: job.Job
    model: Model

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


def starts(
    previous: Previous, people: Population, labels: Path
) -> dict[int, Sequence[npt.NDArray[np.float64]]]:
    """Return the previous segments' centres in today's matrix, as a start of K-Means with as many clusters.

    Transforms are fitted anew, so the centres are carried over as means of the sample's customers by the old
    model's labels; there is no start where one of its segments has nobody left in the sample.

    Parameters
    ----------
    previous : Previous
    people : Population
    labels : Path
        Folder that `frozen.label` wrote with the previous model, for the same files of features.
    """
    rows = len(people.sample)
    own: list[pl.Series] = []
    for df, path in zip(people.frames(), apply_model.labels(labels), strict=True):
        kept = pl.Series(~one_time_mask(df, people.separate_one_time))
        own.append(pl.read_parquet(path, columns=["segment"])["segment"].filter(kept))
        if sum(map(len, own)) >= rows:
            break
    segments = pl.concat(own).head(rows).fill_null(0).to_numpy()
    clusters = [s for label, s in sorted(previous.model.segments.items()) if label < previous.model.k]
    members = [people.sample[segments == segment].astype(np.float64) for segment in clusters]
    if len(members) < 2 or not all(len(part) for part in members):
        return {}
    return {len(members): [np.stack([part.mean(axis=0) for part in members])]}


def changes(old: job.Job, new: job.Job, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say what else than the customers is different since a run, features and transforms first.

    Parameters
    ----------
    old, new : segcore.job.Job
    before, after : mapping of str to str
        Versions by package.
    """
    said = [
        _feature(name, old.matrix.columns.get(name), new.matrix.columns.get(name))
        for name in sorted({*old.matrix.columns, *new.matrix.columns})
        if old.matrix.columns.get(name) != new.matrix.columns.get(name)
    ]
    said += [
        f"{name} {before.get(name, 'unknown')} became {after[name]}"
        for name in after
        if before.get(name) != after[name]
    ]
    first, second = _flat(old.model_dump()), _flat(new.model_dump())
    return said + [
        f"the job's {key} changed from {_shown(first.get(key))} to {_shown(second.get(key))}"
        for key in sorted({*first, *second})
        if first.get(key) != second.get(key) and not key.startswith(_SILENT)
    ]


def incumbent(previous: Previous, settings: job.Job) -> tuple[str, str, int] | None:
    """Return the model that stays until the evidence is clear: family, variant and k.

    None where it is no evidence for itself: nothing was admissible then, or the job now asks for other features,
    models or bars, or pins no longer what it pinned.
    """
    then, now = (
        {name: dump[name] for name in _CHOOSING}
        | {"features": {**dump["features"], "as_of": None, "window_from": None}}
        for dump in (previous.settings.model_dump(), settings.model_dump())
    )
    return previous.model.key if previous.manifest["chosen"]["admissible"] and then == now else None


def model_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say in one sentence that another family or number of clusters was chosen, or nothing."""
    then, now = verdicts.called(dict(before)), verdicts.called(dict(after))
    return [] if then == now else [f"{then} was chosen then, {now} now"]


def _feature(name: str, before: str | None, after: str | None) -> str:
    label = schema.feature_of(name).label
    if before is None or after is None:
        return f"the feature {label!r} {'is new to' if before is None else 'has left'} the models"
    return f"the transform of {label!r} changed from {before} to {after}"


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _shown(value: object) -> str:
    return "empty" if value in (None, "", []) else str(value)
