"""Who is left without a treatment, so that its effect can be seen, and how many of them that takes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from scipy.optimize import brentq
from scipy.stats import norm

from segcore.records import RunFile

LEVEL, POWER = 0.05, 0.8
_Z = float(norm.ppf(1 - LEVEL / 2)), float(norm.ppf(POWER))


@dataclass(frozen=True, kw_only=True)
class HoldoutFile(RunFile):
    """A holdout that was drawn.

    Attributes
    ----------
    name : str
        Decides, with a customer's id and nothing else, who is held out.
    share : float
        Of the customers.
    run_id : str
        Whose segments they are in.
    """

    FILE = "holdout.json"

    name: str
    share: float
    run_id: str


def held_out(customer_ids: Iterable[str], *, name: str, share: float) -> pl.Series:
    """Say of each customer whether they are held out: the same ones in every run, and on every machine.

    A larger share of the same name holds out the same customers and more.
    """
    key = hashlib.sha256(name.encode()).digest()
    below = round(share * 2**64)
    drawn = [
        int.from_bytes(hashlib.blake2b(one.encode(), key=key, digest_size=8).digest()) < below
        for one in customer_ids
    ]
    return pl.Series("held_out", drawn, dtype=pl.Boolean)


def customers_needed(rate: float, lift: float, share: float) -> int | None:
    """Return how many customers, held out and treated together, show a lift of a rate with a power of 80%.

    Parameters
    ----------
    rate : float
        Share of buyers without the treatment, between 0 and 1.
    lift : float
        What the treatment adds, a share of the rate: 0.1 makes 22% of 20%.
    share : float
        Of customers who are held out.

    Returns
    -------
    int or None
        For a test of both sides at 5%; None where more than everybody would have to buy.

    References
    ----------
    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, section 4.3.
    """
    treated = rate * (1 + lift)
    if not 0 < rate < treated < 1:
        return None
    mean = share * rate + (1 - share) * treated
    alike = math.sqrt(mean * (1 - mean) * (1 / share + 1 / (1 - share)))
    different = math.sqrt(rate * (1 - rate) / share + treated * (1 - treated) / (1 - share))
    return math.ceil(((_Z[0] * alike + _Z[1] * different) / (treated - rate)) ** 2)


def smallest_lift(rate: float, customers: int, share: float) -> float | None:
    """Return the smallest lift that so many customers show with a power of 80%; None where they show none."""
    if not 0 < rate < 1:
        return None

    def lacking(lift: float) -> float:
        return (customers_needed(rate, lift, share) or 0) - customers

    most = (1 / rate - 1) * (1 - 1e-9)
    return float(brentq(lacking, 1e-4, most)) if lacking(1e-4) > 0 > lacking(most) else None


def sizes(counts: pl.DataFrame, *, lift: float, share: float) -> pl.DataFrame:
    """Say per segment what a holdout can show.

    Parameters
    ----------
    counts : polars.DataFrame
        ``segment``, ``segment_name``, ``customers``, ``held_out`` and ``rate``, the share that bought in the last
        period, null where it is not known.
    lift : float
        That should be seen.
    share : float

    Returns
    -------
    polars.DataFrame
        The same, with ``lift``, ``needed`` (customers that show it) and ``smallest_lift`` (that these show).
    """
    known = [(rate, customers) for rate, customers in counts.select("rate", "customers").iter_rows()]
    needed = [None if rate is None else customers_needed(rate, lift, share) for rate, _ in known]
    least = [None if rate is None else smallest_lift(rate, customers, share) for rate, customers in known]
    return counts.with_columns(
        lift=pl.lit(lift),
        needed=pl.Series(needed, dtype=pl.Int64),
        smallest_lift=pl.Series(least, dtype=pl.Float64),
    )
