"""What the stages from the models on leave in their folders, in plain files, and how later stages read it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from segcore.arrays import Array
from segcore.models import stored
from segcore.models.candidate import Candidate, Sweep
from segcore.models.kmeans import KMeansFit
from segcore.models.stored import StoredAssigner
from segcore.pipeline.models.labels import Labelled
from segcore.pipeline.models.model_selection import Compared
from segcore.records.manifest import PinnedCost, StructureTest
from segcore.storage import read_json, write_json

_ARRAYS = "arrays.npz"
_STRUCTURE: TypeAdapter[StructureTest | None] = TypeAdapter(StructureTest | None)
_COST: TypeAdapter[PinnedCost | None] = TypeAdapter(PinnedCost | None)


class _Arrays:
    """Arrays by a digest of what they hold, so that what many models share is stored and read once."""

    def __init__(self, stored: dict[str, Array] | None = None) -> None:
        self._stored = stored or {}

    def put(self, array: Array) -> str:
        digest = hashlib.sha256(
            f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
        )
        name = digest.hexdigest()[:32]
        self._stored[name] = array
        return name

    def get(self, name: str) -> Array:
        return self._stored[name]

    def save(self, folder: Path) -> None:
        with open(folder / _ARRAYS, "wb") as file:
            np.savez(file, **self._stored)  # type: ignore[arg-type]  # its stubs take `allow_pickle` for an array

    @classmethod
    def load(cls, folder: Path) -> _Arrays:
        with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
            return cls({name: stored[name] for name in stored.files})


def save_sweep(folder: Path, sweep: Sweep) -> None:
    """Write every fitted candidate, the K-Means fits and the trees."""
    arrays = _Arrays()
    candidates = []
    for candidate in sweep.candidates:
        assigner, parts = stored.take_apart(candidate.assigner)
        known = {name: value for name, value in _plain(candidate).items() if name != "assigner"}
        names = {key: arrays.put(array) for key, array in parts.items()}
        candidates.append({"candidate": known, "assigner": asdict(assigner), "arrays": names})
    fits = [
        {name: arrays.put(v) if isinstance(v, np.ndarray) else v for name, v in _plain(fit).items()}
        for fit in sweep.kmeans.values()
    ]
    trees = {linkage: arrays.put(Z) for linkage, Z in sweep.trees.items()}
    arrays.save(folder)
    write_json(
        folder / "sweep.json",
        {"candidates": candidates, "kmeans": fits, "trees": trees, "notes": sweep.notes},
    )


def load_sweep(folder: Path) -> Sweep:
    """Read what :func:`save_sweep` wrote."""
    arrays, data = _Arrays.load(folder), read_json(folder / "sweep.json")
    candidates = []
    for entry in data["candidates"]:
        parts = {key: arrays.get(name) for key, name in entry["arrays"].items()}
        shapes = {key: tuple(shape) for key, shape in entry["assigner"]["shapes"].items()}
        assigner = stored.put_together(StoredAssigner(**entry["assigner"] | {"shapes": shapes}), parts)
        candidates.append(Candidate(assigner=assigner, **entry["candidate"]))
    fits = [
        KMeansFit(**fit | {name: arrays.get(fit[name]) for name in ("centres", "counts")})
        for fit in data["kmeans"]
    ]
    return Sweep(
        candidates=candidates,
        kmeans={fit.k: fit for fit in fits},
        trees={linkage: arrays.get(name) for linkage, name in data["trees"].items()},
        notes=data["notes"],
    )


def save_compared(folder: Path, compared: Compared) -> None:
    """Write the table of all candidates and what was chosen."""
    arrays = _Arrays()
    compared.table.write_parquet(folder / "table.parquet")
    compared.agreement.write_parquet(folder / "agreement.parquet")
    data = {
        "labels": [arrays.put(own) for own in compared.labels],
        "published": [compared.candidates.index(model) for model in compared.published],
        "structure": _STRUCTURE.dump_python(compared.structure),
        "pinned_cost": _COST.dump_python(compared.pinned_cost),
    }
    arrays.save(folder)
    write_json(folder / "compared.json", data)


def load_compared(folder: Path, sweep: Sweep) -> Compared:
    """Read what :func:`save_compared` wrote."""
    arrays, data = _Arrays.load(folder), read_json(folder / "compared.json")
    return Compared(
        candidates=sweep.candidates,
        table=pl.read_parquet(folder / "table.parquet"),
        labels=[arrays.get(name) for name in data["labels"]],
        published=tuple(sweep.candidates[place] for place in data["published"]),
        agreement=pl.read_parquet(folder / "agreement.parquet"),
        structure=_STRUCTURE.validate_python(data["structure"]),
        pinned_cost=_COST.validate_python(data["pinned_cost"]),
    )


def save_labelled(folder: Path, labelled: Labelled) -> None:
    """Write what is not in the files of labels themselves."""
    arrays = _Arrays()
    centres = arrays.put(labelled.centres)
    arrays.save(folder)
    segments = [sorted(mapping.items()) for mapping in labelled.segments]
    write_json(
        folder / "labelled.json",
        {"files": [path.name for path in labelled.files], "centres": centres, "segments": segments},
    )


def load_labelled(folder: Path, compared: Compared) -> Labelled:
    """Read what :func:`save_labelled` wrote."""
    data = read_json(folder / "labelled.json")
    return Labelled(
        files=tuple(folder / name for name in data["files"]),
        models=compared.published,
        centres=_Arrays.load(folder).get(data["centres"]),
        segments=tuple(dict(pairs) for pairs in data["segments"]),
    )


def _plain(result: Candidate | KMeansFit) -> dict[str, Any]:
    return {field.name: getattr(result, field.name) for field in fields(result)}
