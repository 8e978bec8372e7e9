"""What stage ``customers`` is asked to do for one bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from segcore.job import Job
from segcore.lines.look_back import Cut, Cuts
from segcore.pipeline.lines.buckets import Bucket


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Of which customers and orders more is told: those with a hash up to a number."""

    customers_below: int
    orders_below: int

    @property
    def early(self) -> pl.Expr:
        """Whether a customer is one of them."""
        return pl.col("h") <= pl.lit(self.customers_below, dtype=pl.UInt64)


@dataclass(frozen=True, kw_only=True)
class KeptPart:
    """A folder with what was known of the customers of some buckets, how many they are, and their first and last hash."""

    folder: str
    customers: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an earlier run has kept of customers, and of whom it is out of date.

    Attributes
    ----------
    folder : str
    parts : tuple of KeptPart
        In the folder.
    numbers : dict of int to int
        From the number of a file then to its number now.
    changed : str
        File with the hashes of the customers with lines in files that are new or gone: ``h``.
    spans : tuple of (int, int)
        Times, seconds since 1970, from and before: who has lines of such a time is in another period of today's.
    """

    folder: str
    parts: tuple[KeptPart, ...]
    numbers: Mapping[int, int]
    changed: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Where a run keeps what is known of each customer.

    Attributes
    ----------
    folder : str
    drawn : Drawn
        Of whom it keeps more: of somewhat more than today's report is told of.
    kept : Kept or None
        By an earlier run.
    """

    folder: str
    drawn: Drawn
    kept: Kept | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """The lines of a bucket, to be aggregated.

    Attributes
    ----------
    bucket : Bucket
    folder : str
        What its files are relative to.
    settings : Job
    own : mapping of str to str
        Features of the job's own that can be computed.
    today : Cut
        What the features of today look at: the observation window. Lines before it count as outside of it, and are
        what the cuts look at.
    by_amount : bool
        Whether lines may say their amount, and nothing says that negative ones are discounts.
    guest_lines : int
        Customers with more lines than that may be guest accounts.
    drawn : Drawn
        Of whom more is told: what they bought, and how they were at an earlier cut; and which orders are.
    cuts : Cuts
        Where the customers are looked at as they were then, and at what they have bought since.
    keep : Keep or None
        Where what is known of each customer is kept for the next run, and what an earlier one has kept.
    """

    bucket: Bucket
    folder: str
    settings: Job
    own: Mapping[str, str]
    today: Cut
    by_amount: bool
    guest_lines: int
    drawn: Drawn
    cuts: Cuts
    keep: Keep | None = None

    @property
    def collected(self) -> Drawn:
        """Of whom more is collected: of some more than it is told of where that is kept, as the next run may tell it of them."""
        return self.drawn if self.keep is None else self.keep.drawn

    @property
    def by(self) -> list[str]:
        """What counts are told apart by beside file and class."""
        return [] if self.keep is None else ["h"]

    @property
    def bounds(self) -> tuple[int, ...]:
        """Times that tell one part of the history from another."""
        return (*self.cuts.bounds, *([] if self.today.first is None else [self.today.first]))

    @property
    def product_bounds(self) -> tuple[int, ...]:
        """Cuts at which the different products are those of today that were first bought before them.

        None where a window leaves first purchases behind, or returns may not have taken back yet what they have by today.
        """
        if self.today.first is not None or self.settings.features.returns == "net":
            return ()
        return tuple(sorted(cut.at for cut in (self.cuts.last, self.cuts.earlier) if cut is not None))
