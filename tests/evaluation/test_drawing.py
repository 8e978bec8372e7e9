"""How stability is drawn and summed up: when a candidate is settled, errors, tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcore import job
from segcore.evaluation import halving, sequential, stability
from segcore.evaluation.refit import ModelSpec
from segcore.evaluation.stability import Stability

FOUR = ModelSpec(family="kmeans"), 4


def scores(*rows: Any) -> Any:
    return np.array([np.atleast_1d(row) for row in rows], dtype=float)


@pytest.mark.parametrize(
    ("rows", "clear"),
    [
        # The errors of the mean of these are 0.125, so that three of them are 0.375.
        ([0.875, 1.125], True),
        ([0.75, 1.0], False),  # 0.875 is just three errors above 0.5
        ([0.0, 0.25], False),  # and 0.125 just three below
        ([-0.01, 0.24], True),
        ([0.5, 0.75], False),
        ([0.9], False),  # one draw says nothing
    ],
)
def test_a_score_is_clear_beyond_three_standard_errors(rows: list[float], clear: bool) -> None:
    assert sequential._clear(scores(*rows), 0.5) is clear


def test_one_segment_clearly_below_settles_it_and_above_all_have_to_be() -> None:
    below, above, near = [0.1, 0.1], [0.9, 0.9], [0.4, 0.6]
    assert sequential._clear(scores(*zip(below, near, above, strict=True)), 0.5)
    assert not sequential._clear(scores(*zip(near, above, strict=True)), 0.5)
    assert sequential._clear(scores(*zip(above, above, strict=True)), 0.5)
    assert not sequential._clear(scores(*zip([0.5, 0.5], above, strict=True)), 0.5)


def test_the_standard_error_of_a_mean() -> None:
    assert sequential.standard_error(scores(1, 2, 3, 4)) == pytest.approx(np.sqrt(5 / 3) / 2)


@pytest.mark.parametrize(("n", "least", "looks"), [(20, 3, [3, 9, 15]), (8, 12, []), (12, 12, [12])])
def test_looks_come_after_the_least_number_of_draws_and_every_six_more(
    n: int, least: int, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def clear(scores: Any, bar: float) -> bool:
        seen.append(len(scores))
        return False

    monkeypatch.setattr(sequential, "_clear", clear)
    found = sequential.until_clear(lambda _, open_: {c: np.zeros(1) for c in open_}, [FOUR], 0.5, n, least)
    assert found[FOUR].shape == (n, 1)
    assert seen == looks


def test_what_is_settled_is_drawn_no_further_and_the_others_are() -> None:
    three = ModelSpec(family="kmeans"), 3
    noise = iter(np.tile([0.3, 0.7], 99))
    asked: list[list[Any]] = []

    def draw(number: int, candidates: Any) -> dict[Any, Any]:
        assert number == len(asked)
        asked.append(list(candidates))
        return {c: np.array([0.9 if c == three else next(noise)]) for c in candidates}

    found = sequential.until_clear(draw, [three, FOUR], 0.5, 15, 2)
    assert (len(found[three]), len(found[FOUR])) == (2, 15)
    assert asked == [[three, FOUR]] * 2 + [[FOUR]] * 13


def test_a_candidate_in_figures() -> None:
    strengths = scores(0.5, 1.0, 0.75)
    jaccards = scores([0.9, 0.5], [0.9, 0.75], [0.9, 1.0], [0.5, 0.75])
    error = np.std([0.5, 0.75, 1, 0.75], ddof=1) / 2
    assert stability._with_jaccard(stability._strength(strengths, 0.25), jaccards) == Stability(
        prediction_strength=0.75,
        # Of the splits and of the sample: sqrt(0.0208 + 0.0625).
        prediction_strength_se=pytest.approx(0.2886751),  # type: ignore[arg-type]
        prediction_strength_mc=pytest.approx(0.25 / np.sqrt(3)),  # type: ignore[arg-type]
        n_splits=3,
        jaccard=(pytest.approx(0.8), 0.75),  # type: ignore[arg-type]
        jaccard_min=0.75,
        jaccard_se=pytest.approx(error),  # type: ignore[arg-type]
        n_resamples=4,
    )
    once = stability._with_jaccard(stability._strength(scores(0.5), 0.25), scores([0.9, 0.5]))
    assert once == Stability(
        prediction_strength=0.5, n_splits=1, jaccard=(0.9, 0.5), jaccard_min=0.5, n_resamples=1
    )
    assert stability._with_jaccard(stability._strength(np.empty(0), 0.0), np.empty((0, 2))) == Stability()


@pytest.mark.parametrize(
    ("strength", "error", "below"),
    [(0.8, None, False), (0.799, None, True), (0.55, 0.125, False), (0.549, 0.125, True), (None, None, True)],
)
def test_what_is_below_a_bar_by_more_than_two_standard_errors_is_clearly_so(
    strength: float | None, error: float | None, below: bool
) -> None:
    own = Stability(prediction_strength=strength, prediction_strength_se=error)
    assert stability._clearly_below(own, 0.8) is below


def test_tasks_share_trees_and_numbers_of_segments_the_longest_first() -> None:
    keys = [
        ("kmeans", "", 3),
        ("kmeans", "", 2),
        ("hierarchical", "ward", 3),
        ("hierarchical", "average", 2),
        ("hierarchical", "ward", 2),
        ("mixture", "full", 2),
        ("mixture", "diag", 2),
        ("mixture", "diag", 3),
        ("spectral", "", 2),
    ]
    labels = {key: np.full(4, place) for place, key in enumerate(keys)}
    models = job.Models(reg_covar=0.5, n_neighbors=7)
    settings = job.Stability(splits=20, resamples=10, min_splits=5)
    rule = job.Selection(min_prediction_strength=0.7, min_jaccard=0.6, leeway=0.1)
    tasks = stability._tasks(np.zeros((4, 2)), labels, models, settings, rule, 3)
    assert [task.name for task in tasks] == [
        "spectral k=2",
        "hierarchical average",
        "hierarchical ward",
        "mixture k=2",
        "mixture k=3",
        "kmeans k=2",
        "kmeans k=3",
    ]
    shared = [[(model.variant, k) for model, k in task.labels] for task in tasks]
    assert shared[3] == [("diag", 2), ("full", 2)]
    assert shared[2] == [("ward", 2), ("ward", 3)]
    for task in tasks:
        assert (task.splits, task.resamples, task.least, task.seed) == (20, 10, 5, 3)
        assert (task.bars, task.leeway) == ((0.7, 0.6), 0.1)
        for (model, k), own in task.labels.items():
            assert (model.reg_covar, model.n_neighbors) == (0.5, 7)
            assert (own == keys.index((model.family, model.variant, k))).all()
    off = settings.model_copy(update={"splits": 0})
    assert stability._tasks(np.zeros((4, 2)), labels, models, off, rule, 3)[0].resamples == 0


def test_a_half_that_cannot_be_fitted_scores_0() -> None:
    X = np.arange(6.0)[:, None]
    many, two = (
        (ModelSpec(family="kmeans"), 4),
        (ModelSpec(family="kmeans"), 2),
    )  # of three rows no four segments
    found = halving.split_strength([many, two], X, seed=0, number=0)
    assert found[many] == 0
    assert list(found) == [many, two]
    lost = halving.resample_jaccards(
        {many: np.zeros(2, dtype=np.int32), two: np.zeros(2, dtype=np.int32)}, X[:2], seed=0, number=1
    )
    assert lost[many].tolist() == [0, 0, 0, 0]


def test_every_split_and_draw_has_random_numbers_of_its_own() -> None:
    states = {
        halving._state(seed, number, role) for seed in (0, 1) for number in (0, 1) for role in (1, 2, 3)
    }
    assert len(states) == 12
    X = np.random.default_rng(0).normal(size=(60, 2))
    strengths = {halving.split_strength([FOUR], X, seed=s, number=n)[FOUR] for s in (0, 1) for n in (0, 1)}
    assert len(strengths) == 4
    labels = {FOUR: np.arange(60, dtype=np.int32) % 4}
    drawn = {
        tuple(halving.resample_jaccards(labels, X, seed=s, number=n)[FOUR]) for s in (0, 1) for n in (0, 1)
    }
    assert len(drawn) == 4


def test_the_spread_of_subsamples_is_that_of_their_means_without_what_splits_add() -> None:
    # Means 0.6, 0.7 and 0.8: a variance of 0.01; splits 0.1 on either side: 0.02 / 2 = 0.01, so nothing is left.
    assert halving._between(scores([0.5, 0.7], [0.6, 0.8], [0.7, 0.9])) == pytest.approx(0, abs=1e-7)
    assert halving._between(scores([0.6, 0.6], [0.7, 0.7], [0.8, 0.8])) == pytest.approx(0.1)
    # Splits of 0.05: 0.005 / 2 off 0.01.
    assert halving._between(scores([0.55, 0.65], [0.65, 0.75], [0.75, 0.85])) == pytest.approx(0.0075**0.5)
    # Never less than nothing.
    assert halving._between(scores([0.2, 0.9], [0.3, 0.8])) == 0


def test_the_error_of_a_sample_is_as_large_as_samples_differ() -> None:
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=(160, 2)) * [3, 1] for _ in range(24)]
    two = ModelSpec(family="kmeans"), 3

    def strength(X: Any) -> float:
        return float(np.mean([halving.split_strength([two], X, seed=1, number=n)[two] for n in range(6)]))

    spread = np.std([strength(X) for X in samples], ddof=1)
    own = np.mean([halving.sampling_errors([two], X, seed=0)[two] for X in samples[:6]])
    # 0.5 to 2 times: the spread has the splits in it, and eight subsamples say little each.
    assert 0.5 * spread < own < 2 * spread
    assert halving.sampling_errors([], samples[0], seed=0) == {}
    assert halving.sampling_errors([two], samples[0][:7], seed=0) == {}


def test_the_error_of_a_sample_is_told_from_halves_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.arange(11.0)[:, None] ** 2
    seen = []

    def strength(candidates: Any, rows: Any, *, seed: int, number: int) -> dict[Any, float]:
        seen.append((rows[:, 0].tolist(), number))
        return {FOUR: rows.mean() + number % 4}

    monkeypatch.setattr(halving, "split_strength", strength)
    error = halving.sampling_errors([FOUR], X, seed=3)[FOUR]
    halves = [rows for rows, number in seen if number % 4 == 0]
    assert [number for _, number in seen] == list(range(32))
    assert [len({*rows} & {*X[:, 0]}) for rows in halves] == [5] * 8
    assert len({tuple(rows) for rows in halves}) > 6
    # The splits 0, 1, 2 and 3 have a variance of 5 / 3, and the mean of four of them a fourth of that.
    assert error == pytest.approx((np.var([np.mean(rows) for rows in halves], ddof=1) - 5 / 12) ** 0.5)
