"""What segments, and simpler rules, would have told of the days since a cut: measured on the customers known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from segcore.arrays import Floats, Labels, Mask
from segcore.evaluation import next_period
from segcore.evaluation.next_period import Estimate, GroupSums, group_sums
from segcore.job import Rfm
from segcore.lines import rfm
from segcore.lines.look_back import Cut
from segcore.matrix.preparation import Preparation
from segcore.models.assignment import Assigner
from segcore.models.keeping import NOT_MEASURED
from segcore.pipeline.models.labels import Labelled, label_frame
from segcore.records.manifest import RfmCutPoints
from segcore.times import SECONDS_A_DAY

# Customers that are judged, the first in hash order: a random sample where there are more.
_MOST = 1_000_000
_MOST_FOR_CANDIDATES = 20_000
# What segments and simpler rules are judged by, beside the features that the model sees.
_JUDGED_BY = ("order_count", "total_spend", "days_since_last_order", "bought", "next_spend_minor", "half")
# Rules whose cells stand in order, the likeliest buyers last: nothing has to be learned to rank them.
_ORDERED = (next_period.SPENDERS, next_period.TENTHS, next_period.QUARTERS, next_period.ORDER_COUNT)


def first_customers(
    files: Sequence[Path], most: int = _MOST, *, features: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the first customers in hash order that were known at the cut, with some features and what they are judged by, or with all."""
    first = pl.scan_parquet(list(files)).head(most)
    if features is not None:
        first = first.select([*dict.fromkeys([*features, *_JUDGED_BY])])
    return first.collect()


def can_label(files: Sequence[Path], preparation: Preparation) -> bool:
    """Whether the customers of the cut have what the model sees: other tables are of today and stay out."""
    return set(preparation.features) <= set(pl.read_parquet_schema(files[0]))


def candidate_auc(
    files: Sequence[Path],
    assigners: Sequence[Assigner],
    preparation: Preparation,
    *,
    separate: bool,
    money_decimals: int,
) -> list[Estimate]:
    """Return for each candidate the area under the curve of "buys in the period", its labels as the prediction."""
    df = first_customers(files, _MOST_FOR_CANDIDATES)
    # A candidate's centres say nothing but distances, which nobody asks for here.
    centres = np.zeros((max(a.n_clusters for a in assigners), len(preparation.columns)))
    labels, _ = label_frame(df, assigners, centres, preparation, NOT_MEASURED, separate=separate)
    bought, revenue = outcome(df, money_decimals)
    return [next_period.auc(group_sums(own + 1, bought, revenue, int(own.max()) + 2)) for own in labels]


def tables(
    df: pl.DataFrame,
    segments: Labels,
    names: dict[int, str],
    top: int,
    own: Rfm,
    today: RfmCutPoints | None,
    *,
    money_decimals: int,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Measure the segments and simpler rules on the same customers.

    Parameters
    ----------
    df : polars.DataFrame
        As :func:`first_customers` returns it.
    segments : ndarray of shape (n_customers,), int32
        Ids by today's model at the cut; 0 for none.
    names : dict of int to str
        Of the segments.
    top : int
        The segment whose number of customers is picked by past spend.
    own : segcore.job.Rfm
        Cut points of the job's own; others are of the customers at the cut.
    today : RfmCutPoints or None
        Of the customers today: a grid by these is in the table alone, beside today's grid.
    money_decimals : int

    Returns
    -------
    table : polars.DataFrame
        A row for each segment and each cell of the other rules: what look_back.parquet holds.
    summary : dict
        AUC and share of log revenue explained of each rule.
    """
    bought, revenue = outcome(df, money_decimals)
    half = df["half"].to_numpy()
    past = df["total_spend"].to_numpy()
    frames, summary = [], {}
    for rule, cells, labels in _rules(df, segments, names, top, own):
        sums = group_sums(cells, bought, revenue, len(labels))
        if rule in _ORDERED:
            area = next_period.auc(sums, np.arange(len(labels), dtype=np.float64))
        elif rule == next_period.SEGMENTS:
            area = next_period.auc(sums)
        else:
            area = _auc_of_halves(cells, half, bought, len(labels))
        figures = {
            "auc": area.value,
            "auc_se": area.error,
            "log_revenue_explained": next_period.log_revenue_explained(sums),
        }
        # There is none where nobody bought, or everybody did.
        summary[rule] = {name: value if np.isfinite(value) else None for name, value in figures.items()}
        frames.append(_cells(rule, labels, sums, _total(past, cells, len(labels))))
    if today is not None:
        r, f, _, _ = _scored(df, today)
        cells = (r - 1) * 5 + f - 1
        labels = [f"{a}{b}" for a in range(1, 6) for b in range(1, 6)]
        sums = group_sums(cells, bought, revenue, len(labels))
        frames.append(_cells(next_period.GRID, labels, sums, _total(past, cells, len(labels))))
    return pl.concat(frames), summary


def _scored(df: pl.DataFrame, points: RfmCutPoints) -> tuple[Labels, Labels, Labels, Labels]:
    """Return the three scores and the place of the group in :data:`segcore.lines.rfm.GROUPS`, each (n_customers,)."""
    scored = df.select(rfm.columns(points)).with_columns(
        pl.col(rfm.GROUP).cast(pl.Enum(rfm.GROUPS)).to_physical()
    )
    r, f, m, group = (column.cast(pl.Int32).to_numpy() for column in scored)
    return r, f, m, group


def _total(weights: Floats, cells: Labels, n_cells: int) -> Floats:
    return np.asarray(np.bincount(cells, weights=weights, minlength=n_cells), dtype=np.float64)


def outcome(df: pl.DataFrame, money_decimals: int) -> tuple[Mask, Floats]:
    """Return whether each customer bought in the period, and what they spent in it, in whole units of money."""
    return df["bought"].to_numpy(), df["next_spend_minor"].to_numpy() / 10.0**money_decimals


def _rules(
    df: pl.DataFrame, segments: Labels, names: dict[int, str], top: int, own: Rfm
) -> Iterator[tuple[str, Labels, list[str]]]:
    """Give each rule's name, the cell of every customer, and the names of its cells."""
    ids = sorted({*names} | ({0} if (segments == 0).any() else set()))
    yield next_period.SEGMENTS, _codes(segments, ids), [names.get(i, "Unassigned") for i in ids]
    spend = df["total_spend"].to_numpy()
    orders = df["order_count"].to_numpy().astype(np.float64)
    recency = df["days_since_last_order"].to_numpy().astype(np.float64)
    rank = np.empty(df.height, dtype=np.int64)
    rank[np.argsort(-spend, kind="stable")] = np.arange(df.height)
    most = (rank < (segments == top).sum()).astype(np.int32)
    yield next_period.SPENDERS, most, ["others", next_period.MOST_SPEND]
    points = rfm.cut_points(lambda name: [df[name].cast(pl.Float64).to_numpy()], df.height, own)
    r, f, m, groups = _scored(df, points)
    fifths = [f"{a}{b}{c}" for a in range(1, 6) for b in range(1, 6) for c in range(1, 6)]
    yield next_period.RFM_FIFTHS, (r - 1) * 25 + (f - 1) * 5 + m - 1, fifths
    yield next_period.RFM_GROUPS, groups, list(rfm.GROUPS)
    yield next_period.TENTHS, _quantile_cells(spend, 10), [str(i) for i in range(1, 11)]
    yield next_period.QUARTERS, 3 - _quantile_cells(recency, 4), [str(i) for i in range(4, 0, -1)]
    counts = np.minimum(orders, 50).astype(np.int32)
    yield next_period.ORDER_COUNT, counts, [str(i) for i in range(51)]
    yield next_period.RANDOM, (np.arange(df.height) % 4).astype(np.int32), [str(i) for i in range(1, 5)]


def _codes(values: Labels, known: list[int]) -> Labels:
    return np.searchsorted(np.asarray(known), values).astype(np.int32)


def _quantile_cells(values: Floats, n: int) -> Labels:
    points = np.quantile(values, np.arange(1, n) / n, method="inverted_cdf")
    return np.searchsorted(points, values, side="left").astype(np.int32)


def _auc_of_halves(cells: Labels, half: Labels, bought: Mask, n_cells: int) -> Estimate:
    """Judge each half of the customers by the rates of the other: a grid of many cells flatters itself otherwise."""
    nothing = np.zeros(len(cells))
    sums, score = [], []
    for own in (0, 1):
        other = half != own
        learned = group_sums(cells[other], bought[other], nothing[other], n_cells)
        overall = float(learned.buyers.sum() / max(learned.customers.sum(), 1.0))
        score.append(np.where(learned.customers > 0, np.nan_to_num(next_period.rates(learned)[0]), overall))
        sums.append(group_sums(cells[~other], bought[~other], nothing[~other], n_cells))
    both = GroupSums(
        **{name: np.concatenate([getattr(part, name) for part in sums]) for name in vars(sums[0])}
    )
    return next_period.auc(both, np.concatenate(score))


def _cells(rule: str, labels: Sequence[str], sums: GroupSums, past: Floats) -> pl.DataFrame:
    rate, rate_se = next_period.rates(sums)
    share, share_se = next_period.revenue_shares(sums)
    customer_share = sums.customers / max(float(sums.customers.sum()), 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = share / customer_share
    table = pl.DataFrame(
        {
            "rule": [rule] * len(labels),
            "cell": list(labels),
            "customers": sums.customers.astype(np.int64),
            "customer_share": customer_share,
            "buyers": sums.buyers.astype(np.int64),
            "rate": rate,
            "rate_se": rate_se,
            "revenue": sums.revenue,
            "revenue_share": share,
            "revenue_share_se": share_se,
            "revenue_index": index,
            "past_share": past / max(float(past.sum()), 1e-300),
        }
    )
    return table.filter(pl.col("customers") > 0).with_columns(pl.selectors.float().fill_nan(None))


def label_then(df: pl.DataFrame, labelled: Labelled, preparation: Preparation, *, separate: bool) -> Labels:
    """Return the ids of today's segments that customers were in at the cut, of shape (n_customers,); 0 for none."""
    (own,), _ = label_frame(
        df, [labelled.winner.assigner], labelled.centres, preparation, NOT_MEASURED, separate=separate
    )
    ids = labelled.segments[0]
    return np.asarray([ids.get(label, 0) for label in range(-1, max(ids) + 1)], dtype=np.int32)[own + 1]


def described(cut: Cut, newcomers: dict[str, int], df: pl.DataFrame, money_decimals: int) -> dict[str, Any]:
    """Return what the manifest says of the period and of who bought in it."""
    bought, revenue = outcome(df, money_decimals)
    scale = 10.0**money_decimals
    return {
        "days": (cut.end - cut.at) // SECONDS_A_DAY,
        "customers": df.height,
        "buyers": int(bought.sum()),
        "revenue": float(round(revenue.sum(), money_decimals)),
        "new_customers": newcomers["new_customers"],
        "new_revenue_share": newcomers["new_spend_minor"] / max(newcomers["all_spend_minor"], 1),
        "new_revenue": newcomers["new_spend_minor"] / scale,
    }
