"""The explanation of one customer, as numbers and as lines for a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from segcore import schema
from segcore.explain.whatif import Change
from segcore.profile.rules import Rule, conditions
from segcore.profile.wording import feature_of, number, phrase

_MOST_CHANGES = 3
_MOST_EFFECTS = 3


@dataclass(frozen=True, kw_only=True)
class NextUp:
    """What the run's outlook says of one customer.

    Attributes
    ----------
    days : int
        Length of the period to come.
    chance : float
        To buy in it.
    expected_spend : float
    effects : dict of str to float
        By how much the chance differs from what it is with a feature at its median; the largest difference first.
    medians : dict of str to float or None
    """

    days: int
    chance: float
    expected_spend: float
    effects: dict[str, float]
    medians: dict[str, float | None]


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
        For the better, to the nearest better segment that one reaches, the shortest first.
    unreachable : tuple of int
        Nearer ones that no single change reaches.
    next_up : NextUp or None
        Where the run has an outlook.
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
    next_up: NextUp | None = None

    @property
    def segment_name(self) -> str:
        """The segment's name."""
        return self.names.get(self.segment, "Unassigned")

    def text(self, *, currency: str = "") -> str:
        """Return the explanation for a terminal."""
        return _text(self, currency)


def _text(explanation: Explanation, currency: str) -> str:
    segment = f"segment {explanation.segment} of {len(explanation.names)}"
    parts = [
        [
            f"Customer {explanation.customer_id}: {explanation.segment_name} ({segment}, "
            f"confidence {explanation.confidence:.0%})"
        ],
        _because(explanation, currency),
        [
            "",
            "Features (median, or share, of the segment, of all customers):",
            *_feature_lines(explanation, currency),
        ],
        ["", "Distance to each centre, in standard deviations:", *_distance_lines(explanation)],
        ["", *_change_lines(explanation, currency)],
        _next_lines(explanation, currency),
    ]
    return "\n".join(line for part in parts for line in part)


def _because(explanation: Explanation, currency: str) -> list[str]:
    if explanation.rule is None:
        return []
    words = conditions(explanation.rule, currency=currency)
    right = f"{explanation.rule.precision:.0%}"
    if explanation.rule.segment == explanation.segment:
        return [f"Because: {words} (a rule that is right for {right} of the customers that it covers)."]
    other = explanation.names.get(explanation.rule.segment, "another segment")
    return [f"An exception: {words} usually means {other} (right for {right}); the model looks closer."]


def _feature_lines(explanation: Explanation, currency: str) -> list[str]:
    width = max((len(feature_of(f).label) for f in explanation.features), default=0)
    lines = []
    for name, values in explanation.features.items():
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


def _distance_lines(explanation: Explanation) -> list[str]:
    width = max((len(explanation.names.get(s, "")) for s in explanation.distances), default=0)
    return [
        f"  {explanation.names.get(s, ''):<{width}}  {d:.2f}{' (their own)' if s == explanation.segment else ''}"
        for s, d in explanation.distances.items()
    ]


def _change_lines(explanation: Explanation, currency: str) -> list[str]:
    missed = [f"No single step leads to {explanation.names.get(s, 'it')}." for s in explanation.unreachable]
    if not explanation.changes:
        return missed or ["No other segment's customers bring more."]
    target = explanation.names.get(explanation.changes[0].segment, "the next segment")
    lines = [f"To {target}, whose customers bring more, everything else equal leads any one of:"]
    for change in explanation.changes[:_MOST_CHANGES]:
        new = phrase(change.feature, change.new, currency=currency)
        old = number(change.old, feature_of(change.feature).unit, currency=currency)
        follows = " and ".join(phrase(f, v, currency=currency) for f, v in change.follows.items())
        lines.append(f"  {new} instead of {old}" + (f", which makes {follows}" if follows else ""))
    return missed + lines


def _next_lines(explanation: Explanation, currency: str) -> list[str]:
    next_up = explanation.next_up
    if next_up is None:
        return []
    lines = [
        "",
        f"In the next {next_up.days} days: a chance to buy of {next_up.chance:.0%}, "
        f"and a spend to expect of {number(next_up.expected_spend, 'money', currency=currency)}.",
    ]
    if next_up.effects:
        lines.append("With one feature at its median instead, everything else equal, the chance would be:")
    for name, effect in list(next_up.effects.items())[:_MOST_EFFECTS]:
        median = next_up.medians[name]
        usual = "none" if median is None else phrase(name, median, currency=currency)
        lines.append(f"  {next_up.chance - effect:.0%} with {usual}")
    return lines
