"""Every file and column that a run leaves, with its meaning: the reference in data/README.md is made from here.

A name in braces stands for others: ``{feature}_median`` for a column of every feature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from segcore import schema


@dataclass(frozen=True, kw_only=True)
class File:
    """A file, or files of one kind.

    Attributes
    ----------
    path : str
        From the run's folder.
    holds : str
    columns : dict of str to str
        Column to meaning; empty where it is no table.
    """

    path: str
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
    "name_claims": "what the name says of them",
    "name_disagreed": "runs in a row in which the rule would have given another name",
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
    "admissible": "whether it passes every bar of the rule",
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

FILES: tuple[File, ...] = (
    File(
        path="segments/part-{number}.parquet",
        holds="every customer's segment, in hash order",
        columns=_SEGMENTS,
    ),
    File(path="segments{number}.csv", holds="the same for spreadsheets"),
    File(
        path="labels/part-{number}.parquet",
        holds="what the best model of each family says; a run that fitted",
        columns={**_WHO, "{family}_{k}": "segment by that model, 1 has the largest revenue"},
    ),
    File(
        path="features/part-{number}.parquet",
        holds="every customer's features, in hash order, those of the job's own and of other tables last",
        columns={**_WHO, **_FEATURES},
    ),
    File(path="profile.parquet", holds="a row for each segment", columns=_PROFILE),
    File(path="all_customers.parquet", holds="one row of the same columns for everybody", columns=_PROFILE),
    File(path="moved.parquet", holds="who is in another segment than in the run before", columns=_MOVED),
    File(path="moved{number}.csv", holds="the same for spreadsheets"),
    File(
        path="movement.json",
        holds="how many customers and how much money went from which segment to which, and why",
    ),
    File(path="lineage.json", holds="which segment is which of the run before"),
    File(path="drift.json", holds="how far the customers are from those of the fit"),
    File(path="candidates.parquet", holds="every model that was compared", columns=_CANDIDATES),
    File(
        path="look_back.parquet",
        holds="what segments and simpler rules would have told of the last period",
        columns={
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
    File(path="ledger.json", holds="the account of every line, in rows and in money, by reason and by file"),
    File(
        path="rejects/part-{number}.parquet",
        holds="rejected lines as they stand in their file; personal data",
        columns={
            "file": "the file",
            "record": "number of the line in it",
            "reason": "why it was rejected",
            "amount_minor": "its money, in minor units",
            **{column.name: f"as in the file: {column.meaning}" for column in schema.LINE_COLUMNS},
            "text": "the whole line, where it could not be read",
        },
    ),
    File(path="model.json", holds="transforms, centres and names: what labels new customers"),
    File(path="model/reference.json", holds="the customers of the fit, counted, to tell drift from"),
    File(
        path="model/retired.json", holds="segments that ended lately, to know them again when they come back"
    ),
    File(
        path="model/{model}.{array}.parquet",
        holds="an array of a published model",
        columns={"c{number}": "a column of the array"},
    ),
    File(path="outlook.json", holds="what stands beside the trees that tell who is next"),
    File(
        path="model/outlook_{what}.parquet",
        holds="the trees that tell who buys, and the log of how much",
        columns={
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
    File(path="rules.json", holds="the segments as a short list of rules"),
    File(path="report.html", holds="the report"),
    File(path="report.md", holds="the same as Markdown, where it was asked for"),
    File(path="job.toml", holds="the job that repeats the run"),
    File(path="manifest.json", holds="what the run is: versions, timings, the choice; written last"),
    File(
        path="tables/agreement.parquet",
        holds="how alike the families' labels are",
        columns={"a": "a model", "b": "another", "adjusted_rand": "adjusted Rand index"},
    ),
    File(
        path="tables/cohorts.parquet",
        holds="customers by the month of their first order, and who of them bought in which month",
        columns={
            "cohort": "first day of the month of the first order",
            "month": "first day of a month",
            "months_since": "months from the one to the other",
            "customers": "of the cohort, who bought in the month",
            "share": "of the cohort",
            "orders": "orders",
            "revenue": "money of purchases",
        },
    ),
    File(
        path="tables/concentration.parquet",
        holds="what the customers with the most revenue bring",
        columns={
            "top": "share of the customers",
            "customers": "how many those are",
            "revenue": "money of their purchases",
            "revenue_share": "of all purchases",
        },
    ),
    File(
        path="tables/countries.parquet",
        holds="where customers are, by segment",
        columns={**_ITS, "country": "country", **_SHARES},
    ),
    File(
        path="tables/examples.parquet",
        holds="customers near each centre",
        columns={**_ITS, **_WHO, "distance": "to the centre", "{feature}": "the customer's"},
    ),
    File(
        path="tables/histogram.parquet",
        holds="how features are spread",
        columns={
            **_ITS,
            "feature": "which",
            "left": "bin from",
            "right": "bin to",
            "customers": "in it",
        },
    ),
    File(
        path="tables/map.parquet",
        holds="the evaluation sample on two principal components",
        columns={"pc1": "first component", "pc2": "second", **_ITS, "{feature}": "the customer's"},
    ),
    File(
        path="tables/map_loadings.parquet",
        holds="what the components are made of",
        columns={
            "component": "which",
            "feature": "feature",
            "loading": "its weight",
            "explained": "share of the variance that the component explains",
        },
    ),
    File(
        path="tables/monthly.parquet",
        holds="months by segment",
        columns={
            **_ITS,
            "month": "first day",
            "revenue": "money",
            "orders": "orders",
            "customers": "who ordered",
        },
    ),
    File(
        path="tables/newcomers.parquet",
        holds="months, and what customers brought in them who had never bought before",
        columns={
            "month": "first day",
            "customers": "who bought",
            "new_customers": "who bought for the first time",
            "revenue": "money of purchases",
            "new_revenue": "of those for the first time",
            "new_revenue_share": "new revenue over revenue",
        },
    ),
    File(
        path="tables/nights.parquet",
        holds="the last 30 runs side by side, this one last",
        columns={
            **_RUN,
            **_ITS,
            "segment_name": "its name in that run",
            "customers": "how many",
            "revenue": "money of purchases, before returns",
            "chance_to_buy": "mean of its customers; empty where the run has none",
            "moved_share": "of all customers, who moved since the run before; the same in every row of a run",
        },
    ),
    File(
        path="tables/outlook.parquet",
        holds="who is due, overdue and gone, by segment",
        columns={
            **_ITS,
            "state": "due, overdue, not yet due or gone",
            "customers": "in it",
            "expected": "money to expect of them in the next period",
        },
    ),
    File(
        path="tables/outlook_calibration.parquet",
        holds="what was expected and what came, by tenths of the chance",
        columns={
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
    File(
        path="tables/preparations.parquet",
        holds="the chosen model under other preparations of the features",
        columns={
            "preparation": "what was done instead",
            "columns": "of the matrix",
            "adjusted_rand": "adjusted Rand index with the segments",
            "kept_share": "share of customers who keep their segment",
        },
    ),
    File(
        path="tables/preparations_kept.parquet",
        holds="how far customers keep their segment over these preparations",
        columns={"kept": "preparations that keep it", "customers": "how many customers"},
    ),
    File(
        path="tables/products.parquet",
        holds="best sellers and what is bought unusually often",
        columns={
            **_ITS,
            "kind": "best or unusual",
            "product_id": "code",
            "description": "in words",
            **_SHARES,
        },
    ),
    File(
        path="tables/returns.parquet",
        holds="what came back, by segment",
        columns={
            **_ITS,
            "revenue": "money of purchases",
            "returned": "money of returns",
            "returners": "customers who sent back nine tenths or more",
            "returners_revenue": "their purchases",
            "returners_returned": "their returns",
        },
    ),
    File(
        path="tables/rfm.parquet",
        holds="customers by segment and the scores of RFM",
        columns={
            "segment": "number; 0: none",
            "r_score": _FEATURES["r_score"],
            "f_score": _FEATURES["f_score"],
            "rfm_group": _FEATURES["rfm_group"],
            "customers": "how many",
            "revenue": "money of purchases",
        },
    ),
    File(
        path="tables/tree.parquet",
        holds="the trees of the hierarchical family, top merges",
        columns={
            "linkage": "which tree",
            "left": "one part",
            "right": "the other",
            "height": "where they merge",
            "size": "rows in both",
        },
    ),
    File(
        path="../../history/as_of={day}/run={run}/part-00000.parquet",
        holds="the customers of every night, beside the runs; as_of and run are the folders' names",
        columns=_HISTORY,
    ),
)


def file_of(path: str) -> File | None:
    """Return the entry of a file of a run, None where there is none."""
    return next((file for file in FILES if _pattern(file.path).fullmatch(path)), None)


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
