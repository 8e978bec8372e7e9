"""PySpark on two local threads: features by Spark SQL, K-Means by pyspark.ml, silhouettes by its evaluator.

Run by ``make bench-scale``; prints lines of JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

from tests.benchmarks import peer_sql as sql
from tests.benchmarks.retail import KS, SAMPLE, say, step, transform_of

_DIALECT = sql.Dialect(
    seconds=lambda column: f"unix_timestamp({column})",
    # Faster than count(DISTINCT), which copies every line once for each column that is counted.
    distinct=lambda column: f"size(collect_set({column}))",
)


def main() -> None:
    """Do all the work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dump", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="model.json with the transform")
    parser.add_argument("--memory", default="8g")
    arguments = parser.parse_args()
    out: Path = arguments.out
    with step("start"):
        spark = session(out, arguments.memory)
    spark.sql(
        f"CREATE TEMP VIEW source AS SELECT {sql.SOURCE_COLUMNS} FROM parquet.`{arguments.dump}/*.parquet`"
    )
    spark.sql(f"CREATE TEMP VIEW classified AS {sql.classified('source')}")
    with step("ledger"):
        rows = spark.sql(sql.ledger("classified", _DIALECT.seconds)).collect()
    with step("lines"):
        spark.sql(sql.kept_once("classified")).write.parquet(str(out / "lines"))
        spark.read.parquet(str(out / "lines")).createTempView("lines")
        kept = spark.sql(sql.ledger("lines", _DIALECT.seconds)).collect()
    with step("features"):
        as_of = max(row["last_s"] for row in rows) + 86_400
        spark.sql(sql.features("lines", as_of, _DIALECT)).write.parquet(str(out / "features.parquet"))
    say(ledger=sql.account(rows, kept))
    with step("matrix"):
        X = matrix(spark, out / "features.parquet", transform_of(arguments.model)).cache()
        X.count()
        judged = X.orderBy("place").limit(SAMPLE).cache()
        judged.count()
    with step("kmeans"):
        fits = {k: KMeans(k=k, seed=0).fit(X) for k in KS}
    with step("silhouette"):
        evaluator = ClusteringEvaluator()
        scores = {k: evaluator.evaluate(model.transform(judged)) for k, model in fits.items()}
    with step("labels"):
        best = fits[max(scores, key=lambda k: scores[k])]
        labels = best.transform(X).selectExpr("customer_id", "prediction AS segment")
        labels.write.parquet(str(out / "labels.parquet"))
    say(kmeans={k: {"inertia": fits[k].summary.trainingCost, "silhouette": scores[k]} for k in KS})
    spark.stop()


def session(out: Path, memory: str) -> SparkSession:
    """Start Spark in one process with two threads, which keeps what it spills in `out`."""
    settings = {
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(out / "spill"),
        "spark.sql.warehouse.dir": str(out / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def matrix(spark: SparkSession, features: Path, transform: list[dict[str, Any]]) -> Any:
    """Return customers with their vector, transformed and standardised, and a random place in line."""
    columns = []
    for feature in transform:
        filled = f"coalesce({feature['name']}, {feature['fill']!r}D)"
        lmbda = feature["lambda"]
        power = f"(pow(1 + {filled}, {lmbda!r}D) - 1) / {lmbda!r}D" if lmbda else f"ln(1 + {filled})"
        columns.append(f"({power} - {feature['mean']!r}D) / {feature['scale']!r}D AS {feature['name']}")
    table = spark.read.parquet(str(features)).selectExpr("customer_id", "rand(0) AS place", *columns)
    names = [feature["name"] for feature in transform]
    vectors = VectorAssembler(inputCols=names, outputCol="features").transform(table)
    return vectors.select("customer_id", "place", "features")


if __name__ == "__main__":
    main()
