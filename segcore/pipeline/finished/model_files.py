"""A run's model written to and read from model.json and model/*.parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from segcore import records
from segcore.arrays import Array
from segcore.changes.baseline import DriftBaseline
from segcore.matrix.preparation import Preparation
from segcore.models import stored
from segcore.models.segment_model import SegmentModel
from segcore.models.stored import ModelFile, PublishedModel
from segcore.pipeline.models.labels import Labelled, columns


@dataclass(frozen=True, kw_only=True)
class StoredModel(SegmentModel):
    """A finished run's model.

    Attributes
    ----------
    family, variant : str
    k : int
    names : dict of int to str
        Of the segments.
    baseline : DriftBaseline
        The customers of the fit, to tell drift from.
    """

    family: str
    variant: str
    k: int
    names: dict[int, str]
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
        assigner, arrays = stored.take_apart(model.assigner)
        for key, array in arrays.items():
            _write_array(folder / f"model/{name}.{key}.parquet", array)
        models.append(
            PublishedModel(
                name=name,
                family=model.family,
                variant=model.variant,
                k=model.k,
                assigner=assigner,
                segments=dict(sorted(mapping.items())),
            )
        )
    content = ModelFile(
        preparation=preparation,
        one_time_buyers="separate" if separate else "cluster",
        centres=tuple(map(tuple, labelled.centres.tolist())),
        segment_names=dict(sorted(names.items())),
        models=tuple(models),
        keeping=labelled.keeping,
    )
    records.write(folder, content)


def load(run: Path) -> StoredModel:
    """Read the winner's model of a finished run.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If one of its files is not there or damaged.
    """
    content = records.read(ModelFile, run)
    winner = content.models[0]
    arrays = {key: _read_array(run / f"model/{winner.name}.{key}.parquet") for key in winner.assigner.shapes}
    return StoredModel(
        preparation=content.preparation,
        assigner=stored.put_together(winner.assigner, arrays),
        family=winner.family,
        variant=winner.variant,
        k=winner.k,
        centres=np.asarray(content.centres, dtype=np.float64),
        segments=winner.segments,
        names=content.segment_names,
        separate_one_time=content.one_time_buyers == "separate",
        baseline=records.read(DriftBaseline, run),
        keeping=content.keeping,
    )


def _write_array(path: Path, array: Array) -> None:
    table = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    pl.DataFrame(
        {f"c{place}": np.ascontiguousarray(column) for place, column in enumerate(table.T)}
    ).write_parquet(path)


def _read_array(path: Path) -> Array:
    with records.readable(path):
        return pl.read_parquet(path).to_numpy(order="c")
