"""Confidence: by hand, as a law, and against a truth that is drawn anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.arrays import Floats
from segcore.evaluation.keeping import matched, measure
from segcore.evaluation.refit import ModelSpec, Target, refit_each
from segcore.models.assignment import NearestCentre
from segcore.models.keeping import NOT_MEASURED, Keeping
from tests.benchmarks.audit import confidence
from tests.benchmarks.audit.data import Data


def target(family: str, variant: str, k: int) -> Target:
    return ModelSpec.of(family, variant, job.Models()), k


def groups(n: int, seed: tuple[int, ...]) -> Floats:
    """Four groups that overlap."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [2.2, 0, 0], [0, 2.4, 0], [1.5, 1.5, 2]])
    return np.asarray(centres[rng.integers(0, 4, n)] + rng.normal(size=(n, 3)))


def test_a_map_is_straight_between_its_points_and_flat_beyond() -> None:
    known = Keeping(margins=(0.25, 0.75), shares=(0.5, 1.0))
    margin = np.array([0.0, 0.25, 0.5, 0.75, 1.0], dtype=np.float32)
    assert known.confidence(margin).tolist() == [0.5, 0.5, 0.75, 1, 1]
    assert known.confidence(margin).dtype == np.float32
    assert NOT_MEASURED.confidence(margin).tolist() == margin.tolist()


def test_partitions_are_matched_so_that_most_rows_stay() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)
    others = np.array([2, 2, 1, 0, 0, 0], dtype=np.int32)
    # 2 is 0 (two rows); 0 is 1 (two rows) and not 2 (one), which leaves 2 for 1.
    assert matched(labels, others, 3).tolist() == [0, 0, 2, 1, 1, 1]


@given(st.integers(1, 6), st.integers(0, 1_000))
def test_names_of_segments_do_not_matter(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 30).astype(np.int32)
    named = rng.permutation(k).astype(np.int32)[labels]
    assert matched(labels, named, k).tolist() == labels.tolist()


def test_segments_far_apart_are_kept_for_certain() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(place, 0.1, (60, 2)) for place in (0, 9)])[rng.permutation(120)]
    model = NearestCentre(centres=np.array([[0.0, 0.0], [9.0, 9.0]]))
    known = measure(model, target("kmeans", "", 2), X, len(X), seed=0)
    assert set(known.shares) == {1.0}


def test_it_rises_with_the_margin_and_repeats() -> None:
    X = groups(400, (0,))
    asked = target("mixture", "diag", 4)
    model = refit_each([asked], X, 0)[asked].assigner
    known = measure(model, asked, X, len(X), seed=0)
    assert known == measure(model, asked, X, len(X), seed=0)
    assert known != measure(model, asked, X, len(X), seed=1)
    assert list(known.shares) == sorted(known.shares)
    assert 0 <= known.shares[0] < known.shares[-1] <= 1


def test_fewer_rows_than_a_refit_needs_say_nothing() -> None:
    X = np.array([[0.0], [5.0], [6.0]])
    model = NearestCentre(centres=np.array([[0.0], [5.5]]))
    assert measure(model, target("kmeans", "", 2), X, 3, seed=0) == NOT_MEASURED


@pytest.mark.parametrize(
    ("family", "variant"),
    [
        ("kmeans", ""),
        *(
            pytest.param(*own, marks=pytest.mark.slow)
            for own in (("mixture", "full"), ("hierarchical", "ward"))
        ),
    ],
)
def test_it_is_the_share_that_fits_to_other_customers_keep(family: str, variant: str) -> None:
    asked, n, n_others = target(family, variant, 4), 1_500, 15
    said, kept = [], []
    for world in range(8):
        X = groups(n, (world, 0))
        model = refit_each([asked], X, world)[asked].assigner
        known = measure(model, asked, X, n, seed=world)
        judged = groups(2_000, (world, 1))
        labels, margin = model.assign(judged)
        said.append(known.confidence(margin).astype(np.float64))
        again = [
            refit_each([asked], groups(n, (world, 2, i)), i)[asked].assigner.assign(judged)[0]
            for i in range(n_others)
        ]
        kept.append(np.mean([matched(labels, other, 4) == labels for other in again], axis=0))
    confidence, share = np.concatenate(said), np.concatenate(kept)
    bins = np.digitize(confidence, [0.7, 0.9, 0.97])
    gaps = {
        b: confidence[bins == b].mean() - share[bins == b].mean() for b in range(4) if (bins == b).sum() > 100
    }
    assert len(gaps) >= 2
    assert max(map(abs, gaps.values())) <= 0.03, gaps


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_is_the_share_that_fits_to_other_real_customers_keep(online_retail: Path, tmp_path: Path) -> None:
    world = confidence.thirds(Data(str(online_retail), tmp_path).matrix)
    found = confidence.gaps(*confidence.compared(world, target("kmeans", "", 4), 20))
    assert len(found) == 4
    for said, kept, error in found:
        assert error < 0.02
        assert abs(said - kept) <= 0.03, found
