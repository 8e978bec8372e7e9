"""What is different between two runs beside their customers: jobs, versions, the chosen model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcore import job, schema
from segcore.pipeline.finished.previous_run import Previous
from segcore.records.fit_figures import ChosenModel
from segcore.selection import verdicts

# What the choice of a model depends on, beside the lines and the seed.
_CHOOSING = ("cleaning", "features", "extra", "matrix", "models", "selection")


# Settings that change no answer, or that the reasons name in words of their own.
_SILENT = (
    "report",
    "gate",
    "lineage",
    "look_back",
    "outlook",
    "rfm",
    "drift",
    "matrix.columns",
    "features.as_of",
    "input.latest",
    "input.incremental",
    "extra",
)


def changes(old: job.Job, new: job.Job, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say what else than the customers is different since a run, features and transforms first.

    Parameters
    ----------
    old, new : segcore.job.Job
    before, after : mapping of str to str
        Versions by package.
    """
    texts = [
        _feature(name, old.matrix.columns.get(name), new.matrix.columns.get(name))
        for name in sorted({*old.matrix.columns, *new.matrix.columns})
        if old.matrix.columns.get(name) != new.matrix.columns.get(name)
    ]
    texts += [
        f"{name} {before.get(name, 'unknown')} became {after[name]}"
        for name in after
        if before.get(name) != after[name]
    ]
    first, second = _flat(old.model_dump()), _flat(new.model_dump())
    return texts + [
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
    return previous.model.key if previous.manifest.chosen.admissible and then == now else None


def model_change(before: ChosenModel, after: ChosenModel) -> list[str]:
    """Return in one sentence that another family or number of clusters was chosen, or nothing."""
    then, now = verdicts.called(vars(before)), verdicts.called(vars(after))
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
