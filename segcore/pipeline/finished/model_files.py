"""model.json and model/*.parquet: everything that labels new data as the run did, in plain files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from segcore import errors, records, storage
from segcore.arrays import Array, Floats
from segcore.changes.baseline import DriftBaseline
from segcore.matrix.preparation import Preparation
from segcore.models import state
from segcore.models.assignment import Assigner
from segcore.pipeline.models.labels import Labelled, columns


@dataclass(frozen=True, kw_only=True)
class Model:
    """A finished run's model.

    Attributes
    ----------
    preparation : Preparation
    assigner : Assigner
        Of the winner.
    family, variant : str
    k : int
    centres : ndarray of shape (k, n_features)
        Standardised units; distances are measured from them.
    segments : dict of int to int
        Label to segment.
    names : dict of int to str
        Of the segments.
    separate_one_time : bool
        Whether customers with one order are a segment by rule: the one of the label ``k``.
    baseline : DriftBaseline
        The customers of the fit, to tell drift from.
    """

    preparation: Preparation
    assigner: Assigner
    family: str
    variant: str
    k: int
    centres: Floats
    segments: dict[int, int]
    names: dict[int, str]
    separate_one_time: bool
    baseline: DriftBaseline

    @property
    def key(self) -> tuple[str, str, int]:
        """What identifies the winner among candidates."""
        return self.family, self.variant, self.k


def save(
    folder: Path,
    preparation: Preparation,
    labelled: Labelled,
    names: dict[int, str],
    baseline: DriftBaseline,
    *,
    separate: bool,
) -> None:
    """Write model.json, the arrays of every published model and the baseline of drift."""
    (folder / "model").mkdir()
    records.write(folder, baseline)
    models = []
    for name, model, mapping in zip(
        columns(labelled.models), labelled.models, labelled.segments, strict=True
    ):
        described, arrays = state.to_state(model.assigner)
        for key, array in arrays.items():
            _write_array(folder / f"model/{name}.{key}.parquet", array)
        models.append(
            {
                "name": name,
                "family": model.family,
                "variant": model.variant,
                "k": model.k,
                "assigner": described,
                "segments": [[label, segment] for label, segment in sorted(mapping.items())],
            }
        )
    storage.write_json(
        folder / "model.json",
        {
            "preparation": preparation.state(),
            "one_time_buyers": "separate" if separate else "cluster",
            "centres": labelled.centres.tolist(),
            "segment_names": [[segment, name] for segment, name in sorted(names.items())],
            "models": models,
        },
    )


def load(run: Path) -> Model:
    """Read the winner's model of a finished run.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the folder is no finished run.
    """
    if not (run / "manifest.json").is_file():
        raise errors.InputNotFoundError(f"{run}: no finished run; name a folder that holds manifest.json")
    data = storage.read_json(run / "model.json")
    winner = data["models"][0]
    shapes = winner["assigner"]["shapes"]
    arrays = {key: _read_array(run / f"model/{winner['name']}.{key}.parquet") for key in shapes}
    return Model(
        preparation=Preparation.from_state(data["preparation"]),
        assigner=state.from_state(winner["assigner"], arrays),
        family=winner["family"],
        variant=winner["variant"],
        k=winner["k"],
        centres=np.asarray(data["centres"], dtype=np.float64),
        segments=dict(winner["segments"]),
        names=dict(data["segment_names"]),
        separate_one_time=data["one_time_buyers"] == "separate",
        baseline=records.read(DriftBaseline, run),
    )


def _write_array(path: Path, array: Array) -> None:
    table = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    pl.DataFrame(
        {f"c{place}": np.ascontiguousarray(column) for place, column in enumerate(table.T)}
    ).write_parquet(path)


def _read_array(path: Path) -> Array:
    return pl.read_parquet(path).to_numpy(order="c")
