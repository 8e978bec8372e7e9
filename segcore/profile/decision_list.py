"""A short decision list, drawn from a shallow classification tree.

The tree is fitted to the labels in raw units, its thresholds are rounded to few digits as long as that costs next to nothing, and each leaf becomes a rule. The accuracy is that of the
rounded rules on customers that they were not fitted on, and so is what each rule is right for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.tree import DecisionTreeClassifier

from segcore import errors
from segcore.arrays import Floats, Labels
from segcore.profile.rules import Bound, Rule, Rules, assign, column
from segcore.profile.wording import feature_of

_FOLDS = 5
_DEPTH = 5
_ROUNDING_COST = 0.005  # share of the fitted rows that rounding all thresholds together may cost
_LEAST_LEAF = 0.01  # share of the fitted rows; smaller leaves make rules for nobody


def fit_rules(df: pl.DataFrame, segments: Labels, features: Sequence[str]) -> Rules:
    """Draw rules from a shallow classification tree; what they are right for is cross-validated in five folds.

    Parameters
    ----------
    df : DataFrame
        Features of a sample of customers in raw units, in hash order.
    segments : ndarray of shape (n_customers,)
        Their segments; customers with a number below 1 are left out.
    features : sequence of str
        Features to use; one that is empty for some customer is not.

    Raises
    ------
    segcore.errors.DataError
        If no customer has a segment.

    References
    ----------
    Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees.
    """
    df, segments = df.filter(pl.Series(segments > 0, dtype=pl.Boolean)), segments[segments > 0]
    if not df.height:
        raise errors.DataError("no rules can be drawn: none of the sampled customers has a segment")
    usable = [f for f in features if np.isfinite(column(df, f)).all()]
    rules = _draw(df, segments, usable)
    if df.height < 2 * _FOLDS:
        accuracy = float((assign(rules, df) == segments).mean())
        return Rules(rules=rules, accuracy=accuracy, measured_on="the fitted customers")
    predicted = _predicted(df, segments, usable)
    return Rules(
        rules=_corrected(rules, segments, predicted),
        accuracy=float((predicted == segments).mean()),
        measured_on="cross-validation",
    )


def _predicted(df: pl.DataFrame, segments: Labels, features: Sequence[str]) -> Labels:
    """Return what rules that were drawn without a customer say of them."""
    # Rows are in hash order, so every fifth row is a random fifth.
    fold = np.arange(df.height) % _FOLDS
    predicted = np.zeros_like(segments)
    for i in range(_FOLDS):
        seen, unseen = (df.filter(pl.Series(mask)) for mask in (fold != i, fold == i))
        predicted[fold == i] = assign(_draw(seen, segments[fold != i], features), unseen)
    return predicted


def _corrected(rules: Sequence[Rule], segments: Labels, predicted: Labels) -> tuple[Rule, ...]:
    """Lower what each rule is right for by what the rules of its segment lose on customers that they have not seen.

    The precision of a segment's rules together is known for both; each rule gets its part of the loss.
    """
    corrected = []
    for rule in rules:
        own = [other for other in rules if other.segment == rule.segment]
        covered = sum(other.coverage for other in own)
        fitted = sum(other.coverage * other.precision for other in own) / covered if covered else 0.0
        given = predicted == rule.segment
        unseen = float((segments[given] == rule.segment).mean()) if given.any() else 0.0
        lost = min(unseen / fitted, 1.0) if fitted else 1.0
        corrected.append(replace(rule, precision=rule.precision * lost))
    return tuple(corrected)


def _draw(df: pl.DataFrame, segments: Labels, features: Sequence[str]) -> tuple[Rule, ...]:
    """Fit a tree, turn its leaves into rules, round, and count what they cover."""
    k = len(np.unique(segments))
    if not features or k == 1:
        values, counts = np.unique(segments, return_counts=True)
        return _counted([Rule(segment=int(values[counts.argmax()]), bounds=())], df, segments)
    X = np.column_stack([column(df, f) for f in features])
    tree = DecisionTreeClassifier(
        max_depth=_DEPTH,
        max_leaf_nodes=2 * k,
        min_samples_leaf=max(1, math.ceil(_LEAST_LEAF * len(X))),
        random_state=0,
    ).fit(X, segments)
    root = _grow(tree.tree_, tree.classes_, 0)
    _round(root, X, segments, [feature_of(f).integer for f in features])
    return _counted(_leaves(root, features, ()), df, segments)


@dataclass(eq=False)
class _Node:
    """A split at `threshold` with two branches, or a leaf with a segment."""

    segment: int
    column: int = -1
    threshold: float = 0.0
    branches: tuple[_Node, _Node] | None = None

    def predict(self, X: Floats) -> Labels:
        if self.branches is None:
            return np.full(len(X), self.segment, dtype=np.int32)
        left, right = (branch.predict(X) for branch in self.branches)
        return np.where(X[:, self.column] <= self.threshold, left, right)


def _grow(tree: Any, classes: Labels, at: int) -> _Node:
    """Copy a fitted tree; a split whose branches say the same is no split."""
    segment = int(classes[tree.value[at][0].argmax()])
    if tree.children_left[at] < 0:
        return _Node(segment)
    left = _grow(tree, classes, tree.children_left[at])
    right = _grow(tree, classes, tree.children_right[at])
    if left.branches is None and right.branches is None and left.segment == right.segment:
        return left
    return _Node(segment, int(tree.feature[at]), float(tree.threshold[at]), (left, right))


def _round(root: _Node, X: Floats, segments: Labels, integer: Sequence[bool]) -> None:
    """Round thresholds one after the other; each may cost an equal part of what all together may."""
    nodes = _splits(root)
    right = float((root.predict(X) == segments).mean())
    for node in nodes:
        exact = node.threshold
        for value in (*_candidates(exact, integer[node.column]), exact):
            node.threshold = value
            after = float((root.predict(X) == segments).mean())
            if after >= right - _ROUNDING_COST / len(nodes):
                right = after
                break


def _splits(node: _Node) -> list[_Node]:
    """Return the nodes that split, the root first and what is below its threshold next."""
    return [] if node.branches is None else [node, *(n for branch in node.branches for n in _splits(branch))]


def _candidates(threshold: float, integer: bool) -> list[float]:
    """Return a threshold with one, two, three significant digits; the last always splits the same rows."""
    exact = float(math.floor(threshold)) if integer else threshold
    rounded = [float(f"{exact:.{digits}g}") for digits in (1, 2, 3)]
    return [*rounded, exact]


def _leaves(node: _Node, features: Sequence[str], bounds: tuple[Bound, ...]) -> list[Rule]:
    if node.branches is None:
        return [Rule(segment=node.segment, bounds=bounds)]
    feature, t = features[node.column], node.threshold
    below, above = _bounded(bounds, feature, up_to=t), _bounded(bounds, feature, above=t)
    return [*_leaves(node.branches[0], features, below), *_leaves(node.branches[1], features, above)]


def _bounded(
    bounds: tuple[Bound, ...], feature: str, *, above: float | None = None, up_to: float | None = None
) -> tuple[Bound, ...]:
    """Narrow a feature's range."""
    old = next((b for b in bounds if b.feature == feature), Bound(feature=feature))
    lows = [v for v in (old.above, above) if v is not None]
    highs = [v for v in (old.up_to, up_to) if v is not None]
    new = Bound(feature=feature, above=max(lows, default=None), up_to=min(highs, default=None))
    return (*(b for b in bounds if b.feature != feature), new)


def _counted(rules: Sequence[Rule], df: pl.DataFrame, segments: Labels) -> tuple[Rule, ...]:
    """Fill in what each rule covers; drop those that cover nobody; order by segment."""
    counted = []
    for rule in rules:
        covered = rule.holds(df)
        right = segments[covered] == rule.segment
        precision = float(right.mean()) if covered.any() else 0.0
        counted.append(replace(rule, coverage=float(covered.mean()), precision=precision))
    return tuple(sorted(counted, key=lambda r: (r.segment, -r.coverage)))
