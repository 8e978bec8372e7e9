"""What a finished run stores of a model: a small dict for model.json and plain arrays, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segcore import errors
from segcore.arrays import Array, Floats
from segcore.models.assignment import Assigner, NearestCentre, NearestNeighbours, Posterior

Arrays = dict[str, Array]


def to_state(assigner: Assigner) -> tuple[dict[str, Any], Arrays]:
    """Take a model apart.

    Parameters
    ----------
    assigner : NearestCentre, Posterior or NearestNeighbours

    Returns
    -------
    state : dict
        JSON-able: the kind, its scalar settings and the shapes of its arrays.
    arrays : dict of ndarray
        Each of one or two dimensions, as a table file holds them.
    """
    arrays: Arrays
    match assigner:
        case NearestCentre():
            state: dict[str, Any] = {"kind": "nearest_centre"}
            arrays = {"centres": assigner.centres}
        case Posterior():
            state = {"kind": "posterior", "covariance_type": assigner.covariance_type}
            arrays = {
                "weights": assigner.weights,
                "means": assigner.means,
                "covariances": assigner.covariances,
            }
        case NearestNeighbours():
            state = {"kind": "nearest_neighbours", "n_neighbors": assigner.n_neighbors}
            arrays = {"points": assigner.points, "labels": assigner.labels}
    state["shapes"] = {name: list(array.shape) for name, array in arrays.items()}
    return state, {name: _flat(array) for name, array in arrays.items()}


def from_state(state: Mapping[str, Any], arrays: Mapping[str, Array]) -> Assigner:
    """Put a model together again.

    Parameters
    ----------
    state, arrays
        As `to_state` returned them.

    Raises
    ------
    segcore.errors.DataError
        If an array is missing, has another size, or the kind is unknown.
    """
    kind = state.get("kind")
    if kind == "nearest_centre":
        return NearestCentre(centres=_floats("centres", state, arrays))
    if kind == "posterior":
        return Posterior(
            weights=_floats("weights", state, arrays),
            means=_floats("means", state, arrays),
            covariances=_floats("covariances", state, arrays),
            covariance_type=state["covariance_type"],
        )
    if kind == "nearest_neighbours":
        return NearestNeighbours(
            points=_floats("points", state, arrays),
            labels=_array("labels", state, arrays).astype(np.int32),
            n_neighbors=state["n_neighbors"],
        )
    raise errors.DataError(
        f"stored model: kind {kind!r} is unknown, expected nearest_centre, posterior or nearest_neighbours;"
        " score with the version that made the run"
    )


def _flat(array: Array) -> Array:
    return array if array.ndim <= 2 else array.reshape(-1, array.shape[-1])


def _floats(name: str, state: Mapping[str, Any], arrays: Mapping[str, Array]) -> Floats:
    # Not copied where it need not be: models that vote among the same points share one search.
    return _array(name, state, arrays).astype(np.float64, copy=False)


def _array(name: str, state: Mapping[str, Any], arrays: Mapping[str, Array]) -> Array:
    shape = tuple(state["shapes"][name])
    if name not in arrays:
        raise errors.DataError(
            f"stored model: array {name!r} is missing, found {errors.listing(arrays)}; the run is not complete"
        )
    if arrays[name].size != np.prod(shape):
        raise errors.DataError(
            f"stored model: array {name!r} has {arrays[name].size} numbers, expected {shape};"
            " the run's files were changed"
        )
    return arrays[name] if arrays[name].shape == shape else arrays[name].reshape(shape)
