"""Why a customer is in their segment, and what would move them to the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from segcore import schema
from segcore.explain import whatif
from segcore.explain.explanation import Explanation, NextUp
from segcore.explain.whatif import Change
from segcore.models.segment_model import SegmentModel
from segcore.outlook.model import Outlook
from segcore.profile import ALL, Rules


def explain(
    df: pl.DataFrame,
    *,
    model: SegmentModel,
    names: Mapping[int, str],
    profile: pl.DataFrame,
    limits: Mapping[str, tuple[float, float]],
    rules: Rules | None = None,
    outlook: Outlook | None = None,
) -> Explanation:
    """Explain one customer.

    Parameters
    ----------
    df : DataFrame
        The customer's row of features, `customer_id` included.
    model : SegmentModel
    names : mapping of int to str
        Of all segments.
    profile : DataFrame
        As `segcore.profile.build` returns it.
    limits : mapping of str to (float, float)
        Smallest and largest value of each feature of the matrix, see :func:`limits_of`.
    rules : Rules, optional
        The run's decision list.
    outlook : Outlook, optional
        The run's model of the next period.
    """
    segments, confidence = model.assign(df)
    segment, distances = int(segments[0]), model.distances(df)
    better = _better(segment, distances, profile)
    changes, unreachable = _next_segment(df, better, model, limits)
    return Explanation(
        customer_id=str(df["customer_id"][0]),
        segment=segment,
        names=dict(sorted(names.items())),
        confidence=float(confidence[0]),
        features=_features(df, segment, profile, model.preparation.columns),
        distances=distances,
        rule=next((r for r in rules.rules if r.holds(df)[0]), None) if rules else None,
        changes=changes,
        unreachable=unreachable,
        next_up=None if outlook is None or outlook.lacking(df.schema) else _next_up(df, outlook),
    )


def _next_up(df: pl.DataFrame, outlook: Outlook) -> NextUp:
    chance, spend = outlook.predict(df)
    return NextUp(
        days=outlook.about.days,
        chance=float(chance[0]),
        expected_spend=float(spend[0]),
        effects=outlook.effects(df),
        medians=dict(zip(outlook.about.features, outlook.about.medians, strict=True)),
    )


def limits_of(lf: pl.LazyFrame, model: SegmentModel) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of each feature of the matrix; one pass over the customers."""
    columns = model.preparation.columns
    lows = lf.select(columns).min().collect(engine="streaming").row(0)
    highs = lf.select(columns).max().collect(engine="streaming").row(0)
    ranges = zip(columns, lows, highs, strict=True)
    return {name: (float(low), float(high)) for name, low, high in ranges if low is not None}


def _better(segment: int, distances: Mapping[int, float], profile: pl.DataFrame) -> list[int]:
    """Return the segments whose customers bring more, the nearest first; all others of who has none."""
    worth = dict(profile.select("segment", pl.col("revenue") / pl.col("customers")).iter_rows())
    own = worth.get(segment, float("-inf"))
    return [other for other in distances if other != segment and worth.get(other, own) > own]


def _next_segment(
    df: pl.DataFrame, targets: Sequence[int], model: SegmentModel, limits: Mapping[str, tuple[float, float]]
) -> tuple[tuple[Change, ...], tuple[int, ...]]:
    """Return the changes to the first segment that has any, and those before it without."""
    wanted = [f.name for f in schema.numeric_features(df.columns)]
    wanted += [f for f in model.preparation.columns if f not in wanted]
    row = df.row(0, named=True)
    customer = {f: float(row[f]) for f in wanted if row[f] is not None}
    missing = [f for f in model.preparation.columns if f not in customer]

    def complete(moved: pl.DataFrame) -> pl.DataFrame:
        return moved.with_columns(pl.Series(f, [None] * moved.height, dtype=pl.Float64) for f in missing)

    unreachable: list[int] = []
    for target in targets:
        changes = whatif.changes_to(
            target,
            customer,
            columns=model.preparation.columns,
            segments_of=lambda moved: model.assign(complete(moved))[0],
            to_matrix=lambda moved: model.preparation.block(complete(moved)),
            limits=limits,
        )
        if changes:
            return tuple(changes), tuple(unreachable)
        unreachable.append(target)
    return (), tuple(unreachable)


def _features(
    df: pl.DataFrame, segment: int, profile: pl.DataFrame, matrix: tuple[str, ...]
) -> dict[str, tuple[float | None, float | None, float | None]]:
    rows = {row["segment"]: row for row in profile.to_dicts()}
    described = [c.removesuffix("_median") for c in profile.columns if c.endswith("_median")]
    ordered = [f for f in matrix if f in described] + [f for f in described if f not in matrix]
    own, every = rows.get(segment, {}), rows.get(ALL, {})
    middle = {f: f"{f}_mean" if schema.is_indicator(f) else f"{f}_median" for f in ordered}
    return {f: (df[f][0], own.get(middle[f]), every.get(middle[f])) for f in ordered if f in df.columns}
