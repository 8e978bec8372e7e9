"""model.json, and the arrays beside it: what labels new customers as a run did, in plain files and without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from segcore import errors
from segcore.arrays import Array
from segcore.matrix.preparation import Preparation
from segcore.models.assignment import Assigner, NearestCentre, NearestNeighbours, Posterior
from segcore.models.keeping import NOT_MEASURED, Keeping
from segcore.records import RunFile
from segcore.records.files import Pairs

Kind = Literal["nearest_centre", "posterior", "nearest_neighbours"]

_KINDS: dict[Kind, Any] = {
    "nearest_centre": NearestCentre,
    "posterior": Posterior,
    "nearest_neighbours": NearestNeighbours,
}


@dataclass(frozen=True, kw_only=True)
class StoredAssigner:
    """What is known of an assigner beside its arrays.

    Attributes
    ----------
    kind : {"nearest_centre", "posterior", "nearest_neighbours"}
    shapes : dict of str to tuple of int
        Of its arrays, which are stored with one or two dimensions, as a table file holds them.
    covariance_type : str or None
        Of a posterior.
    n_neighbors : int or None
        Of nearest neighbours.
    """

    kind: Kind
    shapes: dict[str, tuple[int, ...]]
    covariance_type: str | None = None
    n_neighbors: int | None = None


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A model that labels everybody: the winner, or the best of another family.

    Attributes
    ----------
    name : str
        Of its column in segments/, and what the files of its arrays begin with.
    family, variant : str
    k : int
    assigner : StoredAssigner
    segments : dict of int to int
        Label to segment.
    """

    name: str
    family: str
    variant: str
    k: int
    assigner: StoredAssigner
    segments: Pairs[int, int]


@dataclass(frozen=True, kw_only=True)
class ModelFile(RunFile):
    """What labels new customers.

    Attributes
    ----------
    preparation : Preparation
    one_time_buyers : {"cluster", "separate"}
        Whether customers with one order are a segment by rule, with the label after the winner's last.
    centres : tuple of tuple of float
        Of the winner, standardised units; distances are measured from them.
    segment_names : dict of int to str
    models : tuple of PublishedModel
        The winner first.
    keeping : segcore.models.keeping.Keeping
        Makes a confidence of the winner's margin; a run made before it was measured gives the margin.
    """

    FILE = "model.json"

    preparation: Preparation
    one_time_buyers: Literal["cluster", "separate"]
    centres: tuple[tuple[float, ...], ...]
    segment_names: Pairs[int, str]
    models: tuple[PublishedModel, ...]
    keeping: Keeping = NOT_MEASURED


def take_apart(assigner: Assigner) -> tuple[StoredAssigner, dict[str, Array]]:
    """Return what is known of an assigner, and its arrays as tables: of one or two dimensions."""
    parts = {field.name: getattr(assigner, field.name) for field in fields(assigner)}
    arrays = {name: part for name, part in parts.items() if isinstance(part, np.ndarray)}
    stored = StoredAssigner(
        kind=next(kind for kind, of_kind in _KINDS.items() if isinstance(assigner, of_kind)),
        shapes={name: array.shape for name, array in arrays.items()},
        **{name: part for name, part in parts.items() if name not in arrays},
    )
    return stored, {name: a if a.ndim <= 2 else a.reshape(-1, a.shape[-1]) for name, a in arrays.items()}


def put_together(stored: StoredAssigner, arrays: Mapping[str, Array]) -> Assigner:
    """Return the assigner again.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If an array is missing or has another size.
    """
    settings = {"covariance_type": stored.covariance_type, "n_neighbors": stored.n_neighbors}
    parts = {name: _array(name, stored, arrays) for name in stored.shapes}
    assigner: Assigner = _KINDS[stored.kind](
        **parts, **{name: value for name, value in settings.items() if value is not None}
    )
    return assigner


def _array(name: str, stored: StoredAssigner, arrays: Mapping[str, Array]) -> Array:
    shape = stored.shapes[name]
    if name not in arrays:
        raise errors.InputNotFoundError(
            f"stored model: array {name!r} is missing, found {errors.listing(arrays)}; the run is not complete"
        )
    if arrays[name].size != np.prod(shape):
        raise errors.InputNotFoundError(
            f"stored model: array {name!r} has {arrays[name].size} numbers, expected {shape};"
            " the run's files were changed"
        )
    # Not copied where it need not be: models that vote among the same points share one search.
    array = arrays[name].astype(np.int32 if name == "labels" else np.float64, copy=False)
    return array if array.shape == shape else array.reshape(shape)
