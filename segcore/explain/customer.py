"""Why a customer is in their segment, and what would move them to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segcore import schema
from segcore.explain import whatif
from segcore.explain.whatif import Change
from segcore.matrix.preparation import Preparation
from segcore.models.assignment import Assigner
from segcore.profile import ALL, Rules
from segcore.profile.rules import Rule, conditions
from segcore.profile.wording import feature_of, number, phrase

_MOST_CHANGES = 3


@dataclass(frozen=True, kw_only=True)
class Model:
    """How a run gets from features to segments.

    Attributes
    ----------
    preparation : segcore.matrix.preparation.Preparation
    assigner : segcore.models.assignment.Assigner
    centres : ndarray of shape (n_clusters, n_features), float64
        In label order, standardised units: the model's own, or the means of its members.
    segments : mapping of int to int
        Label to segment.
    separate_one_time : bool
        Whether customers with one order are a segment by rule, with the label after the model's last.
    """

    preparation: Preparation
    assigner: Assigner
    centres: NDArray[np.float64]
    segments: Mapping[int, int]
    separate_one_time: bool = False

    def assign(self, df: pl.DataFrame) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return segments (0 where a label has none) and confidences of shape (n_customers,)."""
        labels, confidence = self.assigner.assign(self.preparation.block(df))
        if self.separate_one_time:
            by_rule = (df["order_count"] == 1).to_numpy()
            labels = np.where(by_rule, len(self.centres), labels)
            confidence = np.where(by_rule, np.float32(1), confidence)
        segments = np.array([self.segments.get(int(label), 0) for label in labels], dtype=np.int32)
        return segments, confidence

    def distances(self, df: pl.DataFrame) -> dict[int, float]:
        """Return the Euclidean distance of one customer to the centre of each segment, nearest first."""
        X = self.preparation.block(df).astype(np.float64)
        lengths = np.sqrt(np.square(X[0] - self.centres).sum(axis=1))
        known = {self.segments[i]: float(d) for i, d in enumerate(lengths) if i in self.segments}
        return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One customer explained.

    Attributes
    ----------
    customer_id : str
    segment : int
        0 when the model assigns none.
    names : dict of int to str
        Of all segments.
    confidence : float
    features : dict of str to tuple
        Value, median of the segment and median of all customers, raw units, None where empty; the matrix's first.
        Means in place of medians for columns of 0 and 1: shares of customers.
    distances : dict of int to float
        Segment to distance of its centre, nearest first.
    rule : Rule or None
        The one that covers the customer.
    changes : tuple of Change
        To the nearest segment that one change reaches, the shortest first.
    unreachable : tuple of int
        Nearer segments that no single change reaches.
    """

    customer_id: str
    segment: int
    names: dict[int, str]
    confidence: float
    features: dict[str, tuple[float | None, float | None, float | None]]
    distances: dict[int, float]
    rule: Rule | None
    changes: tuple[Change, ...]
    unreachable: tuple[int, ...]

    @property
    def segment_name(self) -> str:
        """The segment's name."""
        return self.names.get(self.segment, "Unassigned")

    def text(self, *, currency: str = "") -> str:
        """Return the explanation for a terminal."""
        parts = [
            [
                f"Customer {self.customer_id}: {self.segment_name} (segment {self.segment} of {len(self.names)}, "
                f"confidence {self.confidence:.0%})"
            ],
            _because(self, currency),
            [
                "",
                "Features (median, or share, of the segment, of all customers):",
                *_feature_lines(self, currency),
            ],
            ["", "Distance to each centre, in standard deviations:", *_distance_lines(self)],
            ["", *_change_lines(self, currency)],
        ]
        return "\n".join(line for part in parts for line in part)


def explain(
    df: pl.DataFrame,
    *,
    model: Model,
    names: Mapping[int, str],
    profile: pl.DataFrame,
    limits: Mapping[str, tuple[float, float]],
    rules: Rules | None = None,
) -> Explanation:
    """Explain one customer.

    Parameters
    ----------
    df : DataFrame
        The customer's row of features, `customer_id` included.
    model : Model
    names : mapping of int to str
        Of all segments.
    profile : DataFrame
        As `segcore.profile.build` returns it.
    limits : mapping of str to (float, float)
        Smallest and largest value of each feature of the matrix, see :func:`limits_of`.
    rules : Rules, optional
        The run's decision list.
    """
    segments, confidence = model.assign(df)
    segment, distances = int(segments[0]), model.distances(df)
    changes, unreachable = _next_segment(df, segment, distances, model, limits)
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
    )


def limits_of(lf: pl.LazyFrame, model: Model) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of each feature of the matrix; one pass over the customers."""
    columns = model.preparation.columns
    lows = lf.select(columns).min().collect(engine="streaming").row(0)
    highs = lf.select(columns).max().collect(engine="streaming").row(0)
    found = zip(columns, lows, highs, strict=True)
    return {name: (float(low), float(high)) for name, low, high in found if low is not None}


def _next_segment(
    df: pl.DataFrame,
    segment: int,
    distances: Mapping[int, float],
    model: Model,
    limits: Mapping[str, tuple[float, float]],
) -> tuple[tuple[Change, ...], tuple[int, ...]]:
    """Return the changes to the nearest other segment that has any, and the nearer ones without."""
    wanted = [f.name for f in schema.numeric_features(df.columns)]
    wanted += [f for f in model.preparation.columns if f not in wanted]
    row = df.row(0, named=True)
    customer = {f: float(row[f]) for f in wanted if row[f] is not None}
    missing = [f for f in model.preparation.columns if f not in customer]

    def complete(moved: pl.DataFrame) -> pl.DataFrame:
        return moved.with_columns(pl.Series(f, [None] * moved.height, dtype=pl.Float64) for f in missing)

    unreachable: list[int] = []
    for target in (s for s in distances if s != segment):
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


def _because(found: Explanation, currency: str) -> list[str]:
    if found.rule is None:
        return []
    words = conditions(found.rule, currency=currency)
    right = f"{found.rule.precision:.0%}"
    if found.rule.segment == found.segment:
        return [f"Because: {words} (a rule that is right for {right} of the customers that it covers)."]
    other = found.names.get(found.rule.segment, "another segment")
    return [f"An exception: {words} usually means {other} (right for {right}); the model looks closer."]


def _feature_lines(found: Explanation, currency: str) -> list[str]:
    width = max((len(feature_of(f).label) for f in found.features), default=0)
    lines = []
    for name, values in found.features.items():
        feature = feature_of(name)
        own, segment, every = (
            "none" if v is None else number(v, feature.unit, currency=currency) for v in values
        )
        if schema.is_indicator(name):
            if not values[0]:
                continue  # of a customer's category, not of all that there are
            own = "yes"
        lines.append(f"  {feature.label:<{width}}  {own} ({segment}, {every})")
    return lines


def _distance_lines(found: Explanation) -> list[str]:
    width = max((len(found.names.get(s, "")) for s in found.distances), default=0)
    return [
        f"  {found.names.get(s, ''):<{width}}  {d:.2f}{' (their own)' if s == found.segment else ''}"
        for s, d in found.distances.items()
    ]


def _change_lines(found: Explanation, currency: str) -> list[str]:
    missed = [f"No single change leads to {found.names.get(s, 'it')}." for s in found.unreachable]
    if not found.changes:
        return missed or ["There is no other segment to land in."]
    target = found.names.get(found.changes[0].segment, "the next segment")
    lines = [f"To land in {target}, everything else equal, any one of:"]
    for change in found.changes[:_MOST_CHANGES]:
        new = phrase(change.feature, change.new, currency=currency)
        old = number(change.old, feature_of(change.feature).unit, currency=currency)
        follows = " and ".join(phrase(f, v, currency=currency) for f, v in change.follows.items())
        lines.append(f"  {new} instead of {old}" + (f", which makes {follows}" if follows else ""))
    return missed + lines
