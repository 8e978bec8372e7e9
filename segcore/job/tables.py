"""What a job file may say, table by table."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, date, datetime, time
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segcore import errors, schema

Family = Literal["kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"]
Linkage = Literal["ward", "complete", "average"]
CovarianceType = Literal["spherical", "diag", "tied", "full"]
Transform = Literal["yeo-johnson", "log1p", "none"]


_DAYS = r"^([1-9][0-9]{0,4}d)?$"
DATE_ORDERS = ("", "month-first", "day-first", "epoch-seconds", "epoch-milliseconds")


def _second(when: datetime | date | None) -> int | None:
    if when is None:
        return None
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Table):
    """How the source is written; what stays empty is found by looking, and said."""

    encoding: str = Field("", description="of text files, such as utf-8, windows-1252 or utf-16")
    separator: str = Field("", max_length=1, description="between the fields of a line, such as ; or a tab")
    quote: Literal['"', ""] = Field(
        '"', description="what fields may be put in; empty: quotes are plain text"
    )
    decimal: Literal["", ".", ","] = Field("", description="decimal point or comma of numbers")
    date_format: str = Field(
        "",
        description="month-first, day-first, epoch-seconds, epoch-milliseconds, or a pattern like %d.%m.%Y %H:%M",
    )
    time_zone: str = Field(
        "UTC",
        description="zone in which times with an offset, and epochs, are expressed; others stay as written",
    )
    latest: datetime | None = Field(
        None, description="later dates are rejects; empty: a day after the start of the run, by the clock"
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            codecs.lookup(self.encoding or "utf-8")
            if self.time_zone != "UTC":  # which needs no data base of zones
                ZoneInfo(self.time_zone)
        except LookupError as exc:
            raise ValueError(f"unknown encoding or time zone: {exc}") from exc
        if self.separator and self.separator in '"\r\n.':
            raise ValueError(f"separator {self.separator!r} cannot stand between fields")
        if self.date_format not in DATE_ORDERS and "%" not in self.date_format:
            raise ValueError(
                f"date_format {self.date_format!r} is neither one of {', '.join(DATE_ORDERS[1:])} nor a pattern with %"
            )
        return self

    @property
    def latest_second(self) -> int:
        """Seconds since 1970 of the latest time that an order can have; the end of time where none is set."""
        if self.latest is None:
            return 2**62
        return int((self.latest if self.latest.tzinfo else self.latest.replace(tzinfo=UTC)).timestamp())


class Cleaning(_Table):
    """Which lines count, and as what."""

    exclude_customers: list[str] = Field(
        [], description="customer ids that are not customers, such as a guest account"
    )
    cancellation_prefix: str = Field(
        "", description="an order id that starts with it marks a return; empty: a negative quantity marks one"
    )
    adjustment_prefix: str = Field(
        "", description="an order id that starts with it is bookkeeping; empty: none is"
    )
    not_products: list[str] = Field(
        [], description="product codes that are no products, compared in upper case"
    )
    not_product_prefixes: list[str] = Field([], description="prefixes of such codes, compared in upper case")
    money_decimals: int = Field(
        4, ge=0, le=6, description="decimals that a price may have; finer ones are rejects"
    )
    rejects: Literal["all", "sample", "count"] = Field(
        "sample",
        description="which rejected lines are written out: all, the first of each reason and file, or none",
    )
    max_reject_share: float = Field(
        0.5, ge=0, le=1, description="share of lines, beyond missing customers, above which the run stops"
    )


class Features(_Table):
    """What is computed for each customer."""

    as_of: datetime | date | None = Field(
        None,
        description="the day that recency counts from, and from which on lines are outside the window; "
        "empty: the last time stamp of all lines plus one day",
    )
    window: str = Field(
        "",
        json_schema_extra={"pattern": _DAYS},
        description="days up to as_of whose lines count, such as 365d; empty: all",
    )
    window_from: datetime | date | None = Field(
        None, description="first day whose lines count, in place of window; empty: all"
    )
    returns: Literal["feature", "net"] = Field(
        "feature",
        description="feature: purchases stay gross; net: a return takes back earlier purchase lines",
    )
    rows_per_file: int = Field(
        100_000,
        ge=1,
        description="rows of each file of features/ and segments/, and of a block of the matrix",
    )
    without: list[str] = Field(
        [], description="features that are not written; not " + ", ".join(schema.NEEDED)
    )
    own: dict[str, str] = Field(
        {},
        description="name = Polars SQL over the purchase lines of a customer, such as "
        'max_items = "max(quantity)"; columns: quantity, unit_price, amount, ordered_at, order_id, product_id, '
        "country, description",
    )

    @model_validator(mode="after")
    def _computable(self) -> Self:
        can = [feature.name for feature in schema.numeric_features() if feature.name not in schema.NEEDED]
        for name in self.without:
            if name not in can:
                close = errors.did_you_mean(name, can)
                raise ValueError(
                    f"without: {name!r} cannot be left out{close}; expected some of {', '.join(can)}"
                )
        if self.own:
            from segcore import expressions  # which needs Polars, and jobs do not

            expressions.check(self.own)
        return self

    @property
    def numbers(self) -> list[str]:
        """Features that the matrix can have: built-in ones that are not switched off, then those of the job's own."""
        built_in = [f.name for f in schema.numeric_features() if f.name not in self.without]
        return [*built_in, *self.own]

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if not re.match(_DAYS, self.window):
            raise ValueError(f"window = {self.window!r} should be a number of days, such as '365d'")
        if self.window and self.window_from is not None:
            raise ValueError(
                f"window = {self.window!r} and window_from = {self.window_from} both say where the window begins: give one"
            )
        first, end = self.from_second, self.as_of_second
        if first is not None and end is not None and first >= end:
            raise ValueError(f"window_from = {self.window_from} should be before as_of = {self.as_of}")
        return self

    @property
    def as_of_second(self) -> int | None:
        """Seconds since 1970 of `as_of`; None where it follows from the lines."""
        return _second(self.as_of)

    @property
    def from_second(self) -> int | None:
        """Seconds since 1970 of `window_from`."""
        return _second(self.window_from)

    @property
    def window_seconds(self) -> int | None:
        """Length of the window; None without one."""
        return int(self.window.removesuffix("d")) * 86_400 if self.window else None


class Matrix(_Table):
    """Which features the models see, and how they are transformed before they are standardised."""

    columns: dict[str, Transform] = Field(
        dict.fromkeys(schema.DEFAULT_MATRIX, "yeo-johnson"),
        description="feature = transform: yeo-johnson, log1p or none",
    )
    fit_rows: int = Field(
        100_000,
        ge=2,
        description="customers, the first in hash order, that a transform's parameter is fitted on",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.columns:
            raise ValueError("at least one feature is needed")
        return self


class Models(_Table):
    """What is fitted, on how many customers."""

    families: list[Family] = Field(
        ["kmeans", "hierarchical", "mixture"], min_length=1, description="model families"
    )
    linkages: list[Linkage] = Field(["ward", "complete", "average"], description="of the hierarchical family")
    covariance_types: list[CovarianceType] = Field(
        ["spherical", "diag", "tied", "full"], description="of the mixture family"
    )
    k_min: int = Field(2, ge=2, description="smallest number of segments")
    k_max: int = Field(10, ge=2, description="largest number of segments")
    sample: int = Field(10_000, ge=10, description="customers, the first in hash order, that sample fits see")
    tree_sample: int = Field(
        5_000,
        ge=10,
        description="customers, the first in hash order, for trees, spectral clustering and stability",
    )
    evaluation_sample: int = Field(
        10_000, ge=10, description="customers, the next in hash order, that every candidate is judged on"
    )
    restarts: int = Field(100, ge=1, description="restarts of K-Means on the sample")
    mixture_restarts: int = Field(5, ge=1, description="restarts of each mixture")
    reg_covar: float = Field(
        1e-3, gt=0, description="added to the variances of a mixture, standardised units"
    )
    n_neighbors: int = Field(
        15, ge=1, description="neighbours that vote where a model has no predict of its own"
    )
    dbscan_eps: float | None = Field(
        None, gt=0, description="radius of DBSCAN; empty: the knee of the k-distances"
    )
    min_samples: int = Field(10, ge=2, description="neighbours that make a core customer in DBSCAN")
    min_cluster_size: float = Field(
        0.02, gt=0, lt=1, description="smallest cluster of HDBSCAN, a share of its sample"
    )
    one_time_buyers: Literal["cluster", "separate"] = Field(
        "cluster",
        description="separate: customers with one order are a segment by rule and the rest is clustered",
    )

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.k_max < self.k_min:
            raise ValueError(f"k_max={self.k_max} should be >= k_min={self.k_min}")
        return self

    @property
    def ks(self) -> range:
        """Every number of segments that is tried."""
        return range(self.k_min, self.k_max + 1)


class Stability(_Table):
    """How often the models are refitted to see whether their segments hold."""

    splits: int = Field(50, ge=0, description="random halvings at most; 0: stability is not measured")
    resamples: int = Field(30, ge=0, description="bootstrap draws at most")
    min_splits: int = Field(12, ge=1, description="halvings before a candidate may be decided early")


class Selection(_Table):
    """What makes a candidate admissible, and what is pinned by hand."""

    min_share: float = Field(0.05, ge=0, lt=1, description="share of customers in the smallest segment")
    min_prediction_strength: float = Field(0.8, ge=0, le=1, description="mean over the halvings")
    min_jaccard: float = Field(
        0.75, ge=0, le=1, description="mean bootstrap Jaccard of the least stable segment"
    )
    k: int | None = Field(None, ge=2, description="pin the number of segments")
    family: str | None = Field(None, description="pin the family, or family-variant such as mixture-full")


class StructureTest(_Table):
    """Whether the data hold more structure than a continuum."""

    copies: int = Field(99, ge=0, description="Gaussian-copula copies; 0: no test")


class Lineage(_Table):
    """When a segment is the one of the previous run."""

    min_jaccard: float = Field(
        0.5, gt=0, le=1, description="shared customers over customers of either, for a segment to be kept"
    )
    min_share: float = Field(
        0.3, gt=0, le=0.5, description="share of a segment's customers that makes a split or a merger"
    )
    name_margin: float = Field(
        0.05,
        ge=0,
        le=0.5,
        description="share of all customers that a segment's median has to pass before the naming rule looks again",
    )
    tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="K-Means goes on from the previous centres unless others leave a sum of squares smaller by more than this share",
    )


class Drift(_Table):
    """When a fitted model no longer fits: segment --if-drifted refits beyond any of these."""

    max_psi: float = Field(
        0.25, gt=0, description="population stability index of a feature of the matrix, or of the segments"
    )
    max_out_of_range: float = Field(
        0.05, gt=0, le=1, description="share of customers beyond the fitted radius; 0.01 are at the fit"
    )


class Gate(_Table):
    """Bounds that stop publication (exit 3); empty ones are not checked."""

    require_admissible: bool = Field(False, description="stop when no candidate is admissible")
    max_reject_share: float | None = Field(
        None, ge=0, le=1, description="of all lines, beyond missing customers"
    )
    min_segment_share: float | None = Field(
        None, ge=0, le=1, description="of customers, smallest published segment"
    )
    min_prediction_strength: float | None = Field(
        None, ge=0, le=1, description="of the chosen model; a run that did not measure it is stopped"
    )
    min_jaccard: float | None = Field(
        None, ge=0, le=1, description="of the least stable segment; a run that did not measure it is stopped"
    )
    max_drift: float | None = Field(
        None, gt=0, description="population stability index of any feature against the previous run"
    )


class Report(_Table):
    """How the report looks."""

    title: str = Field("Customer segments", description="heading of the report")
    currency: str = Field("", max_length=8, description="sign or code shown with money, such as £ or EUR")


class Job(_Table):
    """A job file, resolved.

    Every table has defaults, so an empty job is a valid one.
    """

    columns: dict[str, str] = Field({}, description="canonical column = column of the source")
    seed: int = Field(0, ge=0, lt=2**32, description="of hashes, samples and restarts")
    input: Input = Input()
    cleaning: Cleaning = Cleaning()
    features: Features = Features()
    matrix: Matrix = Matrix()
    models: Models = Models()
    stability: Stability = Stability()
    selection: Selection = Selection()
    structure_test: StructureTest = StructureTest()
    lineage: Lineage = Lineage()
    drift: Drift = Drift()
    gate: Gate = Gate()
    report: Report = Report()

    @model_validator(mode="after")
    def _features_known(self) -> Self:
        known = self.features.numbers
        for name in self.matrix.columns:
            if name in self.features.without:
                raise ValueError(
                    f"matrix.columns.{name} is left out by features.without: take it from one of them"
                )
            if name not in known:
                raise ValueError(
                    f"matrix.columns: {name!r} is no numeric feature{errors.did_you_mean(name, known)}; "
                    "features.own can make it one"
                )
        return self

    @model_validator(mode="after")
    def _columns_known(self) -> Self:
        for name in self.columns:
            if name not in schema.LINE_NAMES:
                close = errors.did_you_mean(name, schema.LINE_NAMES)
                raise ValueError(
                    f"columns.{name} is no canonical column{close}: {', '.join(schema.LINE_NAMES)}"
                )
        return self
