"""What keeps single customers out of a report: no ids, and no figure of fewer than a few customers."""

from __future__ import annotations

import polars as pl

from segcore import job
from segcore.schema import FEW, LEAST_CUSTOMERS

__all__ = ["FEW", "LEAST_CUSTOMERS", "job_text", "merged_bins", "pattern"]

_HIDDEN = "hidden"


def pattern(text: object) -> str:
    """Return what a text looks like, without what it says: letters as x, digits as 0.

    >>> pattern("17850.0, jo@shop.example")
    '00000.0, xx@xxxx.xxxxxxx'
    """
    return "".join("0" if c.isdigit() else "x" if c.isalpha() else c for c in str(text))


def merged_bins(bins: pl.DataFrame) -> pl.DataFrame:
    """Merge neighbouring bins of a histogram until each holds enough customers.

    Parameters
    ----------
    bins : polars.DataFrame
        left, right and customers, in the order of `left`; one segment and one feature.

    Returns
    -------
    polars.DataFrame
        left, right, customers and bins (how many each is made of); empty where all customers are fewer than that.
    """
    merged: list[dict[str, float]] = []
    is_open = False
    for left, right, customers in bins.select("left", "right", "customers").rows():
        if not customers and not is_open:
            continue
        if is_open:
            merged[-1]["right"] = right
            merged[-1]["customers"] += customers
            merged[-1]["bins"] += 1
        else:
            merged.append({"left": left, "right": right, "customers": customers, "bins": 1})
        is_open = merged[-1]["customers"] < LEAST_CUSTOMERS
    if is_open:  # too few at the end: they join the bin before, and the gap between
        last = merged.pop()
        if merged:
            between = bins.filter(
                pl.col("left").is_between(merged[-1]["right"], last["left"], closed="left")
            ).height
            merged[-1]["right"] = last["right"]
            merged[-1]["customers"] += last["customers"]
            merged[-1]["bins"] += last["bins"] + between
    columns = {"left": pl.Float64, "right": pl.Float64, "customers": pl.Int64, "bins": pl.Int64}
    return pl.DataFrame(merged, schema=columns)


def job_text(settings: job.Job, text: str) -> str:
    """Return the job as a report may show it: customers whom it excludes are not named."""
    excluded = settings.cleaning.exclude_customers
    if not excluded:
        return text
    cleaning = settings.cleaning.model_copy(update={"exclude_customers": [_HIDDEN] * len(excluded)})
    return job.to_toml(settings.model_copy(update={"cleaning": cleaning}))
