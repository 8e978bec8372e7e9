"""The tables on the analysis: models, stability, selection, lineage, drift, gate, report."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from segcore.job.base import Table
from segcore.times import SECONDS_A_DAY

Family = Literal["kmeans", "hierarchical", "mixture", "dbscan", "hdbscan", "spectral"]
Linkage = Literal["ward", "complete", "average"]
CovarianceType = Literal["spherical", "diag", "tied", "full"]

MOST_SEGMENTS = 200


class Models(Table):
    """What is fitted, on how many customers."""

    families: list[Family] = Field(
        ["kmeans", "hierarchical", "mixture"], min_length=1, description="model families"
    )
    linkages: list[Linkage] = Field(["ward", "complete", "average"], description="of the hierarchical family")
    covariance_types: list[CovarianceType] = Field(
        ["spherical", "diag", "tied", "full"], description="of the mixture family"
    )
    k_min: int = Field(2, ge=2, le=MOST_SEGMENTS, description="smallest number of segments")
    k_max: int = Field(10, ge=2, le=MOST_SEGMENTS, description="largest number of segments")
    sample: int = Field(
        10_000, ge=10, le=10_000_000, description="customers, the first in hash order, that sample fits see"
    )
    tree_sample: int = Field(
        5_000,
        ge=10,
        le=100_000,
        description="customers, the first in hash order, for trees, spectral clustering and stability",
    )
    evaluation_sample: int = Field(
        10_000,
        ge=10,
        le=10_000_000,
        description="customers, the next in hash order, that every candidate is judged on",
    )
    restarts: int = Field(100, ge=1, le=1_000_000, description="restarts of K-Means on the sample, at most")
    mixture_restarts: int = Field(5, ge=1, le=1_000_000, description="restarts of each mixture")
    reg_covar: float = Field(
        1e-3, gt=0, le=1_000, description="added to the variances of a mixture, standardised units"
    )
    n_neighbors: int = Field(
        15, ge=1, le=1_000, description="neighbours that vote where a model has no predict of its own"
    )
    dbscan_eps: float | None = Field(
        None, gt=0, le=1_000, description="radius of DBSCAN; empty: the knee of the k-distances"
    )
    min_samples: int = Field(
        10, ge=2, le=100_000, description="neighbours that make a core customer in DBSCAN"
    )
    min_cluster_size: float = Field(
        0.02, gt=0, lt=1, description="smallest cluster of HDBSCAN, a share of its sample"
    )
    one_time_buyers: Literal["cluster", "separate"] = Field(
        "cluster",
        description="separate: customers with one order are a segment by rule and the rest is clustered, which fits where "
        "they are more than half",
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

    @property
    def choosable(self) -> list[str]:
        """What `selection.family` may name: families whose number of segments is set, and family-variant."""
        variants: dict[str, list[str]] = {
            "hierarchical": [*self.linkages],
            "mixture": [*self.covariance_types],
        }
        return [
            name
            for family in self.families
            if family not in ("dbscan", "hdbscan")
            for name in (family, *(f"{family}-{variant}" for variant in variants.get(family, ())))
        ]


class Stability(Table):
    """How often the models are refitted to see whether their segments hold."""

    splits: int = Field(
        50, ge=0, le=10_000, description="random halvings at most; 0: stability is not measured"
    )
    resamples: int = Field(30, ge=0, le=10_000, description="bootstrap draws at most")
    min_splits: int = Field(
        12, ge=1, le=10_000, description="halvings before a candidate may be decided early"
    )


class Selection(Table):
    """What makes a candidate admissible, and what is pinned by hand."""

    min_share: float = Field(0.05, ge=0, lt=1, description="share of customers in the smallest segment")
    min_prediction_strength: float = Field(0.8, ge=0, le=1, description="mean over the halvings")
    min_jaccard: float = Field(
        0.75, ge=0, le=1, description="mean bootstrap Jaccard of the least stable segment"
    )
    leeway: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="how far below these two bars, and by which part of min_share below that, the previous run's model may be "
        "and still stay",
    )
    k: int | None = Field(None, ge=2, le=MOST_SEGMENTS, description="pin the number of segments")
    family: str | None = Field(None, description="pin the family, or family-variant such as mixture-full")


class StructureTest(Table):
    """Whether the data hold more structure than a continuum, which decides how the number of segments is chosen."""

    copies: int = Field(
        99,
        ge=0,
        le=100_000,
        description="Gaussian-copula copies; 0: no test, and the largest admissible k wins",
    )


class LookBack(Table):
    """What the segments of some time ago would have told of the days since."""

    days: int = Field(
        90, ge=0, le=3_650, description="length of the period that is looked back on; 0: no look back"
    )

    @property
    def seconds(self) -> int:
        """The same in seconds."""
        return self.days * SECONDS_A_DAY


class Outlook(Table):
    """Who will buy in the next period, and for how much."""

    enabled: bool = Field(
        True,
        description="give every customer a chance to buy, and a spend to expect, in the next `look_back.days`",
    )


class Lineage(Table):
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
        description="share of customers that a segment's median has to pass before the naming rule looks again, where the name is not"
        " kept as it is; and by which those who are called one-time buyers may be fewer than nine in ten",
    )
    tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="K-Means goes on from the previous centres unless others leave a sum of squares smaller by more than this share",
    )


class Drift(Table):
    """When a fitted model no longer fits: segment --if-drifted refits beyond any of these."""

    max_psi: float = Field(
        0.25,
        gt=0,
        le=1_000,
        description="population stability index of a feature of the matrix, or of the segments",
    )
    max_out_of_range: float = Field(
        0.05, gt=0, le=1, description="share of customers beyond the fitted radius; 0.01 are at the fit"
    )


class Gate(Table):
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
    max_moved_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="of the customers of this run and the previous one, who are in another segment now",
    )
    max_drift: float | None = Field(
        None, gt=0, le=1_000, description="population stability index of any feature against the previous run"
    )


class Report(Table):
    """How the report looks."""

    title: str = Field("Customer segments", description="heading of the report")
    currency: str = Field("", max_length=8, description="sign or code shown with money, such as £ or EUR")
