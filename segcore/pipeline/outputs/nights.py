"""The last runs side by side: a row per run and segment, carried on from the run before, so that no night is read again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from segcore import profile

TABLE = "nights"
_MOST = 30  # runs
_EXACT = 10**6  # a mean of whole millionths is the same in any order


def table(
    folder: Path,
    described: pl.DataFrame,
    *,
    run_id: str,
    as_of: date,
    moved: float | None,
    before: Path | None,
) -> pl.DataFrame:
    """Return the nights of a run: those of the one before, and its own.

    Parameters
    ----------
    folder : Path
        Of the run, with its segments.
    described : polars.DataFrame
        Its profile.
    run_id : str
    as_of : date
    moved : float or None
        Share of the customers who moved since the run before.
    before : Path or None
        Folder of the run that it follows.
    """
    own = (
        described.filter(pl.col("segment") != profile.ALL)
        .select("segment", "segment_name", "customers", "revenue")
        .join(_chances(folder), on="segment", how="left")
        .select(
            run_id=pl.lit(run_id),
            as_of=pl.lit(as_of),
            segment=pl.col("segment"),
            segment_name=pl.col("segment_name"),
            customers=pl.col("customers"),
            revenue=pl.col("revenue"),
            chance_to_buy=pl.col("chance_to_buy"),
            moved_share=pl.lit(moved, pl.Float64),
        )
    )
    path = None if before is None else before / f"tables/{TABLE}.parquet"
    known = own.clear() if path is None or not path.is_file() else pl.read_parquet(path)
    # A day that is run again counts once.
    earlier = known.filter(pl.col("as_of") < as_of)
    last = earlier["run_id"].unique(maintain_order=True).tail(_MOST - 1)
    return pl.concat([earlier.filter(pl.col("run_id").is_in(last.to_list())), own.sort("segment")])


def _chances(folder: Path) -> pl.DataFrame:
    """Return the mean chance to buy of each segment, none where the run does not tell it."""
    segments = pl.scan_parquet(folder / "segments/*.parquet")
    if "chance_to_buy" not in segments.collect_schema():
        return pl.DataFrame(schema={"segment": pl.Int32, "chance_to_buy": pl.Float64})
    whole = (pl.col("chance_to_buy") * _EXACT).round().cast(pl.Int64)
    sums = segments.group_by("segment").agg(total=whole.sum(), n=whole.count())
    mean = pl.when(pl.col("n") > 0).then(pl.col("total") / pl.col("n") / _EXACT)
    return sums.select("segment", chance_to_buy=mean).collect(engine="streaming")
