"""What sets a segment apart, in plain words: its marks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from segcore import schema
from segcore.profile.statistics import Summary
from segcore.profile.wording import against, feature_of, number, phrase, templates, whether_in_words

_LEAST_POINTS = 0.05  # difference of two shares that is worth a sentence


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One feature that sets a segment apart.

    Attributes
    ----------
    feature, text : str
        ``"typically 12 orders, four times the median of all customers (3)"``.
    effect : float
        Standardised effect.
    value, population : float
        Medians of the segment and of all customers, in the feature's unit.
    """

    feature: str
    text: str
    effect: float
    value: float
    population: float


def marks_of(
    segment: Mapping[str, Summary],
    everyone: Mapping[str, Summary],
    *,
    matrix: Collection[str] = (),
    currency: str = "",
    most: int = 3,
) -> list[Mark]:
    """Return the features with the largest effects, at most one of each theme.

    Features of the matrix come first, as they are what the segment was made from; others fill what is
    left. A feature whose median is that of all customers, or lies on the other side of it than its mean, is
    left out: the sentence would say nothing, or the wrong thing. So there may be fewer than `most`.

    Parameters
    ----------
    segment, everyone : mapping of str to Summary
        By feature.
    matrix : collection of str
        Features that the models see.
    currency : str
        Sign or code shown with money.
    most : int
        Marks at most.
    """
    marks: list[Mark] = []
    themes: set[str] = set()
    for name in sorted(segment, key=lambda n: (n not in matrix, -abs(segment[n].effect or 0.0), n)):
        mark = _mark(name, segment[name], everyone[name], currency)
        theme = _theme(name)
        if mark is not None and theme not in themes and len(marks) < most:
            marks.append(mark)
            themes.add(theme)
    return marks


def _mark(name: str, own: Summary, all_: Summary, currency: str) -> Mark | None:
    if schema.is_indicator(name):
        return _mark_of_indicator(name, own, all_)
    if own.median is None or all_.median is None or own.effect is None:
        return None
    if (own.median - all_.median) * own.effect <= 0:
        return None
    words = phrase(name, own.median, currency=currency)
    compared = against(own.median, all_.median, feature_of(name).unit, currency=currency)
    return Mark(
        feature=name,
        text=f"typically {words}, {compared}",
        effect=own.effect,
        value=own.median,
        population=all_.median,
    )


def _mark_of_indicator(name: str, own: Summary, all_: Summary) -> Mark | None:
    """Compare shares: the median of a column of 0 and 1 whether_in_words next to nothing."""
    if own.mean is None or all_.mean is None or abs(own.mean - all_.mean) < _LEAST_POINTS:
        return None
    return Mark(
        feature=name,
        text=f"{whether_in_words(name, holds=True)} for {number(own.mean, 'share')}, against {number(all_.mean, 'share')} of all customers",
        effect=own.effect or 0.0,
        value=own.mean,
        population=all_.mean,
    )


def _theme(name: str) -> str:
    """Return the axis of a feature, or the feature itself."""
    name = schema.parts_of(name)[0]
    axes = templates()["axes"]
    return next((axis for axis, words in axes.items() if name in words["features"]), name)
