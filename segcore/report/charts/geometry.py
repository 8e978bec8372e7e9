"""Geometry that Vega-Lite has no mark for: a dendrogram, a flow diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from segcore.records.changes import Flow

OUTSIDE = -1  # not in one of two runs
_GAP = 0.03  # between the blocks of a stack, a share of its height
_STEPS = 24  # points along each band


def dendrogram(merges: pl.DataFrame) -> pl.DataFrame:
    """Lay out the top of a tree.

    Parameters
    ----------
    merges : polars.DataFrame
        The last merges of one tree in scipy's numbering (left, right, height, size), lowest first.

    Returns
    -------
    polars.DataFrame
        x, y, merge, order, size: four corners of each merge.
    """
    rows = merges.sort("height", maintain_order=True).to_dicts()
    first = 2 * int(rows[-1]["size"]) - 1 - len(rows)  # scipy numbers the last of n - 1 merges 2n - 2
    nodes = {first + i: row for i, row in enumerate(rows)}
    leaves = _leaves(first + len(rows) - 1, nodes)
    at: dict[int, tuple[float, float]] = {leaf: (float(i), 0.0) for i, leaf in enumerate(leaves)}
    corners = []
    for number, row in nodes.items():
        (x0, y0), (x1, y1) = at[int(row["left"])], at[int(row["right"])]
        top = float(row["height"])
        at[number] = ((x0 + x1) / 2, top)
        for order, (x, y) in enumerate(((x0, y0), (x0, top), (x1, top), (x1, y1))):
            corners.append({"x": x, "y": y, "merge": number, "order": order, "size": int(row["size"])})
    return pl.DataFrame(corners)


def _leaves(root: int, nodes: dict[int, dict[str, Any]]) -> Iterator[int]:
    """Yield what hangs below a node and is no shown merge itself, left to right; no recursion."""
    stack = [root]
    while stack:
        number = stack.pop()
        if number in nodes:
            stack += [int(nodes[number]["right"]), int(nodes[number]["left"])]
        else:
            yield number


def cut_height(merges: pl.DataFrame, k: int) -> float | None:
    """Return a height between the merges that leave k and k - 1 clusters, None where it is not shown."""
    heights = merges["height"].sort(descending=True).to_list()
    if not 2 <= k <= len(heights):
        return None
    return float(heights[k - 2] + heights[k - 1]) / 2


def ribbons(flows: Sequence[Flow]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lay out flows between two stacks as curved bands.

    Returns
    -------
    bands : polars.DataFrame
        flow, old, new, customers, x, y0, y1.
    blocks : polars.DataFrame
        side, segment, customers, y0, y1.
    """
    total = sum(f.customers for f in flows) or 1
    starts: dict[tuple[str, int | None], float] = {}
    blocks = []
    for side in ("old", "new"):
        y = 0.0
        for segment in sorted({getattr(f, side) for f in flows}, key=lambda s: (s is None, s or 0)):
            n = sum(f.customers for f in flows if getattr(f, side) == segment)
            starts[side, segment] = y
            blocks.append(
                {
                    "side": side,
                    "segment": OUTSIDE if segment is None else segment,
                    "customers": n,
                    "y0": y,
                    "y1": y + n / total,
                }
            )
            y += n / total + _GAP
    bend = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, _STEPS))
    points = []
    for i, f in enumerate(sorted(flows, key=lambda f: tuple((s is None, s or 0) for s in (f.old, f.new)))):
        height = f.customers / total
        a, b = starts["old", f.old], starts["new", f.new]
        starts["old", f.old] += height
        starts["new", f.new] += height
        points += [
            {
                "flow": i,
                "old": OUTSIDE if f.old is None else f.old,
                "new": OUTSIDE if f.new is None else f.new,
                "customers": f.customers,
                "x": j / (_STEPS - 1),
                "y0": a + (b - a) * float(t),
                "y1": a + (b - a) * float(t) + height,
            }
            for j, t in enumerate(bend)
        ]
    return pl.DataFrame(points), pl.DataFrame(blocks)
