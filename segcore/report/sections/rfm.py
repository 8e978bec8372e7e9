"""Recency against frequency, and the groups of RFM against the segments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from segcore.evaluation.next_period import GRID
from segcore.lines.rfm import GROUPS, TABLE
from segcore.records.manifest import RfmCutPoints
from segcore.report import privacy
from segcore.report.formatting import MISSING, Formatter
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import names


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Neighbouring cells of the grid, so many that they hold enough customers.

    Attributes
    ----------
    span : int
        How many they are.
    orders : str
        Which, in orders.
    customers, revenue_share, rate : str
        Rate: of the customers who were in them a period ago, how many bought in it.
    """

    span: int
    orders: str
    customers: str
    revenue_share: str
    rate: str


@dataclass(frozen=True, kw_only=True)
class RfmTables:
    """What the report shows of RFM.

    Attributes
    ----------
    orders : list of str
        Head of the grid.
    grid : list of (str, list of Cell)
        The latest customers first.
    headings, groups : list
        Customers by group and segment.
    days : int
        Of the period that rates are of; 0 where they are not known.
    """

    orders: list[str]
    grid: list[tuple[str, list[Cell]]]
    headings: list[str]
    groups: list[list[str]]
    days: int


def rfm(data: ReportData, fmt: Formatter) -> RfmTables | None:
    """Return both tables, None where the run has no scores."""
    table, points = data.tables["rfm"], data.manifest.rfm
    if table.is_empty() or points is None:
        return None
    look_back = data.manifest.look_back
    return RfmTables(
        orders=_ranges(points.frequency, "order"),
        grid=_grid(table, data.look_back, points, fmt),
        headings=["Group", *names(data).values(), *(["Bought again"] if look_back else [])],
        groups=_groups(data, table, fmt, rated=look_back is not None),
        days=look_back.days if look_back else 0,
    )


def _ranges(points: Sequence[float], unit: str) -> list[str]:
    """Return what each score stands for, from the smallest values to the largest; values are whole numbers."""
    whole = [int(point // 1) for point in points]
    texts = [f"up to {whole[0]}"]
    for low, high in itertools.pairwise(whole):
        texts.append(MISSING if low == high else f"{high}" if low + 1 == high else f"{low + 1} to {high}")
    return [
        f"{text} {unit}{'' if text in ('1', 'up to 1') else 's'}" for text in [*texts, f"over {whole[-1]}"]
    ]


def _grid(
    table: pl.DataFrame, look_back: pl.DataFrame, points: RfmCutPoints, fmt: Formatter
) -> list[tuple[str, list[Cell]]]:
    total = float(table["revenue"].sum())
    now = {
        (r, f): (customers, revenue)
        for r, f, customers, revenue in table.group_by("r_score", "f_score")
        .agg(pl.col("customers", "revenue").sum())
        .rows()
    }
    then = _then(look_back)
    orders, days = _ranges(points.frequency, "order"), _ranges(points.recency, "day")
    rows = []
    for r in range(5, 0, -1):
        bins = pl.DataFrame(
            [
                {"left": float(f), "right": f + 1.0, "customers": now.get((r, f), (0, 0.0))[0]}
                for f in range(1, 6)
            ]
        )
        cells, at = [], 1
        for left, right, customers, _ in privacy.merged_bins(bins).rows():
            if left > at:
                cells.append(_nobody(int(left) - at, orders[at - 1]))
            merged = range(int(left), int(right))
            known = [then.get((r, f), (0, 0)) for f in merged]
            n, buyers = sum(a for a, _ in known), sum(b for _, b in known)
            cells.append(
                Cell(
                    span=len(merged),
                    orders=_from_to(orders, merged),
                    customers=fmt.count(customers),
                    revenue_share=fmt.percent(
                        sum(now.get((r, f), (0, 0.0))[1] for f in merged) / total if total else None
                    ),
                    rate=_rate(n, buyers, fmt),
                )
            )
            at = int(right)
        if at < 6:
            cells.append(_nobody(6 - at, orders[at - 1]))
        rows.append((days[5 - r] + " ago", cells))
    return rows


def _nobody(span: int, orders: str) -> Cell:
    """Return cells without enough customers to be told."""
    return Cell(span=span, orders=orders, customers=MISSING, revenue_share="", rate=MISSING)


def _from_to(orders: Sequence[str], merged: range) -> str:
    first, last = orders[merged[0] - 1], orders[merged[-1] - 1]
    return first if first == last else f"{first} – {last}"


def _then(look_back: pl.DataFrame) -> dict[tuple[int, int], tuple[int, int]]:
    """Return customers and buyers by recency and frequency score of a period ago."""
    if look_back.is_empty():
        return {}
    cells = look_back.filter(pl.col("rule") == GRID)
    score = [pl.col("cell").str.slice(i, 1).cast(pl.Int64) for i in range(2)]
    sums = cells.group_by(score[0].alias("r"), score[1].alias("f")).agg(pl.col("customers", "buyers").sum())
    return {(r, f): (customers, buyers) for r, f, customers, buyers in sums.rows()}


def _groups(data: ReportData, table: pl.DataFrame, fmt: Formatter, *, rated: bool) -> list[list[str]]:
    """Return the customers of each group by segment; of few it says no more than that they are few."""
    counted = {
        (group, segment): customers
        for group, segment, customers in table.group_by("rfm_group", "segment")
        .agg(pl.col("customers").sum())
        .rows()
    }
    then: dict[str, tuple[int, int]] = dict.fromkeys(GROUPS, (0, 0))
    for (r, f), (n, buyers) in _then(data.look_back).items():
        group = GROUPS[TABLE[r - 1][f - 1]]
        then[group] = (then[group][0] + n, then[group][1] + buyers)
    return [
        [
            group,
            *(_few(counted.get((group, segment), 0), fmt) for segment in names(data)),
            *([_rate(*then[group], fmt)] if rated else []),
        ]
        for group in GROUPS
        if any(own == group for own, _ in counted)
    ]


def _rate(customers: int, buyers: int, fmt: Formatter) -> str:
    return fmt.percent(buyers / customers) if customers >= privacy.LEAST_CUSTOMERS else MISSING


def _few(customers: int, fmt: Formatter) -> str:
    return privacy.FEW if 0 < customers < privacy.LEAST_CUSTOMERS else fmt.count(customers)
