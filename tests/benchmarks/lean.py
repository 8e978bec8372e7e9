"""What the benches of the choice leave out of a run, as nothing that they count depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from segcore.report.charts import svg

# The fewest of which a silhouette above all copies' is clear beside the other look.
COPIES = 39

LEAN: dict[str, Any] = {
    # What a winner could be on the real data: trees fail their bars at every date, and so does every k above 6.
    "models.families": ["kmeans", "mixture"],
    "models.k_max": 6,
    "structure_test.copies": COPIES,
    "outlook.enabled": False,
}

# No choice reads what was told of the period after, and neither do names, ids or causes.
NIGHTLY = LEAN | {"look_back.days": 0}


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave the charts of reports empty: drawing them is half of a small run."""
    render = svg.render
    svg.render = lambda spec: "<svg></svg>"
    try:
        yield
    finally:
        svg.render = render
