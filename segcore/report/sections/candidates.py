"""The candidates of the comparison as tables: one symbol each, or a row of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from segcore.report.formatting import Formatter, cut
from segcore.selection import verdicts

SYMBOLS = {"chosen": "★", "admissible": "●", "ruled out": "○", "shown only": "◇"}


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """One symbol per candidate: families down, k across."""

    ks: list[int]
    rows: list[tuple[str, list[dict[str, str] | None]]]


HEADINGS = (
    "Candidate",
    "Why",
    "k",
    "Verdict",
    "Silhouette",
    "Prediction strength",
    "Lowest Jaccard",
    "Smallest segment",
    "Calinski–Harabasz",
    "Davies–Bouldin",
    "Propagation ARI",
    "Sample stability ARI",
)


def candidate_name(family: str, variant: str) -> str:
    """Return a candidate's name with a capital: ``K-Means``, ``Ward linkage``, ``Full mixture``."""
    name = verdicts.name(family, variant)
    return name[:1].upper() + name[1:]


def named(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates with their names in words."""
    names = [
        candidate_name(row["family"], row["variant"])
        for row in candidates.select("family", "variant").to_dicts()
    ]
    return candidates.with_columns(name=pl.Series(names, dtype=pl.String))


def verdict_matrix(df: pl.DataFrame) -> Verdicts:
    """Return a symbol for each family, variant and k."""
    ks = sorted(set(df["k"].to_list()))
    by_key = {(row["name"], row["k"]): row for row in df.to_dicts()}
    rows: list[tuple[str, list[dict[str, str] | None]]] = []
    for name in df["name"].unique(maintain_order=True):
        at_k = [by_key.get((name, k)) for k in ks]
        rows.append((name, [_verdict(row) if row else None for row in at_k]))
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


def cells(row: dict[str, Any], fmt: Formatter) -> list[str]:
    """Return a candidate as the cells of `HEADINGS`."""
    return [
        row["name"],
        cut(row["reason"], 400),
        str(row["k"]),
        row["verdict"] + (" ≈" if row.get("close_call") else ""),
        _with_error(row, "silhouette", fmt),
        _with_error(row, "prediction_strength", fmt),
        fmt.number(row.get("jaccard_min")),
        fmt.percent(row.get("smallest_share")),
        fmt.count(row.get("calinski_harabasz")),
        fmt.number(row.get("davies_bouldin")),
        fmt.number(row.get("propagation_ari")),
        _with_error(row, "sample_stability", fmt, figure="sample_stability_ari", decimals=2),
    ]


def _with_error(
    row: dict[str, Any], column: str, fmt: Formatter, *, figure: str = "", decimals: int = 3
) -> str:
    error = row.get(f"{column}_se")
    text = fmt.number(row.get(figure or column), decimals)
    return text + (f" ± {error:.{decimals}f}" if error is not None else "")
