"""What the manifest says of a fit: the choice, its rules and tests; as true of a run that scores with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ChosenModel:
    """The winner, and why it won; None where something was not measured."""

    family: str
    variant: str
    k: int
    admissible: bool
    prediction_strength: float | None
    jaccard_min: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class CandidateFigures:
    """A candidate as the rule sees it; None where something was not measured."""

    family: str
    variant: str
    k: int
    admissible: bool
    silhouette: float | None
    prediction_strength: float | None
    smallest_share: float | None


@dataclass(frozen=True, kw_only=True)
class PinnedCost:
    """What a pin costs: the candidate that was set by hand, and the one that the rule would have chosen."""

    pinned: CandidateFigures
    by_rule: CandidateFigures
    sentence: str


@dataclass(frozen=True, kw_only=True)
class StructureTest:
    """The chosen model on the customers, and on copies of them without clusters.

    Attributes
    ----------
    copies : int
        Copies drawn.
    silhouette, silhouette_copies_mean, silhouette_copies_max, silhouette_p : float
        p = (1 + copies at least as high) / (1 + copies).
    rule_copies, rule_reached : int
        Copies that were put to the bars, and on how many of them as many segments or more pass; 0 where no rule chose.
    sentence : str
        What that means, in plain words.
    figures : str
        The same with figures; empty in runs that have them in the sentence.
    """

    copies: int
    silhouette: float
    silhouette_copies_mean: float
    silhouette_copies_max: float
    silhouette_p: float
    rule_copies: int = 0
    rule_reached: int = 0
    sentence: str
    figures: str = ""


@dataclass(frozen=True, kw_only=True)
class RulesInWords:
    """The decision list as sentences, the share of customers that it puts right, and of which customers."""

    text: tuple[str, ...]
    accuracy: float
    measured_on: str


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Customers that models of a sample, stability and the comparison have seen."""

    fit: int
    trees_and_stability: int
    evaluation: int
    evaluation_is_disjoint: bool


@dataclass(frozen=True, kw_only=True)
class OutlookFigures:
    """How well the model of the next period told one that it had not seen.

    Attributes
    ----------
    published : bool
        Whether customers have a chance to buy and a spend to expect.
    sentence : str
        That in words, and why not.
    days : int
        Length of the period.
    customers : int
        That the published models were fitted on, the first in hash order.
    judged_on : {"a period later", "other customers"}
        Models fitted on an earlier period judged on the last one; or, where the history is too short for it, models
        fitted on half of the customers judged on the other half.
    judged : int
        Customers of that.
    auc, auc_se, order_count_auc : float
        Area under the curve of buying, with its error, and that of the number of orders on the same customers.
    top_tenth_share : float or None
        Of the period's revenue, of the tenth of the customers with the largest expected spend; None without revenue.
    level : float
        Buyers expected over buyers there were.
    season : float or None
        What the odds of buying are multiplied with for the season, None where the year before is not there.
    """

    published: bool
    sentence: str
    days: int
    customers: int
    judged_on: Literal["a period later", "other customers"]
    judged: int
    auc: float
    auc_se: float
    order_count_auc: float
    top_tenth_share: float | None
    level: float
    season: float | None


@dataclass(frozen=True, kw_only=True)
class FitFacts:
    """What is known of a fit, and as true of a run that scores with it.

    Attributes
    ----------
    k : int
    chosen : ChosenModel
    pinned_cost : PinnedCost or None
        Where the job pins a model.
    structure_test : StructureTest or None
        Where it was asked for.
    rules : RulesInWords
    samples : Samples
    outlook : OutlookFigures or None
        Where there are enough customers and a long enough history for it.
    """

    k: int
    chosen: ChosenModel
    pinned_cost: PinnedCost | None
    structure_test: StructureTest | None
    rules: RulesInWords
    samples: Samples
    outlook: OutlookFigures | None = None


@dataclass(frozen=True, kw_only=True)
class KMeansFigures:
    """A K-Means over all customers; all k go through the rows together, so the seconds are until this one was done."""

    k: int
    n_iter: int
    n_passes: int
    seconds: float
