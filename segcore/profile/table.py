"""The profile table: what each segment is, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import polars as pl

from segcore import schema
from segcore.matrix.preparation import Preparation
from segcore.profile import claims
from segcore.profile.hysteresis import NAMED_BY, Named, kept, to_rows, with_hysteresis
from segcore.profile.marks import marks_of
from segcore.profile.naming import Name, Position, name_segments
from segcore.profile.recency import GAP, RECENCY, count_by_recency
from segcore.profile.statistics import ALL, Summary, Totals, Transform, limits, medians, summarise, totals
from segcore.profile.wording import templates

ALL_CUSTOMERS = "All customers"

_MARK = pl.Struct(
    {
        "feature": pl.String,
        "text": pl.String,
        "effect": pl.Float64,
        "value": pl.Float64,
        "population": pl.Float64,
    }
)
_HEAD = {
    "segment": pl.Int32,
    "segment_name": pl.String,
    "treatment": pl.String,
    "customers": pl.Int64,
    "customer_share": pl.Float64,
    "revenue": pl.Float64,
    "revenue_share": pl.Float64,
    "confidence": pl.Float64,
    "n_orders": pl.Int64,
    "one_order_share": pl.Float64,
    "name_holds": pl.Float64,
    "name_claims": pl.List(pl.String),
    **RECENCY,
}
_FIGURES = ("median", "p25", "p75", "mean")


def build(
    lf: pl.LazyFrame,
    *,
    transforms: Mapping[str, Transform],
    features: Sequence[str] | None = None,
    names: Mapping[int, Name] | None = None,
    previous: Mapping[int, Named] | None = None,
    margin: float = 0.0,
    currency: str = "",
    money_decimals: int = 4,
) -> pl.DataFrame:
    """Return the profile table: one row for all customers (segment 0) and one per segment.

    Reads one column of `lf` at a time, so memory grows with one column and not with the table.

    Parameters
    ----------
    lf : LazyFrame
        One row per customer in any order: features, `segment` (1..k), and `confidence` where there is one.
    transforms : mapping of str to callable
        For each feature of the matrix, raw values of shape (n,) to transformed values (n,).
    features : sequence of str, optional
        The numeric columns to describe; by default those of `segcore.schema` that are there.
    names : mapping of int to Name, optional
        Names that hold already, as when a finished model scores new data; by default the rule gives them.
    previous : mapping of int to Named, optional
        How segments were named before, by the ids that they have now.
    margin : float
        How far, in shares of all customers, a segment has to move before the rule looks at it again, and in shares of its
        own, what a name is true of.
    currency : str
        Sign or code shown with money.
    money_decimals : int
        Decimals that money is exact to.

    Returns
    -------
    DataFrame
        Sorted by segment; for each feature f: f_median, f_p25, f_p75, f_mean and effect_f, null where
        nobody in a segment has the feature, never NaN.

    Raises
    ------
    segcore.errors.DataError
        If there is no customer.
    """
    counts = totals(lf, money_decimals=money_decimals)
    segments = [s for s in counts if s != ALL]
    columns = lf.collect_schema().names()
    declared = [f.name for f in schema.numeric_features(columns)]
    described = list(features or [*declared, *(f for f in transforms if f not in declared)])
    by_feature = {f: summarise(lf, f, segments, transform=transforms.get(f)) for f in described}
    by_segment = {s: {f: by_feature[f][s] for f in described} for s in counts}
    confidence = summarise(lf, "confidence", segments) if "confidence" in columns else {}
    before = previous or {}
    seen = {
        s: with_hysteresis(p, before[s].seen if s in before else None, margin)
        for s, p in _positions(counts, by_segment).items()
    }
    usual_gap = by_feature[GAP][ALL].median if GAP in by_feature else None
    counted = _count_levels(lf, columns, usual_gap)
    given = names or _names_by_rule(counts, seen, counted, before, margin)
    recency = count_by_recency(lf, usual_gap, money_decimals=money_decimals)
    rows = [
        _head(s, counts, given, confidence.get(s, Summary()).mean)
        | _claimed(s, given, counted)
        | recency.get(s, {})
        | _figures(by_segment[s])
        | {
            "marks": _marks(by_segment[s], by_segment[ALL], list(transforms), currency),
            "named_by": to_rows(seen[s]) if s in seen else [],
        }
        for s in sorted(counts)
    ]
    return pl.DataFrame(rows, schema=_schema(described))


def _count_levels(lf: pl.LazyFrame, columns: Sequence[str], usual_gap: float | None) -> claims.Counted:
    levels = {name: limits(lf, name, templates()["levels"]) for name in claims.measures() if name in columns}
    return claims.count(lf, {name: own for name, own in levels.items() if own is not None}, usual_gap)


def transforms_of(preparation: Preparation) -> dict[str, Transform]:
    """Return each feature's transform, raw values of shape (n,) to the matrix's before it is standardised."""
    return {column.name: column.transformed for column in preparation.prepared}


def _positions(
    counts: Mapping[int, Totals], by_segment: Mapping[int, Mapping[str, Summary]]
) -> dict[int, Position]:
    return {
        s: Position(
            segment=s,
            medians=medians(by_segment[s]),
            positions={f: v.position for f, v in by_segment[s].items() if v.position is not None},
            one_order_share=counts[s].one_order_customers / counts[s].customers,
        )
        for s in counts
        if s != ALL
    }


def _names_by_rule(
    counts: Mapping[int, Totals],
    seen: Mapping[int, Position],
    counted: claims.Counted,
    previous: Mapping[int, Named],
    margin: float,
) -> dict[int, Name]:
    """Return the names that the rule gives, to segments ranked by revenue, as ids that hold are no ranks."""
    ranked = dict(enumerate(sorted(seen, key=lambda s: (-counts[s].revenue, s)), start=1))
    rank_of = {s: rank for rank, s in ranked.items()}

    stay = kept(previous, seen, counted.share, margin)
    by_rank = name_segments(
        [replace(seen[s], segment=rank) for rank, s in ranked.items()],
        holds=lambda rank, words: counted.share(ranked[rank], words),
        given={rank_of[s]: name for s, name in stay.items()},
    )
    return {ranked[rank]: name for rank, name in by_rank.items()}


def _claimed(segment: int, names: Mapping[int, Name], counted: claims.Counted) -> dict[str, object]:
    """Return what a name claims, and of how many; a name without a claim holds of nobody in particular."""
    if segment == ALL:
        return {"name_holds": None, "name_claims": []}
    own = names[segment]
    return {
        "name_holds": counted.share(segment, own.claims) if claims.of_a_customer(own.claims) else None,
        "name_claims": [f"{key}={level}" for key, level in own.claims],
    }


def _head(
    segment: int, counts: Mapping[int, Totals], names: Mapping[int, Name], confidence: float | None
) -> dict[str, object]:
    own, every = counts[segment], counts[ALL]
    name = Name(name=ALL_CUSTOMERS, treatment="") if segment == ALL else names[segment]
    return {
        "segment": segment,
        "segment_name": name.name,
        "treatment": name.treatment,
        "customers": own.customers,
        "customer_share": own.customers / every.customers,
        "revenue": own.revenue,
        "revenue_share": own.revenue / every.revenue if every.revenue else 0.0,
        "confidence": confidence,
        "n_orders": own.n_orders,
        "one_order_share": own.one_order_customers / own.customers,
    }


def _figures(summaries: Mapping[str, Summary]) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for feature, summary in summaries.items():
        row |= {f"{feature}_{figure}": getattr(summary, figure) for figure in _FIGURES}
        row[f"effect_{feature}"] = summary.effect
    return row


def _marks(
    own: Mapping[str, Summary], every: Mapping[str, Summary], matrix: Sequence[str], currency: str
) -> list[dict[str, object]]:
    return [asdict(mark) for mark in marks_of(own, every, matrix=matrix, currency=currency)]


def _schema(features: Sequence[str]) -> dict[str, pl.DataType | type[pl.DataType]]:
    columns: dict[str, pl.DataType | type[pl.DataType]] = dict(_HEAD)
    for feature in features:
        columns |= {f"{feature}_{figure}": pl.Float64 for figure in _FIGURES}
        columns[f"effect_{feature}"] = pl.Float64
    return columns | {"marks": pl.List(_MARK), "named_by": NAMED_BY}
