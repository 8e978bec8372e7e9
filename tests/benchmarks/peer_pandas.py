"""The plain script that people write today: pandas and scikit-learn, the same work, everything in memory.

Run by ``make bench``; prints a line of JSON with seconds per step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import PowerTransformer, StandardScaler

NOT_PRODUCTS = ["POST", "DOT", "M", "C2", "D", "S", "PADS", "CRUK", "B", "BANK CHARGES", "AMAZONFEE"]
MATRIX = ["days_since_last_order", "order_count", "total_spend", "average_order_value", "unique_products"]
KS = range(2, 11)
SECONDS: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    SECONDS[name] = time.perf_counter() - start


def read(folder: Path) -> pd.DataFrame:
    files = sorted(folder.glob("*.csv"))
    types: Any = {"InvoiceNo": str, "StockCode": str, "Description": str, "CustomerID": str, "Country": str}
    return pd.concat(
        (pd.read_csv(f, dtype=types, parse_dates=["InvoiceDate"]) for f in files), ignore_index=True
    )


def clean(df: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    df = df[df["CustomerID"].notna()]
    df = df[~df["InvoiceNo"].str.startswith("A")]
    code = df["StockCode"].str.upper()
    df = df[~code.isin(NOT_PRODUCTS) & ~code.str.startswith("GIFT_")]
    df = df[df["UnitPrice"] > 0]
    back = df["InvoiceNo"].str.startswith("C")
    df = df[(df["Quantity"] > 0) | back].drop_duplicates()
    df = df.assign(StockCode=df["StockCode"].str.upper(), amount=df["Quantity"] * df["UnitPrice"])
    back = df["InvoiceNo"].str.startswith("C")
    return df[~back], df[back]


def features(bought: pd.DataFrame, returned: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    bought = bought.assign(
        day=bought["InvoiceDate"].dt.normalize(), month=bought["InvoiceDate"].dt.to_period("M")
    )
    by = bought.groupby("CustomerID")
    out = pd.DataFrame(
        {
            "order_count": by["InvoiceNo"].nunique(),
            "total_spend": by["amount"].sum(),
            "unique_products": by["StockCode"].nunique(),
            "item_count": by["Quantity"].sum(),
            "first": by["InvoiceDate"].min(),
            "last": by["InvoiceDate"].max(),
            "days": by["day"].nunique(),
            "active_months": by["month"].nunique(),
        }
    )
    out["days_since_last_order"] = (as_of - out["last"]).dt.days
    out["average_order_value"] = out["total_spend"] / out["order_count"]
    out["mean_basket_items"] = out["item_count"] / out["order_count"]
    out["tenure_days"] = (out["last"] - out["first"]).dt.days
    gaps = (out["days"] - 1).where(out["days"] > 1)
    out["mean_days_between_orders"] = (
        out["last"].dt.normalize() - out["first"].dt.normalize()
    ).dt.days / gaps
    back = returned.groupby("CustomerID")
    out["return_count"] = back["InvoiceNo"].nunique().reindex(out.index, fill_value=0)
    out["returned_value"] = -back["amount"].sum().reindex(out.index, fill_value=0)
    out["return_rate"] = out["return_count"] / (out["return_count"] + out["order_count"])
    out["returned_share"] = out["returned_value"] / out["total_spend"]
    orders = bought.groupby(["CustomerID", "Country"]).agg(
        n=("InvoiceNo", "nunique"), at=("InvoiceDate", "max")
    )
    ranked = orders.reset_index().sort_values(
        ["CustomerID", "n", "at", "Country"], ascending=[True, False, False, True]
    )
    out["country"] = ranked.drop_duplicates("CustomerID").set_index("CustomerID")["Country"]
    return out


def main() -> None:
    folder, n_init, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    rng = np.random.default_rng(0)
    with step("read"):
        df = read(folder)
        as_of = df["InvoiceDate"].max() + pd.Timedelta(days=1)
    with step("clean"):
        bought, returned = clean(df)
        del df
    with step("features"):
        table = features(bought, returned, as_of)
        X = StandardScaler().fit_transform(PowerTransformer(standardize=False).fit_transform(table[MATRIX]))
    sample = X[rng.permutation(len(X))[:10_000]]
    inertia = {}
    with step("kmeans"):
        for k in KS:
            model = KMeans(k, n_init="auto" if n_init == "auto" else int(n_init), random_state=0).fit(X)
            inertia[k] = float(model.inertia_)
            silhouette_score(sample, model.predict(sample))
    with step("hierarchical"):
        for linkage in ("ward", "complete", "average"):
            for k in KS:
                labels = AgglomerativeClustering(k, linkage=linkage).fit_predict(sample[:5_000])
                silhouette_score(sample[:5_000], labels)
    with step("mixture"):
        for kind in ("spherical", "diag", "tied", "full"):
            for k in KS:
                mixture = GaussianMixture(
                    k, covariance_type=kind, n_init=5, reg_covar=1e-3, random_state=0
                ).fit(sample)
                silhouette_score(sample, mixture.predict(sample))
    with step("write"):
        table.assign(segment=KMeans(4, n_init=1, random_state=0).fit_predict(X)).to_csv(out / "segments.csv")
    print(json.dumps({"seconds": SECONDS, "customers": len(table), "inertia": inertia}))


if __name__ == "__main__":
    main()
