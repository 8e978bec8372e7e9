"""Every file and column that a run leaves, with its meaning: the reference in data/README.md is made from here.

A name in braces stands for others: ``{feature}_median`` for a column of every feature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from segcore import schema


@dataclass(frozen=True)
class File:
    """A file, or files of one kind.

    Attributes
    ----------
    holds : str
    columns : dict of str to str
        Column to meaning; empty where it is no table.
    """

    holds: str
    columns: dict[str, str] = field(default_factory=dict)


_FEATURES = {feature.name: feature.meaning for feature in (*schema.FEATURES, *schema.RFM)}
_WHO = {"customer_id": "as the run knows the customer: text"}
_RUN = {"run_id": "the run", "as_of": "the day that recency counts from"}
_SEGMENT = {
    "segment": "number of the segment, the same from run to run; empty where there is none",
    "segment_name": "its name, which may change",
}
_HISTORY = {
    "run_id": _RUN["run_id"],
    **_WHO,
    **_SEGMENT,
    "confidence": "probability of keeping the segment when the model is fitted again on other customers",
    "days_since_last_order": _FEATURES["days_since_last_order"],
    "order_count": _FEATURES["order_count"],
    "total_spend": _FEATURES["total_spend"],
    "rfm_group": "the group by recency, frequency and monetary value",
    "chance_to_buy": "probability of an order in the next period; empty where the run has none",
    "expected_spend": "money to expect in the next period; empty where the run has none",
    "treatment": "what to do with the segment",
}
_SEGMENTS = {
    **_WHO,
    **_SEGMENT,
    "confidence": "probability of keeping the segment when the model is fitted again on other customers",
    "margin": "by how much the own segment leads the next, as its family measures it",
    "distance": "to the segment's centre, in standard deviations; empty without a segment",
    "outside": "whether farther from the centre than 99% of the customers of the fit were",
    "chance_to_buy": "probability of an order in the next period; empty where the run has none",
    "expected_spend": "money to expect in the next period; empty where the run has none",
    **_RUN,
}
_PROFILE = {
    "segment": "number of the segment; 0: all customers",
    "segment_name": "its name",
    "treatment": "what to do with it",
    "customers": "how many",
    "customer_share": "of all customers",
    "revenue": "money of purchases, before returns",
    "revenue_share": "of all revenue",
    "confidence": "mean of its customers",
    "n_orders": "orders of all its customers",
    "one_order_share": "of its customers, who ordered once",
    "name_holds": "share of its customers of whom the name is true",
    "name_claims": "what the name says of them, and how it compares them with another segment (`=more`, `=less`)",
    **{
        f"{state}_{what}": f"{meaning}: {words}"
        for state, meaning in (
            ("now", "bought within the shop's usual gap between orders"),
            ("overdue", "longer ago, and within three gaps"),
            ("long_gone", "longer ago than that"),
        )
        for what, words in (("customers", "how many"), ("revenue", "their money"))
    },
    "{feature}_median": "the customer in the middle; so p25, p75 and mean",
    "{feature}_p25": "a quarter of the customers is below",
    "{feature}_p75": "a quarter of the customers is above",
    "{feature}_mean": "mean",
    "effect_{feature}": "how far the segment is from all customers, in standard deviations of the transformed feature",
    "marks": "what tells it from others, most telling first",
    "named_by": "where the naming rule saw it, for the next run",
}
_MOVED = {
    **_WHO,
    "old_segment": "segment of the run before",
    "old_segment_name": "its name then",
    "old_model_segment": "segment that the run before's model gives today",
    "new_segment": "segment now",
    "new_segment_name": "its name now",
    "changed": "time, behaviour, model, or both for more than one of these",
    "total_spend_before": "total spend in the run before",
    "total_spend": "total spend now",
}
_CANDIDATES = {
    "family": "kind of model",
    "variant": "linkage or covariances",
    "k": "number of segments asked for",
    "n_clusters": "number found",
    "selectable": "whether the rule may choose it",
    "converged": "whether the fit came to an end",
    "noise_share": "share of customers without a segment",
    "smallest_share": "share of customers in the smallest segment, evaluation sample",
    "smallest_share_se": "its standard error",
    "smallest_share_all": "the same, all customers",
    "silhouette": "mean over the evaluation sample",
    "silhouette_se": "its standard error",
    "calinski_harabasz": "index on the evaluation sample",
    "calinski_harabasz_all": "the same, all customers",
    "davies_bouldin": "index on the evaluation sample",
    "davies_bouldin_all": "the same, all customers",
    "inertia": "sum of squared distances, all customers",
    "inertia_start": "the same where K-Means started",
    "n_iter": "iterations of the fit",
    "bic": "Bayesian information criterion of a mixture",
    "icl": "integrated completed likelihood of a mixture",
    "note": "what else is to be known of it",
    "seconds": "of the fit",
    "next_period_auc": "how well the segments tell who buys in the next period",
    "next_period_auc_se": "its standard error",
    "prediction_strength": "mean over the halvings",
    "prediction_strength_se": "its standard error: of finitely many halvings, and near the bar of the customers as a sample too",
    "prediction_strength_mc": "the part of finitely many halvings",
    "n_splits": "halvings drawn",
    "jaccard_min": "mean bootstrap Jaccard of the least stable segment",
    "jaccard_se": "its Monte Carlo error",
    "jaccard": "of each segment",
    "n_resamples": "bootstrap draws",
    "admissible": "whether it passes every bar of the rule; where it is chosen, that it misses none clearly",
    "close_call": "whether a bar lies within the error",
    "verdict": "chosen, admissible or ruled out",
    "reason": "why",
    "chosen": "whether it is the winner",
    "propagation_ari": "how faithfully the sample's labels reach everybody",
    "sample_stability_ari": "how alike the labels from another sample are",
    "sample_stability_se": "its error",
    "sample_stability_rows": "customers that was measured on",
}
_SHARES = {
    "customers": "of the segment, who did",
    "share": "of the segment's customers",
    "population_share": "of all customers",
    "lift": "share over population share",
}
_ITS = {"segment": "number of the segment; 0 in some tables: all customers"}

FILES: dict[str, File] = {
    "segments/part-{number}.parquet": File("every customer's segment, in hash order", _SEGMENTS),
    "segments{number}.csv": File("the same for spreadsheets"),
    "labels/part-{number}.parquet": File(
        "what the best model of each family says; a run that fitted",
        {**_WHO, "{family}_{k}": "segment by that model, 1 has the largest revenue"},
    ),
    "features/part-{number}.parquet": File(
        "every customer's features, in hash order, those of the job's own and of other tables last",
        {**_WHO, **_FEATURES},
    ),
    "profile.parquet": File("a row for each segment", _PROFILE),
    "all_customers.parquet": File("one row of the same columns for everybody", _PROFILE),
    "moved.parquet": File("who is in another segment than in the run before", _MOVED),
    "moved{number}.csv": File("the same for spreadsheets"),
    "movement.json": File("how many customers and how much money went from which segment to which, and why"),
    "lineage.json": File("which segment is which of the run before"),
    "drift.json": File("how far the customers are from those of the fit"),
    "candidates.parquet": File("every model that was compared", _CANDIDATES),
    "look_back.parquet": File(
        "what segments and simpler rules would have told of the last period",
        {
            "rule": "what tells: segments, or a simpler rule",
            "cell": "its group of customers",
            "customers": "in it, known before the period",
            "customer_share": "of all of them",
            "buyers": "who bought in the period",
            "rate": "buyers over customers",
            "rate_se": "its standard error",
            "revenue": "money of the period",
            "revenue_share": "of all revenue of these customers",
            "revenue_share_se": "its standard error",
            "revenue_index": "revenue share over customer share",
            "past_share": "of what all had spent before",
        },
    ),
    "ledger.json": File("the account of every line, in rows and in money, by reason and by file"),
    "rejects/part-{number}.parquet": File(
        "rejected lines as they stand in their file; personal data",
        {
            "file": "the file",
            "record": "number of the line in it",
            "reason": "why it was rejected",
            "amount_minor": "its money, in minor units",
            **{column.name: f"as in the file: {column.meaning}" for column in schema.LINE_COLUMNS},
            "text": "the whole line, where it could not be read",
        },
    ),
    "model.json": File("transforms, centres and names: what labels new customers"),
    "model/reference.json": File("the customers of the fit, counted, to tell drift from"),
    "model/retired.json": File("segments that ended lately, to know them again when they come back"),
    "model/{model}.{array}.parquet": File(
        "an array of a published model", {"c{number}": "a column of the array"}
    ),
    "outlook.json": File("what stands beside the trees that tell who is next"),
    "model/outlook_{what}.parquet": File(
        "the trees that tell who buys, and the log of how much",
        {
            "tree": "number of the tree",
            "is_leaf": "whether the node is a leaf",
            "value": "what a leaf adds",
            "feature": "place of the feature in outlook.json",
            "threshold": "up to which customers go left",
            "missing_left": "whether those without a value do",
            "left": "node for them, numbered within the tree",
            "right": "node for the others",
        },
    ),
    "rules.json": File("the segments as a short list of rules"),
    "report.html": File("the report"),
    "report.md": File("the same as Markdown, where it was asked for"),
    "job.toml": File("the job that repeats the run"),
    "manifest.json": File("what the run is: versions, timings, the choice; written last"),
    "tables/agreement.parquet": File(
        "how alike the families' labels are",
        {"a": "a model", "b": "another", "adjusted_rand": "adjusted Rand index"},
    ),
    "tables/cohorts.parquet": File(
        "customers by the month of their first order, and who of them bought in which month",
        {
            "cohort": "first day of the month of the first order",
            "month": "first day of a month",
            "months_since": "months from the one to the other",
            "customers": "of the cohort, who bought in the month",
            "share": "of the cohort",
            "orders": "orders",
            "revenue": "money of purchases",
        },
    ),
    "tables/concentration.parquet": File(
        "what the customers with the most revenue bring",
        {
            "top": "share of the customers",
            "customers": "how many those are",
            "revenue": "money of their purchases",
            "revenue_share": "of all purchases",
        },
    ),
    "tables/countries.parquet": File(
        "where customers are, by segment", {**_ITS, "country": "country", **_SHARES}
    ),
    "tables/examples.parquet": File(
        "customers near each centre",
        {**_ITS, **_WHO, "distance": "to the centre", "{feature}": "the customer's"},
    ),
    "tables/histogram.parquet": File(
        "how features are spread",
        {**_ITS, "feature": "which", "left": "bin from", "right": "bin to", "customers": "in it"},
    ),
    "tables/map.parquet": File(
        "the evaluation sample on two principal components",
        {"pc1": "first component", "pc2": "second", **_ITS, "{feature}": "the customer's"},
    ),
    "tables/map_loadings.parquet": File(
        "what the components are made of",
        {
            "component": "which",
            "feature": "feature",
            "loading": "its weight",
            "explained": "share of the variance that the component explains",
        },
    ),
    "tables/monthly.parquet": File(
        "months by segment",
        {**_ITS, "month": "first day", "revenue": "money", "orders": "orders", "customers": "who ordered"},
    ),
    "tables/newcomers.parquet": File(
        "months, and what customers brought in them who had never bought before",
        {
            "month": "first day",
            "customers": "who bought",
            "new_customers": "who bought for the first time",
            "revenue": "money of purchases",
            "new_revenue": "of those for the first time",
            "new_revenue_share": "new revenue over revenue",
        },
    ),
    "tables/nights.parquet": File(
        "the last 30 runs side by side, this one last",
        {
            **_RUN,
            **_ITS,
            "segment_name": "its name in that run",
            "customers": "how many",
            "revenue": "money of purchases, before returns",
            "chance_to_buy": "mean of its customers; empty where the run has none",
            "moved_share": "of all customers, who moved since the run before; the same in every row of a run",
        },
    ),
    "tables/outlook.parquet": File(
        "who is due, overdue and gone, by segment",
        {
            **_ITS,
            "state": "due, overdue, not yet due or gone",
            "customers": "in it",
            "expected": "money to expect of them in the next period",
        },
    ),
    "tables/outlook_calibration.parquet": File(
        "what was expected and what came, by tenths of the chance",
        {
            "tenth": "the least likely first",
            "customers": "in it",
            "chance": "mean chance to buy",
            "buyers": "who bought",
            "rate": "buyers over customers",
            "rate_se": "its standard error",
            "expected": "money expected",
            "revenue": "money that came",
        },
    ),
    "tables/preparations.parquet": File(
        "the chosen model under other preparations of the features",
        {
            "preparation": "what was done instead",
            "columns": "of the matrix",
            "adjusted_rand": "adjusted Rand index with the segments",
            "kept_share": "share of customers who keep their segment",
        },
    ),
    "tables/preparations_kept.parquet": File(
        "how far customers keep their segment over these preparations",
        {"kept": "preparations that keep it", "customers": "how many customers"},
    ),
    "tables/products.parquet": File(
        "best sellers and what is bought unusually often",
        {**_ITS, "kind": "best or unusual", "product_id": "code", "description": "in words", **_SHARES},
    ),
    "tables/returns.parquet": File(
        "what came back, by segment",
        {
            **_ITS,
            "revenue": "money of purchases",
            "returned": "money of returns",
            "returners": "customers who sent back nine tenths or more",
            "returners_revenue": "their purchases",
            "returners_returned": "their returns",
        },
    ),
    "tables/rfm.parquet": File(
        "customers by segment and the scores of RFM",
        {
            "segment": "number; 0: none",
            "r_score": _FEATURES["r_score"],
            "f_score": _FEATURES["f_score"],
            "rfm_group": _FEATURES["rfm_group"],
            "customers": "how many",
            "revenue": "money of purchases",
        },
    ),
    "tables/tree.parquet": File(
        "the trees of the hierarchical family, top merges",
        {
            "linkage": "which tree",
            "left": "one part",
            "right": "the other",
            "height": "where they merge",
            "size": "rows in both",
        },
    ),
    "../../history/as_of={day}/run={run}/part-00000.parquet": File(
        "the customers of every night, beside the runs; as_of and run are the folders' names", _HISTORY
    ),
}


def file_of(path: str) -> str | None:
    """Return the entry of a file of a run, by its path from the run's folder; None where there is none."""
    return next((known for known in FILES if _pattern(known).fullmatch(path)), None)


def column_of(file: File, name: str) -> str | None:
    """Return the entry of a column of a table, None where there is none."""
    if name in file.columns:
        return name
    return next((column for column in file.columns if _pattern(column).fullmatch(name)), None)


_STANDS_FOR = {
    "feature": "|".join(feature.name for feature in (*schema.FEATURES, *schema.RFM)),
    "number": r"-?\d*",
    "k": r"\d+",
}


def _pattern(name: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", name)
    names = (f"({_STANDS_FOR.get(part, '[^/.]+')})" for part in parts[1::2])
    return re.compile("".join(a + b for a, b in zip(map(re.escape, parts[::2]), [*names, ""], strict=True)))
