"""Whether what a segment is called is true of its members, and stays; and whether its id comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import polars as pl

from segcore import Run, schema, segment
from segcore.evaluation.refit import refit
from segcore.profile import fit_rules, recency
from segcore.profile.rules import assign
from tests.benchmarks.audit.data import JOB, KMEANS, QUICK, SAMPLE, Data, Figure


def names(data: Data) -> Iterator[Figure]:
    """Say of how many members names and words are true."""
    for what, run in (("the dump", data.run), ("the sample", data.nights[-1])):
        profile = pl.read_parquet(run.folder / "profile.parquet")
        named = profile.drop_nulls("name_holds")
        least = named.sort("name_holds").row(0, named=True)
        yield Figure(
            f"{what}: the name that is true of the fewest of its members",
            'Frequent buyers, smaller orders: 44%; "One-time buyers": 72 to 74%',
            f"{least['segment_name']}: {least['name_holds']:.0%}",
        )
        again = profile.height - profile["treatment"].n_unique()
        yield Figure(f"{what}: segments with the treatment of another", "two named contacts", str(again))
    customers = data.customers.select("customer_id", "days_since_last_order")
    told = pl.read_parquet(data.run.segments / "*.parquet").join(customers, on="customer_id")
    yield Figure(
        "bought in the last 30 days, in a segment that is to be won back; of them those whom the card has not under keep",
        "240; 240",
        _won_back(data.run, told),
    )


def _won_back(run: Run, told: pl.DataFrame) -> str:
    profile = pl.read_parquet(run.folder / "profile.parquet", columns=["segment", "treatment"])
    back = profile.filter(pl.col("treatment").str.to_lowercase().str.contains("win.back"))["segment"]
    everybody = pl.read_parquet(run.folder / "all_customers.parquet").row(0, named=True)
    late = recency.state(recency.usual_gap_of(everybody) or 0.0) > 0
    recent = told.filter(pl.col("segment").is_in(back.implode()), pl.col("days_since_last_order") <= 30)
    return f"{recent.height}; {recent.filter(late).height}"


def renames(data: Data) -> Iterator[Figure]:
    """Count renamed segments over a sequence of nights, and see whether ids come back."""
    told = [
        own
        for run in data.nights[1:]
        for own in json.loads((run.folder / "lineage.json").read_text(encoding="utf-8"))["segments"]
    ]
    kept = [own for own in told if own["verdict"] == "kept"]
    yield Figure(
        f"the sample, every second night of three weeks: renames of {len(kept)} kept segments in 11 steps",
        "4",
        str(sum(own["renamed"] for own in kept)),
    )
    runs = [
        segment(SAMPLE, data.folder / "ids", job=JOB, overrides=QUICK | {"selection.k": k}, quiet=True)
        for k in (4, 3, 4)
    ]
    ids = [
        sorted(pl.read_parquet(run.folder / "profile.parquet")["segment"].to_list())
        for run in (runs[0], runs[2])
    ]
    yield Figure(
        "the sample with 4, 3, then 4 segments: ids of the first run that the last one has again",
        "1 of 4",
        f"{len({*ids[0]} & {*ids[1]})} of 4",
    )


def rules_of_thumb(data: Data) -> Iterator[Figure]:
    """Hold what a decision list says it is right for against customers that it has not seen."""
    labels = refit(KMEANS, data.matrix, [4], 0)[4].labels + 1
    said, true = [], []
    for number in range(30):
        order = np.random.default_rng((6, number)).permutation(len(labels))
        seen, others = order[:200], order[200:]
        own = fit_rules(data.customers[seen], labels[seen], [*schema.DEFAULT_MATRIX]).rules
        said.append(sum(rule.coverage * rule.precision for rule in own))
        true.append(np.mean(assign(own, data.customers[others]) == labels[others]))
    yield Figure(
        "rules of thumb from 200 customers, 30 times: what they say they are right for, and are on the others",
        ".867, .739",
        f"{np.mean(said):.3f}, {np.mean(true):.3f}",
    )
