"""What the rule of choice claims: on customers without clusters, on planted groups, and its errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from segcore import job
from segcore.arrays import Floats
from segcore.evaluation import calibration, halving, propagation, silhouette, structure
from segcore.evaluation.calibration import Bars
from segcore.evaluation.refit import ModelSpec, refit
from segcore.models.candidate import Candidate
from tests.benchmarks import planted
from tests.benchmarks.audit.data import KMEANS, Data, Figure, copies, prepare

RULE = job.Selection()
BARS = Bars(
    min_share=RULE.min_share,
    min_prediction_strength=RULE.min_prediction_strength,
    min_jaccard=RULE.min_jaccard,
)


def without_clusters(data: Data) -> Iterator[Figure]:
    """Say how many segments K-Means gets to on customers without clusters."""
    for n, before in ((1_000, "2"), (2_500, "3"), (5_000, "4")):
        picks = Counter(_pick(X) for X in copies(data.raw, n, 12))
        yield Figure(
            f"{n:,} customers without clusters: segments that K-Means picks",
            f"{before} (5 on 20,000 and 50,000)",
            ", ".join(f"{k} in {count}" for k, count in sorted(picks.items())) + " of 12",
        )
    n, tries = len(data.customers), 40
    reached = sum(
        calibration.reaches([(KMEANS, k) for k in range(4, 7)], X, BARS, seed=0)
        for X in copies(data.raw, n, tries)
    )
    yield Figure(
        f"{n:,} customers without clusters: K-Means picks 4 or more, which each run says of itself",
        "10 of 40, not said",
        f"{reached} of {tries}",
    )


def whole_rule(data: Data) -> Iterator[Figure]:
    """Say on how many copies more families get to four segments than K-Means alone, which a run tries."""
    n, tries = len(data.customers), 19
    mixtures = [ModelSpec(family="mixture", variant=own) for own in ("spherical", "diag", "tied", "full")]
    alone = beside = 0
    for X in copies(data.raw, n, tries):
        if calibration.reaches([(KMEANS, k) for k in (4, 5, 6)], X, BARS, seed=0):
            alone += 1
        else:
            every = [(mixture, k) for mixture in mixtures for k in (4, 5, 6)]
            beside += calibration.reaches(every, X, BARS, seed=0)
    yield Figure(
        f"{n:,} customers without clusters: 4 or more by K-Means alone; by a mixture where not by K-Means",
        "",
        f"{alone} of {tries}; {beside} of {tries - alone}",
    )


def _pick(X: Floats) -> int:
    """Return the largest admissible number of segments, 1 where there is none."""
    return next((k for k in range(6, 1, -1) if calibration.reaches([(KMEANS, k)], X, BARS, seed=0)), 1)


def worlds(_: Data) -> Iterator[Figure]:
    """Say what is claimed of worlds that have no clusters, and are no Gaussian copula: buy-till-you-die shops."""
    said: Counter[str] = Counter()
    for number in range(10):
        found = structure.structure_test(
            _world(number), prepare, ("kmeans", "", 4), job.Models(), copies=39, seed=number, n_jobs=1
        )
        assert found is not None
        said[
            "clumps"
            if "clumps at most" in found.sentence
            else "natural"
            if "natural" in found.sentence
            else ""
        ] += 1
    yield Figure(
        "ten BG/NBD shops of 1,500 customers, no clusters: called slight clumps at most; natural groups",
        '"a little more structure" in 7',
        f"{said['clumps']}; {said['natural']}",
    )


def _world(number: int, n: int = 1_500) -> dict[str, Floats]:
    """Return customers of Fader, Hardie and Lee's (2005) BG/NBD process over a year, with spend by a gamma of their own."""
    rng = np.random.default_rng((4, number))
    rate, dropout = rng.gamma(0.8, 1 / 60, n), rng.beta(0.8, 2.5, n)
    first = rng.uniform(0, 330, n)
    orders, last = np.ones(n), first.copy()
    active = rng.random(n) > dropout
    while active.any():
        next_order = last + rng.exponential(1 / rate)
        active &= next_order < 365
        last[active], orders[active] = next_order[active], orders[active] + 1
        active &= rng.random(n) > dropout
    spend = orders * rng.gamma(6, 50 / rng.gamma(4, 1 / 3, n))
    products = np.maximum(1, rng.poisson(orders * rng.gamma(2, 5, n))).astype(float)
    return {
        "days_since_last_order": 365 - last,
        "order_count": orders,
        "total_spend": spend,
        "average_order_value": spend / orders,
        "unique_products": products,
    }


def planted_sets(_: Data) -> Iterator[Figure]:
    """Say how often the rule, and the silhouette's maximum, find the number of planted groups."""
    by_rule = by_silhouette = 0
    for number in range(planted.SETS):
        k, table = planted.candidates(number)
        by_rule += planted.chosen(table)["k"] == k
        by_silhouette += table.sort("silhouette", descending=True)["k"][0] == k
    of = f"of {planted.SETS}"
    yield Figure("planted groups whose number the rule finds", "49 of 50", f"{by_rule} {of}")
    yield Figure("the same, by the maximum of the silhouette", "28 of 50", f"{by_silhouette} {of}")


def strength_error(_: Data) -> Iterator[Figure]:
    """Compare the error that a sample gives its prediction strength with how much samples differ."""
    three = (KMEANS, 3)
    rng = np.random.default_rng(2)
    samples = [rng.standard_t(5, size=(800, 4)) * [2, 1, 1, 1] for _ in range(30)]
    strengths = np.array(
        [[halving.split_strength([three], X, seed=1, number=n)[three] for n in range(12)] for X in samples]
    )
    drawing = strengths.var(axis=1, ddof=1).mean() / strengths.shape[1]
    spread = np.sqrt(max(0.0, strengths.mean(axis=1).var(ddof=1) - drawing))
    own = np.mean([halving.sampling_errors([three], X, seed=0)[three] ** 2 for X in samples[:15]]) ** 0.5
    yield Figure(
        f"prediction strength of a continuum, of which 30 samples differ by {spread:.3f}: the error that one sample gives",
        f"{drawing**0.5:.3f} (of the halvings alone)",
        f"{own:.3f}",
    )


def silhouette_coverage(_: Data) -> Iterator[Figure]:
    """Say how often the 95% interval of a silhouette covers the one of the fitted model on many other customers."""
    tries = 40
    for rows, fitted, before in (("fitted to", True, ".49 to .64"), ("not fitted to", False, "")):
        covered = 0
        for number in range(tries):
            rng = np.random.default_rng((3, number))
            X, others, many = (rng.standard_t(3, size=(n, 3)) for n in (400, 400, 3_000))
            fit = refit(KMEANS, X, [3], 0)[3]
            judged = X if fitted else others
            value, error = silhouette.silhouettes(judged, [fit.assigner.assign(judged)[0]], n_jobs=1)[0]
            truth, _error = silhouette.silhouettes(
                many, [fit.assigner.assign(many)[0]], errors=False, n_jobs=1
            )[0]
            if value is not None and error is not None and truth is not None:
                covered += abs(value - truth) <= 1.96 * error
        yield Figure(
            f"silhouette's 95% interval covers that on 3,000 others, t with 3 degrees of freedom, rows that K-Means 3 was {rows}",
            before,
            f"{covered} of {tries}",
        )


def splits(data: Data) -> Iterator[Figure]:
    """Say how much the agreement of two fits depends on the split, and the error that is given with it."""
    for family, variant, k, before in (("kmeans", "", 4, ".06"), ("hierarchical", "ward", 2, ".32")):
        fit = refit(ModelSpec(family=family, variant=variant), data.matrix, [k], 0)[k]
        candidate = Candidate(family=family, variant=variant, k=k, assigner=fit.assigner, seconds=0)
        found = [
            propagation.quality([candidate], data.matrix, job.Models(), seed=seed)[0] for seed in range(6)
        ]
        means = [own.sample_stability_ari or 0.0 for own in found]
        errors = [own.sample_stability_se or 0.0 for own in found]
        yield Figure(
            f"how alike two fits are, {family} {variant} {k}: how much six seeds differ, and the error that is given",
            f"{before}, none",
            f"{np.std(means, ddof=1):.3f}, {np.mean(errors):.3f}",
        )
