"""How the model was chosen, as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore.records.fit_figures import StructureTest
from segcore.report import charts
from segcore.report.charts import Figure, colour
from segcore.report.formatting import MISSING, Formatter, cut
from segcore.report.report_data import ReportData
from segcore.report.sections.candidates import HEADINGS, Verdicts, cells, named, verdict_matrix
from segcore.report.sections.criteria import agreement, bic, criteria, trees
from segcore.report.sections.preparations import Preparations, preparations


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The section on the choice of the model."""

    sentence: str
    pinned: str
    structure: str
    structure_words: str
    structure_figures: list[list[str]]
    structure_copies: int
    preparations: Preparations
    verdicts: Verdicts
    legend: list[tuple[str, str, str]]
    criteria: list[Figure]
    headings: list[str]
    finalists: list[list[str]]
    everything: list[list[str]]
    trees: list[Figure]
    bic: Figure | None
    agreement: Figure | None
    stability: list[dict[str, Any]]
    min_jaccard: float


def choice(data: ReportData, names: dict[int, str], fmt: Formatter) -> Choice:
    """Collect the section's tables and charts."""
    df = named(data.candidates)
    style = charts.family_style(dict(df.select("name", "family").unique(maintain_order=True).rows()))
    chosen = df.filter("chosen").to_dicts()
    k = int(chosen[0]["k"]) if chosen else data.manifest.k
    at_k = df.filter((pl.col("k") == k) | pl.col("admissible") | ~pl.col("selectable"))
    test, cost = data.manifest.structure_test, data.manifest.pinned_cost
    everything = [cells(row, fmt) for row in df.to_dicts()]
    filled = [i for i in range(len(HEADINGS)) if any(row[i] != MISSING for row in everything)]
    return Choice(
        sentence=_reason(data, chosen),
        pinned=cost.sentence if cost else "",
        structure=cut(test.sentence, 900) if test else "",
        structure_words=cut(test.figures, 900) if test else "",
        structure_figures=_structure(test, fmt) if test else [],
        structure_copies=test.copies if test else 0,
        preparations=preparations(data, fmt),
        verdicts=verdict_matrix(df),
        legend=[(name, *_sample(style[name])) for name in style],
        criteria=criteria(df, data.job.selection, style),
        headings=[HEADINGS[i] for i in filled],
        finalists=[[cells(row, fmt)[i] for i in filled] for row in at_k.to_dicts()],
        everything=[[row[i] for i in filled] for row in everything],
        trees=trees(data.tables["tree"], k),
        bic=bic(df, style),
        agreement=agreement(data.tables["agreement"]),
        stability=_stability(chosen, names, fmt),
        min_jaccard=data.job.selection.min_jaccard,
    )


def _reason(data: ReportData, chosen: list[dict[str, Any]]) -> str:
    if chosen:
        return cut(chosen[0]["reason"], 900)
    return cut(data.manifest.chosen.reason, 900)


def _sample(style: tuple[str, list[int]]) -> tuple[str, str]:
    return style[0], " ".join(str(part) for part in style[1])


def _structure(test: StructureTest, fmt: Formatter) -> list[list[str]]:
    """Return what was compared, of the customers, of the copies on average and at most, and p."""
    names = ("silhouette", "silhouette_copies_mean", "silhouette_copies_max")
    p = fmt.number(test.silhouette_p, 2)
    return [["Silhouette", *(fmt.number(getattr(test, name), 3) for name in names), p]]


def _stability(chosen: list[dict[str, Any]], names: dict[int, str], fmt: Formatter) -> list[dict[str, Any]]:
    """Return each segment's bootstrap Jaccard; the list of the candidate is in the order of segments."""
    values = chosen[0].get("jaccard") if chosen else None
    if not values or len(values) != len(names):
        return []
    return [
        {"name": names[s], "colour": colour(s), "text": fmt.number(v), "percent": round(100 * (v or 0.0), 1)}
        for s, v in zip(sorted(names), values, strict=True)
    ]
