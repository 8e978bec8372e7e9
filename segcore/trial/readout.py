"""What a treatment changed: treated customers against those who were held out."""

from __future__ import annotations

import polars as pl
from scipy.stats import norm

from segcore.trial.holdout import LEVEL

EVERYBODY = "All"
_Z = float(norm.ppf(1 - LEVEL / 2))


def sums(customers: pl.LazyFrame) -> pl.LazyFrame:
    """Add up customers by segment and by whether they were held out.

    Parameters
    ----------
    customers : LazyFrame
        ``segment``, ``segment_name``, ``held_out``, ``bought`` and ``revenue`` in minor units.
    """
    revenue = pl.col("revenue").cast(pl.Int128)
    return (
        customers.group_by("segment", "segment_name", "held_out")
        .agg(
            customers=pl.len().cast(pl.Int64),
            buyers=pl.col("bought").sum().cast(pl.Int64),
            revenue=revenue.sum(),
            squares=(revenue * revenue).sum(),
        )
        .sort("segment", "held_out", nulls_last=True)
    )


def compare(sums: pl.DataFrame, *, money_decimals: int) -> pl.DataFrame:
    """Compare treated customers with those who were held out, per segment and all together.

    Parameters
    ----------
    sums : polars.DataFrame
        As :func:`sums` gives it.
    money_decimals : int

    Returns
    -------
    polars.DataFrame
        Per segment customers, buyers' rate and revenue per customer of both, and their difference with an interval of
        95%: of rates by Agresti and Caffo (2000), of means by their standard errors. Null where a side has fewer than
        two customers.
    """
    everybody = sums.with_columns(
        segment=pl.lit(None, dtype=sums.schema["segment"]), segment_name=pl.lit(EVERYBODY)
    )
    keys = ["segment", "segment_name"]
    adds = pl.col("customers", "buyers", "revenue", "squares").sum()
    both = pl.concat([sums, everybody.group_by(*keys, "held_out").agg(adds).select(sums.columns)])
    scale = 10.0**money_decimals
    n, revenue = pl.col("customers"), pl.col("revenue").cast(pl.Float64) / scale
    squares = pl.col("squares").cast(pl.Float64) / scale**2
    plus = (pl.col("buyers") + 1) / (n + 2)
    figures = both.with_columns(
        rate=pl.col("buyers") / n,
        mean=revenue / n,
        mean_variance=(squares - revenue**2 / n) / pl.when(n > 1).then(n - 1) / n,
        plus=plus,
        plus_variance=plus * (1 - plus) / (n + 2),
    ).select(*keys, "held_out", "customers", "rate", "mean", "mean_variance", "plus", "plus_variance")
    treated, held = (figures.filter(pl.col("held_out") == side).drop("held_out") for side in (False, True))
    joined = treated.join(held, on=keys, how="full", suffix="_held_out", nulls_equal=True, coalesce=True)
    enough = pl.min_horizontal(pl.col("customers", "customers_held_out").fill_null(0)) > 1

    def difference(of: str, variance: str, middle: str, name: str) -> list[pl.Expr]:
        error = _Z * (pl.col(variance) + pl.col(f"{variance}_held_out")).sqrt()
        between = pl.col(middle) - pl.col(f"{middle}_held_out")
        parts = {"": pl.col(of) - pl.col(f"{of}_held_out"), "_low": between - error, "_high": between + error}
        return [pl.when(enough).then(part).alias(f"{name}{end}") for end, part in parts.items()]

    return joined.select(
        *keys,
        pl.col("customers", "customers_held_out").fill_null(0),
        "rate",
        "rate_held_out",
        *difference("rate", "plus_variance", "plus", "rate_difference"),
        revenue_per_customer="mean",
        revenue_per_customer_held_out="mean_held_out",
        **{
            e.meta.output_name(): e for e in difference("mean", "mean_variance", "mean", "revenue_difference")
        },
    ).sort(pl.col("segment_name") == EVERYBODY, "segment", nulls_last=True)
