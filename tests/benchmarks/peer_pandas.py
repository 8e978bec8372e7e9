"""The plain script that people write today: pandas and scikit-learn, the same work, everything in memory.

Run by ``make bench`` and ``make bench-scale``; prints lines of JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import PowerTransformer, StandardScaler

from tests.benchmarks import peer_sklearn
from tests.benchmarks.retail import (
    CLEANING,
    DECIMALS,
    KS,
    MATRIX,
    SAMPLE,
    say,
    standardised,
    step,
    transform_of,
)

_TYPES: Any = dict.fromkeys(["InvoiceNo", "StockCode", "Description", "Country"], str)
_TREE_SAMPLE = 5_000


def read(folder: Path) -> pd.DataFrame:
    """Read a folder of CSV or Parquet files."""
    if paths := sorted(folder.glob("*.csv")):
        parts = [pd.read_csv(path, dtype=_TYPES, parse_dates=["InvoiceDate"]) for path in paths]
        return pd.concat(parts, ignore_index=True)
    return pd.read_parquet(folder)


def classify(df: pd.DataFrame) -> pd.DataFrame:
    """Add the money of each line, in ten-thousandths, and the first rule that applies."""
    order, product = df["InvoiceNo"].str, df["StockCode"].str.upper()
    returned = order.startswith(CLEANING["cancellation_prefix"])
    price = (df["UnitPrice"] * DECIMALS).round().astype("int64")
    rules = {
        "missing_customer": df["CustomerID"].isna(),
        "adjustment": order.startswith(CLEANING["adjustment_prefix"]),
        "not_a_product": product.isin(CLEANING["not_products"])
        | product.str.startswith(tuple(CLEANING["not_product_prefixes"])),
        "non_positive_price": price <= 0,
        "non_positive_quantity": (df["Quantity"] <= 0) & ~returned,
        "return": returned,
    }
    classes = np.select([rule.to_numpy(bool) for rule in rules.values()], list(rules), default="purchase")
    return df.assign(amount=df["Quantity"] * price, kind=pd.Categorical(classes))


def clean(df: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, tuple[int, int]]]:
    """Return purchases and returns without duplicates, and rows and money of every class."""
    df = classify(df)
    account = _account(df)
    df = df[df["kind"].isin(["purchase", "return"])]
    doubled = df.duplicated()
    account["duplicate"] = (int(doubled.sum()), int(df.loc[doubled, "amount"].sum()))
    df = df[~doubled]
    account |= {name: figures for name, figures in _account(df).items() if name in ("purchase", "return")}
    df = df.assign(StockCode=df["StockCode"].str.upper(), CustomerID=df["CustomerID"].astype("int64"))
    return df[df["kind"] == "purchase"], df[df["kind"] == "return"], account


def _account(df: pd.DataFrame) -> dict[str, tuple[int, int]]:
    by = df.groupby("kind", observed=True)["amount"].agg(["size", "sum"])
    return {str(name): (int(rows), int(money)) for name, rows, money in by.itertuples()}


def features(bought: pd.DataFrame, returned: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Compute segcore's features of every customer; times in seconds since 1970."""
    bought = bought.assign(
        day=bought["InvoiceDate"].dt.normalize(),
        month=bought["InvoiceDate"].dt.year * 12 + bought["InvoiceDate"].dt.month,
    )
    by = bought.groupby("CustomerID")
    out = pd.DataFrame(
        {
            "order_count": by["InvoiceNo"].nunique(),
            "total_spend": by["amount"].sum() / DECIMALS,
            "unique_products": by["StockCode"].nunique(),
            "item_count": by["Quantity"].sum(),
            "active_months": by["month"].nunique(),
        }
    )
    first, last, days = by["InvoiceDate"].min(), by["InvoiceDate"].max(), by["day"].nunique()
    out["days_since_last_order"] = (as_of - last).dt.days
    out["average_order_value"] = out["total_spend"] / out["order_count"]
    out["mean_basket_items"] = out["item_count"] / out["order_count"]
    out["tenure_days"] = (last - first).dt.days
    gaps = (days - 1).where(days > 1)
    out["mean_days_between_orders"] = (last.dt.normalize() - first.dt.normalize()).dt.days / gaps
    back = returned.groupby("CustomerID")
    out["return_count"] = back["InvoiceNo"].nunique().reindex(out.index, fill_value=0)
    out["returned_value"] = -back["amount"].sum().reindex(out.index, fill_value=0) / DECIMALS
    out["return_rate"] = out["return_count"] / (out["return_count"] + out["order_count"])
    out["returned_share"] = out["returned_value"] / out["total_spend"]
    orders = bought.groupby(["CustomerID", "Country"]).agg(
        n=("InvoiceNo", "nunique"), at=("InvoiceDate", "max")
    )
    ranked = orders.reset_index().sort_values(
        ["CustomerID", "n", "at", "Country"], ascending=[True, False, False, True]
    )
    out["country"] = ranked.drop_duplicates("CustomerID").set_index("CustomerID")["Country"]
    for name, times in (("first_order_at", first), ("last_order_at", last)):
        out[name] = times.astype("datetime64[s]").astype("int64")
    return out


def other_families(X: peer_sklearn.Floats32) -> None:
    """Fit the trees and the mixtures that the whole job fits, on as many customers."""
    sample = X[np.random.default_rng(0).permutation(len(X))[:SAMPLE]]
    with step("hierarchical"):
        for linkage in ("ward", "complete", "average"):
            for k in KS:
                labels = AgglomerativeClustering(k, linkage=linkage).fit_predict(sample[:_TREE_SAMPLE])
                silhouette_score(sample[:_TREE_SAMPLE], labels)
    with step("mixture"):
        for kind in ("spherical", "diag", "tied", "full"):
            for k in KS:
                mixture = GaussianMixture(
                    k, covariance_type=kind, n_init=5, reg_covar=1e-3, random_state=0
                ).fit(sample)
                silhouette_score(sample, mixture.predict(sample))


def main() -> None:
    """Do all the work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dump", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", choices=["10", "auto"], default="auto", help="n_init of K-Means")
    parser.add_argument(
        "--model", type=Path, help="take the transform of this model.json, and fit K-Means alone"
    )
    arguments = parser.parse_args()
    with step("read"):
        df = read(arguments.dump)
        as_of = df["InvoiceDate"].max() + pd.Timedelta(days=1)
    with step("clean"):
        bought, returned, account = clean(df)
        del df
    with step("features"):
        table = features(bought, returned, as_of)
        table.reset_index(names="customer_id").to_parquet(arguments.out / "features.parquet")
        del bought, returned
    say(ledger=account)
    with step("matrix"):
        if arguments.model:
            transform = transform_of(arguments.model)
            names = [feature["name"] for feature in transform]
            X = standardised(table[names].to_numpy(dtype=np.float64), transform)
        else:
            transformed = PowerTransformer(standardize=False).fit_transform(table[MATRIX])
            X = StandardScaler().fit_transform(transformed).astype(np.float32)
    peer_sklearn.segment(X, table.index.to_series(), arguments.start, arguments.out)
    if not arguments.model:
        other_families(X)


if __name__ == "__main__":
    main()
