"""How the model was chosen, as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore.report import charts
from segcore.report.charts import Figure, colour
from segcore.report.run import Run
from segcore.report.words import MISSING, Words, cut
from segcore.selection import verdicts

SYMBOLS = {"chosen": "★", "admissible": "●", "ruled out": "○", "shown only": "◇"}


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """One symbol per candidate: families down, k across."""

    ks: list[int]
    rows: list[tuple[str, list[dict[str, str] | None]]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The section on the choice of the model."""

    sentence: str
    pinned: str
    structure: str
    structure_figures: list[list[str]]
    structure_copies: int
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


HEADINGS = (
    "Candidate",
    "k",
    "Verdict",
    "Silhouette",
    "Prediction strength",
    "Lowest Jaccard",
    "Smallest segment",
    "Calinski–Harabasz",
    "Davies–Bouldin",
    "Carry",
    "Move",
    "Why",
)


def choice(run: Run, names: dict[int, str], words: Words) -> Choice:
    """Collect the section's tables and charts."""
    df = _named(run.candidates)
    style = charts.family_style(dict(df.select("name", "family").unique(maintain_order=True).rows()))
    chosen = df.filter("chosen").to_dicts()
    k = int(chosen[0]["k"]) if chosen else int(run.manifest.get("k") or 0)
    at_k = df.filter((pl.col("k") == k) | pl.col("admissible") | ~pl.col("selectable"))
    test = run.manifest.get("structure_test") or {}
    everything = [_row(row, words) for row in df.to_dicts()]
    filled = [i for i in range(len(HEADINGS)) if any(row[i] != MISSING for row in everything)]
    return Choice(
        sentence=_reason(run, chosen),
        pinned=(run.manifest.get("pinned_cost") or {}).get("sentence", ""),
        structure=cut(test.get("sentence", ""), 900),
        structure_figures=_structure(test, words),
        structure_copies=int(test.get("copies") or 0),
        verdicts=_verdicts(df),
        legend=[(name, *_sample(style[name])) for name in style],
        criteria=_criteria(df, run, style),
        headings=[HEADINGS[i] for i in filled],
        finalists=[[_row(row, words)[i] for i in filled] for row in at_k.to_dicts()],
        everything=[[row[i] for i in filled] for row in everything],
        trees=_trees(run, k),
        bic=_bic(df, style),
        agreement=_agreement(run),
        stability=_stability(chosen, names, words),
        min_jaccard=run.job.selection.min_jaccard,
    )


def called(family: str, variant: str) -> str:
    """Return a candidate's name with a capital: ``K-Means``, ``Ward linkage``, ``Full mixture``."""
    name = verdicts.name(family, variant)
    return name[:1].upper() + name[1:]


def _named(candidates: pl.DataFrame) -> pl.DataFrame:
    names = [
        called(row["family"], row["variant"]) for row in candidates.select("family", "variant").to_dicts()
    ]
    return candidates.with_columns(name=pl.Series(names, dtype=pl.String))


def _reason(run: Run, chosen: list[dict[str, Any]]) -> str:
    if chosen:
        return cut(chosen[0]["reason"], 900)
    return cut((run.manifest.get("chosen") or {}).get("reason", ""), 900)


def _sample(style: tuple[str, list[int]]) -> tuple[str, str]:
    return style[0], " ".join(str(part) for part in style[1])


def _structure(test: dict[str, Any], words: Words) -> list[list[str]]:
    """Return criterion, value, mean and maximum of the copies, and p, for each criterion of the test."""
    return [
        [
            title,
            *(words.number(test.get(f"{key}{part}"), 3) for part in ("", "_copies_mean", "_copies_max")),
            words.number(test.get(f"{key}_p"), 2),
        ]
        for key, title in (("silhouette", "Silhouette"), ("prediction_strength", "Prediction strength"))
        if test.get(key) is not None
    ]


def _verdicts(df: pl.DataFrame) -> Verdicts:
    ks = sorted(set(df["k"].to_list()))
    by_key = {(row["name"], row["k"]): row for row in df.to_dicts()}
    rows: list[tuple[str, list[dict[str, str] | None]]] = []
    for name in df["name"].unique(maintain_order=True):
        cells = [by_key.get((name, k)) for k in ks]
        rows.append((name, [_verdict(row) if row else None for row in cells]))
    return Verdicts(ks=ks, rows=rows)


def _verdict(row: dict[str, Any]) -> dict[str, str]:
    close = ", a close call" if row.get("close_call") else ""
    return {
        "symbol": SYMBOLS.get(row["verdict"], "○"),
        "kind": row["verdict"].replace(" ", "-"),
        "text": f"{row['verdict']}{close}",
        "why": cut(row["reason"], 300),
        "close": "≈" if close else "",
    }


def _criteria(df: pl.DataFrame, run: Run, style: dict[str, tuple[str, list[int]]]) -> list[Figure]:
    rule = run.job.selection
    drawn = [
        charts.criterion(
            df,
            "prediction_strength",
            "Prediction strength",
            "Do two halves of the customers find the same segments? Higher is better.",
            error="prediction_strength_se",
            bar=rule.min_prediction_strength,
            style=style,
        ),
        charts.criterion(
            df,
            "jaccard_min",
            "Jaccard of the least stable segment",
            "Is each segment found again in a new draw? Higher is better.",
            bar=rule.min_jaccard,
            style=style,
        ),
        charts.criterion(
            df,
            "smallest_share",
            "Smallest segment",
            "Share of customers in it: too small is an outlier, not a segment.",
            bar=rule.min_share,
            style=style,
            percent=True,
        ),
        charts.criterion(
            df,
            "silhouette",
            "Silhouette",
            "How much closer to the own segment than to the next? Higher is better.",
            error="silhouette_se",
            style=style,
        ),
        charts.criterion(
            df,
            "calinski_harabasz",
            "Calinski–Harabasz",
            "Spread between segments over spread within. Higher is better.",
            style=style,
        ),
        charts.criterion(
            df,
            "davies_bouldin",
            "Davies–Bouldin",
            "Overlap of each segment with its nearest. Lower is better.",
            style=style,
        ),
    ]
    return [figure for figure in drawn if figure]


def _bic(df: pl.DataFrame, style: dict[str, tuple[str, list[int]]]) -> Figure | None:
    return charts.criterion(
        df,
        "bic",
        "BIC of the mixtures",
        "Lower is better, within one covariance type. It tends to the largest k, so it is shown and not used.",
        style=style,
    )


def _row(row: dict[str, Any], words: Words) -> list[str]:
    """Return a candidate as the cells of `HEADINGS`."""
    return [
        row["name"],
        str(row["k"]),
        row["verdict"] + (" ≈" if row.get("close_call") else ""),
        _with_error(row, "silhouette", words),
        _with_error(row, "prediction_strength", words),
        words.number(row.get("jaccard_min")),
        words.percent(row.get("smallest_share")),
        words.count(row.get("calinski_harabasz")),
        words.number(row.get("davies_bouldin")),
        words.number(row.get("carry")),
        words.number(row.get("move")),
        cut(row["reason"], 400),
    ]


def _with_error(row: dict[str, Any], column: str, words: Words) -> str:
    error = row.get(f"{column}_se")
    return words.number(row.get(column), 3) + (f" ± {error:.3f}" if error is not None else "")


def _trees(run: Run, k: int) -> list[Figure]:
    df = run.tables["tree"]
    if df.is_empty():
        return []
    linkages = df["linkage"].unique(maintain_order=True).to_list()
    return [charts.dendrogram(name, df.filter(pl.col("linkage") == name), k) for name in linkages]


def _agreement(run: Run) -> Figure | None:
    df = run.tables["agreement"]
    if df.is_empty():
        return None
    return charts.agreement(df.with_columns(_called_column("a"), _called_column("b")))


def _called_column(column: str) -> pl.Expr:
    """Put words for ``mixture_full_4``: family, variant where it has one, k."""

    def name(text: str) -> str:
        *parts, last = text.replace("-", "_").split("_")
        family, *variant = parts if last.isdigit() and parts else [*parts, last]
        said = called(family, "_".join(variant))
        return f"{said}, {last}" if last.isdigit() else said

    return pl.col(column).map_elements(name, return_dtype=pl.String)


def _stability(chosen: list[dict[str, Any]], names: dict[int, str], words: Words) -> list[dict[str, Any]]:
    """Return each segment's bootstrap Jaccard; the list of the candidate is in the order of segments."""
    values = chosen[0].get("jaccard") if chosen else None
    if not values or len(values) != len(names):
        return []
    return [
        {
            "name": names[s],
            "colour": colour(s),
            "text": words.number(v),
            "percent": round(100 * (v or 0.0), 1),
        }
        for s, v in zip(sorted(names), values, strict=True)
    ]
