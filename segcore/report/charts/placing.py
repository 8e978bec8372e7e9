"""Labels that do not cover each other."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

_STEP = 2.0  # pixels that a label is moved at a time
_MOST_STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Box:
    """A label's place: its middle and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Whether two labels would cover each other."""
        apart = abs(self.x - other.x) >= (self.width + other.width) / 2
        return not apart and abs(self.y - other.y) < (self.height + other.height) / 2


def text_width(text: str, font_size: float) -> float:
    """Return about how many pixels a text is wide, on the safe side."""
    return 0.66 * font_size * len(text)


def apart(boxes: Sequence[Box]) -> list[Box]:
    """Return the boxes moved up and down, as little as it takes, until none covers another."""
    placed = list(boxes)
    order = sorted(range(len(placed)), key=lambda i: (placed[i].y, i))
    for _ in range(_MOST_STEPS):
        moved = False
        for place, low in enumerate(order):
            for high in order[place + 1 :]:
                if placed[low].overlaps(placed[high]):
                    placed[low] = replace(placed[low], y=placed[low].y - _STEP / 2)
                    placed[high] = replace(placed[high], y=placed[high].y + _STEP / 2)
                    moved = True
        if not moved:
            break
    return placed


def wrapped(text: str, most: int) -> str:
    """Return a text in lines of at most so many characters."""
    return "\n".join(textwrap.wrap(text, most)) or text
