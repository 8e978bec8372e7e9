"""What was fitted and chosen, in plain files: it takes half a minute to make, and a run that resumes reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from segcore.arrays import Array
from segcore.models import stored
from segcore.models.candidate import Candidate
from segcore.models.keeping import Keeping
from segcore.models.stored import StoredAssigner
from segcore.pipeline.models.model_selection import Selection
from segcore.records.fit_figures import KMeansFigures, PinnedCost, StructureTest
from segcore.storage import read_json, write_json

_ASSIGNER: TypeAdapter[StoredAssigner] = TypeAdapter(StoredAssigner)
_PASSES: TypeAdapter[tuple[KMeansFigures, ...]] = TypeAdapter(tuple[KMeansFigures, ...])
_STRUCTURE: TypeAdapter[StructureTest | None] = TypeAdapter(StructureTest | None)
_COST: TypeAdapter[PinnedCost | None] = TypeAdapter(PinnedCost | None)

_KEEPING: TypeAdapter[Keeping] = TypeAdapter(Keeping)


def save(folder: Path, selection: Selection) -> None:
    """Write a selection."""
    selection.table.write_parquet(folder / "table.parquet")
    selection.agreement.write_parquet(folder / "agreement.parquet")
    selection.tree.write_parquet(folder / "tree.parquet")
    # By the array itself: models that vote among the same points hold the same one, and share a search of it.
    arrays: dict[str, Array] = {}
    facts = {
        "published": [_take_apart(model, arrays) for model in selection.published],
        "kmeans": [_take_apart(model, arrays) for model in selection.kmeans],
        "passes": _PASSES.dump_python(selection.passes),
        "structure": _STRUCTURE.dump_python(selection.structure),
        "pinned_cost": _COST.dump_python(selection.pinned_cost),
        "keeping": _KEEPING.dump_python(selection.keeping),
    }
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]  # its stubs take `allow_pickle` for an array
    write_json(folder / "selection.json", facts)


def load(folder: Path) -> Selection:
    """Read what :func:`save` wrote."""
    with np.load(folder / "arrays.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    facts = read_json(folder / "selection.json")
    return Selection(
        table=pl.read_parquet(folder / "table.parquet"),
        agreement=pl.read_parquet(folder / "agreement.parquet"),
        tree=pl.read_parquet(folder / "tree.parquet"),
        published=_put_together(facts["published"], arrays),
        kmeans=_put_together(facts["kmeans"], arrays),
        passes=_PASSES.validate_python(facts["passes"]),
        structure=_STRUCTURE.validate_python(facts["structure"]),
        pinned_cost=_COST.validate_python(facts["pinned_cost"]),
        keeping=_KEEPING.validate_python(facts["keeping"]),
    )


def _take_apart(model: Candidate, arrays: dict[str, Array]) -> dict[str, Any]:
    assigner, parts = stored.take_apart(model.assigner)
    arrays |= {str(id(array)): array for array in parts.values()}
    known = {field.name: getattr(model, field.name) for field in fields(model)}
    names = {name: str(id(array)) for name, array in parts.items()}
    return known | {"assigner": asdict(assigner), "arrays": names}


def _put_together(models: Iterable[dict[str, Any]], arrays: dict[str, Array]) -> tuple[Candidate, ...]:
    candidates = []
    for known in models:
        parts = {name: arrays[key] for name, key in known.pop("arrays").items()}
        assigner = _ASSIGNER.validate_python(known["assigner"])
        candidates.append(Candidate(**known | {"assigner": stored.put_together(assigner, parts)}))
    return tuple(candidates)
