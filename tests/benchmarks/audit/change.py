"""Drift that is called as often as it should be, and movers whose causes are true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import polars as pl

from segcore import job
from segcore.arrays import Floats
from segcore.changes import drift
from segcore.changes.drift import Snapshot
from segcore.evaluation import lloyd
from segcore.models.assignment import NearestCentre
from segcore.pipeline.finished import drift_baseline
from segcore.pipeline.models.labels import distance_to
from tests.benchmarks.audit.data import NIGHTS, SAMPLE, Data, Figure

RULE = job.Drift()


def shifts(_: Data) -> Iterator[Figure]:
    """Say how often a shift by .3 standard deviations is called, whatever the number of customers."""
    for n, tries, before in ((500, 400, "62%"), (100_000, 60, "0%")):
        called, indices = 0, []
        for number in range(tries):
            rng = np.random.default_rng((n, number))
            then = rng.normal(size=n)
            bins = drift.cut(then)
            counts = bins.count(then), bins.count(rng.normal(0.3, size=n))
            indices.append(drift.psi(*counts))
            called += indices[-1] >= RULE.max_psi and indices[-1] > drift.chance(*counts)
        yield Figure(
            f"a shift by .3 standard deviations of {n:,} customers is called drift; its index on average",
            before,
            f"{called / tries:.0%}; {np.mean(indices):.3f}",
        )


def false_alarms(_: Data) -> Iterator[Figure]:
    """Count calls for a new fit for other customers of the same kind."""
    for n, tries, before in ((30, 1_000, "9.2%"), (100, 500, ""), (1_000, 200, "")):
        rng = np.random.default_rng(n)
        alarms = sum(_alarm(_cloud(n, rng), _cloud(n, rng), seed) for seed in range(tries))
        yield Figure(
            f"{n:,} customers, four segments: a new fit is asked for without any drift",
            before,
            f"{alarms / tries:.1%} of {tries:,}",
        )


def _cloud(n: int, rng: np.random.Generator) -> Floats:
    return np.asarray(rng.multivariate_normal(np.zeros(5), 0.5 * np.eye(5) + 0.5, n))


def _alarm(fitted: Floats, others: Floats, seed: int) -> bool:
    """Return whether a fit is asked for: by the radius, the features or the segments' sizes."""
    model = NearestCentre(centres=lloyd.fit(fitted, 4, n_init=5, random_state=seed))
    then, now = _placed(fitted, model), _placed(others, model)
    radius, beyond = drift_baseline._radius(then)
    outside = now.select(drift_baseline.outside(pl.col("label"), pl.col("distance"), radius)).to_series()
    names = [f"feature {i}" for i in range(fitted.shape[1])]
    bins = dict(zip(names, map(drift.cut, fitted.T), strict=True))

    def counted(X: Floats) -> dict[str, np.ndarray]:
        return {name: bins[name].count(column) for name, column in zip(names, X.T, strict=True)}

    def sizes(df: pl.DataFrame) -> dict[int, int]:
        return {int(label): n for label, n in df["label"].value_counts().iter_rows()}

    found = drift.measure(
        Snapshot(
            customers=len(fitted), features=counted(fitted), segments=sizes(then), outside=0, beyond=beyond
        ),
        Snapshot(
            customers=len(others), features=counted(others), segments=sizes(now), outside=int(outside.sum())
        ),
        in_model=names,
        rule=RULE,
        names={label: str(label) for label in range(4)},
    )
    return found.verdict == "refit"


def _placed(X: Floats, model: NearestCentre) -> pl.DataFrame:
    labels = model.assign(X)[0]
    distances = distance_to(X.astype(np.float32), model.centres, labels)
    return pl.DataFrame({"label": labels, "distance": distances})


def causes(data: Data) -> Iterator[Figure]:
    """Say how many movers "by behaviour" have no line between the two nights, and whether the causes add up."""
    days = pl.scan_csv(SAMPLE / "*.csv*", infer_schema=False).select(
        customer_id=pl.col("CustomerID").cast(pl.Float64, strict=False).cast(pl.Int64).cast(pl.String),
        day=pl.col("InvoiceDate").str.slice(0, 10).str.to_date(strict=False),
    )
    lines = days.drop_nulls().unique().collect()
    by_behaviour = idle = movers = counted = 0
    for run, night in zip(data.nights[1:], NIGHTS[1:], strict=True):
        moved = pl.read_parquet(run.folder / "moved.parquet")
        between = lines.filter(pl.col("day") >= night - timedelta(days=2), pl.col("day") < night)
        own = moved.filter(pl.col("changed") == "behaviour")
        ids = own["customer_id"].cast(pl.String).str.strip_suffix(".0")
        by_behaviour += own.height
        idle += int((~ids.is_in(between["customer_id"].implode())).sum())
        movers += moved.height
        counted += sum(moved["changed"].value_counts()["count"])
    yield Figure(
        f'the sample, 11 steps of two nights, {movers:,} movers: "by behaviour" without a line in between',
        "147 of 402",
        f"{idle} of {by_behaviour}",
    )
