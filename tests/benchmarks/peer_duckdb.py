"""DuckDB at a memory limit: from a dump to the customers' features, exact distinct counts and all.

Run by ``make bench-scale``; prints lines of JSON. The models are fitted by ``peer_sklearn`` on what it writes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from tests.benchmarks import peer_sql as sql
from tests.benchmarks.retail import say, step

_DIALECT = sql.Dialect(
    seconds=lambda column: f"CAST(epoch({column}) AS BIGINT)",
    distinct=lambda column: f"count(DISTINCT {column})",
)
_TYPES = {
    "InvoiceNo": "VARCHAR",
    "StockCode": "VARCHAR",
    "Description": "VARCHAR",
    "Quantity": "BIGINT",
    "InvoiceDate": "TIMESTAMP",
    "UnitPrice": "DECIMAL(18, 4)",
    "CustomerID": "DOUBLE",
    "Country": "VARCHAR",
}
# Lines as segcore carries them: what is only counted or compared as a 64-bit hash, so equal but for collisions.
_HASHED = """
    SELECT customer_id, order_id, product, country, ordered_at, quantity, amount, class FROM (
        SELECT DISTINCT customer_id, hash(order_id) AS order_id, hash(upper(product_id)) AS product, country,
               ordered_at, quantity, amount, class, hash(order_id, product_id, description, price) AS rest
        FROM classified WHERE class IN ('purchase', 'return')
    ) AS once
"""


def main() -> None:
    """Read, clean, remove duplicates, compute the features and write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dump", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--hashed", action="store_true")
    arguments = parser.parse_args()
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{arguments.memory}'")
    con.execute(f"SET temp_directory = '{arguments.out / 'spill'}'")
    con.execute("SET threads = 2")
    con.execute("SET preserve_insertion_order = false")
    if any(arguments.dump.glob("*.csv")):
        with step("read"):  # once: a table is cheaper than to parse the text for each query
            con.execute(
                f"CREATE TEMP TABLE source AS SELECT {sql.SOURCE_COLUMNS} FROM read_csv("
                f"'{arguments.dump}/*.csv', header = true, delim = ',', quote = '\"', columns = {_TYPES})"
            )
    else:
        con.execute(
            f"CREATE VIEW source AS SELECT {sql.SOURCE_COLUMNS} FROM read_parquet('{arguments.dump}/*.parquet')"
        )
    con.execute(f"CREATE VIEW classified AS {sql.classified('source')}")
    with step("ledger"):
        rows = con.execute(sql.ledger("classified", _DIALECT.seconds)).fetchall()
    with step("lines"):
        con.execute(
            f"CREATE TEMP TABLE lines AS {_HASHED if arguments.hashed else sql.kept_once('classified')}"
        )
        kept = con.execute(sql.ledger("lines", _DIALECT.seconds)).fetchall()
    with step("features"):
        as_of = max(last for *_, last in rows) + 86_400
        query = sql.features("lines", as_of, _DIALECT)
        con.execute(f"COPY ({query}) TO '{arguments.out / 'features.parquet'}' (FORMAT parquet)")
    say(ledger=sql.account(rows, kept))


if __name__ == "__main__":
    main()
