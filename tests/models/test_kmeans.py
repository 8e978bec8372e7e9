from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from dask.distributed import Client, LocalCluster
from dask_ml.cluster import KMeans as DaskKMeans
from sklearn.cluster import KMeans
from sklearn.preprocessing import PowerTransformer, StandardScaler

from segcore.arrays import Floats
from segcore.models import dask_kmeans, kmeans, totals

# The cluster of 7 and 15 loses both rows in the first step: centred, so that the origin lies among the rows.
EMPTYING = np.array([[7.0], [19.0], [17.0], [19.0], [15.0], [4.0]]) - 13.5
EMPTYING_START = np.array([[-2.0], [22.0], [11.0]]) - 13.5


def customers(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Simulated customers: five overlapping groups of unequal sizes in five features."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=1.5, size=(5, 5))
    group = rng.choice(5, size=n, p=[0.4, 0.25, 0.15, 0.12, 0.08])
    return (centres[group] + rng.normal(size=(n, 5))).astype(np.float32)


def blocks(X: npt.NDArray[np.float32] | Floats, rows: int = 4_096) -> da.Array:
    return da.from_array(X, chunks=(rows, -1))


def inertia(X: npt.NDArray[np.float32] | Floats, centres: Floats) -> float:
    rows = X.astype(np.float64)
    return float(((rows[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).sum())


@pytest.fixture(scope="module")
def matrix(oracle: Path) -> Floats:
    columns = [
        "days_since_last_order",
        "order_count",
        "total_spend",
        "average_order_value",
        "unique_products",
    ]
    raw = pl.read_csv(oracle / "customer_features.csv").select(pl.col(columns).cast(pl.Float64)).to_numpy()
    return np.asarray(StandardScaler().fit_transform(PowerTransformer(standardize=False).fit_transform(raw)))


def test_two_pairs_by_hand() -> None:
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    centres = kmeans.fit_sample(X, 2, n_init=1, random_state=0)
    assert sorted(centres.ravel()) == pytest.approx([0.5, 10.5])
    fit = kmeans.fit_all(blocks(X, rows=2), {2: np.array([[0.0], [1.0]])})[2]
    # From 0 and 1: {0} {1, 10, 11} -> 0 and 7.33 -> {0, 1} {10, 11}, which stays.
    assert sorted(fit.centres.ravel()) == pytest.approx([0.5, 10.5])
    assert fit.inertia_start == pytest.approx(0 + 0 + 81 + 100)
    assert fit.inertia == pytest.approx(1.0)
    assert fit.counts.tolist() == [2, 2]
    assert (fit.converged, fit.n_repaired, fit.n_iter) == (True, 0, 3)


def test_the_real_data_reach_the_oracles_inertia(matrix: Floats, oracle: Path) -> None:
    table = pl.read_csv(oracle / "kmeans_inertia.csv").filter(pl.col("prep") == "yj")
    starts = {k: kmeans.fit_sample(matrix, k, n_init=100, random_state=0) for k in table["k"]}
    fits = kmeans.fit_all(blocks(matrix, rows=1_000), starts, n_sample=len(matrix))
    for k, best in table.select("k", "best_inertia").iter_rows():
        assert fits[k].inertia <= 1.001 * best
        assert fits[k].inertia == pytest.approx(inertia(matrix, fits[k].centres))
        # The sample is everybody: Dask-ML has nothing left to do.
        assert fits[k].n_iter == 1
        assert (fits[k].centres == starts[k]).all()
        assert fits[k].inertia_start == fits[k].inertia
        assert fits[k].converged


def test_all_rows_repair_a_poor_start_on_a_small_sample() -> None:
    X = customers(20_000)
    # Four rows of the smallest sample next to each other, as bad a start as 200 rows can give.
    sample = X[:200].astype(np.float64)
    poor = sample[np.argsort(((sample - sample[0]) ** 2).sum(axis=1))[:4]]
    best = KMeans(4, n_init=20, random_state=0).fit(X).inertia_
    fit = kmeans.fit_all(blocks(X), {4: poor}, n_sample=200)[4]
    assert fit.inertia_start > 1.2 * best
    assert fit.inertia <= 1.001 * best
    assert fit.inertia == pytest.approx(inertia(X, fit.centres))
    assert fit.counts.sum() == len(X)


def test_the_middle_step_saves_passes() -> None:
    X = customers(20_000)
    start = {4: X[:4].astype(np.float64)}
    direct, stepped = kmeans.fit_all(blocks(X), start)[4], kmeans.fit_all(blocks(X), start, n_sample=200)[4]
    assert stepped.n_passes < direct.n_passes
    assert stepped.inertia_start == direct.inertia_start
    assert stepped.inertia == pytest.approx(direct.inertia, rel=1e-3)


def test_every_block_is_read_once_a_pass_for_all_k() -> None:
    X, reads = customers(3_000), []

    def read(number: int) -> npt.NDArray[np.float32]:
        reads.append(number)
        return X[number * 1_000 : (number + 1) * 1_000]

    lazy = da.concatenate(
        [
            da.from_delayed(dask.delayed(read, pure=False)(i), shape=(1_000, 5), dtype=np.float32)
            for i in range(3)
        ]
    )
    fits = kmeans.fit_all(lazy, {k: X[:k].astype(np.float64) for k in range(2, 10)})
    assert len(reads) == 3 * max(fit.n_passes for fit in fits.values())
    assert len(reads) < 3 * sum(fit.n_passes for fit in fits.values()) / 2


def test_the_number_of_fits_at_once_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    X = customers(3_000)
    starts = {k: X[:k].astype(np.float64) for k in (2, 3, 4)}
    together = kmeans.fit_all(blocks(X, rows=1_000), starts)
    monkeypatch.setattr(dask_kmeans, "MOST_BLOCKS", 3)
    assert same(together, kmeans.fit_all(blocks(X, rows=1_000), starts))


def test_tol_is_relative_to_the_data() -> None:
    X = customers(5_000)
    start = X[:4].astype(np.float64)
    near = kmeans.fit_all(blocks(X), {4: start})[4]
    far = kmeans.fit_all(blocks(X * np.float32(1024)), {4: start * 1024})[4]
    assert near.n_iter == far.n_iter
    assert (far.centres == near.centres * 1024).all()


def same(a: dict[int, kmeans.KMeansFit], b: dict[int, kmeans.KMeansFit]) -> bool:
    return all(
        x.centres.tobytes() == y.centres.tobytes()
        and (x.inertia, x.inertia_start, x.n_iter) == (y.inertia, y.inertia_start, y.n_iter)
        and (x.counts == y.counts).all()
        for x, y in zip(a.values(), b.values(), strict=True)
    )


def test_the_scheduler_and_its_threads_do_not_show(client: Client) -> None:
    X = customers(6_000)
    starts = {k: X[:k].astype(np.float64) for k in (3, 6)}

    def fit(**config: object) -> dict[int, kmeans.KMeansFit]:
        with dask.config.set(config):
            return kmeans.fit_all(blocks(X, rows=1_000), starts, n_sample=200, max_iter=3)

    one = fit(scheduler="threads", num_workers=1)
    assert same(one, fit(scheduler="threads", num_workers=2))
    assert same(one, fit(scheduler="synchronous"))
    with client.as_current():
        assert same(one, fit())


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def test_dask_ml_leaves_an_emptied_clusters_centre_at_the_origin() -> None:
    """The trap that `fit_all` is built around: when this fails, its shift and repairs can go."""
    model = DaskKMeans(n_clusters=3, init=EMPTYING_START, max_iter=2, tol=0).fit(blocks(EMPTYING))
    assert 0.0 in model.cluster_centers_


@pytest.mark.parametrize("rows", [2, 6])
def test_a_cluster_that_empties_on_the_way_is_seeded_again(rows: int) -> None:
    fit = kmeans.fit_all(blocks(EMPTYING, rows=rows), {3: EMPTYING_START})[3]
    # {4, 7} {15, 17, 19, 19} and nothing: 15 is the farthest row of the worst cluster and seeds the third.
    assert fit.n_repaired == 1
    assert sorted(fit.centres.ravel() + 13.5) == pytest.approx([5.5, 15.0, 55 / 3])
    assert sorted(fit.counts) == [1, 2, 3]
    assert fit.inertia == pytest.approx(4.5 + 8 / 3)
    assert fit.converged


def test_a_start_without_rows_is_seeded_before_the_first_pass() -> None:
    X = customers(2_000)
    start = np.vstack([X[:3], np.full((2, 5), 1e6)]).astype(np.float64)
    fit = kmeans.fit_all(blocks(X), {5: start})[5]
    assert fit.n_repaired == 2
    assert fit.counts.all()
    assert fit.inertia < KMeans(3, n_init=5, random_state=0).fit(X).inertia_


def test_more_clusters_than_distinct_rows_end_without_a_nan() -> None:
    X = np.repeat([[0.0, 1.0], [2.0, 3.0]], 50, axis=0)
    fit = kmeans.fit_all(blocks(X, rows=30), {3: np.array([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]])})[3]
    assert fit.inertia == 0
    assert np.isfinite(fit.centres).all()
    assert not fit.converged


def test_too_few_iterations_are_not_converged() -> None:
    X = customers(5_000)
    assert not kmeans.fit_all(blocks(X), {4: X[:4].astype(np.float64)}, max_iter=2)[4].converged


def test_further_starts_take_part() -> None:
    X = customers(2_000).astype(np.float64)
    alone = kmeans.fit_sample(X, 8, n_init=1, random_state=1)
    best = kmeans.fit_sample(X, 8, n_init=30, random_state=2)
    with_start = kmeans.fit_sample(X, 8, n_init=1, random_state=1, starts=[best])
    assert inertia(X, best) < inertia(X, alone)
    assert inertia(X, with_start) == pytest.approx(inertia(X, best))


@pytest.mark.parametrize(("tolerance", "stays"), [(0.01, True), (0.007, True), (0.006, False), (0.0, False)])
def test_a_further_start_stays_within_the_tolerance(tolerance: float, stays: bool) -> None:
    # 50 at 1 go to 100 at 0, with a sum of squares of 33.33, or to 102 at 2, with 33.55: both are optima.
    X = np.repeat([0.0, 1.0, 2.0], [100, 50, 102])[:, None]
    start = np.array([[0.0], [1.7]])
    found = kmeans.fit_sample(X, 2, n_init=20, random_state=0, starts=[start], tolerance=tolerance)
    assert sorted(found.ravel()) == pytest.approx([0, 254 / 152] if stays else [1 / 3, 2])


def test_restarts_end_where_four_tens_have_met_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    X, made = customers(2_000), []

    def counted(*args: int, n_init: int, **options: object) -> KMeans:
        made.append(n_init)
        return KMeans(*args, n_init=n_init, **options)

    monkeypatch.setattr(kmeans, "KMeans", counted)
    few = kmeans.fit_sample(X, 2, n_init=100, random_state=0)
    assert made == [10, 10, 10, 10, 1]  # the last one goes on from the best
    made.clear()
    asked = kmeans.fit_sample(X, 2, n_init=25, random_state=0)
    assert made == [10, 10, 5, 1]
    assert inertia(X, few) <= inertia(X, asked)


def test_restarts_that_end_early_find_what_all_of_them_do(matrix: Floats) -> None:
    for k in (3, 6, 9):
        ours = inertia(matrix, kmeans.fit_sample(matrix, k, n_init=100, random_state=1))
        assert ours <= KMeans(k, n_init=100, random_state=2).fit(matrix).inertia_ * 1.001


def test_restarts_never_hurt() -> None:
    X = customers(2_000).astype(np.float64)
    few, many = (inertia(X, kmeans.fit_sample(X, 9, n_init=n, random_state=0)) for n in (1, 20))
    assert many <= few


def test_totals_add_up_by_hand() -> None:
    centres = np.array([[0.0], [10.0]])
    first, spread = totals.measure(np.array([[1.0], [-2.0]]), {2: [centres]})
    second, more = totals.measure(np.array([[2.0], [13.0]]), {2: [centres]})
    both = first[2][0] + second[2][0]
    assert both.counts.tolist() == [3, 1]
    assert both.sse.tolist() == [1 + 4 + 4, 9]
    assert both.inertia == 18
    assert both.far_rows.tolist() == [[-2.0], [13.0]]  # of two rows at distance 2 the first
    assert (spread + more).variance == pytest.approx(np.var([1, -2, 2, 13]))
    assert (spread + more).largest == 13
