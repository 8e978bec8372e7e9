"""What was fitted and chosen is read as it was written, by a start that resumes."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from segcore import job
from segcore.models import sweeping
from segcore.models.assignment import NearestNeighbours
from segcore.models.keeping import Keeping
from segcore.pipeline.models import checkpoints
from segcore.pipeline.models.model_selection import Selection
from segcore.records.fit_figures import CandidateFigures, KMeansFigures, PinnedCost

FIGURES = CandidateFigures(
    family="kmeans",
    variant="",
    k=2,
    admissible=True,
    silhouette=0.1 + 0.2,
    prediction_strength=None,
    smallest_share=0.25,
)


def test_a_selection_is_read_as_it_was_written(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    settings = job.Models(k_min=2, k_max=3, restarts=2, mixture_restarts=1)
    candidates = sweeping.sweep(da.from_array(X, chunks=(30, 2)), X, settings, 0).candidates
    selection = Selection(
        table=pl.DataFrame({"k": [2], "jaccard": [[0.5, 1.0]]}),
        published=tuple(candidates),
        kmeans=tuple(c for c in candidates if c.family == "kmeans"),
        passes=(KMeansFigures(k=2, n_iter=3, n_passes=4, seconds=0.1 + 0.2),),
        agreement=pl.DataFrame({"a": ["x"], "b": ["y"], "adjusted_rand": [0.25]}),
        tree=pl.DataFrame(),
        structure=None,
        pinned_cost=PinnedCost(pinned=FIGURES, by_rule=FIGURES, sentence="Nothing."),
        keeping=Keeping(margins=(0.1, 0.2), shares=(0.3, 1.0)),
    )
    checkpoints.save(tmp_path, selection)
    stored = checkpoints.load(tmp_path)
    for frame in ("table", "agreement", "tree"):
        assert_frame_equal(getattr(stored, frame), getattr(selection, frame))
    assert [c.key for c in stored.kmeans] == [c.key for c in selection.kmeans]
    assert stored.keeping == selection.keeping
    assert (stored.passes, stored.structure, stored.pinned_cost) == (
        selection.passes,
        None,
        selection.pinned_cost,
    )
    assert {c.family for c in stored.published} == {"kmeans", "hierarchical", "mixture"}
    for model, before in zip(stored.published, selection.published, strict=True):
        assert (model.key, model.note, model.bic, model.seconds) == (
            before.key,
            before.note,
            before.bic,
            before.seconds,
        )
        for own, other in zip(model.assigner.assign(X), before.assigner.assign(X), strict=True):
            np.testing.assert_array_equal(own, other)
    # Those that vote among the same points share them again, so that one search serves all.
    voters = [c.assigner for c in stored.published if isinstance(c.assigner, NearestNeighbours)]
    assert len(voters) > 1
    assert len({id(voter.points) for voter in voters}) == 1
