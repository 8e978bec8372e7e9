"""The charts of the choice of the model."""

from __future__ import annotations

import polars as pl

from segcore.job import Selection
from segcore.report import charts
from segcore.report.charts import Figure, Style
from segcore.report.sections.candidates import candidate_name


def criteria(df: pl.DataFrame, rule: Selection, style: Style) -> list[Figure]:
    """Draw every criterion that was measured over the number of segments."""
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


def bic(df: pl.DataFrame, style: Style) -> Figure | None:
    """Draw the BIC of the mixtures."""
    return charts.criterion(
        df,
        "bic",
        "BIC of the mixtures",
        "Lower is better, within one covariance type. It tends to the largest k, so it is shown and not used.",
        style=style,
    )


def trees(df: pl.DataFrame, k: int) -> list[Figure]:
    """Draw the top of each linkage's tree with its cut into k."""
    if df.is_empty():
        return []
    linkages = df["linkage"].unique(maintain_order=True).to_list()
    return [charts.dendrogram(name, df.filter(pl.col("linkage") == name), k) for name in linkages]


def agreement(df: pl.DataFrame) -> Figure | None:
    """Draw how far the families agree."""
    if df.is_empty():
        return None
    return charts.agreement(df.with_columns(_in_words("a"), _in_words("b")))


def _in_words(column: str) -> pl.Expr:
    """Return the words for ``mixture_full_4``: family, variant where it has one, k."""

    def name(text: str) -> str:
        *parts, last = text.replace("-", "_").split("_")
        family, *variant = parts if last.isdigit() and parts else [*parts, last]
        words = candidate_name(family, "_".join(variant))
        return f"{words}, {last}" if last.isdigit() else words

    return pl.col(column).map_elements(name, return_dtype=pl.String)
